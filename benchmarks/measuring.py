"""What the benchmarks share: options, interleaved timing, tables."""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Taken:
    """Seconds that a piece of work took."""

    processor: float
    """Of all threads together."""
    clock: float


def arguments(about: str, rounds: int) -> argparse.ArgumentParser:
    """The options every benchmark takes."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rules", type=Path, help="another folder of rules than the built-in one")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"rounds to take medians over (default {rounds})")
    return parser


def interleaved(work: Mapping[K, Callable[[], object]], rounds: int) -> dict[K, float]:
    """Median processor seconds of each piece of work; every round runs all of them, one after another."""
    return {name: taken.processor for name, taken in clocked(work, rounds).items()}


def clocked(work: Mapping[K, Callable[[], object]], rounds: int) -> dict[K, Taken]:
    """The same by processor and by clock.

    No piece pays for collecting what another left behind, nor for looking through what was built beforehand.
    """
    gc.collect()
    gc.freeze()
    taken: dict[K, list[Taken]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, piece in work.items():
            gc.collect()
            start, begun = time.perf_counter(), time.process_time()
            piece()
            taken[name].append(Taken(time.process_time() - begun, time.perf_counter() - start))
    gc.unfreeze()
    return {
        name: Taken(median(t.processor for t in times), median(t.clock for t in times)) for name, times in taken.items()
    }


def timed(piece: Callable[[], object]) -> float:
    """Processor seconds of one run."""
    start = time.process_time()
    piece()
    return time.process_time() - start


def process(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak megabytes of one process, which must succeed."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"exit status {child.returncode}: {' '.join(command)}")
    return seconds, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def triage_command() -> tuple[str, ...]:
    """The command beside this Python, else the module."""
    command = shutil.which("triage", path=Path(sys.executable).parent)
    return (command,) if command else (sys.executable, "-m", "triage")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under a head: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows] if column < len(row)) for column in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(c.rjust(w) if n else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=False))))
    print()
