"""What to examine next: what tells the likeliest lesions apart, in a fixed order, and never what is known."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from limbs import somebody
from small_limb import limb_book

from triage.case import Case
from triage.examination import MOST_EXAMINATIONS, next_examinations, share_of, tells
from triage.facts import Facts, close
from triage.focal import Regional, join_plainly, localise
from triage.intake import settle
from triage.knowledge import Given
from triage.rulebook import Rulebook


def regions(book: Rulebook, answers: Given) -> tuple[Facts, tuple[Regional, ...]]:
    facts = close(settle(Case(findings=answers), book).said, book)
    return facts, localise(book, facts, join_plainly).regions


def asked(book: Rulebook, **answers: str) -> list[str]:
    facts, (region,) = regions(book, dict(answers))
    return [one.supply.finding for one in next_examinations(book, facts, region)]


@pytest.fixture(scope="module")
def limb(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return limb_book(tmp_path_factory.mktemp("limb"))


@pytest.mark.parametrize(
    ("known", "telling"),
    [
        ({"foot_drop": "right"}, {"foot_inversion_weakness", "hip_abduction_weakness"}),
        ({"foot_drop": "right", "toe_extension_weakness": "right"}, {"foot_inversion_weakness",
          "hip_abduction_weakness"}),
        ({"wrist_drop": "left"}, {"elbow_extension_weakness", "brachioradialis_reflex_reduced"}),
        ({"wrist_drop": "left", "finger_extension_weakness": "left", "elbow_extension_weakness": "absent"},
         {"brachioradialis_reflex_reduced", "elbow_flexion_midprone_weakness", "dorsal_web_numbness"}),
        ({"little_finger_numbness": "left", "finger_abduction_weakness": "left"},
         {"medial_forearm_numbness", "thumb_abduction_weakness"}),
        ({"thumb_numbness": "right", "index_finger_numbness": "right", "middle_finger_numbness": "right"},
         {"thenar_palm_numbness"}),
    ],
)  # fmt: skip
def test_it_asks_what_tells_the_classic_rivals_apart(book: Rulebook, known: dict[str, str], telling: set[str]) -> None:
    assert telling & set(asked(book, **known))


def test_an_answer_settles_what_it_was_asked_for(book: Rulebook) -> None:
    """A dropped foot: turning in weak is the root, turning in strong the nerve at the knee."""
    first = asked(book, foot_drop="right")[0]
    assert first == "foot_inversion_weakness"
    _, (weak,) = regions(book, {"foot_drop": "right", first: "right"})
    _, (strong,) = regions(book, {"foot_drop": "right", first: "absent"})
    leaders = [{fit.place for e in region.best for fit in e.fits} for region in (weak, strong)]
    assert "l5_root" in leaders[0] - leaders[1]
    assert "common_fibular" in leaders[1] - leaders[0]


def test_nothing_is_asked_that_is_known(book: Rulebook) -> None:
    rng = random.Random(7)
    asked_at_all = 0
    for _ in range(40):
        facts, found = regions(book, somebody(book, rng))
        for region in found:
            proposed = [one.supply for one in next_examinations(book, facts, region)]
            asked_at_all += len(proposed)
            assert len(proposed) <= MOST_EXAMINATIONS
            assert not {supply.finding for supply in proposed} & facts.values.keys()
            assert all(supply.limb == region.zone.limb for supply in proposed)
    assert asked_at_all > 40


def test_an_unsure_answer_is_not_asked_for_again(book: Rulebook) -> None:
    assert "foot_inversion_weakness" not in asked(book, foot_drop="right", foot_inversion_weakness="unsure")


def test_it_asks_what_tells_the_likeliest_apart_first(limb: Rulebook) -> None:
    """The palm tells the strap's places apart; lift and jerk would be lost in R6, which hardly explains the grip."""
    assert asked(limb, grip_lost="left") == ["palm_lost", "lift_lost", "jerk_lost"]


def test_what_no_rival_would_take_is_not_asked(limb: Rulebook) -> None:
    """Belt and R6 both take the lift, the belt more surely; the palm belongs to neither."""
    assert asked(limb, jerk_lost="left") == ["grip_lost", "lift_lost"]


def test_where_one_lesion_stands_alone_nothing_is_left_to_ask(limb: Rulebook) -> None:
    _, (region,) = regions(limb, {"palm_lost": "left", "grip_lost": "left", "lift_lost": "left"})
    assert len(region.explanations) > 1, "two roots or two nerves"
    facts, (alone,) = regions(limb, {"jerk_lost": "left", "lift_lost": "left", "grip_lost": "absent"})
    assert {fit.place for e in alone.explanations for fit in e.fits} == {"belt", "r6_root"}
    assert asked(limb, jerk_lost="left", lift_lost="left", grip_lost="absent") == []
    assert next_examinations(limb, facts, alone) == []


def test_it_tells_who_would_be_affected_and_who_spared(limb: Rulebook) -> None:
    facts, (region,) = regions(limb, {"grip_lost": "left"})
    palm, *_ = next_examinations(limb, facts, region)
    assert {fit.place for e in palm.affected for fit in e.fits} == {"high_strap", "r5_root"}
    assert {fit.place for e in palm.spared for fit in e.fits} >= {"low_strap"}
    told = tells(palm)
    affected, _, spared = told.partition("; spared in: ")
    assert affected.startswith("numb in: ")
    assert {"high strap", "R5 root"} <= set(affected.removeprefix("numb in: ").split(", "))
    assert "low strap" in spared.split(", ")


@pytest.mark.parametrize(
    ("known", "finding", "word"),
    [("grip_lost", "palm_lost", "numb"), ("jerk_lost", "grip_lost", "weak")],
)
def test_the_word_for_a_loss_is_that_of_its_kind(limb: Rulebook, known: str, finding: str, word: str) -> None:
    facts, (region,) = regions(limb, {known: "left"})
    (one,) = (e for e in next_examinations(limb, facts, region) if e.supply.finding == finding)
    assert {"movement": "weak", "area": "numb"}[one.supply.kind] == word
    assert tells(one).startswith((f"{word} in: ", "spared in: "))


def test_of_a_set_the_lesion_that_takes_most_counts(limb: Rulebook) -> None:
    _, (region,) = regions(limb, {"palm_lost": "left", "lift_lost": "left"})
    sets = {frozenset(fit.place for fit in e.fits): e for e in region.explanations}
    assert set(sets) == {
        frozenset({strap, belt}) for strap in ("high_strap", "r5_root") for belt in ("belt", "r6_root")
    }
    grip = [supply.id for supply in region.wiring.supplies].index("grip")
    assert share_of(sets[frozenset({"r5_root", "r6_root"})], grip) == "chief", "not the little that R6 carries"
    assert share_of(sets[frozenset({"high_strap", "r6_root"})], grip) == "main"


PROBE = """
from triage.case import Case
from triage.examination import next_examinations, tells
from triage.facts import close
from triage.focal import join_plainly, localise
from triage.intake import settle
from triage.rulebook import load_rulebook
book = load_rulebook()
for answers in ({"foot_drop": "right"}, {"wrist_drop": "left", "thumb_numbness": "left"}):
    facts = close(settle(Case(findings=answers), book).said, book)
    for region in localise(book, facts, join_plainly).regions:
        for one in next_examinations(book, facts, region):
            print(one.supply.finding, tells(one))
"""


def test_the_order_does_not_hang_on_the_hash_seed() -> None:
    root = Path(__file__).parents[1]
    written = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, env=environment, check=True
        )
        written.add(done.stdout)
    assert len(written) == 1
    assert "foot_inversion_weakness" in written.pop()
