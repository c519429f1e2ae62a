"""A table out of a table in: in every row what `consult` says of that row alone."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from strategies import drawn
from tiny import tiny_book

pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")

import triage.tables  # noqa: E402
from triage import Case, CaseError, consult  # noqa: E402
from triage.columns import answers_in  # noqa: E402
from triage.consultation import PLAIN, reason  # noqa: E402
from triage.facts import close  # noqa: E402
from triage.intake import settle  # noqa: E402
from triage.knowledge import Given  # noqa: E402
from triage.rulebook import Rulebook  # noqa: E402
from triage.tables import consult_batches, consult_cases, consult_table, plain, result_schema  # noqa: E402

CLEAR: Given = {"ptosis": "left", "diplopia": "present", "fatigable_weakness": "present", "numbness": "absent"}


def people_of(book: Rulebook, count: int, seed: int = 4) -> list[Given]:
    """People that settle, sparse and dense, some with contradictions."""
    rng = random.Random(seed)
    people = [CLEAR, {}]
    while len(people) < count:
        person = drawn(book, rng, most=rng.choice((4, 25)))
        try:
            settle(Case(findings=person), book)
        except CaseError:
            continue
        people.append(person)
    return people


def table_of(people: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The people as text, as a file has them."""

    def cell(answer: Any) -> str | None:
        return None if answer is None else "|".join(map(str, answer if isinstance(answer, list) else [answer]))

    names = dict.fromkeys(name for person in people for name in person)
    return pa.table({name: pa.array([cell(person.get(name)) for person in people], pa.string()) for name in names})


def alone(answers: Given, book: Rulebook) -> dict[str, Any]:
    """What a consultation of one person says, in the columns of a table."""
    report = consult(Case(findings=answers), book)
    of_sites = {
        f"{its.site}_{what}": value
        for its in report.sites
        for what, value in (
            ("standing", its.standing), ("points", its.points), ("sub_site", its.sub_site),
            ("support", its.relative_support),
        )
    }  # fmt: skip
    fired = reason(book, close(settle(Case(findings=answers), book).said, book), PLAIN).firings
    return {
        "error": None,
        "urgency": report.urgency.level,
        "first": report.sites[0].site,
        "leading": [its.site for its in report.leading],
        **of_sites,
        "red_flags": {flag.id for flag in report.red_flags if flag.state == "fired"},
        "not_excluded": {flag.id for flag in report.red_flags if flag.state == "not_excluded"},
        "fired": {f"{firing.kind}/{firing.id}" for firing in fired},
        "recommendation": report.recommendation,
    }


