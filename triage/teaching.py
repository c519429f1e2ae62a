"""Teaching cases: run one, and hold what came out beside what a fair examiner expects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from triage.case import Case
from triage.consultation import PLAIN, Reasoning, reason, report_on
from triage.facts import Facts, close
from triage.focal import Explanation, Focal, Regional
from triage.intake import settle
from triage.knowledge import Standing, TeachingCase, UrgencyLevel
from triage.questions import open_questions
from triage.ranking import Ranked
from triage.report import Report
from triage.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Outcome:
    """The part of a consultation that an expectation speaks about."""

    first: tuple[str, str]
    """The first site of the order and its best sub-site."""
    standings: Mapping[str, Standing]
    urgency: UrgencyLevel
    red_flags: Collection[str]
    focal: Focal
    examinations: Collection[str]
    """The findings proposed as the first examinations between lesions."""
    asks: Collection[str] | None = None
    conditions: Collection[str] | None = None


def as_case(teaching: TeachingCase) -> Case:
    """The case as a person would hand it in."""
    return Case(id=teaching.id, findings=teaching.given, story=teaching.story.lay)


def run(teaching: TeachingCase, book: Rulebook) -> tuple[Report, list[str]]:
    """The report of a case, and every expectation it fails."""
    case = as_case(teaching)
    intake = settle(case, book)
    reasoning = reason(book, close(intake.said, book))
    report = report_on(reasoning, case, intake.notices)
    standings: dict[str, Standing] = {sub.sub_site: sub.standing for site in report.sites for sub in site.sub_sites}
    standings |= {site.site: site.standing for site in report.sites}
    outcome = Outcome(
        first=(report.sites[0].site, report.sites[0].sub_site),
        standings=standings,
        urgency=report.urgency.level,
        red_flags={flag.id for flag in report.red_flags if flag.state == "fired"},
        focal=reasoning.focal,
        examinations=examinations(reasoning),
        asks=_asked((question.finding for question in report.open_questions), book),
        conditions={condition.id for condition in report.conditions},
    )
    return report, list(failures(teaching, outcome))


def facts_of(teaching: TeachingCase, book: Rulebook) -> Facts:
    """A teaching case, closed."""
    return close(settle(as_case(teaching), book).said, book)


def reason_plainly(book: Rulebook, facts: Facts) -> Reasoning:
    """A consultation's reasoning without the engine: for sweeps over many cases and rulebooks."""
    return reason(book, facts, PLAIN)


def outcome_of(reasoning: Reasoning) -> Outcome:
    """The outcome of a reasoning, conditions left out."""
    ranked = reasoning.ranked
    asked = open_questions(
        reasoning.book, reasoning.facts, reasoning.firings, ranked, reasoning.urgency, reasoning.examinations
    )
    return Outcome(
        first=first_of(ranked),
        standings=ranked.standings,
        urgency=reasoning.urgency.level,
        red_flags={f.id for f in reasoning.firings if f.kind == "red_flag"},
        focal=reasoning.focal,
        examinations=examinations(reasoning),
        asks=_asked((a.finding for a in asked), reasoning.book),
    )


def examinations(reasoning: Reasoning) -> set[str]:
    """The findings proposed for telling lesions apart."""
    return {one.supply.finding for _, proposed in reasoning.examinations for one in proposed}


def _asked(names: Iterable[str], book: Rulebook) -> set[str]:
    """What the questions ask for: asking for the general asks for the special too."""
    asked = set(names)
    size = 0
    while size != len(asked):
        size = len(asked)
        asked |= {f.name for f in book.findings.values() if asked & set(filter(_is_name, f.implies))}
    return asked


def _is_name(implied: object) -> bool:
    return isinstance(implied, str)


def first_of(ranked: Ranked) -> tuple[str, str]:
    """The first site of the order, and its best sub-site."""
    site = next(iter(ranked.best))
    return site, ranked.best[site].ref


def failures(teaching: TeachingCase, outcome: Outcome) -> Iterator[str]:
    """What the outcome gets wrong, in words."""
    expect, never = teaching.expect, teaching.never
    leading = [site for site, standing in outcome.standings.items() if standing == "leading"]
    if expect.leading == ():
        if found := [site for site in leading if "." not in site]:
            yield f"nothing may lead, but these do: {', '.join(found)}"
    elif expect.leading is not None:
        if not set(outcome.first) & set(expect.leading):
            yield f"{outcome.first[1]} comes first instead of {' or '.join(expect.leading)}"
        elif outcome.standings.get(outcome.first[0]) != "leading":
            yield f"{outcome.first[0]} comes first but is only {outcome.standings.get(outcome.first[0])}"
    for ref, allowed in expect.standing.items():
        standing = outcome.standings.get(ref, "not_assessed")
        if standing not in allowed:
            yield f"{ref} is {standing} instead of {' or '.join(allowed)}"
    for ref in never.leading:
        if outcome.standings.get(ref) == "leading":
            yield f"{ref} must not lead"
    if outcome.urgency not in expect.urgency or outcome.urgency in never.urgency:
        yield f"urgency is {outcome.urgency} instead of {' or '.join(expect.urgency)}"
    yield from _lesion_failures(teaching, outcome)
    for flag in expect.red_flags:
        if flag not in outcome.red_flags:
            yield f"red flag {flag} does not fire"
    for finding in expect.asks if outcome.asks is not None else ():
        if finding not in (outcome.asks or ()):
            yield f"does not ask for {finding}"
    if outcome.conditions is not None:
        for condition in expect.conditions:
            if condition not in outcome.conditions:
                yield f"{condition} is not among the conditions"
        for condition in never.conditions:
            if condition in outcome.conditions:
                yield f"{condition} must not be among the conditions"


def _lesion_failures(teaching: TeachingCase, outcome: Outcome) -> Iterator[str]:
    expect, never, focal = teaching.expect, teaching.never, outcome.focal
    first = {lesion for region in focal.regions for lesion in _named(region, region.explanations[:1])}
    wanted = [set(lesions) for lesions in expect.lesions]
    in_midline = {f"{place}:both" for place in focal.in_midline(outcome.standings)}
    if wanted and first not in wanted and in_midline not in wanted:
        yield f"lesions {_listed(first | in_midline)} come first instead of {' or '.join(map(_listed, wanted))}"
    best = in_midline.union(*(_named(region, region.best) for region in focal.sought(outcome.standings)))
    for lesion in never.lesions:
        if lesion in best:
            yield f"lesion {lesion} must not be among the best"
    if expect.next_examination and not set(expect.next_examination) & set(outcome.examinations):
        yield f"examines {_listed(outcome.examinations)} next, none of {_listed(expect.next_examination)}"


def _named(region: Regional, explanations: Iterable[Explanation]) -> set[str]:
    """The lesions of some explanations, as ``place:side``."""
    return {f"{fit.place}:{region.zone.side}" for explanation in explanations for fit in explanation.fits}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
