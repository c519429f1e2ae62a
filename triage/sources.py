"""Cases in files, folders and streams: CSV, JSON Lines, Parquet, documents; what cannot be read is told apart."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import select
import signal
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, Protocol, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from triage.case import Case
from triage.columns import ID, Columns, Rows, ids_of, said_in
from triage.errors import CaseError, Problem, did_you_mean
from triage.reading.patients import DOCUMENTS, LINES, Patient, patients_in_lines, read_patients
from triage.rulebook import Rulebook

Format: TypeAlias = Literal["csv", "jsonl", "parquet", "documents"]

FORMATS: Mapping[str, Format] = {".csv": "csv", ".parquet": "parquet", **dict.fromkeys(LINES, "jsonl")}
_ROWS, _CELLS = 1 << 17, 1 << 24
"""So many rows, or cells, of a table are read before they are answered: wide rows of text are the memory of a run."""
_CASES = 4096
"""So many cases are read from documents before they are answered."""
_BLOCK = 1 << 24
"""Bytes of CSV that are read at a time."""
_PATIENCE = 0.1
"""Seconds until a stream that is waited for looks whether it is still wanted."""
_NOT_TEXT = "\ufdd0"
"""Before a byte that is no text, written in hexadecimal: a character that stands in no file."""


@dataclass(frozen=True)
class Lost:
    """A row that could not be answered: its number, why, and what it held."""

    row: int
    problems: tuple[str, ...]
    given: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """All of it in one mapping."""
        return {"row": self.row, "problems": self.problems, **self.given}


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

    def parts(self) -> Generator[Part, None, None]:
        """The rows; raises CaseError where the file breaks off or is damaged, after the parts before it."""

    def done(self) -> int:
        """How much has been read."""

    def close(self) -> None:
        """Read no more."""


def format_of(path: str, stream: IO[bytes] | None = None) -> Format:
    """How a file is written, by its ending; a stream by its beginning.

    Raises:
        CaseError: the ending is none that is known.
    """
    if path == "-":
        peek = getattr(stream, "peek", None)
        head: bytes = peek(4).removeprefix(codecs.BOM_UTF8).lstrip() if peek else b""
        return "parquet" if head.startswith(b"PAR1") else "jsonl" if head.startswith((b"{", b"[")) else "csv"
    suffix = Path(path).suffix.lower()
    if suffix in DOCUMENTS or Path(path).is_dir():
        return "documents"
    if suffix not in FORMATS:
        near = did_you_mean(suffix, FORMATS)
        raise CaseError([Problem(f"should end in {', '.join(FORMATS)}, which says how it is written.{near}", path)])
    return FORMATS[suffix]


def open_source(path: str, book: Rulebook, carry: Iterable[str] = (), stdin: IO[bytes] | None = None) -> Source:
    """Cases in a file, a folder, or, for ``-``, a stream.

    Raises:
        CaseError: it cannot be opened, or has columns that are no findings.
    """
    stream = _Stream(_Stoppable(stdin)) if path == "-" and stdin is not None else None
    how = format_of(path, stream)
    name = "standard input" if path == "-" else path
    if path != "-" and not Path(path).exists():
        raise CaseError([Problem("there is no such file or folder; check the path", path)])
    if how in ("documents", "jsonl") and list(carry):
        problem = Problem("has no columns to carry; the id of each case is handed through", name)
        raise CaseError([problem])
    if how == "documents":
        return _Documents(read_patients(path, book), book)
    try:
        opened: IO[bytes] = stream or Path(path).open("rb")  # noqa: SIM115 (closed with the source)
        size = 0 if path == "-" else Path(path).stat().st_size
    except OSError as error:
        raise CaseError([Problem(f"cannot be read: {error.strerror}", path)]) from None
    if how == "jsonl":
        return _Documents(patients_in_lines(opened, name, book), book, opened, size)
    try:
        if how == "csv":
            return _Csv(opened, name, size, book, carry)
        return _Parquet(io.BytesIO(opened.read()) if path == "-" else opened, name, book, carry)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(how, name, error) from None


class _Stoppable(io.RawIOBase):
    """A stream that ends when told to, even while a thread of Arrow's waits for more of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream: Any = getattr(stream, "raw", stream)
        self.stopped = False
        self._signals, self._told = os.pipe()
        self._listened: int | None = None
        if threading.current_thread() is threading.main_thread():
            # While the main thread waits inside Arrow it hears no Ctrl-C; whoever reads for it does.
            os.set_blocking(self._told, False)
            self._listened = signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self.stopped:
            if self._has_more():
                some: bytes = self._stream.read(len(into)) or b""
                into[: len(some)] = some
                return len(some)
        return 0

    def _has_more(self) -> bool:
        try:
            ready, _, _ = select.select([self._stream, self._signals], [], [], _PATIENCE)
        except (OSError, ValueError):  # none that can be asked
            return True
        if self._signals in ready and signal.SIGINT in os.read(self._signals, 64):
            self.stopped = True
        return self._stream in ready and not self.stopped

    def close(self) -> None:
        if not self.closed:
            if self._listened is not None:
                signal.set_wakeup_fd(self._listened)
            os.close(self._signals)
            os.close(self._told)
        super().close()


