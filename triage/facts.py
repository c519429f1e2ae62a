"""A case and what follows from it: implications closed, contradictions set aside, distribution computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from triage.distribution import distribution
from triage.knowledge import Finding
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


def _implied_by(finding: Finding, value: Value, book: Rulebook) -> Iterable[tuple[str, str]]:
    """What an affirmed finding implies; its side passes on to a sided finding."""
    for implied in finding.implies:
        for name, stated in ({implied: PRESENT} if isinstance(implied, str) else implied).items():
            takes_side = stated == PRESENT and value in SIDES and book.findings[name].sided
            yield name, str(value) if takes_side else stated


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
        for other, stated in _upward(name, value, book).items():
            answer = said.get(other)
            if answer is not None and {_kind(stated), _kind(answer)} == {PRESENT, ABSENT}:
                note((name, frozenset({str(value), ABSENT})), (other, frozenset({str(answer), stated})))
        for excluded in book.findings[name].excludes:
            for other, stated in excluded.items():
                answer = said.get(other)
                if answer is not None and (answer == stated or (stated == PRESENT and answer in AFFIRMED)):
                    note((name, frozenset({str(value), ABSENT})), (other, answer))
    return {name: frozenset(values) for name, values in readings.items()}


def _upward(name: str, value: Value, book: Rulebook) -> dict[str, str]:
    """Everything an affirmed finding leads to, near or far."""
    reached: dict[str, str] = {}
    todo: list[tuple[str, Value]] = [(name, value)]
    while todo:
        at, its = todo.pop()
        for other, stated in _implied_by(book.findings[at], its, book):
            if other not in reached:
                reached[other] = stated
                if stated in AFFIRMED:
                    todo.append((other, stated))
    return reached


def _merge(old: Value | None, new: str) -> Value:
    """Two readings of one finding: the more specific, and both sides where the sides differ."""
    if old is None or old in (PRESENT, UNSURE):
        return new
    if new == PRESENT or old == new:
        return old
    return BOTH if old in SIDES and new in SIDES else old


def _imply(facts: Facts, book: Rulebook) -> None:
    """Present goes up to what it implies; absent goes down to what would imply it."""
    reverse: dict[str, list[tuple[str, str]]] = _reverse(book)
    todo = list(facts.values)
    while todo:
        name = todo.pop(0)
        value = facts.values[name]
        derived: list[tuple[str, str]] = []
        if value in AFFIRMED:
            derived += _implied_by(book.findings[name], value, book)
        if value in AFFIRMED or value == ABSENT:
            refuted_by = ABSENT if value in AFFIRMED else PRESENT
            derived += [(child, ABSENT) for child, stated in reverse.get(name, ()) if _kind(stated) == refuted_by]
        for other, stated in derived:
            old = facts.values.get(other)
            if isinstance(old, frozenset) or (old is not None and _kind(stated) != _kind(old) and old != UNSURE):
                continue
            merged = _merge(old, stated)
            if merged != old:
                facts.values[other] = merged
                if old is None or old == UNSURE:
                    facts.origins[other] = Origin("implied", (name,))
                elif facts.origins[other].how == "implied":
                    facts.origins[other] = Origin("implied", (*facts.origins[other].of, name))
                todo.append(other)


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


def _reverse(book: Rulebook) -> dict[str, list[tuple[str, str]]]:
    """Who implies a finding, and with which value."""
    reverse: dict[str, list[tuple[str, str]]] = {}
    for f in book.findings.values():
        for implied in f.implies:
            for name, stated in ({implied: PRESENT} if isinstance(implied, str) else implied).items():
                reverse.setdefault(name, []).append((f.name, stated))
    return reverse


def _doubt(facts: Facts, book: Rulebook, doubtful: Mapping[str, frozenset[str | float]]) -> None:
    """What a doubtful answer would imply is doubtful too, unless it is known otherwise."""
    for name, readings in doubtful.items():
        for reading in sorted(map(str, readings & AFFIRMED)):
            for other, stated in _upward(name, reading, book).items():
                if other not in facts.values and stated in AFFIRMED:
                    facts.values[other] = frozenset({stated, ABSENT})
                    facts.origins[other] = Origin("implied", (name,))


def _compute(facts: Facts, book: Rulebook) -> None:
    said = (name for name, origin in facts.origins.items() if origin.how == "said")
    spoken_of = any(book.findings[name].kind != "history" for name in said)
    for name, value, of in list(distribution(facts.values, book, spoken_of)):
        facts.values[name] = value
        facts.origins[name] = Origin("computed", of)
