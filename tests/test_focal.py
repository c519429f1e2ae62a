"""The smallest sets of lesions: what the joins say, what is told apart, and what must not be pretended."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import combinations

import pytest
from limbs import somebody

from triage.case import Case
from triage.deficits import by_length, known_of, place_unsaid
from triage.engine import join
from triage.facts import Facts, close
from triage.focal import MOST_LESIONS, Fit, Focal, Regional, join_plainly, localise
from triage.intake import settle
from triage.knowledge import Given
from triage.rulebook import Rulebook


def facts_of(answers: Given, book: Rulebook) -> Facts:
    return close(settle(Case(findings=answers), book).said, book)


def lesions(book: Rulebook, *lost: str, normal: tuple[str, ...] = (), side: str = "right", **more: str) -> Focal:
    answers: Given = {**dict.fromkeys(lost, side), **dict.fromkeys(normal, "absent"), **more}
    return localise(book, facts_of(answers, book), join)


def first(focal: Focal) -> set[str]:
    """The first explanation of every limb, taken together."""
    return {fit.place for region in focal.regions for e in region.explanations[:1] for fit in e.fits}


def best(focal: Focal) -> set[frozenset[str]]:
    [region] = focal.regions
    return {frozenset(fit.place for fit in e.fits) for e in region.best}


@pytest.mark.parametrize(
    ("lost", "normal", "where"),
    [
        (("foot_drop", "toe_extension_weakness", "foot_eversion_weakness", "dorsal_foot_numbness"),
         ("foot_inversion_weakness", "hip_abduction_weakness", "ankle_reflex_reduced"), "common_fibular"),
        (("foot_drop", "toe_extension_weakness", "foot_inversion_weakness", "hip_abduction_weakness"),
         ("ankle_reflex_reduced", "knee_reflex_reduced", "quadriceps_weakness"), "l5_root"),
        (("wrist_extension_weakness", "finger_extension_weakness", "elbow_flexion_midprone_weakness"),
         ("elbow_extension_weakness", "triceps_reflex_reduced", "finger_flexor_weakness"), "radial_spiral_groove"),
        (("elbow_extension_weakness", "finger_extension_weakness", "wrist_flexion_weakness", "triceps_reflex_reduced",
          "middle_finger_numbness"), ("elbow_flexion_midprone_weakness", "finger_abduction_weakness"), "c7_root"),
        (("finger_abduction_weakness", "little_finger_numbness", "ulnar_back_of_hand_numbness"),
         ("thumb_abduction_weakness", "medial_forearm_numbness", "finger_extension_weakness"), "ulnar_elbow"),
        (("finger_abduction_weakness", "thumb_abduction_weakness", "little_finger_numbness", "medial_forearm_numbness",
          "finger_flexor_weakness"), ("finger_extension_weakness", "elbow_extension_weakness"), "medial_cord"),
        (("thumb_numbness", "index_finger_numbness", "middle_finger_numbness", "thumb_abduction_weakness"),
         ("thenar_palm_numbness", "index_tip_flexion_weakness", "forearm_pronation_weakness"), "median_wrist"),
        (("quadriceps_weakness", "knee_reflex_reduced", "anterior_thigh_numbness", "medial_lower_leg_numbness"),
         ("hip_adduction_weakness", "hip_flexion_weakness", "foot_drop"), "femoral_groin"),
        (("shoulder_abduction_weakness", "upper_lateral_arm_numbness"),
         ("shoulder_external_rotation_weakness", "elbow_flexion_weakness", "biceps_reflex_reduced"), "axillary"),
        (("winging_on_pushing",), ("shoulder_shrug_weakness", "elbow_extension_weakness", "elbow_flexion_weakness",
         "shoulder_abduction_weakness", "shoulder_external_rotation_weakness"), "long_thoracic"),
        (("brow_raising_weakness", "eye_closure_weakness", "mouth_corner_weakness"), ("loss_of_taste", "hyperacusis"),
         "facial_stylomastoid"),
    ],
)  # fmt: skip
def test_the_classic_discriminations(
    book: Rulebook, lost: tuple[str, ...], normal: tuple[str, ...], where: str
) -> None:
    assert first(lesions(book, *lost, normal=normal)) == {where}


def test_a_lone_foot_drop_is_left_open(book: Rulebook) -> None:
    assert {frozenset({"common_fibular"}), frozenset({"l5_root"})} <= best(lesions(book, "foot_drop"))


def test_what_a_lesion_would_take_and_is_normal_excludes_it(book: Rulebook) -> None:
    focal = lesions(book, "thumb_extension_weakness", normal=("finger_extension_weakness", "wrist_extension_weakness"))
    assert frozenset({"radial_axilla"}) not in best(focal)


def test_minor_supply_explains_little(book: Rulebook) -> None:
    [region] = lesions(book, "middle_finger_numbness").regions
    points = {e.fits[0].place: e.points for e in region.explanations}
    assert points["c7_root"] == 0
    assert points["c6_root"] == book.scale.points[book.scale.focal.minor]


def test_numbness_may_come_before_weakness(book: Rulebook) -> None:
    numb = ("thumb_numbness", "index_finger_numbness", "middle_finger_numbness")
    assert first(lesions(book, *numb, normal=("thumb_abduction_weakness", "thenar_palm_numbness"))) == {"median_wrist"}


def test_two_lesions_where_one_does_not_do(book: Rulebook) -> None:
    fibular = {"foot_drop": "right", "foot_eversion_weakness": "right", "foot_inversion_weakness": "absent"}
    femoral = {"quadriceps_weakness": "right", "knee_reflex_reduced": "right", "hip_adduction_weakness": "absent"}
    skin = {"dorsal_foot_numbness": "right", "anterior_thigh_numbness": "right", "hip_flexion_weakness": "absent"}
    focal = localise(book, facts_of({**fibular, **femoral, **skin}, book), join)
    assert first(focal) == {"common_fibular", "femoral_groin"}
    assert focal.regions[0].size == 2


def test_one_lesion_more_is_named_where_it_fits_better(book: Rulebook) -> None:
    knee_and_ankle = ("foot_drop", "quadriceps_weakness", "dorsal_foot_numbness")
    sound = ("foot_inversion_weakness", "hip_flexion_weakness", "hip_adduction_weakness")
    [region] = lesions(book, *knee_and_ankle, normal=sound).regions
    assert [fit.place for fit in region.explanations[0].fits] == ["l4_root"]
    assert region.explanations[0].points < -book.scale.focal.margin
    assert region.larger
    assert "common_fibular" in {fit.place for fit in region.larger.fits}
    assert region.larger.points > region.explanations[0].points + book.scale.focal.margin
    assert lesions(book, "foot_drop").regions[0].larger is None


def test_a_single_lesion_that_would_do_if_partial_is_named(book: Rulebook) -> None:
    lost = ("elbow_flexion_weakness", "shoulder_abduction_weakness", "biceps_reflex_reduced", "thumb_numbness")
    [region] = lesions(book, *lost, normal=("elbow_extension_weakness", "triceps_reflex_reduced")).regions
    assert [fit.place for fit in region.explanations[0].fits] == ["upper_trunk"]
    assert "c6_root" in {fit.place for fit in region.if_partial}
    assert "upper_trunk" not in {fit.place for fit in region.if_partial}
    assert lesions(book, "foot_drop").regions[0].if_partial == ()


def test_the_sides_and_limbs_are_looked_at_apart(book: Rulebook) -> None:
    focal = lesions(book, "foot_drop", little_finger_numbness="left", finger_abduction_weakness="left")
    assert [(r.zone.limb, r.zone.side) for r in focal.regions] == [("arm", "left"), ("leg", "right")]


def test_pain_and_provocation_put_equals_in_order(book: Rulebook) -> None:
    numb = ("thumb_numbness", "index_finger_numbness")
    by_night = lesions(book, *numb, nocturnal_hand_tingling="right")
    from_the_neck = lesions(book, *numb, radicular_arm_pain="right", spurling_sign="right")
    assert first(by_night) == {"median_wrist"}
    assert first(from_the_neck) == {"c6_root"}


def test_a_support_on_the_other_side_does_not_count(book: Rulebook) -> None:
    focal = lesions(book, "thumb_numbness", "index_finger_numbness", spurling_sign="left")
    assert not any(fit.supports for region in focal.regions for fit in region.fits if fit.place == "c6_root")


def test_what_is_lost_on_both_sides_alike_is_no_lesion_of_one(book: Rulebook) -> None:
    focal = lesions(book, "hip_flexion_weakness", "quadriceps_weakness", side="both")
    assert focal.symmetric == {"leg"}
    assert focal.sought(dict.fromkeys(book.sites, "possible")) == ()


def test_ankle_jerks_lost_on_both_sides_are_set_apart(book: Rulebook) -> None:
    focal = lesions(book, "foot_drop", "dorsal_foot_numbness", ankle_reflex_reduced="both")
    assert [r.zone.side for r in focal.regions] == ["right"]
    assert "common_fibular" in first(focal)


def test_the_longest_fibres_first(book: Rulebook) -> None:
    feet = ("sole_numbness", "dorsal_foot_numbness", "ankle_reflex_reduced", "toe_extension_weakness")
    assert lesions(book, *feet, side="both").by_length
    assert not lesions(book, *feet, side="right").by_length
    assert not lesions(book, "anterior_thigh_numbness", normal=("sole_numbness",), side="both").by_length
    assert not lesions(book, *feet, "hip_flexion_weakness", side="both").by_length


def test_one_lesion_in_the_midline_for_both_legs(book: Rulebook) -> None:
    focal = lesions(book, "foot_drop", ankle_plantarflexion_weakness="left", saddle_numbness="present")
    assert set(focal.midline) == {"cauda_equina"}
    assert focal.in_midline({"nerve_root": "possible"}) == ("cauda_equina",)
    assert focal.in_midline({"nerve_root": "possible", "central": "leading"}) == ()
    assert focal.in_midline({"nerve_root": "unlikely"}) == ()
    assert not lesions(book, "foot_drop", finger_abduction_weakness="left").midline


def test_a_side_that_was_not_said_joins_the_side_that_is_affected(book: Rulebook) -> None:
    [region] = lesions(book, "foot_drop", dorsal_foot_numbness="present").regions
    assert {s.finding for s in region.wiring.of(region.zone.deficits)} == {"foot_drop", "dorsal_foot_numbness"}
    both = lesions(book, "foot_drop", quadriceps_weakness="left", dorsal_foot_numbness="present")
    assert both.unplaced == ("dorsal_foot_numbness",)


@pytest.mark.parametrize(
    ("given", "placed"),
    [
        ((0, 0, 0b1, 0), (0, 0, 0b1, 0)),
        ((0b10, 0, 0b1, 0), (0b11, 0, 0, 0)),
        ((0, 0b10, 0b1, 0), (0, 0b11, 0, 0)),
        ((0b10, 0b100, 0b1, 0), (0b10, 0b100, 0, 0b1)),
        ((0b10, 0b100, 0b1, 0b1), (0b11, 0b101, 0, 0)),
    ],
)
def test_where_the_side_goes(given: tuple[int, int, int, int], placed: tuple[int, int, int, int]) -> None:
    assert place_unsaid(*given) == placed


def test_nothing_lost_is_nothing_found(book: Rulebook) -> None:
    assert localise(book, Facts(), join).regions == ()
    assert lesions(book, normal=("foot_drop", "thumb_numbness")).regions == ()


def test_experta_and_the_plain_reading_join_alike(book: Rulebook) -> None:
    rng = random.Random(4)
    for _ in range(60):
        facts = facts_of(somebody(book, rng), book)
        assert localise(book, facts, join) == localise(book, facts, join_plainly)


def test_no_smaller_set_would_do(book: Rulebook) -> None:
    """Against every set of fewer lesions, and against every set of as many, one by one."""
    rng = random.Random(5)
    seen: set[int] = set()
    for _ in range(90):
        for region in localise(book, facts_of(somebody(book, rng), book), join_plainly).regions:
            seen.add(region.size)
            expected = _smallest_by_trying(region, book)
            found = {frozenset(fit.place for fit in e.fits) for e in region.explanations if not region.left_over}
            assert found == expected
    assert seen == {1, 2, 3, MOST_LESIONS + 1}


def _smallest_by_trying(region: Regional, book: Rulebook) -> set[frozenset[str]]:
    scale = book.scale
    usable = [f for f in region.fits if f.points > scale.focal.contradicted and f.place != "cauda_equina"]

    def reached(fits: Iterable[Fit]) -> tuple[int, int]:
        covered = well = 0
        for fit in fits:
            covered, well = covered | fit.covers, well | fit.explains
        return covered, well

    def works(fits: tuple[Fit, ...]) -> bool:
        covered, well = reached(fits)
        thin = (covered & ~well).bit_count() * scale.points[scale.focal.minor]
        points = thin + sum(fit.points for fit in fits)
        needed = all(reached(f for f in fits if f != fit) != (covered, well) for fit in fits)
        enough = thin > scale.focal.contradicted and points > scale.focal.contradicted * len(fits)
        return covered == region.zone.deficits and needed and enough

    for size in range(1, MOST_LESIONS + 1):
        if working := {frozenset(f.place for f in fits) for fits in combinations(usable, size) if works(fits)}:
            return working
    return set()


def test_by_length_reads_the_same_masks(book: Rulebook) -> None:
    facts = facts_of({"sole_numbness": "both", "ankle_reflex_reduced": "both"}, book)
    tested = {limb: known_of(book, facts, wiring)[0] for limb, wiring in book.anatomy.wiring.items()}
    assert by_length(book.anatomy, tested)
