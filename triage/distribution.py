"""Where the trouble is, worked out from places and sides: it knows tags (parts, levels, sides), no finding by name.

Every measure is written once, in the operators of bits: of one bit for one person, of arrays of them for many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from triage.knowledge import Finding, Level, Measure, Part
from triage.rulebook import Rulebook
from triage.when import ABSENT, AFFIRMED, BOTH, LEFT, PRESENT, RIGHT, Value

Bit: TypeAlias = Any
"""0 or 1 for one person; an array of 64 people a word for many."""

_LIMBS: tuple[Part, ...] = ("arm", "leg")
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


class Reported:
    """What the affirmed findings of some domains amount to in space."""

    def __init__(self, spots: list[Spot], nobody: Bit = 0) -> None:
        self.spots = spots
        self._nobody = nobody

    def at(self, *parts: Part, level: Level | None = None) -> list[Spot]:
        return [s for s in self.spots if s.part in parts and level in (None, s.level)]

    def any(self, spots: list[Spot], what: Callable[[Spot], Bit] = lambda spot: spot.there) -> Bit:
        found = self._nobody
        for spot in spots:
            found = found | what(spot)
        return found

    def sides(self, spots: list[Spot]) -> tuple[Bit, Bit]:
        """Whether anything was reported on the left, and on the right; a spot of unknown side adds to neither."""
        return self.any(spots, lambda s: s.left | s.both), self.any(spots, lambda s: s.right | s.both)

    def one_sided(self) -> Bit:
        return self.any(self.at(*_LIMBS), lambda s: s.left | s.right)

    def one_limb(self) -> Bit:
        left, right = self.sides(self.at(*_LIMBS))
        return (self.any(self.at("arm")) ^ self.any(self.at("leg"))) & (left ^ right)

    def confined_to_one_limb(self) -> Bit:
        arm, leg = (self.any(self.at(part)) for part in _LIMBS)
        no_arm, no_leg = (self.any(self.at(part, level="whole"), lambda s: s.denied) for part in _LIMBS)
        return self.one_limb() & ((arm & no_leg) | (leg & no_arm))

    def on_both(self, spots: list[Spot]) -> Bit:
        left, right = self.sides(spots)
        return left & right

    def arms_and_legs(self) -> Bit:
        found = ~self._nobody
        for part in _LIMBS:
            left, right = self.sides(self.at(part))
            found = found & without(self.any(self.at(part)), left ^ right)
        return found

    def one_side(self) -> Bit:
        (arm_left, arm_right), (leg_left, leg_right) = (self.sides(self.at(part)) for part in _LIMBS)
        return without(without(arm_left ^ arm_right, arm_left ^ leg_left), arm_right ^ leg_right)

    def regions(self) -> list[Bit]:
        """For each region of the body, whether anything was reported there."""
        return [
            self.any([s for s in self.spots if _REGIONS.get(s.part) == region])
            for region in dict.fromkeys(_REGIONS.values())
        ]


@dataclass(frozen=True, slots=True)
class _Measured:
    """A measure: when it holds, and the spots it is computed from."""

    holds: Callable[[Reported], Bit]
    of: Callable[[Reported], list[Spot]]


def _limbs(reported: Reported) -> list[Spot]:
    return reported.at(*_LIMBS)


def _level(level: Level) -> Callable[[Reported], list[Spot]]:
    return lambda reported: reported.at(*_LIMBS, level=level)


def _part(*parts: Part, level: Level | None = None) -> Callable[[Reported], list[Spot]]:
    return lambda reported: reported.at(*parts, level=level)


def _any(of: Callable[[Reported], list[Spot]], but: Callable[[Reported], list[Spot]] | None = None) -> _Measured:
    if but is None:
        return _Measured(lambda r: r.any(of(r)), of)
    return _Measured(lambda r: without(r.any(of(r)), r.any(but(r))), of)


def _on_both(of: Callable[[Reported], list[Spot]]) -> _Measured:
    return _Measured(lambda r: r.on_both(of(r)), of)


_FEET, _HANDS = _part("leg", level="distal"), _part("arm", level="distal")

_MEASURES: Mapping[Measure, _Measured] = {
    "proximal": _any(_level("proximal")),
    "distal": _any(_level("distal")),
    "proximal_only": _any(_level("proximal"), but=_level("distal")),
    "distal_only": _any(_level("distal"), but=_level("proximal")),
    "symmetric": _Measured(
        lambda r: without(r.any(_limbs(r), lambda s: s.both), r.one_sided()),
        lambda r: [s for s in _limbs(r) if s.both],
    ),
    "asymmetric": _Measured(Reported.one_sided, lambda r: [s for s in _limbs(r) if s.left or s.right]),
    "one_limb": _Measured(Reported.one_limb, _limbs),
    "confined_to_one_limb": _Measured(Reported.confined_to_one_limb, _limbs),
    "both_arms": _on_both(_part("arm")),
    "both_legs": _on_both(_part("leg")),
    "arms_and_legs": _Measured(Reported.arms_and_legs, _limbs),
    "one_side": _Measured(Reported.one_side, _limbs),
    "arms_only": _any(_part("arm"), but=_part("leg")),
    "legs_only": _any(_part("leg"), but=_part("arm")),
    "stocking": _on_both(_FEET),
    "stocking_and_glove": _Measured(
        lambda r: r.on_both(_FEET(r)) & r.on_both(_HANDS(r)), lambda r: [*_FEET(r), *_HANDS(r)]
    ),
    "axial": _any(_part("neck", "trunk")),
    "both_eyes": _on_both(_part("eyes")),
}


def measured(what: Measure, reported: Reported) -> Bit:
    """Whether a measure holds of what was reported."""
    return _MEASURES[what].holds(reported)


def relevant(of: tuple[str, ...], book: Rulebook) -> list[Finding]:
    """The findings a measure of these domains looks at."""
    return [f for f in book.findings.values() if f.domain in of and not f.computed]


def distribution(
    values: Mapping[str, Value], book: Rulebook, spoken_of: bool
) -> Iterator[tuple[str, Value, tuple[str, ...]]]:
    """Every computed finding that holds and was not answered: its name, its value, and what it was computed from.

    ``spoken_of`` tells whether any finding was given at all, without which nothing can be said not to be mentioned.
    """
    views: dict[tuple[str, ...], tuple[bool, Reported]] = {}
    for f in book.findings.values():
        if f.computed is None or f.name in values:
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
        elif measured(what, reported) & 1:
            yield f.name, PRESENT, _names(_MEASURES[what].of(reported))


def _spot(finding: Finding, value: Value) -> Spot:
    assert finding.location is not None
    bits = (value in AFFIRMED, value == LEFT, value == RIGHT, value == BOTH, value == ABSENT)
    return Spot(finding.name, finding.location.part, finding.location.level, *map(int, bits))


def _names(spots: Iterable[Spot]) -> tuple[str, ...]:
    return tuple(s.name for s in spots if s.there)
