"""Which lesions would explain the weak movements, numb areas and lost reflexes: the smallest sets of them.

What a lesion explains and what speaks against it comes from links, each a rule's joining of two facts; sets of two and
three are searched over the same tables as bit masks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from triage.anatomy import SUPPLY_KINDS, Territory, Wiring
from triage.deficits import SIDES, Tested, Zone, by_length, known_of
from triage.facts import Facts
from triage.firing import Standings
from triage.knowledge import LesionKind, Limb, Share, Side, Support
from triage.ranking import COMMONNESS
from triage.rulebook import Rulebook
from triage.when import LEFT, RIGHT, Is, Value

MOST_LESIONS = 3
"""The largest set searched in one limb."""
NERVE, ROOT, PLEXUS = "nerve", "root", "plexus"
FAMILY: Mapping[LesionKind, str] = {
    "nerve": NERVE, "root": ROOT, "trunk": PLEXUS, "cord": PLEXUS, "plexus": PLEXUS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """What the joins start from: per side the supplies lost and tested normal, and the supports that hold."""

    deficits: tuple[tuple[Side, str], ...]
    spared: tuple[tuple[Side, str], ...]
    supports: tuple[tuple[Side, str], ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Two facts joined: a lesion would explain a deficit, would take what is spared, or is supported."""

    how: Literal["explains", "spares", "supports"]
    place: str
    side: Side
    what: str
    """The supply, or the support."""


Join: TypeAlias = Callable[[Rulebook, Seen], Sequence[Link]]


def join_plainly(book: Rulebook, seen: Seen) -> list[Link]:
    """The same joins without an engine: the reference."""
    shares = book.anatomy.shares
    links = []
    for how, states in (("explains", seen.deficits), ("spares", seen.spared)):
        for side, supply in states:
            links += [Link(how, place, side, supply) for place, of in shares if of == supply]  # type: ignore[arg-type]
    for side, name in seen.supports:
        links += [Link("supports", place, side, name) for place in book.supports[name].for_]
    return links


@dataclass(frozen=True, slots=True)
class Fit:
    """One lesion held against one zone."""

    territory: Territory
    explains: int
    weakly: int
    """Deficits that it explains by minor supply only."""
    against: int
    """What is tested normal though a lesion would take it."""
    points: int
    """What speaks against it, in points; nothing speaks against: 0."""
    supports: tuple[Support, ...]
    """The strongest of each kind."""
    supported: int
    """Their points."""

    @property
    def covers(self) -> int:
        """The deficits that it explains at all."""
        return self.explains | self.weakly

    @property
    def place(self) -> str:
        return self.territory.place.id


@dataclass(frozen=True, slots=True)
class Explanation:
    """A set of lesions in one zone that together explain its deficits."""

    fits: tuple[Fit, ...]
    well: int
    weakly: int
    """Deficits explained by minor supply only."""
    points: int
    """What speaks against it, in points: from what was tested normal and what is weakly explained."""

    @property
    def covers(self) -> int:
        """The deficits that it explains at all."""
        return self.well | self.weakly

    @property
    def total(self) -> int:
        """Points with the supports."""
        return self.points + sum(fit.supported for fit in self.fits)

    @property
    def commonness(self) -> int:
        """How common lesions at the rarest of its places are; 0 is the commonest."""
        return max(COMMONNESS[fit.territory.place.commonness] for fit in self.fits)

    @property
    def families(self) -> frozenset[str]:
        """The families of its lesions."""
        return frozenset(FAMILY[fit.territory.place.kind] for fit in self.fits)


