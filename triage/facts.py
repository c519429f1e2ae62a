"""A case and what follows from it: implications closed, contradictions set aside, distribution computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from triage.knowledge import Finding, Measure
from triage.rulebook import Rulebook
from triage.when import (
    ABSENT,
    AFFIRMED,
    BOTH,
    LEFT,
    PRESENT,
    RIGHT,
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


# Distribution: what was reported where. It knows tags (parts, levels, sides), no finding by name.

_REGIONS = {
    "bulbar": "bulbar", "face": "bulbar", "arm": "cervical", "neck": "cervical", "trunk": "thoracic",
    "breathing": "thoracic", "leg": "lumbosacral",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Spot:
    """One affirmed finding with a place."""

    name: str
    part: str
    level: str | None
    value: Value


class _Distribution:
    """What the affirmed findings of some domains amount to in space."""

    def __init__(self, facts: Facts, book: Rulebook, domains: tuple[str, ...]) -> None:
        relevant = [f for f in book.findings.values() if f.domain in domains and not f.computed]
        self.mentioned = [f.name for f in relevant if f.name in facts.values]
        self.spots = [
            _Spot(f.name, f.location.part, f.location.level, facts.values[f.name])
            for f in relevant
            if f.location and facts.values.get(f.name) in AFFIRMED
        ]
        self.limbs = [spot for spot in self.spots if spot.part in ("arm", "leg")]
        self.denied = {
            f.location.part
            for f in relevant
            if f.location and f.location.level == "whole" and facts.values.get(f.name) == ABSENT
        }

    def _at(self, *, part: str | None = None, level: str | None = None) -> list[_Spot]:
        return [s for s in self.limbs if part in (None, s.part) and level in (None, s.level)]

    @staticmethod
    def _sides(spots: Iterable[_Spot]) -> set[Value]:
        """The sides reported; a spot of unknown side adds nothing."""
        sides: set[Value] = set()
        for spot in spots:
            sides |= {LEFT, RIGHT} if spot.value == BOTH else {spot.value} & {LEFT, RIGHT}
        return sides

    def proximal(self) -> list[_Spot]:
        return self._at(level="proximal")

    def distal(self) -> list[_Spot]:
        return self._at(level="distal")

    def proximal_only(self) -> list[_Spot]:
        return [] if self.distal() else self.proximal()

    def distal_only(self) -> list[_Spot]:
        return [] if self.proximal() else self.distal()

    def symmetric(self) -> list[_Spot]:
        one_sided = [s for s in self.limbs if s.value in (LEFT, RIGHT)]
        return [] if one_sided else [s for s in self.limbs if s.value == BOTH]

    def asymmetric(self) -> list[_Spot]:
        return [s for s in self.limbs if s.value in (LEFT, RIGHT)]

    def one_limb(self) -> list[_Spot]:
        parts = {s.part for s in self.limbs}
        return self.limbs if len(parts) == 1 and len(self._sides(self.limbs)) == 1 else []

    def confined_to_one_limb(self) -> list[_Spot]:
        one = self.one_limb()
        return one if one and {"arm", "leg"} - {one[0].part} <= self.denied else []

    def _both(self, part: str) -> list[_Spot]:
        spots = self._at(part=part)
        return spots if len(self._sides(spots)) == 2 else []

    def both_arms(self) -> list[_Spot]:
        return self._both("arm")

    def both_legs(self) -> list[_Spot]:
        return self._both("leg")

    def arms_and_legs(self) -> list[_Spot]:
        parts = [self._at(part=part) for part in ("arm", "leg")]
        return self.limbs if all(spots and len(self._sides(spots)) != 1 for spots in parts) else []

    def one_side(self) -> list[_Spot]:
        arms, legs = self._sides(self._at(part="arm")), self._sides(self._at(part="leg"))
        return self.limbs if len(arms) == 1 and arms == legs else []

    def arms_only(self) -> list[_Spot]:
        return [] if self._at(part="leg") else self._at(part="arm")

    def legs_only(self) -> list[_Spot]:
        return [] if self._at(part="arm") else self._at(part="leg")

    def stocking(self) -> list[_Spot]:
        feet = self._at(part="leg", level="distal")
        return feet if len(self._sides(feet)) == 2 else []

    def stocking_and_glove(self) -> list[_Spot]:
        hands = self._at(part="arm", level="distal")
        return [*self.stocking(), *hands] if self.stocking() and len(self._sides(hands)) == 2 else []

    def axial(self) -> list[_Spot]:
        return [s for s in self.spots if s.part in ("neck", "trunk")]

    def both_eyes(self) -> list[_Spot]:
        eyes = [s for s in self.spots if s.part == "eyes"]
        return eyes if len(self._sides(eyes)) == 2 else []


_MEASURES: dict[Measure, Callable[[_Distribution], list[_Spot]]] = {
    "proximal": _Distribution.proximal,
    "distal": _Distribution.distal,
    "proximal_only": _Distribution.proximal_only,
    "distal_only": _Distribution.distal_only,
    "symmetric": _Distribution.symmetric,
    "asymmetric": _Distribution.asymmetric,
    "one_limb": _Distribution.one_limb,
    "confined_to_one_limb": _Distribution.confined_to_one_limb,
    "both_arms": _Distribution.both_arms,
    "both_legs": _Distribution.both_legs,
    "arms_and_legs": _Distribution.arms_and_legs,
    "one_side": _Distribution.one_side,
    "arms_only": _Distribution.arms_only,
    "legs_only": _Distribution.legs_only,
    "stocking": _Distribution.stocking,
    "stocking_and_glove": _Distribution.stocking_and_glove,
    "axial": _Distribution.axial,
    "both_eyes": _Distribution.both_eyes,
}


def _compute(facts: Facts, book: Rulebook) -> None:
    said = list(facts.values)
    spoken_of = [name for name in said if facts.origins[name].how == "said" and book.findings[name].kind != "history"]
    views: dict[tuple[str, ...], _Distribution] = {}
    results: dict[str, tuple[Value, tuple[str, ...]]] = {}
    for f in book.findings.values():
        if f.computed is None or f.name in facts.values:
            continue
        view = views.get(f.computed.of) or views.setdefault(f.computed.of, _Distribution(facts, book, f.computed.of))
        if f.computed.what == "not_mentioned":
            if spoken_of and not view.mentioned:
                results[f.name] = PRESENT, ()
        elif f.computed.what == "regions":
            regions = {_REGIONS[s.part] for s in view.spots if s.part in _REGIONS}
            if regions:
                results[f.name] = float(len(regions)), tuple(s.name for s in view.spots)
        elif spots := _MEASURES[f.computed.what](view):
            results[f.name] = PRESENT, tuple(s.name for s in spots)
    for name, (value, of) in results.items():
        facts.values[name] = value
        facts.origins[name] = Origin("computed", of)