def comparable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of answers, with lists that have no order of rank as sets and supports as close as a report has them."""
    as_sets = {"red_flags", "not_excluded", "fired"}
    return {
        name: set(cell) if name in as_sets else round(cell, 4) if isinstance(cell, float) else cell
        for name, cell in row.items()
    }


def test_every_row_comes_out_as_its_consultation(book: Rulebook) -> None:
    people = people_of(book, 60)
    answers = consult_table(table_of(people), book, fired=True)
    answers.validate(full=True)
    assert answers.num_rows == len(people)
    for row, person in zip(answers.to_pylist(), people, strict=True):
        assert comparable(row) == alone(person, book), person
    assert len({row["first"] for row in answers.to_pylist()}) > 3, "rows worth comparing"


def test_the_order_of_all_sites_can_be_read_off(book: Rulebook) -> None:
    people = people_of(book, 25, seed=9)
    for row, person in zip(consult_table(table_of(people), book).to_pylist(), people, strict=True):
        report = consult(Case(findings=person), book)
        points = [row[f"{its.site}_points"] for its in report.sites]
        assert points == sorted(points, reverse=True)
        assert row["first"] == report.sites[0].site


def test_the_columns_are_those_of_the_schema_and_the_recommendation_is_last(book: Rulebook) -> None:
    given = table_of(people_of(book, 5)).append_column("ward", pa.array([1, 2, 3, 4, None]))
    columns = triage.tables.Columns(given.schema.names, book, ["ward"])
    for fired in (False, True):
        answers = consult_table(given, book, carry=["ward"], fired=fired)
        assert answers.schema.equals(result_schema(book, given.schema, columns, fired=fired))
        assert answers.schema.names[:3] == ["ward", "error", "urgency"]
        assert answers.schema.names[-1] == "recommendation"
        assert ("fired" in answers.schema.names) == fired
        assert None not in answers.column("recommendation").to_pylist()
        assert answers.column("ward").to_pylist() == [1, 2, 3, 4, None]
    flat = plain(answers.schema)
    assert not any(pa.types.is_dictionary(field.type) for field in flat)
    assert consult_table(given, book, carry=["ward"], fired=True).cast(flat).to_pylist() == answers.to_pylist()


def test_a_row_that_cannot_be_read_keeps_its_place_and_says_why(book: Rulebook) -> None:
    given = pa.table(
        {"id": ["a", "b", "c"], "ptosis": ["left", "purple", "left"], "age": [30.0, 200.0, 30.0]}
    )  # fmt: skip
    first, wrong, last = consult_table(given, book, fired=True).to_pylist()
    assert "ptosis: 'purple' is not an answer" in wrong["error"]
    assert "age: 200.0 is impossible" in wrong["error"]
    assert wrong["id"] == "b"
    for name, cell in wrong.items():
        assert cell in (None, []) or name in ("id", "error"), name
    assert {**first, "id": "c"} == last
    assert first["error"] is None


def test_columns_that_are_no_findings_are_refused_all_at_once(book: Rulebook) -> None:
    given = pa.table({"ptosi": ["left"], "diplopia": ["present"], "wieght": [3]})
    for call in (lambda: consult_table(given, book), lambda: list(consult_batches(given.to_batches(), book))):
        with pytest.raises(CaseError) as refused:
            call()
        assert "Did you mean ptosis" in str(refused.value)
        assert "wieght" in str(refused.value)


def test_a_carried_column_may_not_be_called_as_an_answer(book: Rulebook) -> None:
    given = pa.table({"ptosis": ["left"], "urgency": ["high"], "muscle_points": [3]})
    with pytest.raises(CaseError, match="urgency: is the name of a column of the answers") as refused:
        consult_table(given, book, carry=["urgency", "muscle_points"])
    assert len(refused.value.problems) == 2


def test_chunks_and_slices_change_nothing(book: Rulebook) -> None:
    given = table_of(people_of(book, 45))
    whole = consult_table(given, book)
    chunked = pa.concat_tables([given.slice(0, 7), given.slice(7, 0), given.slice(7, 1), given.slice(8)])
    assert consult_table(chunked, book).to_pylist() == whole.to_pylist()
    assert consult_table(given.slice(9, 13), book).to_pylist() == whole.slice(9, 13).to_pylist()
    assert consult_table(chunked.to_reader(), book).to_pylist() == whole.to_pylist()


def test_no_rows_give_no_rows(book: Rulebook) -> None:
    given = table_of([CLEAR]).slice(0, 0)
    for answers in (consult_table(given, book, fired=True), consult_cases([], book, fired=True)):
        assert answers.num_rows == 0
        assert answers.schema.names[-1] == "recommendation"
    term = pa.table({"HP:0003621": pa.array([], pa.string())})
    assert consult_table(term, book).num_rows == 0


def test_a_rulebook_may_have_neither_evidence_nor_red_flags(tmp_path: Path) -> None:
    row = consult_table(pa.table({"tires": ["present"]}), tiny_book(tmp_path), fired=True).to_pylist()[0]
    assert (row["red_flags"], row["leading"], row["fired"]) == ([], [], [])
    assert row["recommendation"] == "See a clinician: within_two_weeks."


def test_batches_are_answered_as_they_come(book: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    given = table_of(people_of(book, 30))
    whole = consult_table(given, book)
    monkeypatch.setattr(triage.tables, "BATCH", 8)
    batches = [given.slice(0, 11), given.slice(11, 0), given.slice(11, 19)]
    flat = [batch for part in batches for batch in (part.to_batches() or [part.combine_chunks().to_batches()])]
    answered = list(consult_batches((batch for batch in flat if isinstance(batch, pa.RecordBatch)), book))
    assert [batch.num_rows for batch in answered] == [8, 3, 8, 8, 3]
    assert pa.Table.from_batches(answered).to_pylist() == whole.to_pylist()
    empty = pa.RecordBatch.from_pylist([], schema=given.schema)
    assert [batch.num_rows for batch in consult_batches([empty, *given.slice(0, 2).to_batches(), empty], book)] == [2]
    assert list(consult_batches([], book)) == []


def test_a_stream_is_read_a_batch_at_a_time(book: Rulebook) -> None:
    taken: list[int] = []

    def batches() -> Any:
        for n in range(3):
            taken.append(n)
            yield table_of([CLEAR]).to_batches()[0]

    answers = consult_batches(batches(), book)
    next(answers)
    assert taken == [0]


def test_cases_come_out_as_their_consultations(book: Rulebook) -> None:
    people = people_of(book, 20)
    cases = [Case(findings=person, id=f"p{n}" if n % 2 else None) for n, person in enumerate(people)]
    wrong = Case(findings={"ptosi": "left"}, id="\ud800")
    rows = consult_cases([*cases[:3], wrong, *cases[3:]], book, fired=True).to_pylist()
    bad = rows.pop(3)
    assert "Did you mean ptosis" in bad["error"]
    assert bad["id"] == "\\ud800", "half a character, spelt out"
    for row, case in zip(rows, cases, strict=True):
        assert row.pop("id") == case.id
        assert comparable(row) == alone(case.findings, book)


def test_terms_and_two_columns_of_one_finding_come_out_as_consultations(book: Rulebook) -> None:
    synonym = book.findings["ptosis"].synonyms[0]
    given = pa.table(
        {
            "HP:0003621": ["present", None, "absent", "purple", "left"],
            "ptosis": ["left", "present", None, None, None],
            synonym: ["right", "absent", "present", None, None],
            "Muscle weakness": [None, "present", "unsure", None, "present"],
            "age": [14.0, 50.0, None, 3.0, 20.0],
        }
    )
    for row, cells in zip(consult_table(given, book, fired=True).to_pylist(), given.to_pylist(), strict=True):
        answers: Given = {
            name: read if len(read) > 1 else read[0] for name, cell in cells.items() if (read := answers_in(cell))
        }
        if "purple" in answers.values():
            assert "'purple' is not an answer" in row["error"]
        else:
            assert comparable(row) == alone(answers, book)


def test_a_pandas_frame_is_a_table(book: Rulebook) -> None:
    pandas = pytest.importorskip("pandas", minversion="2.2")
    people = people_of(book, 12)
    frame = pandas.DataFrame(table_of(people).to_pylist())
    expected = consult_table(table_of(people), book).to_pylist()
    assert consult_table(frame, book).to_pylist() == expected
    assert consult_table(frame.astype("category"), book).to_pylist() == expected
    some = frame[frame.index % 2 == 1]
    assert consult_table(some, book).to_pylist() == expected[1::2]
    mixed = pandas.DataFrame({"ptosis": pandas.Series([True, None, False], dtype=object), "age": [30.0, None, 41.5]})
    plainly = [{"ptosis": True, "age": 30.0}, {}, {"ptosis": False, "age": 41.5}]
    assert [comparable(row) for row in consult_table(mixed, book, fired=True).to_pylist()] == [
        alone(person, book) for person in plainly
    ]


def test_a_polars_frame_is_a_table(book: Rulebook) -> None:
    polars = pytest.importorskip("polars")
    people = people_of(book, 12)
    frame = polars.from_arrow(table_of(people))
    expected = consult_table(table_of(people), book).to_pylist()
    assert consult_table(frame, book).to_pylist() == expected
    assert consult_table(frame.cast(polars.Categorical), book).to_pylist() == expected
    assert polars.from_arrow(consult_table(frame, book)).height == 12
    lists = polars.DataFrame({"ptosis": [["present", "absent"], None, ["left"]]})
    plainly: list[Given] = [{"ptosis": ["present", "absent"]}, {}, {"ptosis": "left"}]
    assert [comparable(row) for row in consult_table(lists, book, fired=True).to_pylist()] == [
        alone(person, book) for person in plainly
    ]
