"""A rulebook is read whole or refused with every place named."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tiny import (
    FINDINGS,
    SCALE,
    SITES,
    SOURCES,
    Entry,
    condition,
    evidence,
    finding,
    flag,
    pattern,
    tiny_book,
    tiny_folder,
    write_rules,
)

from triage import Case, Problem, RulebookError, consult, load_rulebook
from triage.compiling import compile_folder
from triage.rulebook import Rulebook

TIRES: Entry = {"tires": "present"}


def problems(folder: Path, *overlay: Path) -> tuple[Problem, ...]:
    with pytest.raises(RulebookError) as refused:
        load_rulebook(folder, overlay=overlay)
    return refused.value.problems


def only_problem(tmp_path: Path, **files: object) -> Problem:
    (problem,) = problems(tiny_folder(tmp_path, **files))
    return problem


# Folders


def test_the_built_in_rulebook_is_the_default(book: Rulebook) -> None:
    again = load_rulebook()
    assert load_rulebook() is again
    assert load_rulebook(book.folders[0]) is again
    assert again.fingerprint == book.fingerprint


def test_a_folder_of_ones_own_is_used_alone(tmp_path: Path) -> None:
    own = tiny_book(tmp_path, evidence=[evidence("mine", "muscle", "for", TIRES)])
    assert own.evidence.keys() == {"mine"}
    assert own.findings.keys() == {entry["name"] for entry in FINDINGS}
    assert consult(Case(findings={"tires": "present"}), own).rulebook.fingerprint == own.fingerprint


def test_an_overlay_replaces_adds_and_leaves_the_rest(tmp_path: Path) -> None:
    rules = [evidence("old", "muscle", "for", TIRES), evidence("kept", "nerve", "for", TIRES)]
    base = tiny_folder(tmp_path / "base", evidence=rules)
    first = write_rules(
        tmp_path / "first",
        evidence__a=[evidence("old", "muscle", "weakly_for", TIRES), evidence("new", "joint", "for", TIRES)],
        scale={"thresholds": {"margin": 9}},
    )
    second = write_rules(tmp_path / "second", evidence=[evidence("old", "muscle", "against", TIRES)])
    laid = load_rulebook(base, overlay=[first])
    assert {rule.id: rule.strength for rule in laid.evidence.values()} == {
        "old": "weakly_for",
        "kept": "for",
        "new": "for",
    }
    assert (laid.scale.thresholds.margin, laid.scale.thresholds.leading) == (9, SCALE["thresholds"]["leading"])
    assert laid.places["evidence/new"] == "evidence/a.yaml"
    assert load_rulebook(base, overlay=[first, second]).evidence["old"].strength == "against"
    assert load_rulebook(base, overlay=[second, first]).evidence["old"].strength == "weakly_for"
    assert load_rulebook(base).evidence["old"].strength == "for"


def test_an_overlay_may_lie_on_the_built_in_rulebook(tmp_path: Path, book: Rulebook) -> None:
    folder = write_rules(tmp_path, findings=[finding("glows", domain="general")])
    laid = load_rulebook(overlay=[folder])
    assert laid.findings.keys() - book.findings.keys() == {"glows"}
    assert "glows" not in load_rulebook().findings


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text("[]")
    for place in (tmp_path / "nowhere", tmp_path / "file.yaml"):
        (problem,) = problems(place)
        assert (problem.file, "no such folder" in problem.message) == (str(place), True)
    assert problems(tiny_folder(tmp_path / "base"), tmp_path / "nowhere")[0].file == str(tmp_path / "nowhere")


# What does not hold together


@pytest.mark.parametrize(
    ("files", "place", "says"),
    [
        ({"evidence": [evidence("e", "muscle", "for", {"tirs": "present"})]}, "evidence.yaml: e: when",
         "Did you mean tires"),
        ({"evidence": [evidence("e", "muscel", "for", TIRES)]}, "evidence.yaml: e: site", "Did you mean muscle"),
        ({"evidence": [evidence("e", "muscle.hop", "for", TIRES)]}, "evidence.yaml: e: site", "muscle.hip"),
        ({"evidence": [evidence("e", "muscle", "for", TIRES, theme="sensaton")]}, "evidence.yaml: e: theme",
         "sensation"),
        ({"evidence": [evidence("e", "muscle", "for", TIRES, cite=[{"source": "book_1998", "at": "x"}])]},
         "evidence.yaml: e: cite", "book_1999"),
        ({"evidence__deep": [evidence("e", "muscle", "for", {"muscle": "leading"})]}, "evidence/deep.yaml: e: when",
         "muscle"),
        ({"patterns": [pattern("p", {"numb_fot": "present"})]}, "patterns.yaml: p: when", "numb_foot"),
        ({"patterns": [pattern("tires", {"chokes": "present"})]}, "findings.yaml: tires: name", "rename"),
        ({"red_flags": [flag("f", {"breathles": "present"})]}, "red_flags.yaml: f: when", "breathless"),
        ({"red_flags": [flag("f", TIRES, relevant_when={"tirs": "present"})]}, "red_flags.yaml: f: relevant_when",
         "tires"),
        ({"red_flags": [flag("f", {"p": "present"})], "patterns": [pattern("p", TIRES)]}, "red_flags.yaml: f: when",
         "only findings"),
        ({"conditions": [condition("c", ["muscle.hipp"], [TIRES])]}, "conditions.yaml: c: lives_at", "muscle.hip"),
        ({"conditions": [condition("c", ["muscle"], [{"tirs": "present"}])]}, "conditions.yaml: c: expected", "tires"),
        ({"findings": [*FINDINGS, finding("f", domain="weaknes")]}, "findings.yaml: f: domain", "weakness"),
        ({"findings": [*FINDINGS, finding("f", implies=["weaknes"])]}, "findings.yaml: f: implies", "weakness"),
        ({"findings": [*FINDINGS, finding("f", excludes=[{"tirs": "present"}])]}, "findings.yaml: f: excludes",
         "tires"),
        ({"findings": [*FINDINGS, finding("f", not_above="tires")]}, "findings.yaml: f: not_above", "two numbers"),
        ({"findings": [*FINDINGS, finding("f", hpo={"id": "HP:0003474", "label": "x"})]}, "findings.yaml: f: hpo",
         "numb_foot"),
        ({"findings": [*FINDINGS, finding("f", computed={"what": "axial", "of": ["wekness"]})]},
         "findings.yaml: f: computed",
         "wekness"),
        ({"sites": {"sites": {}}}, "sites.yaml", ""),
        ({"sites": {"sites": ["muscle", "nerve"]}}, "sites.yaml", ""),
        ({"sites": {"sties": SITES}}, "sites.yaml", ""),
    ],
)  # fmt: skip
def test_a_name_that_leads_nowhere_is_refused_with_the_nearest(
    tmp_path: Path, files: dict[str, object], place: str, says: str
) -> None:
    problem = only_problem(tmp_path, **files)
    assert str(problem).startswith(place)
    assert says in problem.message


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ({"tires": "left"}, "has no sides"), ({"tires": "progressive"}, "use present or absent"),
        ({"tires": {"at_least": 2}}, "is not a number"), ({"days_since_onset": "present"}, "is a number"),
        ({"course": "present"}, "is not a choice"), ({"course": "progresive"}, "Did you mean progressive"),
        ({"p": "absent"}, "only 'present' can be asked"), ({"p": {"at_most": 3}}, "only 'present' can be asked"),
        ({"at_least": {"n": 1, "of": [{"p": "present"}, TIRES]}}, "findings"),
        ({"not": TIRES}, "'not'"), ({"all": []}, "needs a list"), ({}, "empty condition"),
        ("tires", "expected a mapping"), ({"days_since_onset": {"above": 3}}, "a range is"),
        ({"at_least": {"n": 3, "of": [TIRES]}}, "needs n from 1 to 1"), ({"tires": True}, "expected a word"),
    ],
)  # fmt: skip
def test_a_condition_asks_of_a_name_only_what_it_can_be(tmp_path: Path, when: Entry, says: str) -> None:
    rules = {"patterns": [pattern("p", TIRES)], "evidence": [evidence("e", "muscle", "for", when)]}
    problem = only_problem(tmp_path, **rules)
    assert (problem.file, problem.entry, problem.field.partition(".")[0]) == ("evidence.yaml", "e", "when")
    assert says in problem.message


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"strenght": "for"}, "strenght", "Did you mean strength"),
        ({"strength": "very"}, "strength", "strongly_for"),
        ({"id": "Not A Name"}, "id", "pattern"),
        ({"because": None}, "because", "string"),
        ({"examples": {"fires": [], "silent": [TIRES]}}, "examples.fires", "at least 1"),
        ({"cite": []}, "", "needs a citation"),
    ],
)  # fmt: skip
def test_a_malformed_entry_is_named_with_its_field(tmp_path: Path, changed: Entry, field: str, says: str) -> None:
    entry = {**evidence("e", "muscle", "for", TIRES), **changed}
    problem = only_problem(tmp_path, evidence=[evidence("fine", "muscle", "for", TIRES), entry])
    assert (problem.file, problem.entry, problem.field) == ("evidence.yaml", entry["id"], field)
    assert says in problem.message


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"value": "number"}, "needs min and max"), ({"min": 3}, "only a number has min and max"),
        ({"value": "choice"}, "needs choices"),
        ({"choices": ["a"]}, "needs choices"), ({"value": "number", "min": 10, "max": 0}, "min"),
    ],
)  # fmt: skip
def test_a_finding_has_what_its_kind_of_value_needs(tmp_path: Path, changed: Entry, says: str) -> None:
    assert says in only_problem(tmp_path, findings=[*FINDINGS, finding("odd", **changed)]).message


@pytest.mark.parametrize("table", ["points", "not_excluded", "condition_points", "recommendation", "urgency_words"])
def test_a_scale_without_one_of_its_words_is_refused(tmp_path: Path, table: str) -> None:
    last = list(SCALE[table])[-1]
    short = {word: number for word, number in SCALE[table].items() if word != last}
    problem = only_problem(tmp_path, scale={**SCALE, table: short})
    assert problem.file == "scale.yaml"
    assert last in str(problem)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: b", "should be a list"), ("just words", "should be a list"), ("- a: b\n  a: c\n", "stands twice"),
        ("- id: [", "not valid YAML"), ("- &x {id: e}\n- *x\n", "anchor or alias"),
        ("- just words", "valid dictionary"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_list_of_entries_is_named(tmp_path: Path, content: str, says: str) -> None:
    problem = only_problem(tmp_path, topics__asked=content)
    assert problem.file.startswith("topics/asked.yaml")
    assert says in problem.message


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path)
    (folder / "topics.yaml").write_bytes(b"\xff\xfe\x00")
    (problem,) = problems(folder)
    assert (problem.file, "not text" in problem.message) == ("topics.yaml", True)


def test_a_scale_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    assert "not valid YAML" in only_problem(tmp_path, scale="points: [").message


def test_a_folder_without_sites_or_scale_names_the_missing_file(tmp_path: Path) -> None:
    for name in ("sites", "scale"):
        folder = tiny_folder(tmp_path / name)
        (folder / f"{name}.yaml").unlink()
        assert f"{name}.yaml" in {problem.file for problem in problems(folder)}


def test_a_name_stands_once_in_a_folder(tmp_path: Path) -> None:
    twice = evidence("e", "muscle", "for", TIRES)
    problem = only_problem(tmp_path, evidence__a=[twice], evidence__b=[twice])
    assert (problem.file, problem.entry) == ("evidence/b.yaml", "e")
    assert "evidence/a.yaml" in problem.message


def test_entries_without_a_name_are_not_taken_for_one_another(tmp_path: Path) -> None:
    nameless = {"title": "What is it?", "ask": [], "plain": "It is."}
    found = problems(tiny_folder(tmp_path, topics__a=[nameless], topics__b=[nameless]))
    assert {(p.file, p.entry, p.field) for p in found} == {(f"topics/{f}.yaml", "entry 1", "id") for f in "ab"}


@pytest.mark.parametrize(
    ("files", "ring"),
    [
        ({"patterns": [pattern("p", {"q": "present"}), pattern("q", {"any": [{"p": "present"}, TIRES]})]}, {"p", "q"}),
        ({"patterns": [pattern("p", {"any": [{"p": "present"}, TIRES]})]}, {"p"}),
        ({"findings": [*FINDINGS, finding("p", implies=["q"]), finding("q", implies=["r"]), finding("r",
         implies=["p"])]},
         {"p", "q", "r"}),
        ({"findings": [*FINDINGS, finding("p", implies=["p"])]}, {"p"}),
    ],
)  # fmt: skip
def test_a_circle_is_refused_and_shown(tmp_path: Path, files: dict[str, object], ring: set[str]) -> None:
    message = only_problem(tmp_path, **files).message
    assert "goes round in a circle" in message
    assert set(message.partition(": ")[2].split(" → ")) == ring


def test_patterns_come_after_those_they_build_on(tmp_path: Path) -> None:
    chain = [pattern("a", {"b": "present"}), pattern("b", {"c": "present"}), pattern("c", TIRES)]
    assert list(tiny_book(tmp_path, patterns=chain).patterns) == ["c", "b", "a"]


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    folder = tiny_folder(
        tmp_path,
        evidence=[
            evidence("one", "muscel", "for", {"tirs": "present"}),
            evidence("two", "muscle", "for", TIRES, theme="x"),
        ],
        red_flags=[flag("three", {"breathles": "present"})],
        conditions=[condition("four", ["nowhere"], [TIRES])],
    )
    assert {(p.entry, p.field) for p in problems(folder)} == {
        ("one", "when"), ("one", "site"), ("two", "theme"), ("three", "when"), ("four", "lives_at"),
    }  # fmt: skip
    write_rules(folder, evidence="a: b", topics="- x: y", sources=[*SOURCES, *SOURCES])
    assert {p.file for p in problems(folder)} == {"evidence.yaml", "topics.yaml", "sources.yaml"}


def test_a_malformed_case_is_told_when_cases_are_read(tmp_path: Path) -> None:
    book = tiny_book(tmp_path, cases__muscle__first=[{"id": "a_case", "title": "no more"}])
    with pytest.raises(RulebookError) as refused:
        book.cases()
    assert {(p.file, p.entry) for p in refused.value.problems} == {("cases/muscle/first.yaml", "a_case")}


# Fingerprint, cache, compiled form


def test_the_fingerprint_changes_with_the_content_and_with_nothing_else(tmp_path: Path) -> None:
    rule = evidence("e", "muscle", "for", TIRES)
    folder = tiny_folder(tmp_path / "a", evidence=[rule])
    before = load_rulebook(folder).fingerprint
    shutil.copytree(folder, tmp_path / "b")
    assert load_rulebook(tmp_path / "b").fingerprint == before
    os.utime(folder / "evidence.yaml", (1, 1))
    (folder / "notes.txt").write_text("not a rule")
    assert load_rulebook(folder).fingerprint == before
    write_rules(folder, evidence=[{**rule, "because": "It is not so."}])
    assert load_rulebook(folder).fingerprint != before
    write_rules(folder, evidence=[rule])
    assert load_rulebook(folder).fingerprint == before
    assert load_rulebook(folder, overlay=[write_rules(tmp_path / "c", topics=[])]).fingerprint != before


def test_the_same_folder_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tiny_book(tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    assert load_rulebook("rules") is first
    assert load_rulebook(tmp_path / "rules") is first
    write_rules(tmp_path / "rules", evidence=[evidence("e", "muscle", "for", TIRES)])
    assert load_rulebook("rules").evidence.keys() == {"e"}


def test_a_rulebook_is_frozen(tmp_path: Path) -> None:
    book = tiny_book(tmp_path)
    for table in (book.findings, book.evidence, book.sites, book.sub_sites, book.by_hpo):
        with pytest.raises(TypeError):
            table["x"] = None  # type: ignore[index]
    with pytest.raises(AttributeError):
        book.fingerprint = "x"  # type: ignore[misc]


def test_the_compiled_form_is_used_while_it_is_fresh_and_not_after(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, evidence=[evidence("e", "muscle", "for", TIRES)])
    compiled = json.loads(compile_folder(folder))
    compiled["evidence.yaml"]["data"][0]["says"] = "Read from the compiled form"
    (folder / "compiled.json").write_text(json.dumps(compiled))
    assert load_rulebook(folder).evidence["e"].says == "Read from the compiled form"
    write_rules(folder, evidence=[evidence("e", "muscle", "for", TIRES, says="Read from the file")])
    assert load_rulebook(folder).evidence["e"].says == "Read from the file"


def test_the_compiled_form_gives_the_very_same_rulebook(tmp_path: Path) -> None:
    rules = {"evidence": [evidence("e", "muscle", "for", TIRES)], "red_flags": [flag("f", TIRES)]}
    plain = tiny_book(tmp_path / "plain", **rules)
    folder = tiny_folder(tmp_path / "compiled", **rules)
    (folder / "compiled.json").write_bytes(compile_folder(folder))
    compiled = load_rulebook(folder)
    assert compiled.fingerprint == plain.fingerprint
    assert (compiled.findings, compiled.evidence, compiled.scale) == (plain.findings, plain.evidence, plain.scale)


@pytest.mark.parametrize(
    "content", ["", "not json", "[]", "3", '{"scale.yaml": 5}', '{"scale.yaml": {"data": {}}}', '{"scale.yaml": null}']
)
def test_a_damaged_compiled_form_is_passed_over(tmp_path: Path, content: str) -> None:
    folder = tiny_folder(tmp_path)
    (folder / "compiled.json").write_text(content)
    assert load_rulebook(folder).scale.points["for"] == 7
