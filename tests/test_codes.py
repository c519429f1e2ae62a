"""Tests and conditions carry standard codes that were read somewhere, and each code means one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from tiny import CITED, EXAMPLES, SOURCES, Entry, condition, evidence, tiny_book, tiny_folder

from triage import Case, Problem, RulebookError, consult, load_rulebook
from triage.check import check
from triage.glossary import explain
from triage.knowledge import Code
from triage.rulebook import Rulebook

TIRES: Entry = {"tires": "present"}


def code(name: str, label: str = "Some name", source: str = "book_1999") -> Entry:
    return {"id": name, "label": label, "cite": {"source": source, "at": "page 1"}}


def illness(name: str, *codes: Entry) -> Entry:
    return condition(name, ["muscle"], [TIRES], codes=codes)


def blood_test(name: str, *codes: Entry) -> Entry:
    plain = {"name": name, "kind": "blood", "plain": "Blood.", "clinical": "Serum.", **CITED}
    return {"id": name, **plain, "codes": codes}


def problems(tmp_path: Path, **files: object) -> tuple[Problem, ...]:
    with pytest.raises(RulebookError) as refused:
        load_rulebook(tiny_folder(tmp_path, **files))
    return refused.value.problems


@pytest.mark.parametrize(
    "name", ["ORPHA:803", "OMIM:105400", "MONDO:0004976", "ICD10:G14", "ICD10:G12.2", "ICD10CM:G12.21", "LOINC:2157-6"]
)
def test_an_id_of_a_known_form_is_taken(name: str) -> None:
    assert Code.model_validate(code(name)).id == name


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("803", "names no known system"),
        ("orpha:803", "names no known system"),
        ("SNOMED:86044005", "names no known system"),
        ("ORPHA:0803", "form of an id of ORPHA"),
        ("OMIM:10540", "form of an id of OMIM"),
        ("MONDO:4976", "form of an id of MONDO"),
        ("ICD10:G12.21", "form of an id of ICD10"),
        ("ICD10CM:G12.", "form of an id of ICD10CM"),
        ("LOINC:2157", "form of an id of LOINC"),
        ("LOINC:2157-7", "check digit"),
        ("LOINC:2175-6", "check digit"),
    ],
)
def test_an_id_of_another_form_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Code.model_validate(code(name))


def test_a_code_means_one_condition_only(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, conditions=[illness("ache", code("ORPHA:1")), illness("gout", code("ORPHA:1"))])
    assert (problem.file, problem.entry, problem.field) == ("conditions.yaml", "gout", "codes")
    assert "ORPHA:1 already belongs to ache" in problem.message


def test_a_code_means_one_test_only(tmp_path: Path) -> None:
    (problem,) = problems(
        tmp_path, tests=[blood_test("ck", code("LOINC:2157-6")), blood_test("b", code("LOINC:2157-6"))]
    )
    assert (problem.entry, problem.field) == ("b", "codes")


def test_a_code_stands_once_in_its_entry(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, conditions=[illness("ache", code("ORPHA:1"), code("ORPHA:1"))])
    assert problem.entry == "ache"


def test_a_code_is_from_a_source_that_is_listed(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, conditions=[illness("ache", code("ORPHA:1", source="book_1998"))])
    assert "there is no source 'book_1998'" in problem.message
    assert "book_1999" in problem.message


def test_codes_are_counted_and_their_sources_are_used(tmp_path: Path) -> None:
    listed = [*SOURCES, {"id": "catalogue", "title": "A catalogue", "read": "a page"}]
    book = tiny_book(
        tmp_path,
        sources=listed,
        conditions=[illness("ache", code("ORPHA:1"), code("OMIM:100100", source="catalogue"))],
        tests=[blood_test("ck", code("LOINC:2157-6"))],
    )
    checked = check(book)
    assert checked.counts["codes"] == 3
    assert not [problem for problem in checked.problems if problem.entry == "catalogue"]


def test_a_report_carries_the_codes_of_conditions_and_tests(tmp_path: Path) -> None:
    advice = {
        "id": "ck_first", "test": "ck", "for": ["muscle"], "when": TIRES, "order": "first", "settles": "Much.",
        "because": "It is so.", "examples": EXAMPLES, **CITED,
    }  # fmt: skip
    book = tiny_book(
        tmp_path,
        evidence=[evidence("mine", "muscle", "strongly_for", TIRES)],
        conditions=[illness("ache", code("ORPHA:1", "Ache"))],
        tests=[blood_test("ck", code("LOINC:2157-6", "Creatine kinase"))],
        investigations=[advice],
    )
    written = json.loads(consult(Case(findings={"tires": "present"}), book).model_dump_json())
    assert [(c["id"], c["label"]) for c in written["conditions"][0]["codes"]] == [("ORPHA:1", "Ache")]
    assert [(c["id"], c["label"]) for c in written["investigations"][0]["codes"]] == [
        ("LOINC:2157-6", "Creatine kinase")
    ]


def test_a_code_is_explained_as_what_it_means(tmp_path: Path) -> None:
    book = tiny_book(
        tmp_path,
        conditions=[illness("ache", code("ORPHA:1", "Great ache"))],
        tests=[blood_test("ck", code("LOINC:2157-6", "Creatine kinase"))],
    )
    assert "Codes: ORPHA:1 Great ache." in explain("orpha:1", book)
    assert "Codes: LOINC:2157-6 Creatine kinase." in explain("ck", book)


def test_most_conditions_and_many_tests_carry_codes(book: Rulebook) -> None:
    assert sum(bool(profile.codes) for profile in book.conditions.values()) * 2 > len(book.conditions)
    assert sum(bool(test.codes) for test in book.tests.values()) >= 40
    assert sum(bool(test.codes) for test in book.tests.values() if test.kind == "blood") >= 20
