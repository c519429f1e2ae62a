"""Files of many cases: CSV, JSON Lines, Parquet, folders and streams in; answers out; what cannot be read set aside."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, Protocol, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from triage.case import Case
from triage.cohort import Cohort
from triage.columns import ID, Columns, Rows, said_in
from triage.errors import CaseError, Problem, did_you_mean
from triage.knowledge import URGENCIES
from triage.reading.patients import DOCUMENTS, LINES, Patient, patients_in_lines, read_patients
from triage.rulebook import Rulebook
from triage.tables import BATCH, answer, plain, result_schema

Format: TypeAlias = Literal["csv", "jsonl", "parquet", "documents"]

_FORMATS: Mapping[str, Format] = {".csv": "csv", ".parquet": "parquet", **dict.fromkeys(LINES, "jsonl")}
_CASES = 4096
"""So many cases are read from documents before they are answered."""
_BLOCK = 1 << 24
"""Bytes of CSV that are read at a time."""
_JOIN = ";"
"""Between the names of a list in a CSV cell."""
_LONGEST = 100_000
"""Characters of a rejected text that are kept."""


@dataclass(frozen=True)
class Lost:
    """A row that could not be answered: its number, why, and what it held."""

    row: int
    problems: tuple[str, ...]
    given: Mapping[str, Any]

    def line(self) -> str:
        """One line of JSON."""
        document = {"row": self.row, "problems": self.problems, **self.given}
        return json.dumps(document, ensure_ascii=False, default=str) + "\n"


@dataclass(frozen=True)
class Part:
    """Some rows that were read: what they said, the columns carried along, and each as a case."""

    rows: Rows
    carried: pa.RecordBatch
    numbers: list[int]
    """Counted from 1 over everything in the file, rows that could not be read among it."""
    case: Callable[[int], Case | CaseError]
    given: Callable[[int], Mapping[str, Any]]
    """What a row held, to be set aside with it."""


class Source(Protocol):
    """Cases to be read, a part at a time."""

    streams_as: Format
    """How the answers to it are streamed."""
    carried: pa.Schema
    size: int
    """Bytes or rows to read, as `done` counts them; 0 where unknown."""
    lost: list[Lost]
    """What was no row at all, as far as it was read; whoever reads takes it away."""

    def parts(self) -> Iterator[Part]:
        """The rows; raises CaseError where the file breaks off or is damaged, after the parts before it."""

    def done(self) -> int:
        """How much has been read."""


def format_of(path: str, stream: IO[bytes] | None = None) -> Format:
    """How a file is written, by its ending; a stream by its beginning.

    Raises:
        CaseError: the ending is none that is known.
    """
    if path == "-":
        peek = getattr(stream, "peek", None)
        head: bytes = peek(4).lstrip() if peek else b""
        return "parquet" if head.startswith(b"PAR1") else "jsonl" if head.startswith(b"{") else "csv"
    suffix = Path(path).suffix.lower()
    if suffix in DOCUMENTS or Path(path).is_dir():
        return "documents"
    if suffix not in _FORMATS:
        near = did_you_mean(suffix, _FORMATS)
        raise CaseError([Problem(f"should end in {', '.join(_FORMATS)}, which says how it is written.{near}", path)])
    return _FORMATS[suffix]


def open_source(path: str, book: Rulebook, carry: Iterable[str] = (), stdin: IO[bytes] | None = None) -> Source:
    """Cases in a file, a folder, or, for ``-``, a stream.

    Raises:
        CaseError: it cannot be opened, or has columns that are no findings.
    """
    how = format_of(path, stdin)
    name = "standard input" if path == "-" else path
    if path != "-" and not Path(path).exists():
        raise CaseError([Problem("there is no such file or folder; check the path", path)])
    if how == "documents":
        return _Documents(read_patients(path, book), book)
    try:
        # Closed with the process: it is read until the last row is answered.
        opened = stdin if path == "-" and stdin is not None else Path(path).open("rb")  # noqa: SIM115
        size = 0 if path == "-" else Path(path).stat().st_size
    except OSError as error:
        raise CaseError([Problem(f"cannot be read: {error.strerror}", path)]) from None
    if how == "jsonl":
        return _Documents(patients_in_lines(opened, name, book), book, opened.tell if size else None, size)
    try:
        if how == "csv":
            return _Csv(opened, name, size, book, carry)
        return _Parquet(io.BytesIO(opened.read()) if path == "-" else opened, name, book, carry)
    except pa.ArrowInvalid as error:
        raise _damaged(how, name, error) from None


class _Table:
    """A table: a column a finding."""

    def __init__(self, how: Format, name: str, schema: pa.Schema, book: Rulebook, carry: Iterable[str]) -> None:
        try:
            self._columns = Columns(schema.names, book, carry)
        except CaseError as error:
            raise CaseError([Problem(p.message, name, p.entry, p.field) for p in error.problems]) from None
        self._how, self._name = how, name
        self.streams_as = how
        self.carried = pa.schema([schema.field(column) for column in self._columns.carried])
        self.lost: list[Lost] = []
        self._no_rows: set[int] = set()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError

    def parts(self) -> Iterator[Part]:
        number = 1
        try:
            for batch in self._batches():
                for start in range(0, batch.num_rows, BATCH):
                    rows = batch.slice(start, BATCH)
                    numbers: list[int] = []
                    while len(numbers) < rows.num_rows:
                        if number not in self._no_rows:
                            numbers.append(number)
                        number += 1
                    yield self._part(rows, numbers)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(self._how, self._name, error) from None

    def _part(self, batch: pa.RecordBatch, numbers: list[int]) -> Part:
        columns = self._columns

        def given(row: int) -> Mapping[str, Any]:
            return {name: cell for name, cell in batch.slice(row, 1).to_pylist()[0].items() if cell is not None}

        return Part(
            columns.read(batch),
            batch.select(columns.carried),
            numbers,
            lambda row: columns.case(batch, row),
            lambda row: {"given": given(row)},
        )


class _Parquet(_Table):
    def __init__(self, file: IO[bytes], name: str, book: Rulebook, carry: Iterable[str]) -> None:
        self._file = pa_parquet.ParquetFile(file)
        self.size, self._done = self._file.metadata.num_rows, 0
        super().__init__("parquet", name, self._file.schema_arrow, book, carry)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._file.iter_batches(BATCH):
            yield batch
            self._done += batch.num_rows

    def done(self) -> int:
        return self._done


class _Csv(_Table):
    def __init__(self, file: IO[bytes], name: str, size: int, book: Rulebook, carry: Iterable[str]) -> None:
        self._file, self.size = file, size
        header = file.readline().decode("utf-8-sig", errors="replace")
        self._delimiter = max(",;\t", key=header.count)
        self._names = [column.strip() for column in next(csv.reader([header], delimiter=self._delimiter), [])]
        twice = sorted(column for column, count in Counter(self._names).items() if count > 1)
        if not any(self._names) or twice:
            what = f"names columns twice: {', '.join(twice)}" if any(self._names) else "has no line of column names"
            raise CaseError([Problem(what, name)])
        super().__init__("csv", name, pa.schema([(column, pa.string()) for column in self._names]), book, carry)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        first = self._file.readline()
        if not first:
            return
        reader = pa_csv.open_csv(
            pa.PythonFile(_Chained(first, self._file), "r"),
            pa_csv.ReadOptions(column_names=self._names, block_size=_BLOCK, use_threads=False),
            pa_csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=self._no_row),
            # As bytes, so that a row that is not UTF-8 is set aside and does not end the run.
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(self._names, pa.binary()), null_values=[""], strings_can_be_null=True
            ),
        )
        for batch in reader:
            yield pa.record_batch([_text(column) for column in batch.columns], batch.schema.names)

    def _no_row(self, row: pa_csv.InvalidRow) -> str:
        problem = (
            f"{self._name}: has {row.actual_columns} cells where the first line names {row.expected_columns} columns"
        )
        self._no_rows.add(row.number)
        self.lost.append(Lost(row.number, (problem,), {"text": row.text[:_LONGEST]}))
        return "skip"

    def done(self) -> int:
        return self._file.tell() if self.size else 0


class _Chained(io.RawIOBase):
    """A stream of which a line was read already."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first, self._rest = first, rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found, self._first = self._first, b""
        return found + self._rest.read(size - len(found) if size > len(found) else size)


