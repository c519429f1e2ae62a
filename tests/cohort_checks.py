"""What a cohort must say of a person: exactly what a reasoning of that person alone says."""

from __future__ import annotations

from collections.abc import Sequence

from triage.case import Case
from triage.cohort import STANDINGS, Outcomes
from triage.consultation import PLAIN, reason
from triage.facts import close
from triage.intake import settle
from triage.knowledge import URGENCIES, Given
from triage.planes import unpack
from triage.rulebook import Rulebook


def alone(answers: Given, book: Rulebook) -> dict[str, object]:
    """One person's consultation, as far as a cohort gives it."""
    reasoning = reason(book, close(settle(Case(findings=answers), book).said, book), PLAIN)
    ranked = reasoning.ranked
    points = {score.ref: score.points for score in ranked.sub_sites}
    return {
        "fired": {(firing.kind, firing.id) for firing in reasoning.firings},
        "points": [points[ref] for ref in book.sub_sites],
        "standings": [ranked.standings[ref] for ref in book.sub_sites],
        "order": list(ranked.best),
        "best": {site: score.ref for site, score in ranked.best.items()},
        "support": {site: round(share, 9) for site, share in ranked.support.items()},
        "urgency": reasoning.urgency.level,
        "not_excluded": {state.flag.id for state in reasoning.urgency.flags if state.state == "not_excluded"},
    }


def in_company(outcomes: Outcomes, person: int) -> dict[str, object]:
    """The same, of one person of a cohort."""
    book, ranking = outcomes.book, outcomes.ranking
    sites, sub_sites = list(book.sites), list(book.sub_sites)
    return {
        "fired": set(outcomes.fired_by(person)),
        "points": ranking.points[:, person].tolist(),
        "standings": [STANDINGS[code] for code in ranking.standings[:, person]],
        "order": [sites[code] for code in ranking.order[:, person]],
        "best": {site: sub_sites[code] for site, code in zip(sites, ranking.best[:, person], strict=True)},
        "support": {site: round(float(s), 9) for site, s in zip(sites, outcomes.support[:, person], strict=True)},
        "urgency": URGENCIES[outcomes.urgency[person]],
        "not_excluded": {
            flag for flag, plane in outcomes.not_excluded.items() if unpack(plane, outcomes.people)[person]
        },
    }


def differences(outcomes: Outcomes, everyone: Sequence[Given], book: Rulebook) -> list[tuple[int, str]]:
    """Which people come out otherwise in company than alone, and in what."""
    return [
        (person, what)
        for person, answers in enumerate(everyone)
        for together, apart in [(in_company(outcomes, person), alone(answers, book))]
        for what in apart
        if together[what] != apart[what]
    ]
