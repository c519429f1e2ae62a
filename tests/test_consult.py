"""One consultation, whole: what must hold for any person at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import answers_of, findings_of

from triage import Case, consult
from triage.explain import Format, render
from triage.knowledge import URGENCIES, Given
from triage.rulebook import Rulebook, load_rulebook
from triage.when import atoms

BOOK = load_rulebook()
FLAG_FINDINGS = sorted({atom.name for flag in BOOK.red_flags.values() for atom in atoms(flag.when)})
PRESENCE_FLAG_FINDINGS = [name for name in FLAG_FINDINGS if BOOK.findings[name].value == "presence"]


@given(findings_of(BOOK))
@settings(max_examples=150, deadline=None)
def test_any_valid_person_gets_a_report_that_ends_with_the_recommendation(answers: Given) -> None:
    report = consult(Case(findings=answers), BOOK)
    assert report.recommendation == BOOK.scale.recommendation[report.urgency.level]
    styles: tuple[Format, ...] = ("text", "markdown", "html", "json")
    for style in styles:
        written = " ".join(render(report, style).split())
        last = " ".join(report.recommendation.split())
        assert (
            written.removesuffix("</body></html>")
            .rstrip()
            .removesuffix("</p>")
            .rstrip('"}* ')
            .endswith(last.rstrip('"}* '))
        )
    assert list(json.loads(report.model_dump_json()))[-1] == "recommendation"


@given(findings_of(BOOK), st.data())
@settings(max_examples=200, deadline=None)
def test_adding_a_red_flag_finding_never_lowers_the_urgency(answers: Given, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([n for n in PRESENCE_FLAG_FINDINGS if n not in answers] or PRESENCE_FLAG_FINDINGS))
    before = consult(Case(findings={k: v for k, v in answers.items() if k != name}), BOOK).urgency.level
    after = consult(Case(findings={**answers, name: "present"}), BOOK).urgency.level
    assert URGENCIES.index(after) >= URGENCIES.index(before)


@given(findings_of(BOOK), st.data())
@settings(max_examples=100, deadline=None)
def test_points_are_the_sum_of_what_is_shown(answers: Given, data: st.DataObject) -> None:
    report = consult(Case(findings=answers), BOOK)
    for site in report.sites:
        assert site.points == sum(a.points for a in (*site.in_favour, *site.against))
        assert len({(a.theme, a.points > 0) for a in (*site.in_favour, *site.against)}) == len(site.in_favour) + len(
            site.against
        )
    assert sum(site.relative_support for site in report.sites) == pytest.approx(1, abs=0.01)


@given(findings_of(BOOK))
@settings(max_examples=60, deadline=None)
def test_every_argument_leads_back_to_the_persons_own_answers(answers: Given) -> None:
    report = consult(Case(findings=answers), BOOK)
    for site in report.sites:
        for argument in (*site.in_favour, *site.against, *site.already_counted):
            assert argument.rests_on
            if not any("nothing said about" in words for words in argument.rests_on):
                assert argument.answers, argument.id


@given(st.sampled_from(sorted(BOOK.findings)), st.data())
@settings(max_examples=60, deadline=None)
def test_a_single_answer_is_never_refused(name: str, data: st.DataObject) -> None:
    answer = data.draw(answers_of(BOOK.findings[name]))
    assert consult(Case(findings={name: answer}), BOOK).recommendation


def test_an_empty_case_is_not_localised_and_never_routine(book: Rulebook) -> None:
    report = consult(Case(), book)
    assert not report.localised
    assert report.urgency.level != "routine_appointment"
    assert report.summary.startswith("Not enough to localise")


def test_age_and_sex_are_answers_like_any_other(book: Rulebook) -> None:
    assert (
        consult(Case(age=34, sex="female"), book).trace
        == consult(Case(findings={"age": 34, "sex": "female"}), book).trace
    )


def test_three_unsure_safety_answers_mean_the_same_day(book: Rulebook) -> None:
    known = {"weakness": "present", "foot_drop": "left"}
    unsure = dict.fromkeys(("orthopnea", "dysphagia", "sphincter_disturbance", "saddle_numbness"), "unsure")
    report = consult(Case(findings={**known, **unsure}), book)
    assert URGENCIES.index(report.urgency.level) >= URGENCIES.index("same_day")


def test_a_contradiction_is_told_and_the_report_still_comes(book: Rulebook) -> None:
    report = consult(Case(findings={"ptosis": ["present", "absent"]}), book)
    assert [notice.kind for notice in report.notices] == ["contradiction"]


def test_hpo_ids_and_synonyms_are_understood_and_said(book: Rulebook) -> None:
    report = consult(Case(findings={"HP:0000508": "left", "double vision": "present"}), book)
    assert {name for notice in report.notices for name in notice.findings} == {"ptosis", "diplopia"}
    assert all(notice.kind == "read_as" for notice in report.notices)


def test_tests_know_how_early_it_is(book: Rulebook) -> None:
    early = consult(
        Case(findings={"foot_drop": "left", "single_nerve_weakness": "left", "single_nerve_sensory_loss": "left",
                       "days_since_onset": 3}), book)  # fmt: skip
    emg = [test for test in early.investigations if test.test == "needle_emg"]
    assert emg
    assert "Now day 3" in emg[0].timing
