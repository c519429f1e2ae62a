"""Terms of the Human Phenotype Ontology, and what a rulebook makes of them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tiny import SCALE, Entry, evidence, finding, flag, tiny_book

from triage.case import Case
from triage.errors import CaseError, RulebookError
from triage.intake import settle
from triage.reading.hpo import Observation, TermsRead, read_terms
from triage.reading.ontology import ontology_of
from triage.reading.times import age_span
from triage.rulebook import Rulebook, builtin_folder

WEAKNESS, DISTAL, DISTAL_ARM, PTOSIS, FATIGABLE = "HP:0001324", "HP:0002460", "HP:0008959", "HP:0000508", "HP:0003473"
DISTAL_LEG, BILATERAL_PTOSIS, CRYPTORCHIDISM = "HP:0009053", "HP:0001488", "HP:0000028"
EMG, UPPER_LIMB = "HP:0003457", "HP:0003484"
LEFT, RIGHT, BILATERAL, SEVERE = "HP:0012835", "HP:0012834", "HP:0012832", "HP:0012828"


def term(code: str, label: str, **more: Any) -> Entry:
    return {"id": code, "label": label, **more}


def numbers(name: str, **more: Any) -> Entry:
    usual = {"kind": "history", "domain": "course", "value": "number", "unit": "days", "min": 0, "max": 40000}
    return finding(name, **{**usual, **more})


FINDINGS = [
    finding("weakness", hpo=term(WEAKNESS, "Muscle weakness")),
    finding("weak_arm", sided=True, location={"part": "arm", "level": "whole"}, implies=["weakness"],
            hpo=term(UPPER_LIMB, "Upper limb muscle weakness")),
    finding("weak_hand", sided=True, location={"part": "arm", "level": "distal"}, implies=["weak_arm"]),
    finding("weak_grip", sided=True, location={"part": "arm", "level": "distal"}, implies=["weak_hand"]),
    finding("weak_foot", sided=True, location={"part": "leg", "level": "distal"}, implies=["weakness"]),
    finding("distal_weakness", computed={"what": "distal", "of": ["weakness"]}),
    finding("droopy_lid", domain="eyes", sided=True, hpo=term(PTOSIS, "Ptosis")),
    finding("emg_normal", kind="investigation", domain="history"),
    finding("emg_odd", kind="investigation", domain="history"),
    finding("from_birth", kind="history", domain="course", hpo=term("HP:0003577", "Congenital onset")),
    finding("attacks", kind="history", domain="course", hpo=term("HP:0031796", "Recurrent")),
    finding("sudden", domain="course"),
    finding("worse_at_night", domain="weakness"),
    numbers("days_since_onset"),
    numbers("progression_days", not_above="days_since_onset"),
    numbers("onset_age", unit="years", max=120, not_above="age"),
    numbers("age", unit="years", max=120),
    finding("course", kind="history", domain="course", value="choice", choices=["progressive", "static"]),
]  # fmt: skip
TERMS = [
    term(DISTAL, "Distal muscle weakness", present={"distal_weakness": "present"},
         absent={"distal_weakness": "absent"}),
    term(DISTAL_ARM, "Distal upper limb muscle weakness", present={"weak_hand": "present"},
         absent={"weak_hand": "absent"}),
    term(BILATERAL_PTOSIS, "Bilateral ptosis", present={"droopy_lid": "both"}),
    term(EMG, "EMG abnormality", present={"emg_odd": True}, absent={"emg_odd": False, "emg_normal": "present"}),
]  # fmt: skip
MODIFIERS = [
    term(LEFT, "Left", side="left"),
    term(RIGHT, "Right", side="right"),
    term(BILATERAL, "Bilateral", side="both"),
    term("HP:0012839", "Distal", level="distal"),
    term("HP:0003577", "Congenital onset", onset={"at_least": 0, "at_most": 0}, present={"from_birth": "present"}),
    term("HP:0011463", "Childhood onset", onset={"at_least": 1, "at_most": 5}),
    term("HP:0003676", "Progressive", present={"course": "progressive"}),
    term("HP:0003680", "Nonprogressive", present={"course": "static"}),
    term("HP:0025307", "Acute emergence over hours", present={"progression_days": 1}),
    term("HP:0410401", "Worse in evening", of=["weakness"], present={"worse_at_night": "present"}),
]
RULES = [
    evidence("early", "muscle", "for", {"onset_age": {"at_most": 10}}),
    evidence("late", "muscle", "for", {"onset_age": {"at_least": 40}}),
    evidence("slow", "muscle", "for", {"days_since_onset": {"at_least": 57}}),
]
FLAGS = [flag("fast", {"days_since_onset": {"at_most": 28}}), flag("hours", {"progression_days": {"at_most": 1}})]
FILES: dict[str, Any] = {
    "scale": {**SCALE, "age_at_onset": "onset_age"},
    "findings": FINDINGS,
    "evidence__muscle": RULES,
    "red_flags": FLAGS,
    "terms__all": TERMS,
    "terms__modifiers": MODIFIERS,
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return tiny_book(tmp_path_factory.mktemp("rules"), **FILES)


def seen(code: str, **more: Any) -> Observation:
    return Observation(code, **more)


def excluded(code: str, **more: Any) -> Observation:
    return Observation(code, excluded=True, **more)


def answers(book: Rulebook, *observations: Observation, **more: Any) -> dict[str, Any]:
    return read_terms(observations, book, **more).answers


def told(read: TermsRead, kind: str) -> str:
    return " | ".join(notice.message for notice in read.notices if notice.kind == kind)


# The table


def test_the_table_names_its_release_and_its_licence() -> None:
    head = "\n".join((builtin_folder() / "hpo.tsv").read_text(encoding="utf-8").splitlines()[:5])
    assert "release 2025-01-16" in head
    assert "https://hpo.jax.org/app/license" in head
    assert "may be altered" in head


def test_the_ontology_knows_terms_alternatives_and_what_lies_above(book: Rulebook) -> None:
    ontology = ontology_of(book)
    assert ontology.release == "2025-01-16"
    assert len(ontology) > 19_000
    assert ontology.label(DISTAL_ARM) == "Distal upper limb muscle weakness"
    assert {WEAKNESS, DISTAL, "HP:0000118", "HP:0000001"} <= ontology.above(DISTAL_ARM)
    assert DISTAL_ARM not in ontology.above(DISTAL_ARM)
    assert ontology_of(book) is ontology


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PTOSIS, PTOSIS),
        ("hp:0000508", PTOSIS),
        ("HP_0000508", PTOSIS),
        ("HP:0002309", WEAKNESS),
        ("HP:0000057", "HP:0008665"),
        ("muscle  WEAKNESS", WEAKNESS),
        ("HP:9999999", None),
        ("no such thing", None),
    ],
)
def test_a_code_an_old_code_or_a_label_leads_to_the_term_in_force(book: Rulebook, text: str, code: str | None) -> None:
    assert ontology_of(book).current(text) == code


def build_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_hpo", Path(__file__).parent.parent / "build_hpo.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OBO = """format-version: 1.2
data-version: hp/releases/2031-02-03

