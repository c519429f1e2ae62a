"""Answers in any accepted form are read, and whatever cannot be is told, all at once."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage import Case, CaseError, Problem, consult
from triage.intake import case_from_document, read_case, settle
from triage.knowledge import Given
from triage.rulebook import Rulebook, load_rulebook
from triage.when import Value

BOOK = load_rulebook()


def said(book: Rulebook, **answers: object) -> dict[str, Value]:
    return dict(settle(Case(findings=answers), book).said)


def refusals(book: Rulebook, answers: Given) -> dict[str, str]:
    with pytest.raises(CaseError) as refused:
        settle(Case(findings=answers), book)
    return {problem.entry: problem.message for problem in refused.value.problems}


@pytest.mark.parametrize(
    "name",
    [
        "ptosis",
        "Ptosis",
        "HP:0000508",
        "hp:0000508",
        " hp:0000508 ",
        "droopy eyelid",
        "  Droopy   EYELID ",
        "droopy_eyelid",
    ],
)
def test_a_finding_goes_by_its_name_its_hpo_id_and_its_synonyms(book: Rulebook, name: str) -> None:
    intake = settle(Case(findings={name: "left"}), book)
    assert intake.said == {"ptosis": "left"}
    assert [notice.findings for notice in intake.notices] == ([] if name == "ptosis" else [("ptosis",)])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ptosys", "Did you mean ptosis"),
        ("Fatigable Weaknes", "fatigable_weakness"),
        ("dubble vision", "diplopia"),
        ("xyzzy", "`triage explain` lists"),
        ("HP:9999999", "HP:9999999"),
        ("", "there is no finding"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(book: Rulebook, name: str, says: str) -> None:
    assert says in refusals(book, {name: "present"})[name]


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("present", "present"), ("Yes", "present"), (True, "present"), ("true", "present"), ("absent", "absent"),
        ("no", "absent"), (False, "absent"), ("unsure", "unsure"), ("not sure", "unsure"), ("unknown", "unsure"),
        ("left", "left"), ("Right", "right"), (" both ", "both"),
        (["left", "right"], "both"), (["present", "left"], "left"), (["left", "present"], "left"),
        (["both", "left"], "both"), (["unsure", "left"], "left"), (["left", "unsure"], "left"),
        (["present", "present"], "present"), (["present", "absent"], frozenset({"present", "absent"})),
        (["absent", "left"], frozenset({"absent", "left"})),
        (["absent", "unsure", "present"], frozenset({"absent", "unsure", "present"})),
    ],
)  # fmt: skip
def test_an_answer_is_read(book: Rulebook, answer: object, value: str) -> None:
    assert said(book, ptosis=answer) == {"ptosis": value}


def test_the_same_finding_under_two_names_is_one_finding(book: Rulebook) -> None:
    assert said(book, **{"ptosis": "left", "HP:0000508": "right"}) == {"ptosis": "both"}
    assert said(book, **{"ptosis": "present", "droopy eyelid": "absent"}) == {
        "ptosis": frozenset({"present", "absent"})
    }


@pytest.mark.parametrize(
    ("name", "answer", "value"),
    [
        ("course", "Progressive", "progressive"), ("sex", "FEMALE", "female"), ("course", "unsure", "unsure"),
        ("course", ["progressive", "static"], frozenset({"progressive", "static"})), ("age", 0.5, 0.5),
        ("age", "34", 34.0), ("age", "5e-1", 0.5),
        ("age", [34, "34"], 34.0), ("age", [34, 35], frozenset({34.0, 35.0})),
        ("days_since_onset", 0, 0.0),
    ],
)  # fmt: skip
def test_choices_and_numbers_are_read(book: Rulebook, name: str, answer: object, value: Value) -> None:
    assert said(book, **{name: answer}) == {name: value}


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("age", 300, "impossible"), ("age", "300", "impossible"), ("age", float("nan"), "impossible"),
        ("age", float("inf"), "impossible"), pytest.param("age", 10**400, "impossible", id="age-endless"),
        ("days_since_onset", -3, "impossible"), ("days_since_onset", "-3", "impossible"),
        ("age", "old", "is a number in years"), ("age", "present", "is a number"),
        ("age", True, "is a number|a number of"),
        ("sex", "femal", "Did you mean female"), ("sex", 1, "female or male"), ("sex", True, "female or male"),
        ("course", "present", "progressive"), ("ptosis", 3, "present, absent or unsure"),
        ("ptosis", "presnt", "Did you mean present"), ("ptosis", "", "is not an answer"), ("ptosis", [], "present"),
        ("fatigue", "left", "has no side"), ("ptosis", ["left", "sideways"], "is not an answer"),
    ],
)  # fmt: skip
def test_an_impossible_answer_is_refused_with_what_is_possible(
    book: Rulebook, name: str, answer: object, says: str
) -> None:
    message = refusals(book, {name: answer})[name]  # type: ignore[dict-item]
    assert any(part in message for part in says.split("|")), message


@pytest.mark.parametrize(
    ("answers", "entry"),
    [
        ({"days_since_onset": 10, "progression_days": 30}, "progression_days"),
        ({"age": 30, "onset_age": 60}, "onset_age"),
    ],
)
def test_numbers_that_cannot_stand_together_are_refused(book: Rulebook, answers: Given, entry: str) -> None:
    assert "cannot be more than" in refusals(book, answers)[entry]
    assert settle(Case(findings=dict.fromkeys(answers, 20)), book).said == dict.fromkeys(answers, 20.0)


def test_every_problem_is_told_at_once(book: Rulebook) -> None:
    wrong: Given = {
        "ptosys": "present", "age": 300, "sex": "banana", "fatigue": "left", "days_since_onset": 5,
         "progression_days": 9,
    }  # fmt: skip
    assert refusals(book, wrong).keys() == {"ptosys", "age", "sex", "fatigue", "progression_days"}


def test_age_in_the_case_and_among_its_findings_is_a_contradiction(book: Rulebook) -> None:
    assert settle(Case(age=34, findings={"age": 50}), book).said["age"] == frozenset({34.0, 50.0})
    assert settle(Case(age=34, findings={"age": 34}), book).said["age"] == 34


def test_settling_leaves_the_case_as_it_was(book: Rulebook) -> None:
    case = Case(findings={"droopy eyelid": ["left", "right"]}, age=34)
    before = case.model_dump_json()
    settle(case, book)
    assert case.model_dump_json() == before


# Documents


def test_a_case_is_the_same_from_yaml_json_and_standard_input(tmp_path: Path) -> None:
    document = {
        "findings": {"ptosis": "left", "numbness": False, "diplopia": ["present", "absent"]},
        "age": 34,
        "id": "a",
    }
    as_json = json.dumps(document)
    as_yaml = "findings:\n  ptosis: left\n  numbness: no\n  diplopia: [present, absent]\nage: 34\nid: a\n"
    (tmp_path / "case.json").write_text(as_json)
    (tmp_path / "case.yaml").write_text(as_yaml)
    stdin = io.TextIOWrapper(io.BytesIO(as_yaml.encode()))
    expected = Case.model_validate(document)
    assert read_case(str(tmp_path / "case.json"), BOOK) == expected
    assert read_case(str(tmp_path / "case.yaml"), BOOK) == expected
    assert read_case("-", BOOK, stdin) == expected


def test_given_means_findings_but_not_beside_them() -> None:
    assert case_from_document({"given": {"ptosis": "left"}}) == Case(findings={"ptosis": "left"})
    with pytest.raises(CaseError, match="given"):
        case_from_document({"given": {"ptosis": "left"}, "findings": {"diplopia": "present"}})


@pytest.mark.parametrize(
    ("document", "entry", "says"),
    [
        (None, "", "is empty"), ({}, "", "is empty"), ("ptosis", "", "should be a mapping"),
        ([{"ptosis": "left"}], "", "should be a mapping"), (3, "", "should be a mapping"),
        ({"finding": {"ptosis": "left"}}, "finding", "Did you mean findings"),
        ({"ptosis": "left"}, "ptosis", "under findings:"),
        ({"findings": {"ptosis": None}}, "findings.ptosis", "an answer is present"),
        ({"findings": {"ptosis": {"side": "left"}}}, "findings.ptosis", "an answer is present"),
        ({"findings": {"ptosis": [["left"]]}}, "findings.ptosis", "an answer is present"),
        ({"findings": ["ptosis"]}, "findings", "present"), ({"findings": None}, "findings", "present"),
        ({"findings": {}, "age": "old"}, "age", "number"), ({"findings": {}, "age": True}, "age", "number"),
        pytest.param({"findings": {}, "age": 10**400}, "age", "number", id="endless age"),
        ({"findings": {}, "sex": 3}, "sex", "female or male"),
        ({"findings": {}, 3: 4}, "3", "unknown field"),
    ],
)  # fmt: skip
def test_a_document_that_is_no_case_is_refused_with_its_place(document: object, entry: str, says: str) -> None:
    with pytest.raises(CaseError) as refused:
        case_from_document(document, "case.yaml")
    (problem,) = refused.value.problems
    assert (problem.file, problem.entry) == ("case.yaml", entry)
    assert says in problem.message


def test_every_problem_of_a_document_is_told_at_once() -> None:
    with pytest.raises(CaseError) as refused:
        case_from_document({"findings": {"ptosis": None, "diplopia": {}}, "age": "old", "colour": "red"})
    assert {p.entry for p in refused.value.problems} == {"findings.ptosis", "findings.diplopia", "age", "colour"}


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.text(max_size=8),
    st.sampled_from(["present", "absent", "unsure", "left", "both", "progressive", "female", "-1", "1e999", "nan"]),
)  # fmt: skip
NAMES = st.sampled_from(
    ["findings", "given", "age", "sex", "id", "story", "ptosis", "HP:0000508", "course", "days_since_onset",
     "progression_days", "numbness", "pregnancy", "symmetric_weakness", "motor_regions"]
) | st.text(max_size=8)  # fmt: skip
ANYTHING = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | ODD, inner, max_size=5), max_leaves=15
)
CASE_LIKE = st.fixed_dictionaries(
    {"findings": st.dictionaries(NAMES, ODD | st.lists(ODD, max_size=3), max_size=6)},
    optional={"age": ODD, "sex": ODD, "id": ODD, "story": ODD},
)


@given(ANYTHING | CASE_LIKE)
@settings(max_examples=400, deadline=None)
def test_any_document_is_a_case_or_refused_as_one(document: object) -> None:
    problems: tuple[Problem, ...] | None = None
    try:
        case = case_from_document(document, "case.yaml")
        settle(case, BOOK)
    except CaseError as refused:
        problems = refused.problems
    if problems is None:
        assert consult(case, BOOK).recommendation
    else:
        assert problems
        assert all(problem.message for problem in problems)
