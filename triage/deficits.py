"""What is lost and what was tested normal, limb by limb and side by side: as masks of the supplies of the limb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from triage.anatomy import FOOT, SUPPLY_KINDS, TOES, TRUNK, Anatomy, Wiring
from triage.facts import Facts
from triage.knowledge import Limb, Side
from triage.rulebook import Rulebook
from triage.when import ABSENT, AFFIRMED, BOTH, LEFT, PRESENT, RIGHT, Value

Mask: TypeAlias = Any
"""Supplies as the bits of a number; an array of such masks for many people."""
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True, slots=True)
class Zone:
    """One limb on one side with something wrong in it: masks of its supplies."""

    limb: Limb
    side: Side
    deficits: int
    spared: int
    """Tested normal."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What is known of one limb, as masks of its supplies: of one person, or arrays of many."""

    left: Mask
    right: Mask
    unsaid: Mask
    """Deficits on one side of the two, it was not said on which."""
    spared: Mask


def known_of(book: Rulebook, facts: Facts, wiring: Wiring) -> tuple[Tested, Mask]:
    """What is known of a limb, and the deficits that could be placed on neither side."""
    said: dict[Value, set[str]] = {}
    for supply in wiring.supplies:
        value = facts.values.get(supply.finding)
        if value in AFFIRMED or value == ABSENT:
            said.setdefault(value, set()).add(supply.finding)
    left, right, both, unsaid, spared = (wiring.mask(said.get(v, set())) for v in (LEFT, RIGHT, BOTH, PRESENT, ABSENT))
    middle = wiring.mask({name for name in said.get(PRESENT, ()) if not book.findings[name].sided})
    left, right, unsaid, lost = place_unsaid(left | both, right | both, unsaid, middle)
    left, right = set_alike_apart(left, right, wiring)
    return Tested(left, right, unsaid, spared), lost


def set_alike_apart(left: Mask, right: Mask, wiring: Wiring) -> tuple[Mask, Mask]:
    """The deficits of each side without the reflexes lost on both, where the sides differ.

    A reflex lost on both sides alike, as the ankle jerks are in old age, is no part of what one side suffers.
    """
    alike = (left & right & wiring.kinds["reflex"]) * (left != right)
    return left & ~alike, right & ~alike


def place_unsaid(left: Mask, right: Mask, unsaid: Mask, middle: Mask) -> tuple[Mask, Mask, Mask, Mask]:
    """The deficits left, right and on neither once those of unsaid side are placed, and those that cannot be.

    They join the side that is affected; where both are, those in the midline join both and the others none.
    """
    on_left, on_right = left != 0, right != 0
    on_both, on_neither = on_left & on_right, (on_left | on_right) ^ True
    return (
        left | unsaid * (on_left ^ on_both) | middle * on_both,
        right | unsaid * (on_right ^ on_both) | middle * on_both,
        unsaid * on_neither,
        (unsaid & ~middle) * on_both,
    )


def by_length(anatomy: Anatomy, tested: Mapping[Limb, Tested]) -> Any:
    """Whether the longest axons are affected first: both sides alike, from the foot up, nothing spared further out."""
    arm, leg = tested["arm"], tested["leg"]
    alike = (arm.left == arm.right) & (leg.left == leg.right) & ((arm.unsaid | leg.unsaid) == 0)
    holds = alike & ((leg.left & anatomy.reaching("leg", FOOT, TOES)) != 0)
    for limb, its in (("arm", arm), ("leg", leg)):
        holds = holds & ((its.left & anatomy.reaching(limb, 0, TRUNK)) == 0)
    for kind in SUPPLY_KINDS:
        for reach in range(TRUNK + 1, TOES):
            near = far = False
            for limb, its in (("arm", arm), ("leg", leg)):
                near = near | ((its.left & anatomy.reaching(limb, 0, reach, kind)) != 0)
                far = far | ((its.spared & anatomy.reaching(limb, reach + 1, TOES, kind)) != 0)
            holds = holds & ((near & far) ^ True)
    return holds