[Term]
id: HP:0000002
name: Lower
alt_id: HP:0000007
def: "Left out." []
is_a: HP:0000001 ! Upper
is_a: HP:0000004 {xref="x"} ! Other

[Term]
id: HP:0000001
name: Upper

[Term]
id: HP:0000003
name: obsolete Old
is_obsolete: true
replaced_by: HP:0000002

[Term]
id: HP:0000005
name: obsolete Gone
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""


def test_the_script_extracts_what_is_used_and_nothing_else() -> None:
    lines = build_script().table(OBO).splitlines()
    assert lines[0].endswith("release 2031-02-03")
    assert [line.split("\t") for line in lines if line.startswith("HP:")] == [
        ["HP:0000001", "Upper", "", "", ""],
        ["HP:0000002", "Lower", "HP:0000001 HP:0000004", "HP:0000007", ""],
        ["HP:0000003", "obsolete Old", "", "", "HP:0000002"],
        ["HP:0000005", "obsolete Gone", "", "", "obsolete"],
    ]
    with pytest.raises(ValueError, match="names no release"):
        build_script().table("format-version: 1.2\n")


# What a term says


def test_a_findings_own_term_is_the_finding(small: Rulebook) -> None:
    read = read_terms([seen(PTOSIS), excluded(FATIGABLE)], small)
    assert read.answers == {"droopy_lid": "present"}
    assert read_terms([seen(PTOSIS)], small).notices == ()
    assert read.spoke_of == (("droopy_lid",), ())


