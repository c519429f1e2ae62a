"""A case and what follows from it: implications closed, contradictions set aside, distribution computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from triage.distribution import distribution
from triage.rulebook import Rulebook
from triage.when import (
    ABSENT,
    AFFIRMED,
    BOTH,
    PRESENT,
    SIDES,
    UNSURE,
    Is,
    Value,
    judge,
    support,
)

How: TypeAlias = Literal["said", "implied", "computed"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact comes from: said by the person, implied by or computed from other facts."""

    how: How
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Answers that cannot all be true."""

    names: tuple[str, ...]


@dataclass
class Facts:
    """Everything known of one person, each with its origin. Unknown findings have no entry."""

    values: dict[str, Value] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    def lookup(self, atom: Is) -> bool | None:
        """Whether a finding's atom holds: true, false or ``None`` for unknown."""
        return atom.holds(self.values.get(atom.name))

    def lookup_worse(self, atom: Is) -> bool | None:
        """The same, with contradictory answers read as fulfilling it."""
        return atom.holds(self.values.get(atom.name), worse=True)

    def lookup_worst(self, atom: Is) -> bool | None:
        """The same, with "not sure" read as fulfilling it too."""
        return atom.holds(self.values.get(atom.name), worse=True, unsure_counts=True)

    def said(self) -> dict[str, Value]:
        """What the person said, without what follows from it."""
        return {name: value for name, value in self.values.items() if self.origins[name].how == "said"}

    def affirmed(self) -> dict[str, Value]:
        """Presence findings that were said to be there, on any side."""
        return {name: value for name, value in self.said().items() if value in AFFIRMED}

    def roots(self, name: str) -> tuple[str, ...]:
        """The person's own answers that a fact rests on."""
        origin = self.origins.get(name)
        if origin is None or origin.how == "said":
            return (name,)
        return tuple(dict.fromkeys(root for parent in origin.of for root in self.roots(parent)))


def close(said: Mapping[str, Value], book: Rulebook) -> Facts:
    """Everything that follows from the answers, deterministic and independent of their order."""
    facts = Facts()
    ordered = {name: said[name] for name in book.findings if name in said}
    doubtful = _conflicts(ordered, book, facts)
    for name, value in ordered.items():
        facts.values[name] = doubtful.get(name, value)
        facts.origins[name] = Origin("said")
    _imply(facts, book)
    _assume(facts, book)
    _doubt(facts, book, doubtful)
    _compute(facts, book)
    return facts


def _conflicts(said: Mapping[str, Value], book: Rulebook, facts: Facts) -> dict[str, frozenset[str | float]]:
    """The findings whose answers contradict each other, each with everything that was said of it."""
    readings: dict[str, set[str | float]] = {}

    def note(*claims: tuple[str, Value]) -> None:
        for name, value in claims:
            readings.setdefault(name, set()).update(value if isinstance(value, frozenset) else {value})
        facts.conflicts.append(Conflict(tuple(dict.fromkeys(name for name, _ in claims))))

    for name, value in said.items():
        if isinstance(value, frozenset):
            note((name, value))
        if value not in AFFIRMED:
            continue
        for other, stated in book.implications.upward(name, value).items():
            answer = said.get(other)
            if answer is not None and {_kind(stated), _kind(answer)} == {PRESENT, ABSENT}:
                note((name, frozenset({str(value), ABSENT})), (other, frozenset({str(answer), stated})))
        for excluded in book.findings[name].excludes:
            for other, stated in excluded.items():
                answer = said.get(other)
                if answer is not None and (answer == stated or (stated == PRESENT and answer in AFFIRMED)):
                    note((name, frozenset({str(value), ABSENT})), (other, answer))
    return {name: frozenset(values) for name, values in readings.items()}


def _merge(old: Value | None, new: str) -> Value:
    """Two readings of one finding: the more specific, and both sides where the sides differ."""
    if old is None or old in (PRESENT, UNSURE):
        return new
    if new == PRESENT or old == new:
        return old
    return BOTH if old in SIDES and new in SIDES else old


def _imply(facts: Facts, book: Rulebook) -> None:
    """Present goes up to what it implies; absent goes down to what would imply it.

    What is affirmed goes first, so that neither the order of the answers nor of the findings matters.
    """
    known = book.implications
    for name in known.order:
        value = facts.values.get(name)
        if value in AFFIRMED:
            for other, stated in known.affirms(name, value):
                _derive(facts, other, stated, name)
    for name in [name for name, value in facts.values.items() if value in AFFIRMED]:
        for other in known.refutes[name]:
            _derive(facts, other, ABSENT, name)
    for name in reversed(known.order):
        if facts.values.get(name) == ABSENT:
            for other in known.needed_by[name]:
                _derive(facts, other, ABSENT, name)


def _derive(facts: Facts, name: str, stated: str, because: str) -> None:
    """Note what follows from a fact, where nothing is known or only something less specific."""
    old = facts.values.get(name)
    if old not in (None, UNSURE) and not (old in AFFIRMED and stated in AFFIRMED):
        return
    merged = _merge(old, stated)
    if merged == old:
        return
    facts.values[name] = merged
    if old is None or old == UNSURE:
        facts.origins[name] = Origin("implied", (because,))
    elif facts.origins[name].how == "implied":
        facts.origins[name] = Origin("implied", (*facts.origins[name].of, because))


def _assume(facts: Facts, book: Rulebook) -> None:
    """Findings that were not given but are settled by what was said."""
    for finding in book.findings.values():
        for taken in finding.taken_as:
            if finding.name not in facts.values and judge(taken.when, facts.lookup):
                facts.values[finding.name] = taken.value
                facts.origins[finding.name] = Origin(
                    "implied", tuple(a.name for a in support(taken.when, facts.lookup))
                )


def _kind(value: Value) -> Value:
    return PRESENT if value in AFFIRMED else value


def _doubt(facts: Facts, book: Rulebook, doubtful: Mapping[str, frozenset[str | float]]) -> None:
    """What a doubtful answer would imply is doubtful too, unless it is known otherwise."""
    readings: dict[str, dict[str, set[str | float]]] = {}
    for name, said in doubtful.items():
        for reading in sorted(map(str, said & AFFIRMED)):
            for other, stated in book.implications.upward(name, reading).items():
                if other not in facts.values and stated in AFFIRMED:
                    readings.setdefault(other, {}).setdefault(name, {ABSENT}).add(stated)
    for other, by in readings.items():
        facts.values[other] = frozenset().union(*by.values())
        facts.origins[other] = Origin("implied", tuple(by))


def _compute(facts: Facts, book: Rulebook) -> None:
    said = (name for name, origin in facts.origins.items() if origin.how == "said")
    spoken_of = any(book.findings[name].kind != "history" for name in said)
    for name, value, of in list(distribution(facts.values, book, spoken_of)):
        facts.values[name] = value
        facts.origins[name] = Origin("computed", of)
