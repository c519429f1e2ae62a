"""What twice and four times the rules cost, in time for a person and for building the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from by_clips import Clips
from by_experta import DefaultExperta
from measuring import arguments, interleaved, table, timed
from people import book_from, people, ranker, rule_count
from plain_facts import FlatRules

from triage.engine import infer
from triage.facts import Facts
from triage.rulebook import Rulebook
from triage.when import Condition, Is

SIZES = (1, 2, 4)
REUSED = "experta, reused"


def main() -> None:
    parser = arguments(__doc__ or "", rounds=5)
    parser.add_argument("--sample", type=int, default=60, help="people to consult for (default 60)")
    parser.add_argument("--slow", type=int, default=1, help="of them for experta's defaults (default 1, 0: leave out)")
    options = parser.parse_args()
    book = book_from(options)
    everyone = [facts for _, facts in people(book)]
    sample = everyone[:: max(1, len(everyone) // options.sample)][: options.sample]
    sizes = {size: Size(grown(book, size), sample) for size in SIZES}
    work = {(name, n): piece for n, size in sizes.items() for name, piece in size.work().items()}
    each = {key: seconds / len(sample) for key, seconds in interleaved(work, options.rounds).items()}
    if options.slow:
        each |= {(f"a person: {REUSED}", n): size.by_default(options.slow) for n, size in sizes.items()}
    each |= {(f"build: {name}", n): seconds for n, size in sizes.items() for name, seconds in size.building.items()}

    print("The copies fire as the originals do, so a book with twice the rules also has twice the firings.\n")
    rows = [("rules", *(f"{rule_count(size.book)}" for size in sizes.values()))]
    for name in dict.fromkeys(name for name, _ in each):
        milliseconds = [each[name, n] * 1000 for n in SIZES]
        ratios = (f"{more / milliseconds[0]:.1f}" for more in milliseconds[1:])
        rows.append((name, *(f"{ms:.2f}" for ms in milliseconds), *ratios))
    table(("milliseconds", *(f"{n} x" for n in SIZES), *(f"{n} x / 1 x" for n in SIZES[1:])), rows)


class Size:
    """A rulebook with the engines built for it, and the seconds each took."""

    def __init__(self, book: Rulebook, sample: Sequence[Facts]) -> None:
        self.book = book
        self._sample = sample
        self._standings = ranker(book)
        self._flat = FlatRules(book)
        first = timed(lambda: infer(book, sample[0], self._standings))
        self.building = {"triage": first - timed(lambda: infer(book, sample[0], self._standings))}
        start = time.process_time()
        self._clips = Clips(self._flat)
        self.building["clipspy"] = time.process_time() - start

    def work(self) -> dict[str, Callable[[], object]]:
        """A consultation for everyone of the sample."""
        return {
            "a person: triage": lambda: [infer(self.book, facts, self._standings) for facts in self._sample],
            "a person: clipspy": lambda: [self._clips.infer(facts, self._standings) for facts in self._sample],
        }

    def by_default(self, few: int) -> float:
        """Seconds for a person with experta's defaults; one consultation goes before, to fill its caches."""
        start = time.process_time()
        engine = DefaultExperta(self._flat)
        self.building[REUSED] = time.process_time() - start
        engine.infer(self._sample[0], self._standings)
        return timed(lambda: [engine.infer(facts, self._standings) for facts in self._sample[:few]]) / few


def grown(book: Rulebook, times: int) -> Rulebook:
    """The rulebook with every rule ``times`` over; the copies of rules read the copies of patterns."""
    return replace(
        book,
        patterns=_copies(book, book.patterns, times),
        evidence=_copies(book, book.evidence, times),
        red_flags=_copies(book, book.red_flags, times),
        conditions=_copies(book, book.conditions, times),
        investigations=_copies(book, book.investigations, times),
    )


def _copies(book: Rulebook, entries: Mapping[str, Any], times: int) -> dict[str, Any]:
    originals = dict(entries)
    for number in range(1, times):
        for entry in entries.values():
            copy = entry.model_copy(
                update={"id": f"{entry.id}_copy_{number}", **_conditions(book, entry, f"_copy_{number}")}
            )
            originals[copy.id] = copy
    return originals


def _conditions(book: Rulebook, entry: Any, suffix: str) -> dict[str, Any]:
    """The conditions of an entry, reading the copies of the patterns they read."""
    found = {}
    for field in ("when", "hallmarks", "expected", "against"):
        value = getattr(entry, field, None)
        if isinstance(value, tuple):
            found[field] = tuple(_renamed(book, part, suffix) for part in value)
        elif value is not None:
            found[field] = _renamed(book, value, suffix)
    return found


def _renamed(book: Rulebook, condition: Condition, suffix: str) -> Any:
    if isinstance(condition, Is):
        return replace(condition, name=condition.name + suffix) if condition.name in book.patterns else condition
    return replace(condition, parts=tuple(_renamed(book, part, suffix) for part in condition.parts))


if __name__ == "__main__":
    main()
