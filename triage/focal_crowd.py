"""What the deficits of many people amount to: `focal` in arrays of masks, with the same measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from triage.anatomy import LIMBS, Wiring
from triage.deficits import Tested, by_length, place_unsaid, set_alike_apart
from triage.focal import FAMILY, MOST_LESIONS, NERVE, PLEXUS, ROOT, spared_costs_by_kind
from triage.knowledge import LESION_MEASURES, LesionMeasure, Limb, Measure, SupplyKind
from triage.planes import Plane, either, pack, unpack
from triage.ranking import COMMONNESS
from triage.rulebook import Rulebook
from triage.when import ABSENT, BOTH, LEFT, PRESENT, RIGHT, Value

Masks = NDArray[np.uint64]
Flags = NDArray[np.bool_]
_FAMILIES = (NERVE, ROOT, PLEXUS)
_MIXED = len(_FAMILIES)
_NEVER = np.int16(-(1 << 14))


@dataclass(frozen=True, slots=True)
class _Places:
    """The places of one limb as numbers, one a place."""

    family: NDArray[np.int16]
    commonness: NDArray[np.int16]
    explains: Masks
    reaches: Masks
    """The same, with what a lesion there takes but little of."""
    costs: tuple[tuple[tuple[np.uint64, SupplyKind, bool, int, int], ...], ...]
    """What a supply tested normal costs: the place of its bit, its kind, whether the lesion takes but a part of it, the
    points, and the points while none of its kind is lost."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Of each distinct zone: how many lesions it takes, and of which families."""

    size: NDArray[np.int16]
    only: NDArray[np.bool_]
    """By family: whether every leading explanation is of that family alone."""
    single: NDArray[np.bool_]
    """By family: whether a single lesion of it explains everything."""


@lru_cache(maxsize=8)
def lesions_of(book: Rulebook) -> Lesions:
    """The anatomy of a rulebook made ready, once."""
    return Lesions(book)


