"""Where the trouble is, worked out from places and sides: it knows tags (parts, levels, sides), no finding by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from triage.knowledge import Measure
from triage.rulebook import Rulebook
from triage.when import ABSENT, AFFIRMED, BOTH, LEFT, PRESENT, RIGHT, Value

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

    def __init__(self, values: Mapping[str, Value], book: Rulebook, domains: tuple[str, ...]) -> None:
        relevant = [f for f in book.findings.values() if f.domain in domains and not f.computed]
        self.mentioned = [f.name for f in relevant if f.name in values]
        self.spots = [
            _Spot(f.name, f.location.part, f.location.level, values[f.name])
            for f in relevant
            if f.location and values.get(f.name) in AFFIRMED
        ]
        self.limbs = [spot for spot in self.spots if spot.part in ("arm", "leg")]
        self.denied = {
            f.location.part
            for f in relevant
            if f.location and f.location.level == "whole" and values.get(f.name) == ABSENT
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


def distribution(
    values: Mapping[str, Value], book: Rulebook, spoken_of: bool
) -> Iterator[tuple[str, Value, tuple[str, ...]]]:
    """Every computed finding that holds and was not answered: its name, its value, and what it was computed from.

    ``spoken_of`` tells whether any finding was given at all, without which nothing can be said not to be mentioned.
    """
    views: dict[tuple[str, ...], _Distribution] = {}
    for f in book.findings.values():
        if f.computed is None or f.name in values:
            continue
        view = views.get(f.computed.of) or views.setdefault(f.computed.of, _Distribution(values, book, f.computed.of))
        if f.computed.what == "not_mentioned":
            if spoken_of and not view.mentioned:
                yield f.name, PRESENT, ()
        elif f.computed.what == "regions":
            regions = {_REGIONS[s.part] for s in view.spots if s.part in _REGIONS}
            if regions:
                yield f.name, float(len(regions)), tuple(s.name for s in view.spots)
        elif spots := _MEASURES[f.computed.what](view):
            yield f.name, PRESENT, tuple(s.name for s in spots)