def test_a_more_specific_term_counts_as_the_nearest_it_implies(small: Rulebook) -> None:
    assert answers(small, seen(FATIGABLE)) == {"weakness": "present"}
    assert answers(small, seen(DISTAL_LEG)) == {"distal_weakness": "present"}
    assert answers(small, seen(DISTAL_ARM)) == {"weak_hand": "present"}
    assert "Fatigable weakness (HP:0003473) was read as weakness" in told(
        read_terms([seen(FATIGABLE)], small), "read_as"
    )


def test_an_excluded_general_term_excludes_what_lies_below(small: Rulebook) -> None:
    assert answers(small, excluded(WEAKNESS)) == {
        "weakness": "absent", "weak_arm": "absent", "weak_hand": "absent", "distal_weakness": "absent",
    }  # fmt: skip
    assert answers(small, excluded(EMG)) == {"emg_odd": "absent", "emg_normal": "present"}


def test_an_excluded_specific_term_says_nothing_of_the_general(small: Rulebook) -> None:
    read = read_terms([seen(WEAKNESS), excluded(DISTAL_LEG)], small)
    assert read.answers == {"weakness": "present"}
    assert "Distal lower limb muscle weakness (HP:0009053), excluded" in told(read, "unread")
    assert answers(small, seen(WEAKNESS), excluded(DISTAL_ARM)) == {"weakness": "present", "weak_hand": "absent"}


def test_seen_although_excluded_is_a_contradiction(small: Rulebook) -> None:
    assert answers(small, seen(DISTAL_ARM), excluded(WEAKNESS))["weak_hand"] == ["absent", "present"]
    # The finding of the general term stands, when only what lies between is excluded: nothing else says so, though.
    assert answers(small, seen("HP:0030197"), excluded(FATIGABLE)) == {"weakness": ["present", "absent"]}
    assert answers(small, seen("HP:0030197"), excluded(FATIGABLE), seen(WEAKNESS)) == {"weakness": "present"}


def test_a_term_can_be_made_to_say_nothing(tmp_path: Path) -> None:
    book = tiny_book(tmp_path, findings=FINDINGS, terms=[term(FATIGABLE, "Fatigable weakness", present={})])
    read = read_terms([seen("HP:0030197")], book)
    assert read.answers == {}
    assert "say nothing here: Fatigable weakness of skeletal muscles (HP:0030197)" in told(read, "unread")


def test_terms_that_say_nothing_are_told_once(small: Rulebook) -> None:
    read = read_terms([seen(CRYPTORCHIDISM), seen("MP:0001234", label="wobbly"), seen(CRYPTORCHIDISM)], small)
    assert read.answers == {}
    (notice,) = read.notices
    assert notice.message == "These terms say nothing here: Cryptorchidism (HP:0000028); wobbly (MP:0001234)."


def test_an_old_code_is_read_under_its_present_one_and_told(small: Rulebook) -> None:
    read = read_terms([seen("HP:0002309")], small)
    assert read.answers == {"weakness": "present"}
    assert "HP:0002309, now HP:0001324" in told(read, "read_as")


def test_the_label_stands_in_for_a_code_of_a_newer_release(small: Rulebook) -> None:
    assert answers(small, seen("HP:9999999", label="Ptosis")) == {"droopy_lid": "present"}


def test_unknown_codes_and_labels_are_refused_all_at_once_with_the_nearest(small: Rulebook) -> None:
    with pytest.raises(CaseError) as refused:
        read_terms([seen("HP:9999999"), seen("Distal muscel weakness"), seen(PTOSIS, onset="at ten")], small, age="old")
    text = str(refused.value)
    assert "there is no term HP:9999999 in HPO release 2025-01-16" in text
    assert "Did you mean distal muscle weakness" in text
    assert "'at ten' is neither an ISO 8601 age" in text
    assert "age: 'old' is neither" in text