@dataclass(frozen=True)
class Regional:
    """What was found for one zone."""

    zone: Zone
    wiring: Wiring
    fits: tuple[Fit, ...]
    """Every lesion that explains anything."""
    explanations: tuple[Explanation, ...]
    """The smallest sets that nothing contradicts, best first."""
    larger: Explanation | None
    """One lesion more, but a better fit."""
    left_over: int
    """The deficits that they do not explain."""
    margin: float

    @property
    def size(self) -> int:
        """How many lesions it takes; one more than are searched where they do not explain everything."""
        return len(self.explanations[0].fits) if self.explanations and not self.left_over else MOST_LESIONS + 1

    @cached_property
    def best(self) -> tuple[Explanation, ...]:
        """Those that cannot be told apart from the first: close to it, and not both behind it and rarer."""
        first, *others = self.explanations or (None,)
        if first is None:
            return ()
        near = (e for e in others if e.total >= first.total - self.margin)
        return (first, *(e for e in near if e.total == first.total or e.commonness <= first.commonness))

    @cached_property
    def by_deficits(self) -> tuple[Explanation, ...]:
        """The same counting deficits alone, as pain and mechanism have rules of their own.

        Rare places stand back, unless one of them fits best.
        """
        top = max((e.points for e in self.explanations), default=0)
        near = [e for e in self.explanations if e.points >= top - self.margin]
        commonest = min((e.commonness for e in near), default=0)
        common = [e for e in near if e.commonness == commonest]
        behind = max((e.points for e in common), default=0) < top
        return (*common, *(e for e in near if behind and e.points == top))

    @cached_property
    def if_partial(self) -> tuple[Fit, ...]:
        """Single lesions that would explain everything but for what was tested normal or is thinly explained.

        The least contradicted first; only where fewer than two single lesions do without.
        """
        if self.size == 1 and len(self.explanations) > 1:
            return ()
        deficits, single = self.zone.deficits, {e.fits[0].place for e in self.explanations if len(e.fits) == 1}
        whole = [
            f
            for f in self.fits
            if not deficits & ~f.covers and not f.territory.place.in_midline and f.place not in single
        ]
        return tuple(sorted(whole, key=lambda f: -f.points))

    @property
    def sites(self) -> list[str]:
        """The sub-sites of the lesions that come first, or that would if they were partial."""
        fits = [fit for explanation in self.best for fit in explanation.fits] or self.if_partial[:1]
        return [fit.territory.place.site for fit in fits]


@dataclass(frozen=True)
class Focal:
    """What was found in all zones."""

    regions: tuple[Regional, ...]
    unplaced: tuple[str, ...]
    """Deficits of unsaid side in a limb that is affected on both."""
    by_length: bool
    """Whether the longest axons are affected first, on both sides alike."""
    symmetric: frozenset[Limb]
    """Limbs affected on both sides alike."""
    midline: Mapping[str, str]
    """By place in the midline: its site. One lesion there, not the length of the fibres, would explain everything."""

    def in_midline(self, standings: Standings) -> tuple[str, ...]:
        """The places in the midline that come into question."""
        return tuple(place for place, site in self.midline.items() if _in_question([site], standings))

    def sought(self, standings: Standings) -> tuple[Regional, ...]:
        """The regions in which a lesion is to be sought.

        Not those affected on both sides alike, nor those for which no site that comes into question would stand.
        """
        return tuple(
            region
            for region in self.regions
            if region.zone.limb not in self.symmetric and _in_question(region.sites, standings)
        )


def _in_question(sub_sites: Iterable[str], standings: Standings) -> bool:
    """Whether any of the sites leads; where none of all sites leads, whether any is not unlikely."""
    words = {standings[ref.partition(".")[0]] for ref in sub_sites}
    return "leading" in words or ("leading" not in standings.values() and words != {"unlikely"})


def localise(book: Rulebook, facts: Facts, join: Join) -> Focal:
    """The smallest sets of lesions for what is known of one person."""
    tested: dict[Limb, Tested] = {}
    zones: list[Zone] = []
    unplaced: list[str] = []
    for limb, wiring in book.anatomy.wiring.items():
        tested[limb], lost = known_of(book, facts, wiring)
        unplaced += [supply.finding for supply in wiring.of(lost)]
        for side in SIDES:
            if deficits := getattr(tested[limb], side):
                zones.append(Zone(limb, side, deficits, tested[limb].spared))
    links = join(book, _seen(book, facts, zones)) if zones else ()
    by_zone: dict[tuple[Limb, Side], list[Link]] = {(zone.limb, zone.side): [] for zone in zones}
    for link in links:
        if (key := (book.lesion_sites[link.place].limb, link.side)) in by_zone:
            by_zone[key].append(link)
    regions = tuple(_regional(book, zone, by_zone[zone.limb, zone.side]) for zone in zones)
    alike = frozenset(limb for limb, its in tested.items() if its.left and its.left == its.right)
    lengthwise = bool(by_length(book.anatomy, tested))
    return Focal(regions, tuple(unplaced), lengthwise, alike, {} if lengthwise else _midline(book, regions))


def _midline(book: Rulebook, regions: Sequence[Regional]) -> dict[str, str]:
    """Where in the midline one lesion would explain everything, on both sides or in the middle; with the sites."""
    places = [region for region in regions if region.zone.limb != "head"]
    unsaid = [s for r in places if r.zone.side == "unsaid" for s in r.wiring.of(r.zone.deficits)]
    if len(places) < len((LEFT, RIGHT)) and all(book.findings[supply.finding].sided for supply in unsaid):
        return {}
    whole = [
        {
            fit.place: fit.territory.place.site
            for fit in region.fits
            if fit.territory.place.in_midline and not region.zone.deficits & ~fit.covers
        }
        for region in places
    ]
    return {place: site for place, site in whole[0].items() if all(place in its for its in whole)}