class _Stream(io.BufferedReader):
    """A stream with a buffer of its own; closing it ends the waiting for more."""

    raw: _Stoppable

    def close(self) -> None:
        self.raw.stopped = True
        super().close()


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

    def _batches(self) -> Iterator[tuple[pa.RecordBatch, Mapping[int, Problem]]]:
        """Rows as they come, and which of them were not read as they stand."""
        raise NotImplementedError

    def parts(self) -> Generator[Part, None, None]:
        number = 1
        try:
            for batch, misread in self._batches():
                wanted = _rows_at_once(batch.num_columns)
                for start in range(0, batch.num_rows, wanted):
                    rows = batch.slice(start, wanted)
                    numbers: list[int] = []
                    while len(numbers) < rows.num_rows:
                        if number not in self._no_rows:
                            numbers.append(number)
                        number += 1
                    part = self._part(rows, numbers)
                    for row, problem in misread.items():
                        if start <= row < start + rows.num_rows:
                            part.rows.blame([row - start], [problem])
                    yield part
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self._how, self._name, error) from None

    def _part(self, batch: pa.RecordBatch, numbers: list[int]) -> Part:
        columns = self._columns
        return Part(
            columns.read(batch),
            batch.select(columns.carried),
            numbers,
            lambda row: columns.case(batch, row),
            lambda row: {"given": self._given(batch, row)},
        )

    def _given(self, batch: pa.RecordBatch, row: int) -> Mapping[str, Any]:
        return {name: cell for name, cell in batch.slice(row, 1).to_pylist()[0].items() if cell is not None}


class _Parquet(_Table):
    def __init__(self, file: IO[bytes], name: str, book: Rulebook, carry: Iterable[str]) -> None:
        self._opened, self._file = file, pa_parquet.ParquetFile(file)
        self.size, self._done = self._file.metadata.num_rows, 0
        super().__init__("parquet", name, self._file.schema_arrow, book, carry)

    def _batches(self) -> Iterator[tuple[pa.RecordBatch, Mapping[int, Problem]]]:
        for batch in self._file.iter_batches(_rows_at_once(len(self._file.schema_arrow))):
            batch.validate(full=True)
            yield batch, {}
            self._done += batch.num_rows

    def done(self) -> int:
        return self._done

    def close(self) -> None:
        self._opened.close()


