"""Columns of answers → what was said, by everybody at once; rows that cannot be read are set apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from triage.case import Case
from triage.crowd import Answers, Said
from triage.errors import CaseError, Problem, did_you_mean
from triage.intake import find_finding, impossible, is_term, read_answer, settle, together
from triage.knowledge import Answer, Finding
from triage.planes import Plane, both, either, from_bits, pack, unpack
from triage.rulebook import Rulebook
from triage.when import Value

ID, STORY = "id", "story"
SEVERAL = "|"
"""Between answers of one text cell that contradict each other."""


@dataclass
class Rows:
    """What the rows of a batch said, and what is wrong with some of them."""

    said: Said
    wrong: dict[int, list[Problem]] = field(default_factory=dict)

    def blame(self, rows: Iterable[int], problems: Sequence[Problem]) -> None:
        for row in rows:
            self.wrong.setdefault(row, []).extend(problems)


class Columns:
    """The columns of a table: which finding each is about."""

    def __init__(self, names: Sequence[str], book: Rulebook, carry: Iterable[str] = ()) -> None:
        """Look every column up.

        A column is named as a finding is in a case: by its name, a synonym, an HPO id or the label of an HPO term.
        ``id`` and ``story`` name the row; the columns in ``carry`` are not read.

        Raises:
            CaseError: columns that are none of these, that stand twice, or that are to be carried and are not there,
                all of them at once; or none that is a finding.
        """
        self.book = book
        carry = tuple(carry)
        self.carried = tuple(name for name in names if name in {*carry, ID, STORY})
        self._findings: dict[str, Finding | None] = {}
        problems = [
            Problem(f"there is no such column to carry.{did_you_mean(name, names)}", entry=name)
            for name in carry
            if name not in names
        ]
        problems += [
            Problem("stands twice; keep one, or call one of them by a synonym", entry=name)
            for name, count in Counter(names).items()
            if count > 1
        ]
        for place, name in enumerate(names, 1):
            if name in self.carried:
                continue
            if not name.strip():
                problems.append(Problem(f"column {place} has no name; give it one, or leave the column out"))
                continue
            finding = self._findings[name] = find_finding(name, book)
            if finding is None and not is_term(name, book):
                near = did_you_mean(name, book.findings)
                message = f"is no finding.{near} To hand the column through unread, carry it: --carry {name}"
                problems.append(Problem(message, entry=name))
        if not problems and not self._findings:
            problems.append(Problem("no column is a finding; `triage explain` lists what can be named"))
        if problems:
            raise CaseError(problems)
        about = [finding.name for finding in self._findings.values() if finding]
        self._one_each = len(set(about)) == len(self._findings)
        """Whether each column is about one finding and none about the same; else answers meet row by row."""

    def read(self, batch: pa.RecordBatch) -> Rows:
        """What the rows of a batch with these columns said."""
        if not self._one_each:
            return said_in([self.case(batch, row) for row in range(batch.num_rows)], batch.num_rows, self.book)
        rows = Rows(Said(batch.num_rows))
        for name, finding in self._findings.items():
            assert finding is not None
            rows.said.answers[finding.name] = _answers(batch.column(name), finding, rows)
        _weigh_limits(rows, self.book)
        return rows

    def case(self, batch: pa.RecordBatch, row: int) -> Case | CaseError:
        """One row as a case, or what no case can be made of."""
        cells: dict[str, list[Answer]] = {}
        problems: list[Problem] = []
        for name, finding in self._findings.items():
            answers = answers_in(batch.column(name)[row].as_py())
            problems += [_no_answer(name, answer) for answer in answers if not isinstance(answer, _ANSWERS)]
            # A number is one, however the table writes it: an age is looked at where terms are read.
            number = finding is not None and finding.value == "number"
            cells[name] = [_number(answer) if number else answer for answer in answers]
        if problems:
            return CaseError(problems)
        own = {
            n: str(batch.column(n)[row].as_py())
            for n in (ID, STORY)
            if n in self.carried and batch.column(n)[row].is_valid
        }
        return Case(
            findings={name: cell if len(cell) > 1 else cell[0] for name, cell in cells.items() if cell},
            id=own.get(ID),
            story=own.get(STORY),
        )


def answers_in(cell: Any) -> list[Any]:
    """What one cell holds: nothing where it is empty, several where they contradict each other."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return []
    if isinstance(cell, str):
        return [part.strip() for part in cell.split(SEVERAL)] if cell.strip() else []
    if isinstance(cell, list):
        return [answer for part in cell for answer in ([part] if isinstance(part, list) else answers_in(part))]
    return [float(cell) if isinstance(cell, Decimal) else cell]


_ANSWERS = (str, bool, int, float)


def _no_answer(name: str, answer: object) -> Problem:
    return Problem(
        f"holds a {type(answer).__name__}, which is no answer; use text, true or false, or numbers", entry=name
    )


def _number(answer: Answer) -> Answer:
    """A number that was written as text."""
    try:
        return float(answer) if isinstance(answer, str) else answer
    except ValueError:
        return answer


def ids_of(cases: Iterable[Case | CaseError]) -> pa.Array:
    """The ids of cases, where they have one; halves of characters, which no table can hold, are spelt out."""
    ids = (case.id if isinstance(case, Case) else None for case in cases)
    return pa.array([None if one is None else tellable(one) for one in ids], pa.string())