def _seen(book: Rulebook, facts: Facts, zones: Iterable[Zone]) -> Seen:
    deficits: list[tuple[Side, str]] = []
    spared: list[tuple[Side, str]] = []
    sides: dict[Side, None] = {}
    for zone in zones:
        wiring = book.anatomy.wiring[zone.limb]
        sides[zone.side] = None
        deficits += [(zone.side, supply.id) for supply in wiring.of(zone.deficits)]
        spared += [(zone.side, supply.id) for supply in wiring.of(zone.spared)]
    held = [
        (side, support.id)
        for support in book.supports.values()
        if isinstance(support.when, Is) and facts.lookup(support.when)
        for side in sides
        if _on(facts.values[support.when.name], side)
    ]
    return Seen(tuple(deficits), tuple(spared), tuple(held))


def _on(value: Value, side: Side) -> bool:
    """Whether what holds may be on a side."""
    return side == "unsaid" or value not in (LEFT, RIGHT) or value == side


def _regional(book: Rulebook, zone: Zone, links: Iterable[Link]) -> Regional:
    wiring = book.anatomy.wiring[zone.limb]
    by_place: dict[str, list[Link]] = {place: [] for place in wiring.territories}
    for link in links:
        by_place[link.place].append(link)
    costs = spared_costs(book, wiring, zone.deficits)
    fits = (_fit(book, wiring, costs, wiring.territories[place], its) for place, its in by_place.items() if its)
    telling = tuple(fit for fit in fits if fit.covers)
    explanations, left_over = _smallest(zone.deficits, telling, book)
    larger = _larger(explanations, zone.deficits, telling, book)
    return Regional(zone, wiring, telling, explanations, larger, left_over, book.scale.focal.margin)


def spared_costs_by_kind(book: Rulebook) -> tuple[Mapping[Share, int], Mapping[Share, int]]:
    """What something normal costs a lesion, in points, by the share the lesion takes: where others of its kind are
    lost, and where none is."""
    points, focal = book.scale.points, book.scale.focal
    lost, other = ({share: points[word] for share, word in its.items()} for its in (focal.spared, focal.spared_kind))
    return lost, other  # type: ignore[return-value]


def spared_costs(book: Rulebook, wiring: Wiring, deficits: int) -> list[Mapping[Share, int]]:
    """For each supply of a limb with these deficits: what it costs a lesion if it is normal."""
    lost, other = spared_costs_by_kind(book)
    kinds = {kind for kind, mask in wiring.kinds.items() if deficits & mask}
    return [lost if supply.kind in kinds else other for supply in wiring.supplies]


def _fit(
    book: Rulebook, wiring: Wiring, costs: Sequence[Mapping[Share, int]], territory: Territory, links: Iterable[Link]
) -> Fit:
    """One lesion's fit, read from its links and from nowhere else."""
    masks = {"explains": 0, "spares": 0}
    strongest: dict[str, Support] = {}
    scale, points = book.scale, book.scale.points
    places = {supply.id: bit for bit, supply in enumerate(wiring.supplies)}
    for link in links:
        if link.how != "supports":
            masks[link.how] |= 1 << places[link.what]
            continue
        support = book.supports[link.what]
        held = strongest.setdefault(support.kind, support)
        if (abs(points[support.strength]), held.id) > (abs(points[held.strength]), support.id):
            strongest[support.kind] = support
    against = whole = 0
    in_part = dict.fromkeys(SUPPLY_KINDS, 0)
    for bit, by_share in enumerate(costs):
        share = territory.share(bit) if masks["spares"] >> bit & 1 else None
        if share and (cost := by_share.get(share)):
            against |= 1 << bit
            if share == "part":
                in_part[wiring.supplies[bit].kind] += cost
            else:
                whole += cost
    return Fit(
        territory,
        explains=masks["explains"] & territory.explains,
        weakly=masks["explains"] & territory.minor,
        against=against,
        points=whole + sum(max(cost, points[scale.focal.parts_at_most]) for cost in in_part.values()),
        supports=tuple(strongest[kind] for kind in sorted(strongest)),
        supported=sum(points[support.strength] for support in strongest.values()),
    )


def _smallest(deficits: int, fits: Sequence[Fit], book: Rulebook) -> tuple[tuple[Explanation, ...], int]:
    """The smallest sets of uncontradicted lesions that explain the most deficits, and what they leave over.

    Minor supply explains little, and what explains too much by it explains nothing.
    """
    usable = _usable(fits, book)
    reached = 0
    for fit in usable:
        reached |= fit.covers
    if not reached:
        return (), deficits
    for size in range(1, MOST_LESIONS + 1):
        if sets := _sound_sets(reached, size, usable, book, deficits):
            return sets, deficits & ~reached
    explanation = _explanation(_greedily(reached, usable), book)
    return ((explanation,) if explanation.fits else ()), deficits & ~explanation.well