class _Csv(_Table):
    def __init__(self, file: IO[bytes], name: str, size: int, book: Rulebook, carry: Iterable[str]) -> None:
        self._file, self.size = file, size
        header = file.readline().decode("utf-8-sig", errors="backslashreplace")
        if "\0" in header or header.startswith(("\\xff\\xfe", "\\xfe\\xff")):
            raise CaseError([Problem("is no text (UTF-8); save it as CSV in UTF-8", name)])
        self._delimiter = max(",;\t", key=header.count)
        self._names = [column.strip() for column in next(csv.reader([header], delimiter=self._delimiter), [])]
        twice = sorted(column for column, count in Counter(self._names).items() if count > 1)
        if not any(self._names) or twice:
            what = f"names columns twice: {', '.join(twice)}" if any(self._names) else "has no line of column names"
            raise CaseError([Problem(what, name)])
        super().__init__("csv", name, pa.schema([(column, pa.string()) for column in self._names]), book, carry)

    def _batches(self) -> Iterator[tuple[pa.RecordBatch, Mapping[int, Problem]]]:
        first = self._file.readline()
        if not first:
            return
        stream = _Legible(first, self._file)
        reader = before = None
        try:
            reader = self._reader(stream)
            for batch in reader:
                if before is not None:
                    yield before, self._misread(before, stream)
                before = batch
        except (pa.ArrowException, OSError):
            if before is not None:
                yield before, self._misread(before, stream)
            raise
        finally:
            # A thread of Arrow's may still read ahead: it has to end, and does before its reader goes.
            self.close()
            reader = None
        if before is not None:
            yield before, {**self._unclosed(before, stream), **self._misread(before, stream)}

    def _reader(self, stream: _Legible) -> pa_csv.CSVStreamingReader:
        return pa_csv.open_csv(
            pa.PythonFile(stream, "r"),
            pa_csv.ReadOptions(column_names=self._names, block_size=_BLOCK, use_threads=False),
            pa_csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=self._no_row),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(self._names, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )

    def _misread(self, batch: pa.RecordBatch, stream: _Legible) -> dict[int, Problem]:
        """The rows that hold what is no text."""
        if not stream.mended:
            return {}
        found = [pc.indices_nonzero(pc.match_substring(column, _NOT_TEXT)).to_pylist() for column in batch.columns]
        return {
            row: Problem("is not UTF-8 text here; save the file as UTF-8", entry=name)
            for name, rows in zip(self._names, found, strict=True)
            for row in rows
        }

    def _unclosed(self, batch: pa.RecordBatch, stream: _Legible) -> dict[int, Problem]:
        """The last row, if it swallowed the rest of the file."""
        last = batch.num_rows - 1
        if stream.quotes % 2 == 0 or not any("\n" in str(column[last].as_py()) for column in batch.columns):
            return {}
        return {last: Problem("a quotation mark is opened here and never closed; the rest of the file is in this row")}

    def _given(self, batch: pa.RecordBatch, row: int) -> Mapping[str, Any]:
        return {name: _legible(cell) for name, cell in super()._given(batch, row).items()}

    def _no_row(self, row: pa_csv.InvalidRow) -> str:
        problem = (
            f"{self._name}: has {row.actual_columns} cells where the first line names {row.expected_columns} columns"
        )
        self._no_rows.add(row.number)
        self.lost.append(Lost(row.number, (problem,), {"text": _legible(row.text)}))
        return "skip"

    def done(self) -> int:
        return self.size if self._file.closed else self._file.tell() if self.size else 0

    def close(self) -> None:
        self._file.close()


class _Legible(io.RawIOBase):
    """A stream of text, of which a line was read already; what is no text in it is marked, for its rows to be found."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self.mended = False
        self.quotes = 0
        self._rest = rest
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._ready = self._clean(first)
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._ready) < size):
            some = self._rest.read(size - len(self._ready) if size > 0 else size)
            self._ended = not some
            self._ready += self._clean(some)
        size = len(self._ready) if size < 0 else size
        given, self._ready = self._ready[:size], self._ready[size:]
        return given

    def _clean(self, some: bytes) -> bytes:
        text = self._decoder.decode(some, final=not some)
        self.quotes += some.count(b'"')
        try:
            return text.encode()
        except UnicodeEncodeError:
            self.mended = True
            return re.sub("[\udc80-\udcff]", lambda byte: f"{_NOT_TEXT}{ord(byte[0]) - 0xDC00:02x}", text).encode()


def _legible(text: str) -> str:
    return text.replace(_NOT_TEXT, "\\x")


class _Documents:
    """Cases and phenopackets, one document after the other."""

    streams_as: Format = "jsonl"
    carried = pa.schema([(ID, pa.string())])

    def __init__(
        self, patients: Iterator[Patient], book: Rulebook, file: IO[bytes] | None = None, size: int = 0
    ) -> None:
        self._patients, self._book, self._file = patients, book, file
        self.size = size
        self.lost: list[Lost] = []

    def parts(self) -> Generator[Part, None, None]:
        number = 1
        while some := list(islice(self._patients, _CASES)):
            yield self._part(some, list(range(number, number + len(some))))
            number += len(some)

    def _part(self, some: list[Patient], numbers: list[int]) -> Part:
        cases = [patient.case for patient in some]
        return Part(
            said_in(cases, len(cases), self._book),
            pa.record_batch([ids_of(cases)], schema=self.carried),
            numbers,
            cases.__getitem__,
            lambda row: {"where": some[row].where, "text": some[row].text},
        )

    def done(self) -> int:
        return self._file.tell() if self._file and self.size else 0

    def close(self) -> None:
        if self._file:
            self._file.close()


def _rows_at_once(columns: int) -> int:
    return max(1, min(_ROWS, _CELLS // max(1, columns)))


def _damaged(how: Format, name: str, error: Exception) -> CaseError:
    said = "".join(str(error).splitlines()[:1])
    if "straddling" in said:
        said = f"a row is longer than {_BLOCK >> 20} MB; is a quotation mark opened and never closed?"
    return CaseError([Problem(f"cannot be read as {how}: {said}", name)])
