"""Which movement, area or reflex to examine next: the one whose result would tell the lesions apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from triage.anatomy import SHARES
from triage.facts import Facts
from triage.focal import Explanation, Regional, spared_costs
from triage.knowledge import Share, Supply
from triage.ranking import WEIGHT
from triage.rulebook import Rulebook

MOST_EXAMINATIONS = 3
"""How many a limb proposes."""
_MOST_RIVALS = 8


@dataclass(frozen=True, slots=True)
class Examination:
    """A supply worth examining, the rivals that would affect it, and those that would leave it alone."""

    supply: Supply
    affected: tuple[Explanation, ...]
    spared: tuple[Explanation, ...]


def next_examinations(book: Rulebook, facts: Facts, region: Regional) -> list[Examination]:
    """What would tell the leading explanations of one limb apart, each in turn what those before it do not tell."""
    rivals = (*region.explanations[:_MOST_RIVALS], *((region.larger,) if region.larger else ()))
    costs = spared_costs(book, region.wiring, region.zone.deficits)
    pairs = list(combinations(range(len(rivals)), 2))
    apart: dict[Supply, list[float]] = {}
    for bit, supply in enumerate(region.wiring.supplies):
        if supply.finding not in facts.values:
            stakes = [_stakes(book, share_of(rival, bit), costs[bit]) for rival in rivals]
            apart[supply] = [sum(abs(a - b) for a, b in zip(stakes[m], stakes[n], strict=True)) for m, n in pairs]
    weights = [_weight(rivals[m], rivals[0]) * _weight(rivals[n], rivals[0]) for m, n in pairs]
    chosen: list[Supply] = []
    while apart and len(chosen) < MOST_EXAMINATIONS:
        worth = {
            supply: sum(w * points for w, points in zip(weights, told, strict=True)) for supply, told in apart.items()
        }
        best = max(worth, key=lambda supply: worth[supply])
        if not worth[best]:
            break
        chosen.append(best)
        # What this one tells apart needs no second telling.
        weights = [w * 10 ** (-points / 10) for w, points in zip(weights, apart.pop(best), strict=True)]
    return [_examination(region, supply, rivals) for supply in chosen]


def share_of(explanation: Explanation, bit: int) -> Share | None:
    """The most that any lesion of a set takes of a supply."""
    shares = [share for fit in explanation.fits if (share := fit.territory.share(bit))]
    return min(shares, key=SHARES.index, default=None)


def _examination(region: Regional, supply: Supply, rivals: tuple[Explanation, ...]) -> Examination:
    bit = region.wiring.supplies.index(supply)
    shares = [(rival, share_of(rival, bit)) for rival in rivals]
    return Examination(
        supply,
        affected=tuple(rival for rival, share in shares if share in ("main", "chief", "part")),
        spared=tuple(rival for rival, share in shares if share in (None, "minor")),
    )


def _weight(rival: Explanation, first: Explanation) -> float:
    common = [WEIGHT[fit.territory.place.commonness] for fit in rival.fits]
    return float(10 ** ((rival.total - first.total) / 10) * min(common))


def _stakes(book: Rulebook, share: Share | None, costs: Mapping[Share, int]) -> tuple[float, float]:
    """What it would cost a rival, in points, if a supply of which it takes this share were normal, and if lost."""
    if share is None:
        return 0, book.scale.focal.contradicted
    return costs.get(share, 0), book.scale.points[book.scale.focal.minor] if share == "minor" else 0


def tells(examination: Examination) -> str:
    """What the result would mean, in words."""
    lost = {"movement": "weak", "area": "numb", "reflex": "lost"}[examination.supply.kind]
    affected, spared = (_names(group) for group in (examination.affected, examination.spared))
    told = [f"{lost} in: {affected}"] if affected else []
    return "; ".join([*told, *([f"spared in: {spared}"] if spared else [])])


def _names(explanations: Iterable[Explanation]) -> str:
    return ", ".join(" + ".join(fit.territory.place.label for fit in e.fits) for e in explanations)
