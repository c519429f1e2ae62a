"""Every case, through consult, comes out as a fair examiner expects."""

from __future__ import annotations

import pytest

from triage.knowledge import TeachingCase
from triage.rulebook import Rulebook, load_rulebook
from triage.teaching import run

CASES = load_rulebook().cases()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_case_comes_out_as_expected(case: TeachingCase, book: Rulebook) -> None:
    report, wrong = run(case, book)
    assert not wrong, report.summary


def test_the_cases_cover_what_they_must() -> None:
    def tagged(*tags: str) -> int:
        return sum(bool(set(tags) & set(case.tags)) for case in CASES)

    assert len(CASES) >= 160
    assert tagged("atypical", "early", "sparse") * 3 >= len(CASES)
    assert tagged("emergency") >= 30
    assert tagged("mimic") >= 25
    assert tagged("contradictory") >= 10
    assert tagged("not_enough") >= 10


def test_every_emergency_case_is_seen_the_same_day(book: Rulebook) -> None:
    for case in CASES:
        if "emergency" in case.tags:
            report, _ = run(case, book)
            assert report.urgency.level in ("emergency", "same_day"), case.id
