"""Columns of any type say of each row what the same answers say in a case."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import drawn

np = pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")

from triage.case import Case  # noqa: E402
from triage.columns import Columns, Rows, answers_in, said_in  # noqa: E402
from triage.errors import CaseError  # noqa: E402
from triage.intake import settle  # noqa: E402
from triage.planes import unpack  # noqa: E402
from triage.rulebook import Rulebook, load_rulebook  # noqa: E402

BOOK = load_rulebook()
WORDS = ["present", "absent", "left", "unsure", " Yes ", "no", "1", "", "  ", "present|absent", "left|right", "purple"]


def heard(rows: Rows) -> list[dict[str, Any]]:
    """What each row said, by finding."""
    people = rows.said.people
    said: list[dict[str, Any]] = [{} for _ in range(people)]
    for name, answers in rows.said.answers.items():
        for value, plane in answers.values.items():
            for row in np.flatnonzero(unpack(plane, people)).tolist():
                assert name not in said[row], "one answer a row"
                said[row][name] = value
        if answers.numbers is not None:
            for row in np.flatnonzero(~np.isnan(answers.numbers)).tolist():
                assert name not in said[row], "one answer a row"
                said[row][name] = float(answers.numbers[row])
    return said


def expected(people: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """What cases with the same answers say; None for those that cannot be read."""
    said: list[dict[str, Any] | None] = []
    for answers in people:
        try:
            said.append(dict(settle(Case(findings=answers), BOOK).said))
        except CaseError:
            said.append(None)
    return said


def assert_as_cases(batch: pa.RecordBatch) -> None:
    """A batch says what its cells say one by one."""
    people = [
        {name: answers for name, cell in row.items() if (answers := answers_in(cell))} for row in batch.to_pylist()
    ]
    columns = Columns(batch.schema.names, BOOK)
    rows, plainly = columns.read(batch), expected(people)
    assert set(rows.wrong) == {row for row, said in enumerate(plainly) if said is None}
    for row, (said, of_case) in enumerate(zip(heard(rows), plainly, strict=True)):
        assert of_case is None or said == of_case, (row, people[row])
        case = columns.case(batch, row)
        if of_case is not None:
            assert isinstance(case, Case)
            assert dict(settle(case, BOOK).said) == of_case


COLUMNS = {
    "text": pa.array([*WORDS, None]),
    "large text": pa.array([*WORDS, None], pa.large_string()),
    "text by view": pa.array([*WORDS, None], pa.string_view()),
    "categories": pa.array([*WORDS, None]).dictionary_encode(),
    "small categories": pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2, 1], pa.int8()), pa.array(WORDS[:3])),
    "categories told twice": pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, 3, None], pa.uint16()), pa.array(["present", "present", None, "absent"])
    ),
    "yes and no": pa.array([True, False, None, True]),
    "1 and 0": pa.array([1, 0, None, 2, -1]),
    "1.0 and 0.0": pa.array([1.0, 0.0, None, float("nan"), 0.5]),
    "all empty": pa.nulls(5),
    "empty numbers": pa.array([float("nan")] * 3),
    "lists": pa.array([["present", "absent"], ["left", "right"], [], None, [None], ["present", None], ["purple"]]),
    "lists of two": pa.array([["present", "absent"], None, ["left", "both"]], pa.list_(pa.string(), 2)),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 5], pa.int32()), pa.array(["present", "absent"])),
    "no rows": pa.array([], pa.string()),
}  # fmt: skip


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_type_of_column_is_read_as_a_case_is(kind: str) -> None:
    assert_as_cases(pa.record_batch({"ptosis": COLUMNS[kind]}))


NUMBERS = {
    "floats": pa.array([34.0, 0.5, None, float("nan"), 200.0, -1.0, float("inf")]),
    "single floats": pa.array([34.5, None, 0.0], pa.float32()),
    "half floats": pa.array(np.asarray([34.5, 0.0], np.float16)),
    "whole numbers": pa.array([34, None, 0, 121]),
    "huge numbers": pa.array([2**60 + 1, 2**53 + 1, 3]),
    "small numbers": pa.array([34, None, 0], pa.uint8()),
    "text": pa.array(["34", " 0.5 ", None, "unsure", "old", "34|35", "nan", "1e400", "unsure|40"]),
    "categories": pa.array(["34", None, "unsure", "34"]).dictionary_encode(),
    "number categories": pa.array([34.0, None, 35.0]).dictionary_encode(),
    "lists": pa.array([[34.0, 35.0], None, [34.0], [34.0, 34.0]]),
    "yes and no": pa.array([True, None]),
    "decimals": pa.array([Decimal("34.5"), None]),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_every_type_of_number_is_read_as_a_case_is(kind: str) -> None:
    assert_as_cases(pa.record_batch({"age": NUMBERS[kind]}))


@pytest.mark.parametrize("offset", [0, 1, 7, 8, 9, 63, 64, 65])
@pytest.mark.parametrize("length", [0, 1, 8, 70])
def test_a_slice_says_what_its_rows_say(offset: int, length: int) -> None:
    rng = random.Random(offset)
    cells = [rng.choice(["present", "absent", None, "left"]) for _ in range(200)]
    batch = pa.record_batch(
        {
            "ptosis": pa.array(cells),
            "diplopia": pa.array([None if cell is None else cell == "present" for cell in cells]),
            "dysphagia": pa.array([None if c == "left" else "absent" for c in cells]).dictionary_encode(),
            "age": pa.array([None if cell is None else float(n % 90) for n, cell in enumerate(cells)]),
        }
    )
    assert_as_cases(batch.slice(offset, length))


@given(st.randoms(use_true_random=False), st.integers(0, 30))
@settings(max_examples=8, deadline=None)
def test_random_rows_are_read_as_random_cases(rng: random.Random, people: int) -> None:
    given_ = [drawn(BOOK, rng, most=20) for _ in range(people)]
    names = sorted({name for person in given_ for name in person}) or ["ptosis"]
    cells = {
        name: pa.array(
            ["|".join(map(str, a if isinstance(a, list) else [a])) if (a := one.get(name)) else None for one in given_],
            pa.string(),
        )
        for name in names
    }
    assert_as_cases(pa.record_batch(cells))


@pytest.mark.parametrize(
    "cell", [datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), b"present", {"a": 1}, [["present"]]]
)
@pytest.mark.parametrize("name", ["ptosis", "age", "sex", "HP:0003621"])
def test_a_cell_that_can_be_no_answer_is_blamed_and_nothing_is_thrown(name: str, cell: object) -> None:
    rows = Columns([name], BOOK).read(pa.record_batch({name: pa.array([cell, None])}))
    assert set(rows.wrong) == {0}
    assert "is no answer" in str(rows.wrong[0][0])
    assert heard(rows)[1] == {}


def test_two_columns_of_one_finding_meet_row_by_row() -> None:
    synonym = BOOK.findings["ptosis"].synonyms[0]
    batch = pa.record_batch(
        {
            "ptosis": pa.array(["present", "left", None, "purple", None]),
            synonym: pa.array(["absent", "right", "left", "left", None]),
        }
    )
    rows = Columns(batch.schema.names, BOOK).read(batch)
    assert set(rows.wrong) == {3}
    assert [heard(rows)[row].get("ptosis") for row in (0, 1, 2, 4)] == [
        frozenset({"present", "absent"}), "both", "left", None,
    ]  # fmt: skip


def test_terms_are_read_with_the_age_of_their_row_however_it_is_written() -> None:
    """Juvenile onset at 14: how long ago it began follows from the age."""
    terms = pa.array(["present", "present", "absent", None])
    as_text = pa.record_batch({"HP:0003621": terms, "age": pa.array(["14", "60", "14", "14"])})
    as_numbers = pa.record_batch({"HP:0003621": terms, "age": pa.array([14.0, 60.0, 14.0, 14.0])})
    of_text, of_numbers = (heard(Columns(b.schema.names, BOOK).read(b)) for b in (as_text, as_numbers))
    people = [{"HP:0003621": "present", "age": 14}, {"HP:0003621": "present", "age": 60}]
    assert of_text == of_numbers
    assert of_numbers[:2] == expected(people)


def test_columns_are_called_as_findings_are() -> None:
    finding = BOOK.findings["ptosis"]
    assert finding.hpo is not None
    for name in ("ptosis", finding.synonyms[0].upper(), finding.hpo.id, finding.hpo.id.lower(), " Ptosis "):
        batch = pa.record_batch({name: pa.array(["present"])})
        assert heard(Columns([name], BOOK).read(batch)) == [{"ptosis": "present"}], name


def test_every_column_that_is_wrong_is_named_at_once_with_the_nearest_right_one() -> None:
    names = ["id", "story", "ptosi", "diplopia", "weight", "", "dysphagia", "dysphagia"]
    with pytest.raises(CaseError) as refused:
        Columns(names, BOOK, carry=["wieght"])
    told = str(refused.value)
    assert "ptosi: is no finding. Did you mean ptosis" in told
    assert "weight: is no finding" in told
    assert "--carry weight" in told
    assert "column 6 has no name" in told
    assert "dysphagia: stands twice" in told
    assert "wieght: there is no such column to carry. Did you mean weight?" in told
    assert len(refused.value.problems) == 5


def test_a_table_without_a_finding_is_refused() -> None:
    with pytest.raises(CaseError, match="no column is a finding"):
        Columns(["id", "weight"], BOOK, carry=["weight"])


def test_what_is_carried_is_not_read() -> None:
    columns = Columns(["id", "age", "ptosis"], BOOK, carry=["age"])
    batch = pa.record_batch({"id": pa.array([7]), "age": pa.array(["old"]), "ptosis": pa.array(["left"])})
    assert columns.carried == ("id", "age")
    assert heard(columns.read(batch)) == [{"ptosis": "left"}]
    case = columns.case(batch, 0)
    assert isinstance(case, Case)
    assert (case.id, case.findings) == ("7", {"ptosis": "left"})


def test_numbers_that_cannot_stand_together_are_blamed_as_in_a_case(book: Rulebook) -> None:
    name = next(f.name for f in book.findings.values() if f.not_above)
    limit = book.findings[name].not_above
    batch = pa.record_batch({name: pa.array([5.0, 50.0, None, 5.0]), limit: pa.array([10.0, 10.0, 10.0, None])})
    rows = Columns([name, limit], book).read(batch)
    assert set(rows.wrong) == {1}
    with pytest.raises(CaseError) as alone:
        settle(Case(findings={name: 50.0, limit: 10.0}), book)
    assert list(map(str, rows.wrong[1])) == list(map(str, alone.value.problems))


def test_a_case_that_could_not_be_read_keeps_its_place() -> None:
    error = CaseError([])
    rows = said_in([Case(findings={"ptosis": "left"}), error, Case(findings={"nothing": 1})], 3, BOOK)
    assert set(rows.wrong) == {1, 2}
    assert heard(rows) == [{"ptosis": "left"}, {}, {}]
