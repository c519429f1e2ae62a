"""GA4GH phenopackets in and out: what is read, what is written back, and what is said of a file that cannot be."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import phenopackets
import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from strategies import findings_of
from typer.testing import CliRunner

from triage.case import Case
from triage.cli import app
from triage.consultation import consult
from triage.errors import CaseError
from triage.intake import settle
from triage.knowledge import Given
from triage.reading.patients import read_patients
from triage.reading.phenopackets import (
    from_phenopacket,
    is_phenopacket,
    packets_in,
    read_patient,
    to_phenopacket,
)
from triage.rulebook import Rulebook, load_rulebook

BOOK = load_rulebook()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
Packet = dict[str, Any]

PTOSIS = {"type": {"id": "HP:0000508", "label": "Ptosis"}}
INHERITED = {
    "type": {"id": "HP:0000006", "label": "Autosomal dominant inheritance"},
    "evidence": [{"evidenceCode": {"id": "ECO:0000033", "label": "a code"}, "reference": {"id": "PMID:1"}}],
}


def years(age: str) -> Packet:
    return {"age": {"iso8601duration": age}}


def packet(*features: Packet, age: str = "P34Y", **more: Any) -> Packet:
    subject = {"id": "person", "sex": "FEMALE", "timeAtLastEncounter": years(age)}
    meta = {"created": "2024-01-01T00:00:00Z", "createdBy": "somebody", "phenopacketSchemaVersion": "2.0"}
    return {"id": "p1", "subject": subject, "phenotypicFeatures": list(features), "metaData": meta, **more}


def read(document: Packet) -> Case:
    return from_phenopacket(document, BOOK)


def is_valid(document: Packet) -> bool:
    """Whether the schema of the standard takes it, unknown fields and all."""
    ParseDict(document, phenopackets.Phenopacket())
    return True


# In


def test_a_phenopacket_becomes_a_case() -> None:
    case = read(packet(PTOSIS, {**INHERITED}, {"type": {"id": "HP:0000651"}, "excluded": True}))
    assert case.id == "p1"
    assert (case.age, case.sex) == (34, "female")
    assert case.findings["ptosis"] == "present"
    assert case.findings["diplopia"] == "absent"
    assert [(f.id, f.excluded, f.spoke_of[:1]) for f in case.features] == [
        ("HP:0000508", False, ("ptosis",)),
        ("HP:0000006", False, ()),
        ("HP:0000651", True, ("diplopia",)),
    ]
    report = consult(case, BOOK)
    assert any("say nothing here: Autosomal dominant inheritance (HP:0000006)" in n.message for n in report.notices)
    assert report.codes["ptosis"].id == "HP:0000508"
    assert report.case.features == case.features


def test_both_spellings_of_field_names_are_read() -> None:
    snake = {
        "id": "p1",
        "subject": {"id": "s", "time_at_last_encounter": years("P34Y"), "date_of_birth": None},
        "phenotypic_features": [{**PTOSIS, "onset": {"ontology_class": {"id": "HP:0003577"}}, "modifiers": None}],
        "unknown_field": {"inner_name": 1},
    }
    case = read(snake)
    assert case.age == 34
    assert case.findings["symptoms_from_birth"] == "present"
    assert case.kept["unknownField"] == {"innerName": 1}


def test_version_1_negation_is_never_taken_for_presence() -> None:
    assert read(packet({**PTOSIS, "negated": True})).findings["ptosis"] == "absent"


def test_excluded_and_resolved_are_different() -> None:
    assert read(packet({**PTOSIS, "excluded": True})).findings["ptosis"] == "absent"
    assert "ptosis" not in read(packet({**PTOSIS, "resolution": years("P30Y")})).findings


def test_modifiers_onset_and_severity_are_read() -> None:
    feature = {
        **PTOSIS,
        "modifiers": [{"id": "HP:0012834", "label": "Right"}, {"id": "HP:0003676", "label": "Progressive"}],
        "severity": {"id": "HP:0012828", "label": "Severe"},
        "onset": years("P30Y"),
    }
    case = read(packet(feature))
    assert case.findings["ptosis"] == "right"
    assert case.findings["course"] == "progressive"
    assert case.findings["onset_age"] == 30
    assert case.findings["days_since_onset"] >= 3 * 365  # type: ignore[operator]


@pytest.mark.parametrize(
    ("subject", "onset", "days"),
    [
        ({"timeAtLastEncounter": {"timestamp": "2024-05-20T00:00:00Z"}}, {"timestamp": "2024-05-17T00:00:00Z"}, 3),
        (
            {"dateOfBirth": "1990-01-01T00:00:00Z", "timeAtLastEncounter": {"timestamp": "2024-05-20T00:00:00Z"}},
            {"timestamp": "2024-05-17T00:00:00Z"},
            3,
        ),
        (
            {"timeAtLastEncounter": years("P40Y")},
            {"ageRange": {"start": {"iso8601duration": "P1Y"}, "end": {"iso8601duration": "P5Y"}}},
            34 * 365,
        ),
        ({"timeAtLastEncounter": years("P1Y")}, {"gestationalAge": {"weeks": 30}}, 365),
        ({}, {"timestamp": "2024-05-17T00:00:00Z"}, None),
        ({}, {"interval": {"start": "2024-05-17T00:00:00Z", "end": "2024-05-18T00:00:00Z"}}, None),
    ],
)  # fmt: skip
def test_every_way_to_write_a_time_is_read(subject: Packet, onset: Packet, days: float | None) -> None:
    case = read({"id": "x", "subject": subject, "phenotypicFeatures": [{**PTOSIS, "onset": onset}]})
    found = case.findings.get("days_since_onset")
    assert found is None if days is None else days <= found <= days * 1.03  # type: ignore[operator]


def test_the_onset_of_the_one_disease_is_that_of_the_illness() -> None:
    disease = {"term": {"id": "MONDO:0009688", "label": "myasthenia gravis"}, "onset": years("P20Y")}
    case = read(packet(PTOSIS, diseases=[disease]))
    assert case.findings["onset_age"] == 20
    assert case.kept["diseases"] == [disease]
    assert "onset_age" not in read(packet(PTOSIS, diseases=[disease, {**disease, "onset": years("P3Y")}])).findings


def test_wrappers_are_opened() -> None:
    one = packet(PTOSIS)
    assert packets_in({"phenopacket": one, "interpretation": {}}) == [one]
    assert packets_in({"proband": one, "relatives": [one]}) == [one]
    assert packets_in({"members": [one, one]}) == [one, one]
    assert all(is_phenopacket(d) for d in (one, [one], {"phenopacket": one}, {"members": []}))
    assert not any(is_phenopacket(d) for d in ({"findings": {}}, [], None, "text", {"given": {"ptosis": True}}))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (packet({"excluded": True}), "phenotypicFeatures 1 type: is missing; a feature names its term"),
        (packet({"type": {}}), "phenotypicFeatures 1 type: names no term"),
        (packet({"type": "HP:0000508"}), "phenotypicFeatures 1 type: should be an object"),
        (packet(PTOSIS, {**PTOSIS, "excluded": "perhaps"}), "phenotypicFeatures 2 excluded: should be true or false"),
        (packet({**PTOSIS, "modifiers": {"id": "HP:0012834"}}), "phenotypicFeatures 1 modifiers: should be a list"),
        (packet({**PTOSIS, "onset": {"timestamp": "yesterday"}}), "timestamp: should be a time, such as"),
        (packet({"type": {"id": "HP:9999999"}}), "there is no term HP:9999999"),
        (packet({**PTOSIS, "onset": years("ten")}), "'ten' is neither an ISO 8601 age"),
        (packet(PTOSIS, age="34"), "age: '34' is neither an ISO 8601 age"),
        ({"id": "x", "subject": {"sex": "femal"}}, "Did you mean FEMALE"),
        ({"id": "x", "phenotypicFeatures": 3}, "phenotypicFeatures: should be a list"),
        ({"id": "x", "subject": []}, "subject: should be an object"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(document: Packet, says: str) -> None:
    with pytest.raises(CaseError) as refused:
        from_phenopacket(document, BOOK, "patient.json")
    assert says in str(refused.value)
    assert "patient.json" in str(refused.value)


def test_an_empty_phenopacket_is_an_empty_case() -> None:
    assert read({"id": "x", "subject": {"id": "x", "sex": "UNKNOWN_SEX"}}).answers() == {}


# Out


def test_what_is_written_is_a_valid_phenopacket_with_its_resources() -> None:
    ours = next(f for f in BOOK.findings.values() if f.value == "presence" and f.kind == "sign" and not f.hpo)
    case = Case(findings={"ptosis": "left", ours.name: "present", "numbness": "no"}, age=0.5, sex="male")
    written = to_phenopacket(case, BOOK, NOW)
    assert is_valid(written)
    assert written["subject"] == {
        "id": "triage:unnamed", "sex": "MALE", "timeAtLastEncounter": {"age": {"iso8601duration": "P6M"}},
    }  # fmt: skip
    ptosis = next(f for f in written["phenotypicFeatures"] if f["type"]["id"] == "HP:0000508")
    assert ptosis == {**PTOSIS, "modifiers": [{"id": "HP:0012835", "label": "Left"}]}
    assert {"type": {"id": f"triage:{ours.name}", "label": ours.label}} in written["phenotypicFeatures"]
    meta = written["metaData"]
    assert meta["created"] == "2026-01-02T03:04:05Z"
    assert meta["phenopacketSchemaVersion"] == "2.0"
    assert {r["namespacePrefix"]: r["version"] for r in meta["resources"]}["HP"] == "2025-01-16"
    assert to_phenopacket(case, BOOK, NOW) == written


@pytest.mark.parametrize(
    "case",
    [
        Case(findings={"weakness": "absent", "hand_weakness": "left"}),
        Case(findings={"ptosis": ["present", "absent"], "course": ["static", "progressive", "unsure"]}),
        Case(findings={"days_since_onset": [3, 40], "numbness": ["left", "absent", "unsure"]}),
        Case(findings={"age": [3, 40], "sex": ["male", "female"]}),
        Case(findings={"sex": "unsure", "age": "unsure"}),
        Case(findings={"weakness": "present"}, age=33.123456),
        Case(findings={"HP:0008959": "right", "HP:0000006": "present", "HP:0000007": "absent"}, id="a", story="«So»"),
        Case(findings={"symptoms_from_birth": "present", "slow_over_years": "present", "recurrent_attacks": "absent"}),
        Case(findings={"HP:0001324": "absent", "hand_weakness": "present"}),
        Case(),
    ],
)  # fmt: skip
def test_awkward_cases_come_back(case: Case) -> None:
    written = to_phenopacket(case, BOOK, NOW)
    assert is_valid(written)
    again = read(written)
    assert settle(again, BOOK).said == settle(case, BOOK).said
    assert (again.id, again.story) == (case.id, case.story)


TERMS = (
    "HP:0008959",
    "HP:0000006",
    "HP:0001324",
    "HP:0003457",
    "HP:0003621",
    "HP:0003487",
    "HP:0000057",
    "Hyporeflexia",
)


def people() -> st.SearchStrategy[Case]:
    values = st.sampled_from(["present", "absent", "left", "unsure"])
    terms: st.SearchStrategy[Given] = st.dictionaries(st.sampled_from(TERMS), values, max_size=4)  # type: ignore[assignment]
    named = findings_of(BOOK).map(lambda given: {k: v for k, v in given.items() if k not in ("age", "sex")})
    return st.builds(
        lambda findings, more, age, sex: Case(findings={**findings, **more}, age=age, sex=sex, id="x"),
        named,
        terms,
        st.none() | st.floats(0, 110),
        st.sampled_from([None, "female", "male", "unsure"]),
    )


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(people())
def test_every_answer_comes_back(case: Case) -> None:
    try:
        said = settle(case, BOOK).said
    except CaseError:
        assume(False)
    first = to_phenopacket(case, BOOK, NOW)
    assert is_valid(first)
    again = read(first)
    assert settle(again, BOOK).said == said
    second = to_phenopacket(again, BOOK, NOW)
    assert is_valid(second)
    assert settle(read(second), BOOK).said == said


def test_a_phenopacket_comes_back_as_it_was() -> None:
    first = packet(
        {**PTOSIS, "severity": {"id": "HP:0012828", "label": "Severe"}, "description": "since spring"},
        INHERITED,
        {"type": {"id": "SNOMEDCT:1", "label": "else"}, "excluded": True},
        diseases=[{"term": {"id": "MONDO:0009688", "label": "myasthenia gravis"}}],
        measurements=[{"assay": {"id": "LOINC:1", "label": "a"}, "value": {"quantity": {"value": 3.5}}}],
    )
    written = to_phenopacket(read(first), BOOK, NOW)
    for field in ("id", "subject", "phenotypicFeatures", "diseases", "measurements"):
        assert written[field] == first[field]
    meta = written["metaData"]
    assert (meta["created"], meta["createdBy"]) == ("2024-01-01T00:00:00Z", "somebody")
    assert meta["updates"][0]["timestamp"] == "2026-01-02T03:04:05Z"
    assert is_valid(written)


def test_answers_added_or_taken_out_after_reading_come_back() -> None:
    case = read(packet(PTOSIS, {"type": {"id": "HP:0001324"}, "excluded": True}))
    findings = {k: v for k, v in case.findings.items() if k != "leg_weakness"} | {"ptosis": "left", "cramps": "unsure"}
    changed = case.model_copy(update={"findings": findings, "age": 50.0})
    again = read(to_phenopacket(changed, BOOK, NOW))
    assert settle(again, BOOK).said == settle(changed, BOOK).said
    assert "leg_weakness" in case.findings
    assert "leg_weakness" not in again.findings
    assert again.age == 50


# Files


def test_a_folder_and_json_lines_give_every_patient_or_what_is_wrong(tmp_path: Path) -> None:
    good, bad = json.dumps(packet(PTOSIS)), json.dumps(packet({"type": {"id": "HP:9999999"}}))
    (tmp_path / "a.json").write_text(good, encoding="utf-8")
    (tmp_path / "b.json").write_text(json.dumps({"members": [packet(PTOSIS), packet()]}), encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not read", encoding="utf-8")
    (tmp_path / "d.jsonl").write_text(f"{good}\n\n{bad}\n{{broken\n", encoding="utf-8")
    found = list(read_patients(tmp_path, BOOK))
    assert [isinstance(one.case, Case) for one in found] == [True, True, True, True, False, False]
    assert "d.jsonl, line 3" in str(found[4].where)
    assert "HP:9999999" in str(found[4].case)


def test_one_patient_is_read_with_further_answers(tmp_path: Path, book: Rulebook) -> None:
    path = tmp_path / "patient.json"
    path.write_text(json.dumps(packet(PTOSIS)), encoding="utf-8")
    case = read_patient(str(path), book, more={"diplopia": "present", "age": "40"})
    assert case.findings["diplopia"] == "present"
    assert case.features
    path.write_text(json.dumps([packet(), packet()]), encoding="utf-8")
    with pytest.raises(CaseError, match="holds 2 patients"):
        read_patient(str(path), book)


# The command


def command(*args: str, stdin: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(args), input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_assess_takes_a_phenopacket_and_writes_one(tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text(json.dumps(packet(PTOSIS)), encoding="utf-8")
    status, text, _ = command("assess", str(path))
    assert status == 0
    assert "ptosis" in text
    status, out, _ = command("assess", str(path), "--format", "phenopacket", "-f", "HP:0000651")
    assert status == 0
    document = json.loads(out)
    assert is_valid(document)
    assert document["phenotypicFeatures"][0] == PTOSIS
    status, again, _ = command("assess", "-", "--format", "phenopacket", stdin=out)
    assert status == 0
    assert json.loads(again)["phenotypicFeatures"] == document["phenotypicFeatures"]


@pytest.mark.parametrize(
    "content",
    [
        '{"subject": 3}',
        '{"phenotypicFeatures": [{}]}',
        '{"phenotypicFeatures": [null, 1, "x", []]}',
        '{"phenotypicFeatures": [{"type": {"id": ["HP:1"]}}]}',
        '{"members": []}',
        '{"phenopacket": "none"}',
        '{"subject": {"timeAtLastEncounter": {"age": "P3Y"}}}',
        '{"subject": {"sex": {"id": "F"}}}',
        '{"subject": {}, "measurements": [{"assay": {"id": "triage:age"}, "value": {"quantity": {"value": "x"}}}]}',
        '{"subject": {}, "measurements": [{"assay": {"id": "triage:age"}, "value": {"quantity": {"value": 1e9}}}]}',
        '{"subject": {}, "metaData": {"resources": ["HP"]}}',
        '{"subject": {}, "metaData": []}',
        '[{"phenotypicFeatures": 1}]',
    ],
)
def test_awkward_files_end_with_an_explanation(tmp_path: Path, content: str) -> None:
    path = tmp_path / "patient.json"
    path.write_text(content, encoding="utf-8")
    status, out, err = command("assess", str(path))
    assert (status, out) == (2, "")
    assert "The case has" in err
    assert "patient.json" in err or "age" in err