def _text(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        cells = (None if cell is None else cell.decode("utf-8", errors="replace") for cell in column.to_pylist())
        return pa.array(cells, pa.string())


class _Documents:
    """Cases and phenopackets, one document after the other."""

    streams_as: Format = "jsonl"
    carried = pa.schema([(ID, pa.string())])

    def __init__(
        self, patients: Iterator[Patient], book: Rulebook, position: Callable[[], int] | None = None, size: int = 0
    ) -> None:
        self._patients, self._book, self._position = patients, book, position
        self.size = size
        self.lost: list[Lost] = []

    def parts(self) -> Iterator[Part]:
        number = 1
        while some := list(islice(self._patients, _CASES)):
            yield self._part(some, list(range(number, number + len(some))))
            number += len(some)

    def _part(self, some: list[Patient], numbers: list[int]) -> Part:
        cases = [patient.case for patient in some]
        ids = pa.array([case.id if isinstance(case, Case) else None for case in cases], pa.string())
        return Part(
            said_in(cases, len(cases), self._book),
            pa.record_batch([ids], schema=self.carried),
            numbers,
            cases.__getitem__,
            lambda row: {"where": some[row].where, "text": some[row].text[:_LONGEST]},
        )

    def done(self) -> int:
        return self._position() if self._position else 0


def _damaged(how: Format, name: str, error: Exception) -> CaseError:
    return CaseError([Problem(f"cannot be read as {how}: {str(error).splitlines()[0]}", name)])


# Writing


class Sink:
    """Where the answers go: a file as its name ends, or a stream."""

    def __init__(self, path: str, how: Format, schema: pa.Schema, stdout: IO[bytes]) -> None:
        """Open it.

        Raises:
            CaseError: it cannot be written.
        """
        try:
            self._file = stdout if path == "-" else Path(path).open("wb")  # noqa: SIM115 (closed by `close`)
        except OSError as error:
            raise CaseError([Problem(f"cannot be written: {error.strerror}", path)]) from None
        self._own = path != "-"
        self._how = how
        self._arrow: pa_csv.CSVWriter | pa_parquet.ParquetWriter | None = None
        if how == "csv":
            flat = plain(schema)
            self._schema = pa.schema([f.with_type(pa.string()) if pa.types.is_list(f.type) else f for f in flat])
            self._arrow = pa_csv.CSVWriter(self._file, self._schema)
            # Without rows the line of names would not be ended.
            self._arrow.write_table(self._schema.empty_table())
        elif how == "parquet":
            self._arrow = pa_parquet.ParquetWriter(self._file, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add the answers to some rows."""
        if self._how == "csv":
            assert self._arrow is not None
            columns = [
                pc.binary_join(column, _JOIN) if pa.types.is_list(column.type) else column.cast(wanted.type)
                for column, wanted in zip(batch.columns, self._schema, strict=True)
            ]
            self._arrow.write_batch(pa.record_batch(columns, schema=self._schema))
        elif self._arrow is not None:
            self._arrow.write_batch(batch)
        else:
            lines = (json.dumps(row, ensure_ascii=False, default=str) for row in batch.to_pylist())
            self._file.write("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        """Write what is left."""
        if self._arrow is not None:
            self._arrow.close()
        if self._own:
            self._file.close()
        else:
            self._file.flush()


class Rejects:
    """Rows set aside, a line of JSON each; the file is begun with the first of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: IO[str] | None = None

    def add(self, lost: Lost) -> None:
        """Set a row aside.

        Raises:
            CaseError: the file cannot be written.
        """
        try:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8")
            self._file.write(lost.line())
        except OSError as error:
            raise CaseError([Problem(f"cannot be written: {error.strerror}", str(self.path))]) from None
        self.count += 1

    def close(self) -> None:
        """Write what is left."""
        if self._file is not None:
            self._file.close()


# All of it


@dataclass
class Summary:
    """What came out, in counts of rows."""

    rows: int = 0
    urgency: Counter[str] = field(default_factory=Counter)
    leading: Counter[str] = field(default_factory=Counter)
    """By the leading site that is ranked first; "" where none leads."""
    red_flags: Counter[str] = field(default_factory=Counter)


def answer_all(
    source: Source,
    sink: Callable[[pa.Schema], Sink],
    book: Rulebook,
    aside: Rejects,
    *,
    fired: bool = False,
    see: Callable[[Part], None] = lambda part: None,
) -> Summary:
    """Answer every row of a source into a sink; a row that cannot be read is set aside, and the run goes on.

    ``see`` is shown each part once it is answered.

    Raises:
        CaseError: the source breaks off; what was read before has been answered, and set aside.
    """
    cohort, summary = Cohort(book), Summary()
    schema = result_schema(book, source.carried, fired=fired)
    # Rows with an error are set aside: what is written has none.
    out = sink(schema.remove(schema.get_field_index("error")))
    try:
        for part in source.parts():
            for row, problems in sorted(part.rows.wrong.items()):
                aside.add(Lost(part.numbers[row], tuple(map(str, problems)), part.given(row)))
            batch = answer(part.carried, part.rows, cohort, schema)
            good = batch.filter(batch.column("error").is_null()).drop_columns(["error"])
            _count(good, summary)
            out.write(good)
            see(part)
    finally:
        for lost in source.lost:
            aside.add(lost)
        aside.close()
        out.close()
    return summary


def _count(batch: pa.RecordBatch, summary: Summary) -> None:
    summary.rows += batch.num_rows
    first = batch.column("first").cast(pa.string())
    leads = pc.greater(pc.list_value_length(batch.column("leading")), 0)
    for counter, column in (
        (summary.urgency, batch.column("urgency").cast(pa.string())),
        (summary.leading, pc.if_else(leads, first, "")),
        (summary.red_flags, pc.list_flatten(batch.column("red_flags"))),
    ):
        for entry in pc.value_counts(column).to_pylist():
            counter[entry["values"]] += entry["counts"]


_MOST_FLAGS = 5


def summarise(summary: Summary, book: Rulebook, aside: Rejects) -> str:
    """The counts in words: sites, urgency, the commonest red flags, and what was set aside."""

    def line(label: str, count: int) -> str:
        return f"{count:10,}  {count / summary.rows:6.1%}  {label}"

    if not summary.rows:
        return "No row was answered." + (f" Those that could not be read are in {aside.path}." if aside.count else "")
    lines = [f"{summary.rows:,} answered.", "", "Leading site, ranked first"]
    lines += [line(book.site_label(site), summary.leading[site]) for site in book.sites if summary.leading[site]]
    lines += [line("none: not enough to localise", summary.leading[""])]
    lines += ["", "Urgency"]
    lines += [line(book.scale.urgency_words[level], summary.urgency[level]) for level in reversed(URGENCIES)]
    if summary.red_flags:
        lines += ["", "Commonest red flags"]
        lines += [line(book.red_flags[flag].says, count) for flag, count in summary.red_flags.most_common(_MOST_FLAGS)]
    if aside.count:
        lines += ["", f"{aside.count:,} could not be read; they are in {aside.path}, each with the reason."]
    return "\n".join(
        (*lines, "", "Each answer ends with a recommendation to see a clinician; this summary replaces none.")
    )
