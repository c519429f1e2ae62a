"""Safety's own lane: what fires, what is not excluded, and how urgent that makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import FINDINGS, SCALE, Entry, evidence, finding, flag, tiny_book

from triage import Case, consult
from triage.knowledge import Given
from triage.report import Report
from triage.rulebook import Rulebook

BREATHING: Entry = {"weakness": "present", "breathless": "present"}
"""A pair, as most red flags are."""


def book_with(folder: Path, *flags: Entry, **files: Any) -> Rulebook:
    return tiny_book(folder, red_flags=list(flags), **files)


def assess(folder: Path, answers: Given, **policy: Any) -> Report:
    """The report on these answers where the pair is the only red flag."""
    return consult(Case(findings=answers), book_with(folder, flag("breathing", BREATHING, **policy)))


def states(report: Report) -> dict[str, str]:
    return {found.id: found.state for found in report.red_flags}


def test_a_flag_fires_on_what_was_said(tmp_path: Path) -> None:
    report = assess(tmp_path, {"weakness": "present", "breathless": "present"})
    (fired,) = report.red_flags
    assert (fired.state, fired.raises_to, fired.missing) == ("fired", "emergency", ())
    assert fired.answers == ("weakness", "breathless")
    assert (report.urgency.level, report.urgency.window) == ("emergency", "Within hours")
    assert report.urgency.reasons == ("Flag breathing",)
    assert report.recommendation == SCALE["recommendation"]["emergency"]


def test_a_flag_fires_on_what_follows_from_what_was_said(tmp_path: Path) -> None:
    (fired,) = assess(tmp_path, {"weak_hand": "left", "breathless": "present"}).red_flags
    assert (fired.state, fired.answers) == ("fired", ("weak hand (left)", "breathless"))


@pytest.mark.parametrize(
    ("policy", "level", "raises_to"), [("raise", "same_day", "same_day"), ("ask", "within_two_weeks", None)]
)
def test_a_pair_half_known_is_not_excluded(tmp_path: Path, policy: str, level: str, raises_to: str | None) -> None:
    report = assess(tmp_path, {"weakness": "present"}, if_not_known=policy)
    (open_flag,) = report.red_flags
    assert (open_flag.state, open_flag.raises_to, open_flag.missing) == ("not_excluded", raises_to, ("breathless",))
    assert report.urgency.level == level
    assert (report.open_questions[0].finding, report.open_questions[0].safety) == ("breathless", True)


@pytest.mark.parametrize(("urgency", "level"), [("emergency", "same_day"), ("same_day", "within_two_weeks")])
def test_how_far_an_unexcluded_flag_raises_is_on_the_scale(tmp_path: Path, urgency: str, level: str) -> None:
    assert assess(tmp_path, {"weakness": "present"}, urgency=urgency, if_not_known="raise").urgency.level == level


def test_a_flag_whose_other_half_is_denied_is_excluded(tmp_path: Path) -> None:
    for policy in ("raise", "ask"):
        report = assess(tmp_path / policy, {"weakness": "present", "breathless": "absent"}, if_not_known=policy)
        assert (report.red_flags, report.urgency.level) == ((), "within_two_weeks")


@pytest.mark.parametrize(
    ("unsure", "unknown", "level", "state"),
    [
        ("as_present", "ask", "emergency", "fired"), ("as_present", "raise", "emergency", "fired"),
        ("ask", "ask", "within_two_weeks", "not_excluded"), ("ask", "raise", "same_day", "not_excluded"),
        ("ignore", "ask", "within_two_weeks", None), ("ignore", "raise", "within_two_weeks", None),
    ],
)  # fmt: skip
def test_not_sure_is_read_as_the_flag_says(
    tmp_path: Path, unsure: str, unknown: str, level: str, state: str | None
) -> None:
    answers: Given = {"weakness": "present", "breathless": "unsure"}
    report = assess(tmp_path, answers, if_unsure=unsure, if_not_known=unknown)
    assert (report.urgency.level, states(report).get("breathing")) == (level, state)


def test_a_flag_lacking_only_its_time_is_not_excluded(tmp_path: Path) -> None:
    recent = flag("recent", {"weakness": "present", "days_since_onset": {"at_most": 28}}, if_not_known="raise")
    book = book_with(tmp_path, recent)
    report = consult(Case(findings={"weakness": "present"}), book)
    assert [(f.state, f.missing) for f in report.red_flags] == [("not_excluded", ("days since onset",))]
    assert report.urgency.level == "same_day"
    for days, level in ((28, "emergency"), (29, "within_two_weeks")):
        assert consult(Case(findings={"weakness": "present", "days_since_onset": days}), book).urgency.level == level


def test_a_flag_is_considered_only_where_it_is_relevant(tmp_path: Path) -> None:
    careful = flag("choking", {"weakness": "present", "chokes": "present"}, relevant_when={"droopy_lid": "present"})
    book = book_with(tmp_path, careful)
    assert consult(Case(findings={"weakness": "present"}), book).red_flags == ()
    both = consult(Case(findings={"weakness": "present", "droopy_lid": "left"}), book)
    assert states(both) == {"choking": "not_excluded"}
    fired = consult(Case(findings={"weakness": "present", "chokes": "present"}), book)
    assert states(fired) == {"choking": "fired"}


def test_history_alone_begins_no_flag(tmp_path: Path) -> None:
    book = book_with(tmp_path, flag("lung", {"smokes": "present", "breathless": "present"}, if_not_known="raise"))
    assert consult(Case(findings={"smokes": "present", "weakness": "absent"}), book).red_flags == ()
    assert states(consult(Case(findings={"breathless": "present"}), book)) == {"lung": "not_excluded"}


@pytest.mark.parametrize(
    "answers",
    [
        {"weakness": "present", "breathless": ["present", "absent"]},
        {"weakness": ["absent", "present"], "breathless": ["present", "absent"]},
        {"weak_hand": "left", "weakness": "absent", "breathless": "present"},
    ],
)
def test_contradictory_answers_take_the_worse_reading(tmp_path: Path, answers: Given) -> None:
    report = assess(tmp_path, answers)
    assert (report.urgency.level, states(report)) == ("emergency", {"breathing": "fired"})
    assert {notice.kind for notice in report.notices} == {"contradiction"}


def test_a_contradiction_counts_for_no_site(tmp_path: Path) -> None:
    book = book_with(
        tmp_path, flag("f", {"tires": "present"}), evidence=[evidence("e", "muscle", "for", {"tires": "present"})]
    )
    report = consult(Case(findings={"tires": ["present", "absent"]}), book)
    assert report.urgency.level == "emergency"
    assert [site.points for site in report.sites] == [0, 0, 0]


SAFETY = ("breathless", "chokes", "bladder")


def three_flags(folder: Path) -> Rulebook:
    return book_with(folder, *(flag(f"flag_{name}", {"weakness": "present", name: "present"}) for name in SAFETY))


@pytest.mark.parametrize("known", [{"weakness": "present"}, {"droopy_lid": "left"}, {}])
@pytest.mark.parametrize(("unsure", "same_day"), [(SAFETY, True), (SAFETY[:2], False)])
def test_three_safety_answers_not_sure_mean_the_same_day(
    tmp_path: Path, known: Given, unsure: tuple[str, ...], same_day: bool
) -> None:
    report = consult(Case(findings={**known, **dict.fromkeys(unsure, "unsure")}), three_flags(tmp_path))
    assert report.urgency.level == ("same_day" if same_day else "within_two_weeks")
    assert any("not sure" in reason for reason in report.urgency.reasons) is same_day


def test_not_sure_about_what_no_flag_asks_is_no_safety_answer(tmp_path: Path) -> None:
    doubts: Given = dict.fromkeys(("tires", "numb_foot", "droopy_lid", "smokes"), "unsure")
    assert (
        consult(Case(findings={"weakness": "absent", **doubts}), three_flags(tmp_path)).urgency.level
        == "routine_appointment"
    )


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        ({"weakness": "present"}, "within_two_weeks"),
        ({"weakness": "present", "breathless": "absent"}, "within_two_weeks"),
        ({"weakness": "present", "breathless": "absent", "chokes": "absent"}, "within_two_weeks"),
        ({"weakness": "present", "breathless": "absent", "chokes": "absent", "bladder": "unsure"}, "within_two_weeks"),
        ({"weakness": "present", "breathless": "absent", "chokes": "absent", "bladder": "absent"}, "within_two_weeks"),
        ({"weakness": "absent", "tires": "present"}, "routine_appointment"),
        ({"tires": "present"}, "within_two_weeks"),
        ({"weakness": "unsure", "tires": "present"}, "within_two_weeks"),
        ({}, "within_two_weeks"),
    ],
)  # fmt: skip
def test_routine_needs_the_safety_questions_answered_with_no(tmp_path: Path, answers: Given, level: str) -> None:
    report = consult(Case(findings=answers), three_flags(tmp_path))
    assert report.urgency.level == level
    assert report.urgency.safety_net == SCALE["safety_net"]
    assert ("answered no" in " ".join(report.urgency.reasons)) is (level == "routine_appointment")


def test_an_emergency_two_answers_away_still_keeps_it_from_being_routine(tmp_path: Path) -> None:
    book = book_with(tmp_path, flag("three", {**BREATHING, "chokes": "present"}))
    report = consult(Case(findings={"weakness": "present"}), book)
    assert (report.red_flags, report.urgency.level) == ((), "within_two_weeks")
    assert {question.finding for question in report.open_questions if question.safety} >= {"breathless", "chokes"}


def test_what_must_always_be_asked_is_asked(tmp_path: Path) -> None:
    book = tiny_book(tmp_path, scale={**SCALE, "always_ask": ["weakness", "bladder"]})
    report = consult(Case(findings={"tires": "present", "weakness": "absent"}), book)
    assert report.urgency.level == "within_two_weeks"
    assert [question.finding for question in report.open_questions if question.safety] == ["bladder"]


def test_the_most_urgent_flag_comes_first_and_sets_the_level(tmp_path: Path) -> None:
    book = book_with(
        tmp_path,
        flag("soon", {"tires": "present"}, "within_two_weeks"),
        flag("half", {"tires": "present", "chokes": "present"}, if_not_known="raise"),
        flag("today", {"tires": "present"}, "same_day"),
        flag("now", {"tires": "present"}, "emergency"),
    )
    report = consult(Case(findings={"tires": "present"}), book)
    assert list(states(report)) == ["now", "today", "soon", "half"]
    assert report.urgency.reasons == ("Flag now",)


def test_a_flag_raises_urgency_and_never_moves_the_ranking(tmp_path: Path) -> None:
    rules = [evidence("e", "muscle", "for", {"tires": "present"})]
    calm = consult(Case(findings={"tires": "present"}), tiny_book(tmp_path / "calm", evidence=rules))
    alarmed = consult(
        Case(findings={"tires": "present"}),
        book_with(tmp_path / "alarmed", flag("f", {"tires": "present"}), evidence=rules),
    )
    assert alarmed.sites == calm.sites
    assert alarmed.urgency.level == "emergency"


def test_a_side_that_is_not_told_leaves_a_sided_flag_open(tmp_path: Path) -> None:
    both = flag("both", {"weak_hip": "both"}, if_not_known="raise")
    book = book_with(tmp_path, both, findings=[*FINDINGS, finding("both_hips", implies=[{"weak_hip": "both"}])])
    assert states(consult(Case(findings={"weak_hip": "both"}), book)) == {"both": "fired"}
    assert states(consult(Case(findings={"both_hips": "present"}), book)) == {"both": "fired"}
    assert states(consult(Case(findings={"weak_hip": "left"}), book)) == {}
