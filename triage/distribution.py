"""Where the trouble is, worked out from places and sides: it knows tags (parts, levels, sides), no finding by name.

Every measure is written once, in the operators of bits: of one bit for one person, of arrays of them for many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from triage.knowledge import LESION_MEASURES, Finding, LesionMeasure, Level, Measure, Part
from triage.rulebook import Rulebook
from triage.when import ABSENT, AFFIRMED, BOTH, LEFT, PRESENT, RIGHT, Value

Bit: TypeAlias = Any
"""0 or 1 for one person; an array of 64 people a word for many."""

_REGIONS: Mapping[Part, str] = {
    "bulbar": "bulbar", "face": "bulbar", "arm": "cervical", "neck": "cervical", "trunk": "thoracic",
    "breathing": "thoracic", "leg": "lumbosacral",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spot:
    """A finding with a place: whether it is there, and whether on the left, the right, or said to be on both."""

    name: str
    part: Part
    level: Level | None
    there: Bit
    left: Bit
    right: Bit
    both: Bit
    denied: Bit


def without(these: Bit, others: Bit) -> Bit:
    """``these`` and not ``others``."""
    return these & ~others


@dataclass(frozen=True, slots=True)
class Where:
    """Some parts of the body, and perhaps one level of them."""

    parts: tuple[Part, ...]
    level: Level | None = None


_ARM, _LEG, _LIMBS = Where(("arm",)), Where(("leg",)), Where(("arm", "leg"))
_PROXIMAL, _DISTAL = Where(("arm", "leg"), "proximal"), Where(("arm", "leg"), "distal")
_HANDS, _FEET = Where(("arm",), "distal"), Where(("leg",), "distal")
_AXIS, _EYES = Where(("neck", "trunk")), Where(("eyes",))


class Reported:
    """What the affirmed findings of some domains amount to in space."""

    def __init__(self, spots: list[Spot], nobody: Bit = 0) -> None:
        self.spots = spots
        self._nobody = nobody
        self._found: dict[tuple[Where, str], Bit] = {}

    def at(self, where: Where) -> list[Spot]:
        return [s for s in self.spots if s.part in where.parts and where.level in (None, s.level)]

    def any(self, where: Where, what: Literal["there", "left", "right", "both", "denied"] = "there") -> Bit:
        """Whether one of the spots there has this."""
        if (where, what) not in self._found:
            found = self._nobody
            for spot in self.at(where):
                found = found | getattr(spot, what)
            self._found[where, what] = found
        return self._found[where, what]

    def sides(self, where: Where) -> tuple[Bit, Bit]:
        """Whether anything was reported on the left, and on the right; a spot of unknown side adds to neither."""
        both = self.any(where, "both")
        return self.any(where, "left") | both, self.any(where, "right") | both

    def one_sided(self) -> Bit:
        return self.any(_LIMBS, "left") | self.any(_LIMBS, "right")

    def one_limb(self) -> Bit:
        left, right = self.sides(_LIMBS)
        return (self.any(_ARM) ^ self.any(_LEG)) & (left ^ right)

    def confined_to_one_limb(self) -> Bit:
        no_arm, no_leg = (self.any(Where(limb.parts, "whole"), "denied") for limb in (_ARM, _LEG))
        return self.one_limb() & ((self.any(_ARM) & no_leg) | (self.any(_LEG) & no_arm))

    def on_both(self, where: Where) -> Bit:
        left, right = self.sides(where)
        return left & right

    def arms_and_legs(self) -> Bit:
        (arm_left, arm_right), (leg_left, leg_right) = self.sides(_ARM), self.sides(_LEG)
        return without(self.any(_ARM) & self.any(_LEG), (arm_left ^ arm_right) | (leg_left ^ leg_right))

    def one_side(self) -> Bit:
        (arm_left, arm_right), (leg_left, leg_right) = self.sides(_ARM), self.sides(_LEG)
        return without(arm_left ^ arm_right, (arm_left ^ leg_left) | (arm_right ^ leg_right))

    def regions(self) -> list[Bit]:
        """For each region of the body, whether anything was reported there."""
        return [
            self.any(Where(tuple(part for part, its in _REGIONS.items() if its == region)))
            for region in dict.fromkeys(_REGIONS.values())
        ]


@dataclass(frozen=True, slots=True)
class _Measured:
    """A measure: when it holds, and the spots it is computed from."""

    holds: Callable[[Reported], Bit]
    of: Callable[[Reported], list[Spot]]


def _any(where: Where, but: Where | None = None) -> _Measured:
    if but is None:
        return _Measured(lambda r: r.any(where), lambda r: r.at(where))
    return _Measured(lambda r: without(r.any(where), r.any(but)), lambda r: r.at(where))


def _on_both(where: Where) -> _Measured:
    return _Measured(lambda r: r.on_both(where), lambda r: r.at(where))


def _of_limbs(holds: Callable[[Reported], Bit]) -> _Measured:
    return _Measured(holds, lambda r: r.at(_LIMBS))


_MEASURES: Mapping[Measure | LesionMeasure, _Measured] = {
    "proximal": _any(_PROXIMAL),
    "distal": _any(_DISTAL),
    "proximal_only": _any(_PROXIMAL, but=_DISTAL),
    "distal_only": _any(_DISTAL, but=_PROXIMAL),
    "symmetric": _Measured(
        lambda r: without(r.any(_LIMBS, "both"), r.one_sided()), lambda r: [s for s in r.at(_LIMBS) if s.both]
    ),
    "asymmetric": _Measured(Reported.one_sided, lambda r: [s for s in r.at(_LIMBS) if s.left or s.right]),
    "one_limb": _of_limbs(Reported.one_limb),
    "confined_to_one_limb": _of_limbs(Reported.confined_to_one_limb),
    "both_arms": _on_both(_ARM),
    "both_legs": _on_both(_LEG),
    "arms_and_legs": _of_limbs(Reported.arms_and_legs),
    "one_side": _of_limbs(Reported.one_side),
    "arms_only": _any(_ARM, but=_LEG),
    "legs_only": _any(_LEG, but=_ARM),
    "stocking": _on_both(_FEET),
    "stocking_and_glove": _Measured(
        lambda r: r.on_both(_FEET) & r.on_both(_HANDS), lambda r: [*r.at(_FEET), *r.at(_HANDS)]
    ),
    "axial": _any(_AXIS),
    "both_eyes": _on_both(_EYES),
}


def measured(what: Measure | LesionMeasure, reported: Reported) -> Bit:
    """Whether a measure holds of what was reported."""
    return _MEASURES[what].holds(reported)


def relevant(of: tuple[str, ...], book: Rulebook) -> list[Finding]:
    """The findings a measure of these domains looks at."""
    return [f for f in book.findings.values() if f.domain in of and not f.computed]


def distribution(
    values: Mapping[str, Value], book: Rulebook, spoken_of: bool
) -> Iterator[tuple[str, Value, tuple[str, ...]]]:
    """Every finding computed from places that holds and was not answered: its name, value, and what it came from.

    ``spoken_of`` tells whether any finding was given at all, without which nothing can be said not to be mentioned.
    """
    views: dict[tuple[str, ...], tuple[bool, Reported]] = {}
    for f in book.findings.values():
        if f.computed is None or f.name in values or f.computed.what in LESION_MEASURES:
            continue
        what, of = f.computed.what, f.computed.of
        if of not in views:
            looked_at = relevant(of, book)
            spots = [_spot(one, values[one.name]) for one in looked_at if one.location and one.name in values]
            views[of] = any(one.name in values for one in looked_at), Reported(spots)
        mentioned, reported = views[of]
        if what == "not_mentioned":
            if spoken_of and not mentioned:
                yield f.name, PRESENT, ()
        elif what == "regions":
            if regions := sum(reported.regions()):
                yield f.name, float(regions), _names(s for s in reported.spots if s.part in _REGIONS)
        elif measured(what, reported):
            yield f.name, PRESENT, _names(_MEASURES[what].of(reported))


def _spot(finding: Finding, value: Value) -> Spot:
    assert finding.location is not None
    bits = (value in AFFIRMED, value == LEFT, value == RIGHT, value == BOTH, value == ABSENT)
    return Spot(finding.name, finding.location.part, finding.location.level, *map(int, bits))


def _names(spots: Iterable[Spot]) -> tuple[str, ...]:
    return tuple(s.name for s in spots if s.there)