def tellable(text: str) -> str:
    """Text with halves of characters, as a faulty escape in JSON leaves them, spelt out."""
    return text.encode("utf-8", errors="backslashreplace").decode()


def said_in(cases: Iterable[Case | CaseError], people: int, book: Rulebook) -> Rows:
    """What cases said, each settled as in one consultation; a case that could not be read brings its error."""
    rows = Rows(Said(people))
    by: dict[str, dict[Value, list[int]]] = {}
    for row, case in enumerate(cases):
        try:
            if isinstance(case, CaseError):
                raise case
            said = settle(case, book).said
        except CaseError as error:
            rows.blame([row], error.problems)
            continue
        for name, value in said.items():
            by.setdefault(name, {}).setdefault(value, []).append(row)
    for name, given in by.items():
        codes = np.full(people, -1, np.int32)
        for place, its in enumerate(given.values()):
            codes[its] = place
        rows.said.answers[name] = _coded(_Cells(codes, list(given)), list(given), book.findings[name])
    return rows


def _answers(column: pa.Array, finding: Finding, rows: Rows) -> Answers:
    """What the cells of a column say of a finding."""
    if finding.value == "number" and (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return _numbers(column, finding, rows)
    cells = _distinct(column)
    values: list[Value | None] = []
    for place, cell in enumerate(cells.distinct):
        read = [
            read_answer(finding, answer) if isinstance(answer, _ANSWERS) else _no_answer(finding.name, answer)
            for answer in answers_in(cell)
        ]
        problems = [one for one in read if isinstance(one, Problem)]
        if problems:
            rows.blame(np.flatnonzero(unpack(cells.holding(place), len(column))).tolist(), problems)
        values.append(
            together([one for one in read if not isinstance(one, Problem)]) if read and not problems else None
        )
    return _coded(cells, values, finding)


@dataclass(frozen=True)
class _Cells:
    """The distinct cells of a column, and which of them each row holds."""

    codes: NDArray[np.signedinteger[Any]]
    distinct: list[Any]
    filled: Plane = None
    """The rows that hold one, where the code alone does not tell."""

    def holding(self, place: int) -> Plane:
        plane = pack(self.codes == place)
        return plane if self.filled is None else both(plane, self.filled)


def _distinct(column: pa.Array) -> _Cells:
    if pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column)
    if column.null_count == len(column):
        return _Cells(np.empty(0, np.int32), [])
    if pa.types.is_nested(column.type):
        # Told apart by how they are written: what is in them need not be hashable.
        cells: dict[str, tuple[int, Any]] = {}
        held = column.to_pylist()
        places = [-1 if cell is None else cells.setdefault(repr(cell), (len(cells), cell))[0] for cell in held]
        return _Cells(np.asarray(places, np.int32), [cell for _, cell in cells.values()])
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    indices = encoded.indices
    bits, data = indices.buffers()
    codes = np.frombuffer(data, _width(indices.type))[indices.offset :][: len(indices)]
    if not indices.null_count:
        return _Cells(codes, encoded.dictionary.to_pylist())
    if indices.offset % 8:
        return _Cells(codes, encoded.dictionary.to_pylist(), pack(indices.is_valid().to_numpy(zero_copy_only=False)))
    return _Cells(codes, encoded.dictionary.to_pylist(), from_bits(bits, indices.offset // 8, len(indices)))


def _width(kind: pa.DataType) -> np.dtype[Any]:
    """The integers of an Arrow column as NumPy knows them; Arrow itself would ask pandas."""
    return np.dtype(f"{'u' if pa.types.is_unsigned_integer(kind) else ''}int{kind.bit_width}")


def _coded(cells: _Cells, values: Sequence[Value | None], finding: Finding) -> Answers:
    answers = Answers()
    if finding.value == "number" and len(cells.codes):
        worth = [value if isinstance(value, float) else np.nan for value in values]
        answers.numbers = np.asarray([*worth, np.nan])[cells.codes]
        if cells.filled is not None:
            answers.numbers[~unpack(cells.filled, len(cells.codes))] = np.nan
    for place, value in enumerate(values):
        if value is not None and not isinstance(value, float):
            answers.values[value] = either((answers.values.get(value), cells.holding(place)))
    return answers


def _numbers(column: pa.Array, finding: Finding, rows: Rows) -> Answers:
    numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
    bad = np.flatnonzero(
        (numbers < (finding.min or 0.0)) | (numbers > (np.inf if finding.max is None else finding.max))
    )
    for row in bad.tolist():
        problem = read_answer(finding, float(numbers[row]))
        assert isinstance(problem, Problem)
        rows.blame([row], [problem])
    numbers[bad] = np.nan
    return Answers(numbers=numbers)


def _weigh_limits(rows: Rows, book: Rulebook) -> None:
    """Set rows apart whose numbers cannot stand together."""
    said: Mapping[str, Answers] = rows.said.answers
    for name, answers in said.items():
        limit = said.get(book.findings[name].not_above)
        if limit is None or answers.numbers is None or limit.numbers is None:
            continue
        for row in np.flatnonzero(answers.numbers > limit.numbers).tolist():
            pair = {name: float(answers.numbers[row]), book.findings[name].not_above: float(limit.numbers[row])}
            rows.blame([row], impossible(pair, book))
