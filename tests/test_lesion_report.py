"""The lesion part of a report: what explains what, what is left over, what to examine, and what is not pretended."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from small_limb import ANATOMY, PLACES, SUPPLIES, SUPPORTS, limb_book, place, supply
from tiny import Entry, evidence, finding

from triage import Case, consult
from triage.explain import render
from triage.report import Focal, Report
from triage.rulebook import Rulebook

WINK: dict[str, Any] = {
    "findings": [*ANATOMY["findings"], finding("wink_lost", sided=True)],
    "anatomy__supply": [*SUPPLIES, {**supply("wink", "movement", "belt", "R6"), "roots": {}}],
    "evidence": [evidence("of_wink", "nerve", "strongly_for", {"wink_lost": "present"})],
}
"""One more movement of the belt, which no root carries: only a lesion of the belt explains its loss."""


@pytest.fixture(scope="module")
def limb(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return limb_book(tmp_path_factory.mktemp("limb"))


def told(book: Rulebook, **answers: str) -> tuple[Report, str]:
    report = consult(Case(findings=answers), book)
    return report, render(report, width=100)


def focal(report: Report) -> Focal:
    assert report.focal is not None
    return report.focal


def one_line(written: str) -> str:
    return " ".join(written.split())


def table_of(written: str) -> list[list[str]]:
    """The cells below the head of the first table, in text."""
    lines = written.splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip().startswith("-----") and line.startswith("  "))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("  ") or line.startswith("  -"):
            break
        rows.append(re.split(r"\s{2,}", line.strip()))
    return rows


def test_each_lesion_says_what_it_explains_and_why(limb: Rulebook) -> None:
    report, written = told(limb, palm_lost="left", lift_lost="left", aches="left")
    (region,) = focal(report).regions
    assert (region.limb, region.side, region.lost) == ("arm", "left", ("palm", "lift"))
    first = region.explanations[0]
    assert {lesion.label: lesion.explains for lesion in first.lesions} == {"high strap": ("palm",), "belt": ("lift",)}
    assert {lesion.label: [s.because for s in lesion.supported_by] for lesion in first.lesions} == {
        "high strap": [],
        "belt": ["A pinched belt aches."],
    }
    assert (first.points, first.one_of_the_best) == (7, True)
    said = one_line(written)
    for words in (
        "Arm (left) To be explained: palm, lift.",
        "A. high strap + belt (+7 points) high strap (plainly the high strap): explains palm",
        "belt (plainly the belt): explains lift for it: A pinched belt aches. usual cause: A blow on the belt.",
        "B. R5 root + belt (+7 points)",
        "belt: as above",
        "(less likely)",
    ):
        assert words in said, words
    assert said.count("A blow on the belt.") == 1, "a lesion is described once"


def test_pain_on_the_other_side_supports_nothing(limb: Rulebook) -> None:
    report, _ = told(limb, palm_lost="left", lift_lost="left", aches="right")
    assert not any(lesion.supported_by for e in focal(report).regions[0].explanations for lesion in e.lesions)


@pytest.mark.parametrize(
    ("answers", "lead"),
    [
        ({"grip_lost": "left"}, "3 explanations cannot be told apart by what is known; the likeliest first:"),
        ({"grip_lost": "left", "palm_lost": "left", "carries": "present"}, "The first fits best:"),
    ],
)
def test_it_says_how_well_they_can_be_told_apart(limb: Rulebook, answers: dict[str, str], lead: str) -> None:
    report, written = told(limb, **answers)
    assert lead in one_line(written)
    (region,) = focal(report).regions
    assert [e.one_of_the_best for e in region.explanations] == [
        n < region.cannot_tell_apart for n in range(len(region.explanations))
    ]


def test_more_than_are_shown_are_counted(book: Rulebook) -> None:
    report, written = told(book, foot_drop="right", dorsal_foot_numbness="right")
    (region,) = focal(report).regions
    assert region.cannot_tell_apart > len(region.explanations)
    assert f"{region.cannot_tell_apart} explanations cannot be told apart" in one_line(written)
    assert f"the {len(region.explanations)} likeliest:" in one_line(written)


def test_what_is_normal_speaks_against_what_would_take_it(limb: Rulebook) -> None:
    report, written = told(limb, grip_lost="left", palm_lost="absent")
    (region,) = focal(report).regions
    against = {e.lesions[0].label: e.lesions[0].normal_though_supplied for e in region.explanations}
    assert against == {"low strap": (), "R5 root": (), "high strap": ("palm",), "R6 root": ()}
    assert "against it, as normal: palm" in one_line(written)
    assert region.normal == ("palm",)


def test_what_is_hardly_carried_is_said_to_be_hardly_explained(limb: Rulebook) -> None:
    report, written = told(limb, grip_lost="left")
    by_r6 = next(e.lesions[0] for e in focal(report).regions[0].explanations if e.lesions[0].place == "r6_root")
    assert (by_r6.explains, by_r6.hardly) == ((), ("grip",))
    assert "explains nothing well; by minor supply only grip" in one_line(written)


def test_the_table_shows_what_is_lost_then_normal_then_open(limb: Rulebook) -> None:
    report, written = told(limb, grip_lost="left", palm_lost="absent", jerk_lost="absent")
    (region,) = focal(report).regions
    assert "Would a lesion there affect it?  found" in written
    letters = dict(zip("ABCD", [e.lesions[0].label for e in region.explanations], strict=True))
    assert letters == {"A": "low strap", "B": "R5 root", "C": "high strap", "D": "R6 root"}
    assert table_of(written) == [
        ["grip", "lost", "yes", "mostly", "yes", "hardly"],
        ["palm", "normal", "no", "partly", "yes", "no"],
        ["jerk", "normal", "no", "no", "no", "mostly"],
        ["lift", "?", "no", "no", "no", "mostly"],
    ]
    assert {row.what: row.found for row in region.table}["lift"] == "not tested"


def test_the_table_leaves_out_what_is_normal_and_would_hardly_be_affected(limb: Rulebook) -> None:
    report, written = told(limb, lift_lost="left", grip_lost="absent", aches="left")
    (region,) = focal(report).regions
    assert {row.what: row.affects for row in region.table}["grip"] == ("no", "hardly")
    assert [row[0] for row in table_of(written)] == ["lift", "jerk"]


def test_one_lesion_that_explains_all_needs_no_table(tmp_path: Path) -> None:
    report, written = told(limb_book(tmp_path, **WINK), wink_lost="right")
    (region,) = focal(report).regions
    assert [lesion.label for e in region.explanations for lesion in e.lesions] == ["belt"]
    assert region.next_examinations == ()
    assert "Would a lesion there affect it?" not in written
    assert "A. belt" in written


def test_what_nothing_explains_is_left_over_and_shown_as_partial(tmp_path: Path) -> None:
    in_question = [evidence("of_wink", "nerve", "for", {"wink_lost": "present"})]
    report, written = told(
        limb_book(tmp_path, **{**WINK, "evidence": in_question}), wink_lost="right", lift_lost="absent"
    )
    (region,) = focal(report).regions
    assert (region.explanations, region.left_over) == ((), ("wink",))
    assert [(lesion.label, lesion.normal_though_supplied) for lesion in region.if_partial] == [("belt", ("lift",))]
    said = one_line(written)
    assert "No lesion explains this without what was tested normal speaking against it." in said
    assert "Not explained: wink." in said
    assert "Only if partial: belt normal though it supplies it: lift" in said
    assert "Would a lesion there affect it?" not in said


def test_what_is_left_over_beside_an_explanation_is_named(tmp_path: Path) -> None:
    report, written = told(limb_book(tmp_path, **WINK), wink_lost="right", grip_lost="right", lift_lost="absent")
    (region,) = focal(report).regions
    assert {lesion.label for e in region.explanations for lesion in e.lesions} >= {"low strap", "R5 root"}
    assert (region.left_over, region.if_partial) == (("wink",), ())
    said = one_line(written)
    assert "To be explained: grip, wink." in said
    assert "A. low strap plainly the low strap explains grip usual cause" in said
    assert "Not explained: wink." in said


def test_what_to_examine_next_is_said_with_how_and_what_it_tells(limb: Rulebook) -> None:
    report, written = told(limb, grip_lost="left")
    palm = focal(report).regions[0].next_examinations[0]
    assert (palm.finding, palm.side, palm.what, palm.question, palm.help) == (
        "palm_lost", "left", "palm", "Is there palm lost?", "Look.",
    )  # fmt: skip
    told_apart = "numb in: high strap, R5 root; spared in: low strap, R6 root"
    assert palm.tells == told_apart
    said = one_line(written)
    assert f"What to examine next: - Palm (palm_lost) Is there palm lost? Look. {told_apart}." in said


def test_the_questions_ask_for_the_examinations(limb: Rulebook, book: Rulebook) -> None:
    report, _ = told(limb, grip_lost="left")
    asked = {q.finding: q for q in report.open_questions}
    assert "It would tell lesions apart: numb in: high strap" in asked["palm_lost"].why
    assert not asked["palm_lost"].safety
    assert "foot_inversion_weakness" in [q.finding for q in told(book, foot_drop="right")[0].open_questions]


def test_variants_that_could_mislead_are_named(limb: Rulebook) -> None:
    said = one_line(told(limb, grip_lost="left")[1])
    assert "Normal variants that can mislead: " in said
    assert "Some grip by the belt." in said
    assert "Normal variants" not in told(limb, palm_lost="left", lift_lost="left")[1]


def test_a_deficit_of_unsaid_side_is_placed_or_left_out(limb: Rulebook) -> None:
    alone, written = told(limb, grip_lost="present")
    assert [r.side for r in focal(alone).regions] == ["unsaid"]
    assert "Arm (side not said)" in written
    both, written = told(limb, grip_lost="left", lift_lost="right", jerk_lost="present")
    assert [(r.side, r.lost) for r in focal(both).regions] == [("left", ("grip",)), ("right", ("lift",))]
    assert focal(both).unplaced == ("jerk",)
    assert "it was not said on which side: jerk." in one_line(written)


def test_what_is_alike_on_both_sides_is_no_lesion_of_each(limb: Rulebook, book: Rulebook) -> None:
    report, written = told(limb, grip_lost="both")
    assert (focal(report).regions, focal(report).both_sides_alike) == ((), ("arm",))
    assert "To be explained" not in written
    report, written = told(book, sole_numbness="both", ankle_reflex_reduced="both")
    assert (focal(report).regions, focal(report).longest_fibres_first) == ((), True)
    assert "The same on both sides (leg)" in one_line(written)
    assert "The longest nerve fibres are affected first" in one_line(written)


def test_one_lesion_in_the_midline_is_named_for_both_legs(book: Rulebook) -> None:
    report, written = told(book, foot_drop="right", ankle_plantarflexion_weakness="left", saddle_numbness="present")
    assert focal(report).midline == (book.lesion_sites["cauda_equina"].label,)
    assert "One lesion in the midline would explain both legs: cauda equina." in one_line(written)
    report, written = told(book, foot_drop="right", dorsal_foot_numbness="right")
    assert focal(report).midline == ()
    assert "midline" not in written


def test_without_a_deficit_nothing_is_said_of_lesions(book: Rulebook, limb: Rulebook) -> None:
    for report, written in (told(book, ptosis="left"), told(book, fatigue="present"), told(limb, tires="present")):
        assert report.focal is None
        assert "Which lesion" not in written


def test_lesions_are_not_sought_where_their_sites_are_not_in_question(tmp_path: Path) -> None:
    rules = [
        evidence("of_muscle", "muscle", "strongly_for", {"tires": "present"}),
        evidence("not_nerve", "nerve", "strongly_against", {"tires": "present"}),
    ]
    report, written = told(limb_book(tmp_path, evidence=rules), grip_lost="left", tires="present")
    assert focal(report).regions == ()
    assert "To be explained" not in written


def test_a_draft_place_is_marked(tmp_path: Path) -> None:
    guessed = place("belt", nerve="belt", status="draft", cite=[])
    book = limb_book(tmp_path, anatomy__lesion_sites=[*PLACES[:-1], guessed])
    lines = told(book, lift_lost="left")[1].splitlines()
    assert [line.strip() for line in lines if "* A. " in line] == ["* A. belt [draft]"]
    assert [line.strip() for line in lines if "* B. " in line] == ["* B. R6 root"]


def hostile() -> dict[str, list[Entry]]:
    """Markup wherever the anatomy puts words into a report."""
    evil = "<b>|*x*"
    return {
        "anatomy__lesion_sites": [{**p, "label": evil + p["label"], "usual_cause": evil} for p in PLACES],
        "anatomy__supply": [{**s, "label": evil + s["label"], "variants": evil} for s in SUPPLIES],
        "anatomy__supports": [{**s, "because": evil} for s in SUPPORTS],
    }


@pytest.mark.parametrize("fmt", ["text", "markdown", "html", "json"])
def test_with_lesions_too_the_recommendation_comes_last_and_nothing_is_markup(tmp_path: Path, fmt: str) -> None:
    report, _ = told(limb_book(tmp_path, **hostile()), grip_lost="left", palm_lost="left", lift_lost="left")
    written = render(report, fmt)  # type: ignore[arg-type]
    rest = written[written.rindex(report.recommendation) + len(report.recommendation) :]
    assert re.sub(r"</\w+>|[\s*\"}]", "", rest) == ""
    if fmt == "html":
        assert "<b>" not in written
        assert "&lt;b&gt;" in written
    elif fmt == "markdown":
        rows = [line for line in written.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, "no bar of a word parts a cell"
        assert not re.search(r"(?<!\\)<b>", written)
    elif fmt == "json":
        assert list(json.loads(written))[-1] == "recommendation"
        assert Report.model_validate_json(written) == report


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_lesions_keep_to_the_width(book: Rulebook, width: int) -> None:
    answers = {
        "little_finger_numbness": "left", "finger_abduction_weakness": "left", "thumb_abduction_weakness": "absent",
        "foot_drop": "right", "dorsal_foot_numbness": "right", "knee_reflex_reduced": "right",
        "anterior_thigh_numbness": "right", "foot_inversion_weakness": "absent",
    }  # fmt: skip
    report = consult(Case(findings=answers), book)
    arm, leg = focal(report).regions
    assert [len(region.explanations[0].lesions) for region in (arm, leg)] == [1, 2]
    assert max(map(len, render(report, width=width).splitlines())) <= width
