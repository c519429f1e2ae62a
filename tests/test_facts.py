"""What follows from answers: implications, contradictions, distribution."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import findings_of

from triage import Case
from triage.facts import Facts, close
from triage.intake import settle
from triage.knowledge import Given
from triage.rulebook import Rulebook, load_rulebook

BOOK = load_rulebook()


def facts(**answers: object) -> Facts:
    return close(settle(Case(findings=answers), BOOK).said, BOOK)  # type: ignore[arg-type]


def test_stairs_lead_to_weakness_step_by_step() -> None:
    known = facts(difficulty_climbing_stairs="present")
    for name in ("proximal_leg_weakness", "leg_weakness", "weakness"):
        assert known.values[name] == "present"
        assert known.origins[name].how == "implied"
        assert known.roots(name) == ("difficulty_climbing_stairs",)
    assert known.origins["leg_weakness"].of == ("proximal_leg_weakness",)


def test_a_side_passes_on() -> None:
    known = facts(foot_drop="left")
    assert known.values["leg_weakness"] == "left"
    assert known.values["weakness"] == "present"


def test_two_sides_meet_in_what_both_imply() -> None:
    assert facts(foot_drop="left", hip_flexion_weakness="right").values["leg_weakness"] == "both"


def test_what_is_denied_denies_what_would_imply_it() -> None:
    known = facts(weakness="absent")
    assert known.values["foot_drop"] == "absent"
    assert known.roots("foot_drop") == ("weakness",)


def test_normal_reflexes_deny_the_abnormal_ones() -> None:
    known = facts(normal_reflexes="present")
    assert known.values["generalised_areflexia"] == "absent"
    assert known.values["brisk_reflexes"] == "absent"
    assert facts(ankle_reflex_reduced="left").values["normal_reflexes"] == "absent"


def test_not_sure_leads_nowhere() -> None:
    assert set(facts(foot_drop="unsure").values) - {n for n in BOOK.findings if n.endswith("_not_mentioned")} == {
        "foot_drop"
    }


@pytest.mark.parametrize(
    ("answers", "names"),
    [
        ({"ptosis": ["present", "absent"]}, {"ptosis"}),
        ({"foot_drop": "present", "weakness": "absent"}, {"foot_drop", "weakness"}),
        ({"sex": "male", "pregnancy": "present"}, {"pregnancy", "sex"}),
        ({"normal_reflexes": "present", "brisk_reflexes": "both"}, {"normal_reflexes", "brisk_reflexes"}),
    ],
)
def test_a_contradiction_is_set_aside_by_everything_but_red_flags(answers: dict[str, object], names: set[str]) -> None:
    known = facts(**answers)
    assert {name for conflict in known.conflicts for name in conflict.names} == names
    for name in names:
        assert isinstance(known.values[name], frozenset)


def test_a_contradiction_leaves_its_consequences_in_doubt() -> None:
    assert facts(foot_drop="present", leg_weakness="absent").values["weakness"] == frozenset({"present", "absent"})
    assert facts(foot_drop="present", leg_weakness="absent", hand_weakness="left").values["weakness"] == "present"


@pytest.mark.parametrize(
    ("answers", "holds", "not_known"),
    [
        ({"proximal_leg_weakness": "both"}, {"symmetric_weakness", "both_legs_weak", "proximal_predominant_weakness"},
         {"asymmetric_weakness", "one_limb_weakness", "arms_and_legs_weak"}),
        ({"hand_weakness": "right"}, {"one_limb_weakness", "asymmetric_weakness", "distal_weakness"},
         {"symmetric_weakness", "confined_to_one_limb", "one_sided_weakness"}),
        ({"hand_weakness": "right", "leg_weakness": "absent"}, {"confined_to_one_limb"}, {"symmetric_weakness"}),
        ({"hemiparesis": "left"}, {"one_sided_weakness", "asymmetric_weakness"}, {"arms_and_legs_weak"}),
        ({"tetraparesis": "present"}, {"arms_and_legs_weak", "both_arms_weak", "both_legs_weak", "symmetric_weakness"},
         {"one_sided_weakness"}),
        ({"hand_weakness": "left", "foot_drop": "right"}, {"asymmetric_weakness"},
         {"one_sided_weakness", "one_limb_weakness", "arms_and_legs_weak"}),
        ({"foot_sensory_disturbance": "both"}, {"stocking_sensory", "symmetric_sensory", "distal_sensory"},
         {"stocking_and_glove_sensory", "one_limb_sensory"}),
        ({"foot_sensory_disturbance": "both", "hand_sensory_disturbance": "both"},
         {"stocking_and_glove_sensory"}, set()),
        ({"difficulty_climbing_stairs": "present"}, {"proximal_weakness", "leg_weakness_only"}, {"symmetric_weakness"}),
        ({"ptosis": "both"}, {"eyes_affected_both_sides", "sensation_not_mentioned"}, {"eyes_not_mentioned"}),
        ({"dropped_head": "present"}, {"axial_weakness"}, {"symmetric_weakness"}),
    ],
)  # fmt: skip
def test_distribution_is_computed_from_places_and_sides(
    answers: dict[str, object], holds: set[str], not_known: set[str]
) -> None:
    known = facts(**answers)
    assert {name for name in holds if known.values.get(name) == "present"} == holds
    assert not not_known & known.values.keys()


def test_regions_are_counted() -> None:
    assert facts(hand_wasting="right", dysarthria="present").values["motor_regions"] == 2
    assert facts(tongue_wasting="present", hand_weakness="left", foot_drop="left").values["motor_regions"] == 3


def test_a_person_may_contradict_a_computed_finding() -> None:
    known = facts(proximal_leg_weakness="both", symmetric_weakness="absent")
    assert known.values["symmetric_weakness"] == "absent"
    assert known.origins["symmetric_weakness"].how == "said"


def test_history_alone_leaves_nothing_unmentioned() -> None:
    assert "sensation_not_mentioned" not in facts(diabetes="present").values


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_order_of_answers_does_not_matter(data: st.DataObject) -> None:
    answers: Given = data.draw(findings_of(BOOK, max_size=6))
    closed = [
        close(settle(Case(findings=dict(order)), BOOK).said, BOOK) for order in itertools.permutations(answers.items())
    ][:24]
    assert all(one.values == closed[0].values for one in closed)


def test_the_rulebook_is_not_needed_to_be_complete(book: Rulebook) -> None:
    assert close({}, book).values == {}
