"""What lesions amount to, as findings that rules can use: one nerve or root, several nerves, longest fibres first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from triage.facts import Facts, Origin
from triage.focal import MOST_LESIONS, NERVE, PLEXUS, ROOT, Focal, Regional
from triage.knowledge import LesionMeasure, Limb, Measure
from triage.rulebook import Rulebook
from triage.when import PRESENT


def in_general(book: Rulebook, facts: Facts, focal: Focal) -> Facts:
    """The facts with what the lesions amount to, as findings that were computed."""
    values, origins = dict(facts.values), dict(facts.origins)
    measures = _measures(focal)
    of = tuple(supply.finding for region in focal.regions for supply in region.wiring.of(region.zone.deficits))
    for finding in book.findings.values():
        its = finding.computed
        if its and finding.name not in values and (value := measures.get((its.what, its.limb))):
            values[finding.name] = PRESENT if value is True else float(value)
            origins[finding.name] = Origin("computed", tuple(dict.fromkeys(of)))
    return Facts(values, origins, facts.conflicts)


def _measures(focal: Focal) -> Mapping[tuple[Measure | LesionMeasure, Limb | None], bool | int]:
    """Every measure of lesions, those of arms and legs also for each limb by itself."""
    found: dict[tuple[Measure | LesionMeasure, Limb | None], bool | int] = {}
    found["one_cranial_nerve", None] = _one_cranial_nerve([r for r in focal.regions if r.zone.limb == "head"])
    regions = [region for region in focal.regions if region.zone.limb != "head"]
    limbs: list[Limb | None] = [None, *dict.fromkeys(region.zone.limb for region in regions)]
    return found | {(what, limb): value for what, value in _of_limbs(focal, regions) for limb in limbs}


def _one_cranial_nerve(regions: Sequence[Regional]) -> bool:
    """Whether two deficits or more of one half of the head belong to one cranial nerve."""
    if len(regions) != 1 or regions[0].size != 1 or regions[0].zone.deficits.bit_count() < 2:
        return False
    return _leaders(regions) == {frozenset({NERVE})}


def _leaders(regions: Sequence[Regional]) -> set[frozenset[str]]:
    """The families of every leading explanation; none of one that has to use minor supply."""
    return {frozenset() if e.weakly else e.families for region in regions for e in region.by_deficits}


def _of_limbs(focal: Focal, regions: Sequence[Regional]) -> Iterator[tuple[LesionMeasure, bool | int]]:
    if not regions:
        return
    leaders = _leaders(regions)
    needed = sum(region.size for region in regions)
    spread = len(regions) > 1
    singles = frozenset[str]().union(*(e.families for e in regions[0].explanations)) if needed == 1 else frozenset()
    told = spread or regions[0].zone.deficits.bit_count() > 1
    apart = not focal.by_length and not focal.symmetric - {"head"}
    explained = all(region.size <= MOST_LESIONS for region in regions)
    only = {family: leaders == {frozenset({family})} for family in (NERVE, ROOT, PLEXUS)}
    yield "one_nerve", needed == 1 and only[NERVE]
    yield "one_root", needed == 1 and only[ROOT]
    yield "one_plexus_part", needed == 1 and only[PLEXUS]
    yield "no_single_nerve", told and NERVE not in singles
    yield "no_single_root", told and ROOT not in singles
    yield "no_single_plexus_part", told and PLEXUS not in singles
    yield "several_nerves", apart and explained and needed > 1 and only[NERVE]
    yield "by_length", focal.by_length
    yield "lesions_needed", needed if apart else 0