def _sound_sets(reached: int, size: int, fits: Sequence[Fit], book: Rulebook, deficits: int) -> tuple[Explanation, ...]:
    """The sound sets of so many lesions that explain all that is reached, best first."""
    found = (_explanation(chosen, book) for chosen in _covering(reached, size, fits))
    sound = (explanation for explanation in found if _sound(explanation, book))
    return tuple(sorted(sound, key=lambda e: _order(e, deficits)))


def _larger(smallest: Sequence[Explanation], deficits: int, fits: Sequence[Fit], book: Rulebook) -> Explanation | None:
    """The best set with one lesion more, where it fits better by more than the margin."""
    margin = book.scale.focal.margin
    if not smallest or smallest[0].points >= -margin or len(smallest[0].fits) == MOST_LESIONS:
        return None
    reached = smallest[0].covers
    more = _sound_sets(reached, len(smallest[0].fits) + 1, _usable(fits, book), book, deficits)
    return more[0] if more and more[0].points > smallest[0].points + margin else None


def _usable(fits: Sequence[Fit], book: Rulebook) -> list[Fit]:
    """The lesions that nothing contradicts; those in the midline are looked at apart."""
    return [f for f in fits if f.points > book.scale.focal.contradicted and not f.territory.place.in_midline]


def _covering(deficits: int, size: int, fits: Sequence[Fit]) -> Iterator[tuple[Fit, ...]]:
    """Sets of so many lesions that together reach all deficits, each once; none has a lesion that adds nothing.

    One of them must reach the deficit that the fewest reach: so the search goes on with that one. Where all are
    reached already, but some by minor supply only, it goes on with lesions that explain those well.
    """
    found: dict[frozenset[str], tuple[Fit, ...]] = {}

    def search(left: int, weakly: int, chosen: tuple[Fit, ...]) -> None:
        if len(chosen) == size:
            if not left:
                found.setdefault(frozenset(fit.place for fit in chosen), tuple(f for f in fits if f in chosen))
            return
        if left:
            bits = (1 << bit for bit in range(left.bit_length()) if left >> bit & 1)
            next_ones = min(([fit for fit in fits if fit.covers & bit] for bit in bits), key=len)
        else:
            next_ones = [fit for fit in fits if fit.explains & weakly]
        for fit in next_ones:
            search(left & ~fit.covers, (weakly | fit.weakly & left) & ~fit.explains, (*chosen, fit))

    search(deficits, 0, ())
    return iter(found.values())


def _greedily(deficits: int, fits: Sequence[Fit]) -> tuple[Fit, ...]:
    """What explains the most where no set of so many lesions explains all: one after another, the best first."""
    chosen: list[Fit] = []
    while len(chosen) < MOST_LESIONS:
        best = max(fits, key=lambda fit: ((fit.explains & deficits).bit_count(), fit.points + fit.supported))
        if not best.explains & deficits:
            break
        chosen.append(best)
        deficits &= ~best.explains
    return tuple(chosen)


def _explanation(fits: tuple[Fit, ...], book: Rulebook) -> Explanation:
    well = covered = 0
    for fit in fits:
        well |= fit.explains
        covered |= fit.covers
    weakly = covered & ~well
    return Explanation(fits, well, weakly, sum(fit.points for fit in fits) + _thin(weakly, book))


def _sound(explanation: Explanation, book: Rulebook) -> bool:
    """Whether enough speaks for a set, taken together and lesion by lesion, and none of its lesions adds nothing."""
    limit, fits = book.scale.focal.contradicted, explanation.fits
    if explanation.points <= limit * len(fits) or _thin(explanation.weakly, book) <= limit:
        return False
    rests = (_explanation(fits[:n] + fits[n + 1 :], book) for n in range(len(fits) if len(fits) > 1 else 0))
    return not any((rest.covers, rest.weakly) == (explanation.covers, explanation.weakly) for rest in rests)


def _thin(weakly: int, book: Rulebook) -> int:
    """What it costs to explain deficits by minor supply only, in points."""
    return book.scale.points[book.scale.focal.minor] * weakly.bit_count()


def _order(explanation: Explanation, deficits: int) -> tuple[int, int, int]:
    """By points; where they are equal, the commoner places first, then those that expect least besides."""
    besides = 0
    for fit in explanation.fits:
        besides |= fit.territory.explains & ~deficits
    common = sum(COMMONNESS[fit.territory.place.commonness] for fit in explanation.fits)
    return -explanation.total, common, besides.bit_count()
