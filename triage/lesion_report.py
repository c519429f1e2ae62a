"""The lesions found, put into a report: what each explains, what speaks against it, what would tell them apart."""

from __future__ import annotations

from collections.abc import Iterable

from triage import report as r
from triage.examination import Examination, share_of, tells
from triage.firing import Standings
from triage.focal import Explanation, Fit, Focal, Regional
from triage.knowledge import Side
from triage.rulebook import Rulebook

_MOST_SHOWN = 4
"""How many explanations a limb lists: also the columns of its table."""


def focal_part(
    book: Rulebook,
    focal: Focal,
    standings: Standings,
    examinations: Iterable[tuple[Regional, list[Examination]]],
) -> r.Focal | None:
    """What a report says of lesions; nothing where no limb has a deficit."""
    if not focal.regions:
        return None
    alike = sorted(focal.symmetric)
    return r.Focal(
        regions=tuple(_region(book, region, proposed) for region, proposed in examinations),
        both_sides_alike=tuple(alike),
        longest_fibres_first=focal.by_length,
        midline=tuple(book.lesion_sites[place].label for place in focal.in_midline(standings)),
        unplaced=tuple(book.anatomy.by_finding[name].label for name in focal.unplaced),
    )


def _region(book: Rulebook, region: Regional, proposed: list[Examination]) -> r.FocalRegion:
    wiring, zone = region.wiring, region.zone
    larger = (region.larger,) if region.larger else ()
    shown = (*region.explanations[: _MOST_SHOWN - len(larger)], *larger)
    return r.FocalRegion(
        limb=zone.limb,
        side=zone.side,
        lost=_labels(region, zone.deficits),
        normal=_labels(region, zone.spared),
        explanations=tuple(_explanation(region, e) for e in shown),
        cannot_tell_apart=len(region.best),
        left_over=_labels(region, region.left_over),
        if_partial=tuple(_lesion(region, fit) for fit in region.if_partial[:2]),
        table=tuple(_rows(region, shown, proposed)),
        next_examinations=tuple(_proposal(book, region.zone.side, e) for e in proposed),
        variants=tuple(f"{s.label}: {s.variants}" for s in wiring.of(zone.deficits) if s.variants),
    )


def _labels(region: Regional, mask: int) -> tuple[str, ...]:
    return tuple(supply.label for supply in region.wiring.of(mask))


def _explanation(region: Regional, explanation: Explanation) -> r.LesionSet:
    return r.LesionSet(
        lesions=tuple(_lesion(region, fit) for fit in explanation.fits),
        points=explanation.total,
        one_of_the_best=explanation in region.best,
    )


def _lesion(region: Regional, fit: Fit) -> r.Lesion:
    place = fit.territory.place
    return r.Lesion(
        place=place.id,
        side=region.zone.side,
        label=place.label,
        plain=place.plain,
        site=place.site,
        explains=_labels(region, fit.explains),
        hardly=_labels(region, fit.weakly),
        normal_though_supplied=_labels(region, fit.against),
        supported_by=tuple(
            r.LesionSupport(strength=s.strength, because=s.because, status=s.status) for s in fit.supports
        ),
        usual_cause=place.usual_cause,
        cite=place.cite,
        status=place.status,
    )


def _rows(region: Regional, shown: Iterable[Explanation], proposed: Iterable[Examination]) -> Iterable[r.TableRow]:
    shown, open_ones = tuple(shown), {e.supply.id for e in proposed}
    zone = region.zone
    for bit, supply in enumerate(region.wiring.supplies):
        affects = tuple(r.AFFECTS[share_of(explanation, bit)] for explanation in shown)
        if zone.deficits >> bit & 1:
            yield r.TableRow(what=supply.label, found="lost", affects=affects)
        elif zone.spared >> bit & 1 and set(affects) - {"no"}:
            yield r.TableRow(what=supply.label, found="normal", affects=affects)
        elif supply.id in open_ones:
            yield r.TableRow(what=supply.label, found="not tested", affects=affects)


def _proposal(book: Rulebook, side: Side, examination: Examination) -> r.NextExamination:
    finding = book.findings[examination.supply.finding]
    return r.NextExamination(
        finding=finding.name,
        side=side,
        what=examination.supply.label,
        question=finding.question,
        help=finding.help,
        tells=tells(examination),
    )