def test_what_is_unsure_or_resolved_is_neither_there_nor_absent(small: Rulebook) -> None:
    assert answers(small, seen(PTOSIS, unsure=True)) == {"droopy_lid": "unsure"}
    assert answers(small, seen(FATIGABLE, unsure=True)) == {}
    read = read_terms([seen(PTOSIS, resolved=True)], small)
    assert read.answers == {}
    assert "was there and is gone" in told(read, "unread")


# Modifiers


@pytest.mark.parametrize(
    ("modifiers", "side"),
    [((LEFT,), "left"), ((RIGHT,), "right"), (("Bilateral",), "both"), ((LEFT, RIGHT), "both"), ((), "present")],
)
def test_a_side_belongs_to_a_sided_finding(small: Rulebook, modifiers: tuple[str, ...], side: str) -> None:
    assert answers(small, seen(PTOSIS, modifiers=modifiers)) == {"droopy_lid": side}


def test_a_side_on_what_has_none_is_told(small: Rulebook) -> None:
    read = read_terms([seen(WEAKNESS, modifiers=(LEFT,), severity=SEVERE)], small)
    assert read.answers == {"weakness": "present"}
    assert "left (of Muscle weakness (HP:0001324))" in told(read, "unread")
    assert "Severe (of Muscle weakness (HP:0001324))" in told(read, "unread")


def test_a_side_in_the_term_itself_outlives_a_bare_present(small: Rulebook) -> None:
    assert answers(small, seen(BILATERAL_PTOSIS)) == {"droopy_lid": "both"}


def test_proximal_and_distal_go_by_the_places_of_the_rulebook(small: Rulebook) -> None:
    assert answers(small, seen(UPPER_LIMB, modifiers=("Distal", LEFT))) == {"weak_arm": "left", "weak_hand": "left"}
    assert answers(small, seen(WEAKNESS, modifiers=("Distal",))) == {
        "weakness": "present", "distal_weakness": "present",
    }  # fmt: skip
    assert answers(small, excluded(UPPER_LIMB, modifiers=("Distal",))) == {"weak_hand": "absent"}
    assert answers(small, seen(PTOSIS, modifiers=("Distal",))) == {"droopy_lid": "present"}


def test_what_is_excluded_only_in_part_is_not_excluded(small: Rulebook) -> None:
    assert answers(small, excluded(PTOSIS, modifiers=(LEFT,))) == {}
    assert answers(small, excluded(PTOSIS, severity=SEVERE)) == {}
    assert answers(small, seen(PTOSIS), excluded(PTOSIS, modifiers=(LEFT,))) == {"droopy_lid": "present"}


def test_a_course_is_the_illnesss_only_through_a_symptom_or_sign(small: Rulebook) -> None:
    assert answers(small, seen(WEAKNESS, modifiers=("HP:0003678",)))["course"] == "progressive"
    assert answers(small, seen(WEAKNESS, modifiers=("Recurrent",)))["attacks"] == "present"
    assert "course" not in answers(small, seen(CRYPTORCHIDISM, modifiers=("Progressive",)))
    assert "course" not in answers(small, seen(EMG, modifiers=("Progressive",)))
    assert "course" not in answers(small, excluded(WEAKNESS, modifiers=("Progressive",)))


def test_a_modifier_may_be_of_some_domains_only(small: Rulebook) -> None:
    assert answers(small, seen(WEAKNESS, modifiers=("Worse in evening",)))["worse_at_night"] == "present"
    assert "worse_at_night" not in answers(small, seen(PTOSIS, modifiers=("Worse in evening",)))


def test_observations_that_run_differently_leave_the_course_open(small: Rulebook) -> None:
    read = read_terms([seen(WEAKNESS, modifiers=("Progressive",)), seen(PTOSIS, modifiers=("Nonprogressive",))], small)
    assert "course" not in read.answers
    assert "differ in their course" in told(read, "unread")
    # A course that is stated of the whole illness settles it.
    assert answers(small, seen("Progressive"), seen(PTOSIS, modifiers=("Nonprogressive",)))["course"] == "progressive"


