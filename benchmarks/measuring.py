"""What the benchmarks share: options, interleaved timing, tables."""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def arguments(about: str, rounds: int) -> argparse.ArgumentParser:
    """The options every benchmark takes."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rules", type=Path, help="another folder of rules than the built-in one")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"rounds to take medians over (default {rounds})")
    return parser


def interleaved(work: Mapping[K, Callable[[], object]], rounds: int) -> dict[K, float]:
    """Median processor seconds of each piece of work; every round runs all of them, one after another.

    No piece pays for collecting what another left behind, nor for looking through what was built beforehand.
    """
    gc.collect()
    gc.freeze()
    taken: dict[K, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, piece in work.items():
            gc.collect()
            start = time.process_time()
            piece()
            taken[name].append(time.process_time() - start)
    gc.unfreeze()
    return {name: median(times) for name, times in taken.items()}


def timed(piece: Callable[[], object]) -> float:
    """Processor seconds of one run."""
    start = time.process_time()
    piece()
    return time.process_time() - start


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under a head: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows] if column < len(row)) for column in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(c.rjust(w) if n else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=False))))
    print()