class Lesions:
    """The anatomy of a rulebook made ready for many people."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._wanted = [f for f in book.findings.values() if f.computed and f.computed.what in LESION_MEASURES]
        self._lesions = {limb: _numbers(book, book.anatomy.wiring[limb]) for limb in LIMBS}

    def findings(self, said: Mapping[str, Mapping[Value, Plane]], people: int) -> Iterator[tuple[str, Value, Plane]]:
        """Every computed finding about lesions with its value, and who has it."""
        measured = self._measures(said, people)
        for finding in self._wanted:
            assert finding.computed is not None
            for value, plane in measured.get((finding.computed.what, finding.computed.limb), ()):
                yield finding.name, value, plane

    def _measures(
        self, said: Mapping[str, Mapping[Value, Plane]], people: int
    ) -> dict[tuple[Measure | LesionMeasure, Limb | None], list[tuple[Value, Plane]]]:
        affected = self._affected(said)
        if affected is None:
            return {}
        who = np.flatnonzero(unpack(affected, people))
        tested = {limb: self._tested(limb, said, who, people) for limb in LIMBS}
        total, head = _Total(len(who)), _Total(len(who))
        for limb, its in tested.items():
            (head if limb == "head" else total).add(limb, its, self._lesions[limb], self._book)

        def plane(flags: Flags) -> Plane:
            everyone = np.zeros(people, np.bool_)
            everyone[who] = flags
            return pack(everyone)

        flags = total.measures(np.asarray(by_length(self._book.anatomy, tested)))
        apart = total.needed * total.apart
        in_limb = {limb: (its.left | its.right | its.unsaid) != 0 for limb, its in tested.items() if limb != "head"}
        found: dict[tuple[Measure | LesionMeasure, Limb | None], list[tuple[Value, Plane]]] = {
            ("lesions_needed", None): [(float(n), plane(apart == n)) for n in np.unique(apart) if n]
        }
        found["one_cranial_nerve", None] = [(PRESENT, plane(head.one_nerve_of_many()))]
        for what, who_has in flags.items():
            found[what, None] = [(PRESENT, plane(who_has))]
            found |= {(what, limb): [(PRESENT, plane(who_has & of))] for limb, of in in_limb.items()}
        return found

    def _affected(self, said: Mapping[str, Mapping[Value, Plane]]) -> Plane:
        """Who has any deficit."""
        names = [s.finding for limb in LIMBS for s in self._book.anatomy.wiring[limb].supplies if s.finding in said]
        return either(said[name].get(value) for name in names for value in (PRESENT, LEFT, RIGHT, BOTH))

    def _tested(
        self, limb: Limb, said: Mapping[str, Mapping[Value, Plane]], who: NDArray[np.intp], people: int
    ) -> Tested:
        """What is known of a limb of these people; see `focal`."""
        wiring, findings = self._book.anatomy.wiring[limb], self._book.findings
        of_all = {word: np.zeros(people, np.uint64) for word in (PRESENT, LEFT, RIGHT, BOTH, ABSENT)}
        for bit, supply in enumerate(wiring.supplies):
            for word, plane in said.get(supply.finding, {}).items():
                if plane is not None and word in of_all:
                    of_all[word][np.flatnonzero(unpack(plane, people))] |= np.uint64(1 << bit)
        masks = {word: its[who] for word, its in of_all.items()}
        in_middle = np.uint64(wiring.mask({s.finding for s in wiring.supplies if not findings[s.finding].sided}))
        unsaid = masks[PRESENT]
        left, right, unsaid, _ = place_unsaid(
            masks[LEFT] | masks[BOTH], masks[RIGHT] | masks[BOTH], unsaid, unsaid & in_middle
        )
        return Tested(*set_alike_apart(left, right, wiring), unsaid, masks[ABSENT])


class _Total:
    """What was found, added up over the limbs and sides of each person."""

    def __init__(self, people: int) -> None:
        self.zones = np.zeros(people, np.int16)
        self.needed = np.zeros(people, np.int16)
        self.apart = np.ones(people, np.bool_)
        self._told = np.zeros(people, np.bool_)
        self._explained = np.ones(people, np.bool_)
        self._only = np.ones((len(_FAMILIES), people), np.bool_)
        self._single = np.zeros((len(_FAMILIES), people), np.bool_)

    def add(self, limb: Limb, tested: Tested, places: _Places, book: Rulebook) -> None:
        """The zones of one limb."""
        self.apart &= ~((tested.left != 0) & (tested.left == tested.right))
        sides = (tested.left, tested.right, tested.unsaid)
        whose = np.concatenate([np.flatnonzero(side) for side in sides])
        deficits = np.concatenate([side[side != 0] for side in sides])
        zones, each = _distinct(deficits, tested.spared[whose])
        found = _search(*zones, book.anatomy.wiring[limb], places, book)
        # Of one person there are several zones in a limb, so they are added side by side.
        start = 0
        for side in sides:
            people = np.flatnonzero(side)
            its = each[start : start + len(people)]
            start += len(people)
            self.zones[people] += 1
            self.needed[people] += found.size[its]
            self._told[people] |= (side[people] & (side[people] - np.uint64(1))) != 0
            self._explained[people] &= found.size[its] <= MOST_LESIONS
            self._only[:, people] &= found.only[:, its]
            self._single[:, people] |= found.single[:, its]

    def one_nerve_of_many(self) -> Flags:
        """Whether there is one zone with several deficits, all of one nerve."""
        return np.asarray((self.needed == 1) & self._told & self._only[_FAMILIES.index(NERVE)])

    def measures(self, by_length: Flags) -> dict[LesionMeasure, Flags]:
        """Every measure that holds or does not; see `focal`."""
        self.apart &= ~by_length
        told, one = self._told | (self.zones > 1), self.needed == 1
        nerve, root, plexus = self._only
        singles = self._single & one
        return {
            "one_nerve": one & nerve,
            "one_root": one & root,
            "one_plexus_part": one & plexus,
            "no_single_nerve": told & ~singles[0],
            "no_single_root": told & ~singles[1],
            "no_single_plexus_part": told & ~singles[2],
            "several_nerves": self.apart & self._explained & (self.needed > 1) & nerve,
            "by_length": by_length,
        }


def _numbers(book: Rulebook, wiring: Wiring) -> _Places:
    lost, other = spared_costs_by_kind(book)
    territories = [t for t in wiring.territories.values() if not t.place.in_midline]
    costs = [
        tuple(
            (np.uint64(bit), wiring.supplies[bit].kind, share == "part", lost.get(share, 0), other.get(share, 0))
            for bit in range(len(wiring.supplies))
            if (share := territory.share(bit))
        )
        for territory in territories
    ]
    return _Places(
        family=np.asarray([_FAMILIES.index(FAMILY[t.place.kind]) for t in territories], np.int16),
        commonness=np.asarray([COMMONNESS[t.place.commonness] for t in territories], np.int16),
        explains=np.asarray([t.explains for t in territories], np.uint64),
        reaches=np.asarray([t.explains | t.minor for t in territories], np.uint64),
        costs=tuple(costs),
    )


def _points(deficits: Masks, spared: Masks, wiring: Wiring, places: _Places, book: Rulebook) -> NDArray[np.int16]:
    """By place and zone: what speaks against a lesion there, in points."""
    points = np.zeros((len(places.costs), len(deficits)), np.int16)
    lost = {kind: deficits & np.uint64(mask) != 0 for kind, mask in wiring.kinds.items()}
    at_most = np.int16(book.scale.points[book.scale.focal.parts_at_most])
    normal = {bit: np.flatnonzero(spared >> np.uint64(bit) & np.uint64(1)) for bit in range(len(wiring.supplies))}
    for its, costs in zip(points, places.costs, strict=True):
        in_part = {kind: np.zeros(len(deficits), np.int16) for kind in lost}
        for bit, kind, part, cost, of_other in costs:
            who = normal[int(bit)]
            (in_part[kind] if part else its)[who] += np.where(lost[kind][who], cost, of_other).astype(np.int16)
        for sums in in_part.values():
            its += np.maximum(sums, at_most)
    return points


def _search(deficits: Masks, spared: Masks, wiring: Wiring, places: _Places, book: Rulebook) -> _Found:
    """The smallest sets of uncontradicted lesions for distinct zones."""
    zones, focal = len(deficits), book.scale.focal
    found = _Found(
        np.full(zones, MOST_LESIONS + 1, np.int16),
        np.zeros((len(_FAMILIES), zones), np.bool_),
        np.zeros((len(_FAMILIES), zones), np.bool_),
    )
    points = _points(deficits, spared, wiring, places, book)
    usable = points > focal.contradicted
    reached = np.bitwise_or.reduce(np.where(usable, places.reaches[:, None], np.uint64(0)), axis=0)
    open_zones = np.flatnonzero(deficits & ~reached == 0)
    for size in range(1, MOST_LESIONS + 1):
        best, single = _best_sets(
            size, deficits[open_zones], usable[:, open_zones], points[:, open_zones], places, book
        )
        if size == 1:
            found.single[:, open_zones] = single
        top = best.max(axis=(0, 1))
        done = top != _NEVER
        whose = open_zones[done]
        found.size[whose] = size
        near = best[:, :, done] >= top[done] - focal.margin
        # Rare places stand back, unless one of them fits best.
        commonest = np.argmax(near.any(axis=1), axis=0)
        behind = best[commonest, :, np.flatnonzero(done)].max(axis=1) < top[done]
        leading = near & (
            (np.arange(len(COMMONNESS))[:, None] == commonest)[:, None] | (behind & (best[:, :, done] == top[done]))
        )
        leaders = leading.any(axis=0)
        found.only[:, whose] = leaders[:_MIXED] & (leaders.sum(axis=0) == 1)
        open_zones = open_zones[~done]
        if not len(open_zones):
            break
    return found


def _best_sets(
    size: int, deficits: Masks, usable: Flags, points: NDArray[np.int16], places: _Places, book: Rulebook
) -> tuple[NDArray[np.int16], Flags]:
    """The most points of any sound set of so many lesions that explains everything, by commonness, family and zone.

    Mixed sets, and those that have to use minor supply, are of no family. Also, by family and zone: whether there is
    any such set that begins with a lesion of the family.
    """
    found = np.zeros((_MIXED, len(deficits)), np.bool_)
    best = np.full((len(COMMONNESS), _MIXED + 1, len(deficits)), _NEVER)
    minor, limit = book.scale.points[book.scale.focal.minor], book.scale.focal.contradicted
    telling = np.flatnonzero((usable & (deficits & places.reaches[:, None] != 0)).any(axis=1))
    for before in combinations(range(len(telling)), size - 1):
        chosen = telling[list(before)]
        others = telling[before[-1] + 1 if before else 0 :]
        left = deficits & ~np.bitwise_or.reduce(places.reaches[chosen])
        fitting = (left & ~places.reaches[others, None] == 0) & usable[others] & usable[chosen].all(axis=0)
        last, who = np.nonzero(fitting)
        if len(who):
            fits = np.concatenate([np.repeat(chosen[:, None], len(who), axis=1), others[last][None]])
            thin, needed = _held_together(deficits[who], places.explains[fits], places.reaches[fits])
            total = minor * thin + points[fits, who].sum(axis=0)
            families = places.family[fits]
            of = np.where((families == families[0]).all(axis=0) & (thin == 0), families[0], _MIXED)
            sound = needed & (minor * thin > limit) & (total > limit * size)
            rarest = places.commonness[fits].max(axis=0)
            np.maximum.at(best, (rarest[sound], of[sound], who[sound]), total[sound])
            found[families[0][sound], who[sound]] = True
    return best, found


def _held_together(deficits: Masks, explains: Masks, reaches: Masks) -> tuple[NDArray[np.int16], Flags]:
    """Of sets that reach everything: how many deficits minor supply alone explains, and whether all are needed."""
    well = np.bitwise_or.reduce(explains)
    needed = np.ones(len(deficits), np.bool_)
    for n in range(len(explains)) if len(explains) > 1 else ():
        rest_reaches, rest_explains = (np.bitwise_or.reduce(np.delete(its, n, axis=0)) for its in (reaches, explains))
        needed &= (deficits & ~rest_reaches != 0) | (deficits & well & ~rest_explains != 0)
    return _count(deficits & ~well), needed


def _distinct(one: Masks, other: Masks) -> tuple[tuple[Masks, Masks], NDArray[np.intp]]:
    """The distinct pairs of masks, and which of them each pair is."""
    (ones, which), (others, beside) = (np.unique(masks, return_inverse=True) for masks in (one, other))
    pairs, each = np.unique(which.reshape(-1) * len(others) + beside.reshape(-1), return_inverse=True)
    return (ones[pairs // len(others)], others[pairs % len(others)]), each.reshape(-1)


def _count(masks: Masks) -> NDArray[np.int16]:
    """How many bits each mask has."""
    bits: NDArray[np.uint8] = np.unpackbits(masks.view(np.uint8).reshape(len(masks), 8), axis=1)
    return np.asarray(bits.sum(axis=1), np.int16)