# Time


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("P10Y", 10, 11),
        ("P1Y6M", 1.5, 1.5833),
        ("P2W", 0.03833, 0.0575),
        ("P10Y3M2D", 10.2555, 10.2555),
        ("P0.5Y", 0.5, 0.5),
        ("P1DT12H", 0.0041, 0.0041),
        ("P1Y/P5Y", 1, 6),
    ],
)
def test_an_age_is_as_wide_as_it_is_imprecise(text: str, low: float, high: float) -> None:
    span = age_span(text)
    assert span
    assert (span.low, span.high) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.parametrize("text", ["", "P", "PT", "10", "P10", "10Y", "P-1Y", "P1Y/", "P1.2.3Y"])
def test_what_is_no_iso_age_is_not_read_as_one(text: str) -> None:
    assert age_span(text) is None


def test_age_and_onset_give_the_smallest_time_since_onset_that_is_certain(small: Rulebook) -> None:
    read = read_terms([seen(WEAKNESS, onset="P10Y")], small, age="P12Y")
    assert read.answers == {"weakness": "present", "age": 12, "onset_age": 10, "days_since_onset": 730}
    assert answers(small, seen(WEAKNESS, onset="HP:0011463"), age=40.0)["days_since_onset"] == pytest.approx(
        35 * 365.25, 1e-3
    )
    exact = answers(small, seen(WEAKNESS, onset="P45Y3M2D"), age="P45Y3M10D")
    assert exact["days_since_onset"] == 8


def test_a_time_since_onset_that_might_or_might_not_be_short_is_left_open(small: Rulebook) -> None:
    read = read_terms([seen(WEAKNESS, onset="P12Y")], small, age="P12Y")
    assert "days_since_onset" not in read.answers
    assert "time since onset" not in told(read, "read_as")
    assert "is not known closely enough" in told(read, "unread")
    assert "days_since_onset" not in answers(small, seen(WEAKNESS, onset="HP:0011463"), age="P3Y")


def test_what_has_no_onset_may_have_come_first(small: Rulebook) -> None:
    partly = answers(small, seen(WEAKNESS, days_ago=5), seen(PTOSIS))
    assert "days_since_onset" not in partly
    assert answers(small, seen(WEAKNESS, days_ago=5), seen(CRYPTORCHIDISM))["days_since_onset"] == 5
    whole = answers(small, seen(WEAKNESS, days_ago=5), seen(PTOSIS, days_ago=90))
    assert whole["days_since_onset"] == 90
    old = answers(small, seen(WEAKNESS, onset="P50Y"), seen(PTOSIS), age="P60Y")
    assert old["days_since_onset"] >= 9 * 365
    assert "onset_age" not in old


def test_the_onset_of_the_illness_settles_it_for_all(small: Rulebook) -> None:
    read = answers(small, seen(WEAKNESS), seen(PTOSIS), age="P12Y", onset="P3Y")
    assert (read["onset_age"], read["days_since_onset"]) == (3, pytest.approx(9 * 365.25, abs=1))
    assert answers(small, seen(WEAKNESS), age="P12Y", onset="Congenital onset")["from_birth"] == "present"


def test_an_onset_given_as_an_observation_is_the_illnesss(small: Rulebook) -> None:
    read = read_terms([seen("HP:0011463"), seen(WEAKNESS)], small, age="P30Y")
    assert read.answers["onset_age"] == 1
    assert read.answers["days_since_onset"] >= 25 * 365
    assert read.spoke_of[0] == ("onset_age",)


def test_congenital_onset_is_a_finding_and_an_age(small: Rulebook) -> None:
    read = answers(small, seen(WEAKNESS, onset="HP:0003577"), age="P2Y")
    assert (read["from_birth"], read["onset_age"]) == ("present", 0)


def test_an_onset_after_the_age_is_told_and_left_open(small: Rulebook) -> None:
    read = read_terms([seen(WEAKNESS, onset="P13Y")], small, age="P12Y")
    assert read.answers == {"weakness": "present", "age": 12}
    assert "onset lies after the age" in told(read, "unread")


def test_numbers_that_cannot_stand_together_are_not_given(small: Rulebook) -> None:
    read = answers(small, seen(WEAKNESS, modifiers=("HP:0025307",), days_ago=0))
    assert read == {"weakness": "present", "days_since_onset": 0}
    assert answers(small, seen(WEAKNESS, modifiers=("HP:0025307",)))["progression_days"] == 1


