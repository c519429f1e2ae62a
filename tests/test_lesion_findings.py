"""What lesions amount to: each measure by an example that has it and one that has not."""

from __future__ import annotations

import pytest

from triage.case import Case
from triage.facts import close
from triage.focal import join_plainly, localise
from triage.intake import settle
from triage.knowledge import LESION_MEASURES, Given, LesionMeasure, Limb
from triage.lesion_findings import in_general
from triage.rulebook import Rulebook
from triage.when import Value


def among(side: str, *lost: str, normal: tuple[str, ...] = ()) -> Given:
    return {**dict.fromkeys(lost, side), **dict.fromkeys(normal, "absent")}


FIBULAR = among(
    "right", "foot_drop", "toe_extension_weakness", "foot_eversion_weakness", "dorsal_foot_numbness",
    normal=("foot_inversion_weakness", "hip_abduction_weakness", "ankle_reflex_reduced"),
)  # fmt: skip
L5 = among(
    "right", "foot_drop", "toe_extension_weakness", "foot_inversion_weakness", "hip_abduction_weakness",
    normal=("ankle_reflex_reduced", "knee_reflex_reduced", "quadriceps_weakness", "hip_adduction_weakness"),
)  # fmt: skip
C7 = among(
    "left", "elbow_extension_weakness", "wrist_flexion_weakness", "triceps_reflex_reduced", "middle_finger_numbness",
    normal=("elbow_flexion_midprone_weakness", "finger_abduction_weakness"),
)  # fmt: skip
ULNAR = among(
    "left", "little_finger_numbness", "finger_abduction_weakness", "ulnar_back_of_hand_numbness",
    normal=("medial_forearm_numbness", "thumb_abduction_weakness", "finger_extension_weakness"),
)  # fmt: skip
UPPER_TRUNK = among(
    "right", "upper_lateral_arm_numbness", "shoulder_abduction_weakness", "shoulder_external_rotation_weakness",
    "elbow_flexion_weakness", "biceps_reflex_reduced", "lateral_forearm_numbness",
    normal=("scapular_retraction_weakness", "elbow_extension_weakness"),
)  # fmt: skip
LUMBAR_PLEXUS = among(
    "right", "quadriceps_weakness", "knee_reflex_reduced", "hip_adduction_weakness", "hip_flexion_weakness",
    "anterior_thigh_numbness", "groin_numbness",
    normal=("foot_drop", "ankle_plantarflexion_weakness", "hip_abduction_weakness"),
)  # fmt: skip
SOCKS = among("both", "sole_numbness", "dorsal_foot_numbness", "ankle_reflex_reduced")
HALF_FACE = among("left", "brow_raising_weakness", "eye_closure_weakness", "mouth_corner_weakness")
LONE = among("right", "foot_drop")


def measured(book: Rulebook, answers: Given, what: LesionMeasure, limb: Limb | None = None) -> Value | None:
    facts = close(settle(Case(findings=answers), book).said, book)
    values = in_general(book, facts, localise(book, facts, join_plainly)).values
    (name,) = (
        f.name for f in book.findings.values() if f.computed and (f.computed.what, f.computed.limb) == (what, limb)
    )
    return values.get(name)


@pytest.mark.parametrize(
    ("what", "limb", "holds", "holds_not"),
    [
        ("one_nerve", None, FIBULAR, L5),
        ("one_nerve", None, ULNAR, LONE),
        ("one_nerve", None, ULNAR, {**ULNAR, **FIBULAR}),
        ("one_root", "leg", L5, FIBULAR),
        ("one_root", "arm", C7, ULNAR),
        ("one_plexus_part", "arm", UPPER_TRUNK, C7),
        ("one_plexus_part", "leg", LUMBAR_PLEXUS, FIBULAR),
        ("no_single_nerve", None, L5, FIBULAR),
        ("no_single_nerve", None, {**ULNAR, **FIBULAR}, LONE),
        ("no_single_root", "arm", {**C7, "biceps_reflex_reduced": "left", "upper_lateral_arm_numbness": "left"}, C7),
        ("no_single_root", "leg", {**L5, "knee_reflex_reduced": "right", "groin_numbness": "right"}, L5),
        ("no_single_plexus_part", "arm", ULNAR, UPPER_TRUNK),
        ("no_single_plexus_part", "leg", {**FIBULAR, "groin_numbness": "right"}, LUMBAR_PLEXUS),
        ("one_cranial_nerve", None, HALF_FACE, {**HALF_FACE, "tongue_deviation": "left"}),
        ("one_cranial_nerve", None, HALF_FACE, dict.fromkeys(HALF_FACE, "both")),
        ("one_cranial_nerve", None, HALF_FACE, {"brow_raising_weakness": "left"}),
        ("several_nerves", None, {**ULNAR, **FIBULAR}, ULNAR),
        ("several_nerves", None, {**ULNAR, **FIBULAR}, {**C7, **L5}),
        ("by_length", None, SOCKS, dict.fromkeys(SOCKS, "right")),
        ("by_length", None, SOCKS, {**SOCKS, "hip_flexion_weakness": "both"}),
    ],
)
def test_a_measure_holds_and_holds_not(
    book: Rulebook, what: LesionMeasure, limb: Limb | None, holds: Given, holds_not: Given
) -> None:
    assert measured(book, holds, what, limb) == "present"
    assert measured(book, holds_not, what, limb) is None


@pytest.mark.parametrize(
    ("answers", "lesions"),
    [(ULNAR, 1), ({**ULNAR, **FIBULAR}, 2), (SOCKS, None), ({"fatigue": "present"}, None), (HALF_FACE, None)],
)
def test_how_many_lesions_it_takes_is_a_number(book: Rulebook, answers: Given, lesions: int | None) -> None:
    assert measured(book, answers, "lesions_needed") == lesions


def test_what_is_alike_on_both_sides_counts_no_lesions(book: Rulebook) -> None:
    assert measured(book, among("both", "quadriceps_weakness", "hip_flexion_weakness"), "lesions_needed") is None


def test_a_measure_rests_on_the_deficits_and_says_so(book: Rulebook) -> None:
    facts = close(settle(Case(findings=FIBULAR), book).said, book)
    known = in_general(book, facts, localise(book, facts, join_plainly))
    origin = known.origins["explained_by_one_nerve"]
    assert origin.how == "computed"
    assert set(origin.of) == {name for name, value in FIBULAR.items() if value == "right"}


def test_an_answer_given_for_a_measure_stands(book: Rulebook) -> None:
    assert measured(book, {**FIBULAR, "explained_by_one_nerve": "absent"}, "one_nerve") == "absent"


def test_every_measure_is_tried_here(book: Rulebook) -> None:
    """A measure that no finding of the rulebook computes could not be tried."""
    assert {f.computed.what for f in book.findings.values() if f.computed} >= LESION_MEASURES
