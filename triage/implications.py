"""What follows from what, worked out once per rulebook: for one person and for many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from graphlib import TopologicalSorter

from triage.knowledge import Finding
from triage.when import ABSENT, AFFIRMED, PRESENT, SIDES, Value


class Implications:
    """The ``implies`` of all findings, read in every direction they are needed."""

    def __init__(self, findings: Mapping[str, Finding]) -> None:
        self._findings = findings
        self.stated = {name: tuple(_stated(finding)) for name, finding in findings.items()}
        """By finding: what it leads to, and as what."""
        self.upward = lru_cache(maxsize=None)(self._upward)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Every finding, before those it implies."""
        graph = {name: [other for other, _ in stated] for name, stated in self.stated.items()}
        return tuple(TopologicalSorter(graph).static_order())[::-1]

    def affirms(self, name: str, value: Value) -> Iterable[tuple[str, str]]:
        """What is there because this is; its side passes on to a sided finding."""
        for other, stated in self.stated[name]:
            if stated != ABSENT:
                takes_side = stated == PRESENT and value in SIDES and self._findings[other].sided
                yield other, str(value) if takes_side else stated

    @cached_property
    def refutes(self) -> Mapping[str, tuple[str, ...]]:
        """By finding: what cannot be there where it is."""
        found: dict[str, dict[str, None]] = {name: {} for name in self._findings}
        for name, all_stated in self.stated.items():
            for other, stated in all_stated:
                if stated == ABSENT:
                    found[name][other] = None
                    found[other][name] = None
        return {name: tuple(others) for name, others in found.items()}

    @cached_property
    def needed_by(self) -> Mapping[str, tuple[str, ...]]:
        """By finding: what cannot be there where it is not."""
        found: dict[str, list[str]] = {name: [] for name in self._findings}
        for name, all_stated in self.stated.items():
            for other, stated in all_stated:
                if stated != ABSENT:
                    found[other].append(name)
        return {name: tuple(others) for name, others in found.items()}

    def _upward(self, name: str, value: Value) -> Mapping[str, str]:
        """Everything an affirmed finding leads to, near or far, and as what: the nearest way counts."""
        reached: dict[str, str] = {}
        todo: list[tuple[str, Value]] = [(name, value)]
        while todo:
            at, its = todo.pop(0)
            denials = ((other, ABSENT) for other, stated in self.stated[at] if stated == ABSENT)
            for other, stated in (*self.affirms(at, its), *denials):
                if other not in reached:
                    reached[other] = stated
                    if stated in AFFIRMED:
                        todo.append((other, stated))
        return reached


def _stated(finding: Finding) -> Iterable[tuple[str, str]]:
    for implied in finding.implies:
        yield from ({implied: PRESENT} if isinstance(implied, str) else implied).items()