# Terms as names in a case


def test_a_case_may_name_any_term(small: Rulebook) -> None:
    intake = settle(Case(findings={DISTAL_ARM: "left", "Bilateral ptosis": True, CRYPTORCHIDISM: "present"}), small)
    assert intake.said == {"weak_hand": "left", "droopy_lid": "both"}
    assert {notice.kind for notice in intake.notices} == {"read_as", "unread"}


def test_terms_in_a_case_join_its_other_answers(small: Rulebook) -> None:
    assert settle(Case(findings={DISTAL_ARM: "present", "weak_hand": "right"}), small).said == {"weak_hand": "right"}
    conflict = settle(Case(findings={WEAKNESS: "absent", FATIGABLE: "present"}), small).said["weakness"]
    assert conflict == frozenset({"present", "absent"})


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("HP:9999999", "present", "there is no term HP:9999999"),
        (DISTAL_ARM, 3, "'3' is not an answer"),
        (DISTAL_ARM, "presnt", "Did you mean present?"),
    ],
)
def test_a_term_that_cannot_be_read_is_a_problem_of_the_case(
    small: Rulebook, name: str, answer: Any, says: str
) -> None:
    with pytest.raises(CaseError, match=re.escape(says)):
        settle(Case(findings={name: answer}), small)


# Entries


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"terms__x": [term(PTOSIS, "Ptosis", present={"weakness": "present"})]}, "is the finding 'droopy_lid' itself"),
        ({"terms__x": [term(LEFT, "Left", present={})]}, "is a modifier too"),
        (
            {"terms__x": [term(EMG, "x", present={"weaknes": "present"})]},
            "no finding 'weaknes'. Did you mean weakness",
        ),
        ({"terms__x": [term(EMG, "x", present={"weakness": "left"})]}, "has no sides"),
        ({"terms__x": [term(EMG, "x", present={"weak_hand": "one_side"})]}, "one_side is no answer"),
        ({"terms__x": [term(EMG, "x", present={"onset_age": 300})]}, "300 is impossible"),
        ({"terms__x": [term(EMG, "x", present={"onset_age": "soon"})]}, "is a number of years"),
        ({"terms__x": [term(EMG, "x", present={"course": "progresive"})]}, "Did you mean progressive?"),
        ({"terms__x": [term(EMG, "x", present={"weakness": ["present", "absent"]})]}, "several answers"),
        ({"terms__x": [term("EMG", "x", present={})]}, "pattern"),
        ({"terms__modifiers": [term(LEFT, "Left", of=["legs"])]}, "no domain 'legs'"),
        ({"terms__modifiers": [term(LEFT, "Left", onset={"at_least": 5, "at_most": 1})]}, "at_least comes before"),
    ],
)
def test_a_reading_that_cannot_be_is_refused(tmp_path: Path, files: dict[str, Any], says: str) -> None:
    plain = {"scale": FILES["scale"], "findings": FINDINGS, "terms__modifiers": [term(LEFT, "Left", side="left")]}
    with pytest.raises(RulebookError) as refused:
        tiny_book(tmp_path, **{**plain, **files})
    assert says in str(refused.value)


def test_a_rulebook_may_bring_its_own_release(tmp_path: Path) -> None:
    (tmp_path / "hpo.tsv").write_text(build_script().table(OBO), encoding="utf-8")
    book = tiny_book(tmp_path, findings=[*FINDINGS, finding("up", hpo=term("HP:0000001", "Upper"))])
    assert ontology_of(book).release == "2031-02-03"
    assert answers(book, seen("HP:0000003")) == {"up": "present"}
    before = book.fingerprint
    (tmp_path / "hpo.tsv").write_text(build_script().table(OBO.replace("2031", "2032")), encoding="utf-8")
    again = tiny_book(tmp_path, findings=[*FINDINGS, finding("up", hpo=term("HP:0000001", "Upper"))])
    assert again.fingerprint != before
    assert ontology_of(again).release == "2032-02-03"


def test_every_modifier_of_the_rulebook_says_something(book: Rulebook) -> None:
    assert len(book.modifiers) > 20
    for modifier in book.modifiers.values():
        assert modifier.side or modifier.level or modifier.onset or modifier.present, modifier.id
