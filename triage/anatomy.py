"""What a lesion at each place would affect, derived from where the fibres of each movement, area and reflex run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import get_args

from triage.knowledge import LesionSite, Limb, Share, Supply, SupplyKind

LIMBS: tuple[Limb, ...] = get_args(Limb)
SHARES: tuple[Share, ...] = get_args(Share)
SUPPLY_KINDS: tuple[SupplyKind, ...] = get_args(SupplyKind)
MOST_SUPPLIES = 63
"""In one limb: their masks are words of a machine."""
TRUNK, FOOT, TOES = 0, 5, 6
"""Of the steps a supply may reach out: the nearest, and the two furthest."""


@dataclass(frozen=True, slots=True)
class Territory:
    """What a lesion at one place takes: by share, masks of the supplies of its limb."""

    place: LesionSite
    main: int
    chief: int
    part: int
    some: int
    minor: int

    @property
    def explains(self) -> int:
        """What the lesion explains well."""
        return self.main | self.chief | self.part | self.some

    def share(self, bit: int) -> Share | None:
        """How much of the supply at this place of the limb it takes; ``None`` for nothing."""
        return next((share for share in SHARES if getattr(self, share) >> bit & 1), None)


@dataclass(frozen=True)
class Wiring:
    """One limb, either side: its supplies in order, and what a lesion at each place takes of them."""

    limb: Limb
    supplies: tuple[Supply, ...]
    territories: Mapping[str, Territory]

    @cached_property
    def kinds(self) -> Mapping[SupplyKind, int]:
        """The mask of the supplies of each kind."""
        return {
            kind: sum(1 << bit for bit, supply in enumerate(self.supplies) if supply.kind == kind)
            for kind in SUPPLY_KINDS
        }

    def mask(self, names: set[str]) -> int:
        """The mask of the supplies whose findings have these names."""
        return sum(1 << bit for bit, supply in enumerate(self.supplies) if supply.finding in names)

    def of(self, mask: int) -> list[Supply]:
        """The supplies of a mask, in order."""
        return [supply for bit, supply in enumerate(self.supplies) if mask >> bit & 1]


class Anatomy:
    """The wiring of the limbs."""

    def __init__(self, places: Mapping[str, LesionSite], supplies: Mapping[str, Supply]) -> None:
        self._places = places
        self.shares: Mapping[tuple[str, str], Share] = MappingProxyType(
            {(place, supply.id): share for supply in supplies.values() for place, share in self._passed(supply)}
        )
        """By place and supply: how much of the supply a lesion there takes."""
        self.wiring: Mapping[Limb, Wiring] = MappingProxyType(
            {limb: self._wiring(limb, [s for s in supplies.values() if s.limb == limb]) for limb in LIMBS}
        )
        self.by_finding: Mapping[str, Supply] = MappingProxyType({s.finding: s for s in supplies.values()})

        self.reaching = lru_cache(maxsize=None)(self._reaching)
        """The mask of the supplies of a limb that reach from one step out to another, ends included; of one kind."""

    def _reaching(self, limb: Limb, nearest: int, furthest: int, kind: SupplyKind | None = None) -> int:
        supplies = enumerate(self.wiring[limb].supplies)
        return sum(1 << b for b, s in supplies if nearest <= s.reach <= furthest and kind in (None, s.kind))

    def upstream(self, place: str) -> Iterator[str]:
        """A place, and those nearer to the cord that its fibres come through, each once."""
        seen: dict[str, None] = {}
        todo = [place]
        while todo:
            at = todo.pop(0)
            if at not in seen:
                seen[at] = None
                todo += self._places[at].from_
        return iter(seen)

    def _passed(self, supply: Supply) -> Iterator[tuple[str, Share]]:
        """The places a supply's fibres pass, and how much of it passes there."""
        passed: dict[str, Share] = {}
        for branch in supply.by:
            for place in self.upstream(branch.at):
                share = self._carried(self._places[place], supply, branch.share)
                before = passed.get(place)
                if share == "part" and before == "part" and self._places[place].kind != "root":
                    share = "main" if self._whole(self._places[place], supply) else "part"
                if share and (before is None or SHARES.index(share) < SHARES.index(before)):
                    passed[place] = share
        for place, share in passed.items():
            if share == "main" and place in supply.often_spared_at:
                passed[place] = "part"
            elif share == "main" and self._places[place].kind == "plexus":
                # A lesion of a whole plexus seldom takes all of it.
                passed[place] = "chief"
        for site in self._places.values():
            if (site.kind == "root" or site.in_midline) and site.limb == supply.limb and site.id not in passed:
                share = _of_roots(site, supply)
                if share:
                    passed[site.id] = share
        yield from passed.items()

    def _whole(self, site: LesionSite, supply: Supply) -> bool:
        """Whether every branch of a supply that is not minor comes through a place, with all its main roots."""
        branches = [branch.at for branch in supply.by if branch.share != "minor"]
        through = all(site.id in self.upstream(at) for at in branches)
        return through and (site.kind == "nerve" or set(supply.roots.main) <= set(site.roots))

    @staticmethod
    def _carried(site: LesionSite, supply: Supply, share: Share) -> Share | None:
        """What of a branch's share passes a place: a nerve carries all of it, the rest the fibres of their roots."""
        if site.kind == "nerve":
            return share
        carried = _fibres_of(site, supply)
        return carried and SHARES[max(SHARES.index(carried), SHARES.index(share))]

    def _wiring(self, limb: Limb, supplies: list[Supply]) -> Wiring:
        territories = {}
        for place, site in self._places.items():
            if site.limb == limb:
                masks = {
                    share: sum(1 << bit for bit, s in enumerate(supplies) if self.shares.get((place, s.id)) == share)
                    for share in SHARES
                }
                territories[place] = Territory(site, **masks)
        return Wiring(limb, tuple(supplies), MappingProxyType(territories))


def _of_roots(site: LesionSite, supply: Supply) -> Share | None:
    """What a lesion of these roots takes: a muscle has several roots, and skin areas overlap, so never all of it.

    Of the cauda equina, with so many roots, any lesion takes only some.
    """
    carried = _fibres_of(site, supply)
    if carried not in ("main", "part"):
        return carried
    if site.in_midline:
        return "some"
    return "chief" if carried == "main" and supply.kind != "area" else "part"


def _fibres_of(site: LesionSite, supply: Supply) -> Share | None:
    """How much of a supply comes from the roots of a place."""
    main, minor, here = set(supply.roots.main), set(supply.roots.minor), set(site.roots)
    if not main & here:
        return "minor" if minor & here else None
    return "main" if main <= here else "part"
