"""Where answers go: files and streams of CSV, JSON Lines and Parquet; and where rows are set aside."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from triage.errors import CaseError, Problem
from triage.reading.patients import DOCUMENTS, LINES
from triage.sources import FORMATS, Format, Lost, Source, format_of
from triage.tables import plain

_NAMES = pa.list_(pa.string())
_JOIN = ";"
"""Between the names of a list in a CSV cell."""


def _json_line(document: Any) -> str:
    try:
        return json.dumps(document, ensure_ascii=False, default=str, allow_nan=False) + "\n"
    except ValueError:
        return json.dumps(_finite(document), ensure_ascii=False, default=str) + "\n"


def _finite(value: Any) -> Any:
    """The same without what JSON has no number for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def format_to_write(path: str, source: Source) -> Format:
    """How the answers are written: by the ending of their file, or, in a stream, as the source is.

    Raises:
        CaseError: nothing is written so.
    """
    how = source.streams_as if path == "-" else format_of(path)
    if how == "documents":
        problem = "is a folder" if Path(path).is_dir() else "is for one document"
        raise CaseError([Problem(f"{problem}; answers go to a file that ends in {', '.join(FORMATS)}", path)])
    return how


def refuse_to_overwrite(source: str, target: str, rejects: Path) -> None:
    """What is read must not be written at the same time, and what is set aside needs a place.

    Raises:
        CaseError: answers or rejects would go over what is read or over each other, or there is no such folder.
    """
    written = {"rejects": rejects, **({"answers": Path(target)} if target != "-" else {})}
    problems = []
    for what, path in written.items():
        if source != "-" and _same(path, Path(source)):
            problems.append(Problem(f"is read; write the {what} to another file", str(path)))
        elif source != "-" and path.suffix in (*DOCUMENTS, *LINES) and Path(source).resolve() in path.resolve().parents:
            problems.append(Problem(f"lies in the folder that is read; write the {what} elsewhere", str(path)))
    if target != "-" and _same(rejects, Path(target)):
        problems.append(Problem("would hold the answers and the rejects; name two files", target))
    if rejects.is_dir() or not rejects.parent.is_dir():
        problems.append(Problem("cannot be written: no folder to put a file in, or a folder itself", str(rejects)))
    if problems:
        raise CaseError(problems)


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()


class _Whole(io.RawIOBase):
    """A stream that takes all it is given: one without a buffer may take less, and say so to nobody who listens."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        while left:
            left = left[self._stream.write(left) :]
        return len(data)

    def flush(self) -> None:
        self._stream.flush()


class Sink:
    """Where the answers go: a file as its name ends, or a stream."""

    def __init__(self, path: str, how: Format, schema: pa.Schema, stdout: IO[bytes]) -> None:
        """Open it.

        Raises:
            CaseError: it cannot be written.
        """
        self._own = path != "-"
        self._name = path if self._own else "standard output"
        self._how = how
        self._arrow: pa_csv.CSVWriter | pa_parquet.ParquetWriter | None = None
        with self._told():
            self._file = Path(path).open("wb") if self._own else _Whole(stdout)  # noqa: SIM115 (closed by `close`)
            if how == "csv":
                self._schema = pa.schema([f if _fits_csv(f.type) else f.with_type(pa.string()) for f in plain(schema)])
                self._arrow = pa_csv.CSVWriter(self._file, self._schema)
                # Without rows the line of names would not be ended.
                self._arrow.write_table(self._schema.empty_table())
            elif how == "parquet":
                self._arrow = pa_parquet.ParquetWriter(self._file, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add the answers to some rows.

        Raises:
            CaseError: they cannot be written.
            BrokenPipeError: nobody reads the stream any longer.
        """
        with self._told():
            if self._how == "csv":
                assert self._arrow is not None
                columns = [_in_csv(c, wanted.type) for c, wanted in zip(batch.columns, self._schema, strict=True)]
                self._arrow.write_batch(pa.record_batch(columns, schema=self._schema))
            elif self._arrow is not None:
                self._arrow.write_batch(batch)
            else:
                self._file.write("".join(map(_json_line, batch.to_pylist())).encode())

    def close(self) -> None:
        """Write what is left; raises as `write` does."""
        with self._told():
            if self._arrow is not None:
                self._arrow.close()
            if self._own:
                self._file.close()
            else:
                self._file.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CaseError([Problem(f"cannot be written: {error.strerror or error}", self._name)]) from None


def _fits_csv(kind: pa.DataType) -> bool:
    types = pa.types
    simple = (types.is_string, types.is_boolean, types.is_integer, types.is_floating, types.is_date, types.is_timestamp)
    return any(fits(kind) for fits in simple)


def _in_csv(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    if column.type == _NAMES:
        return pc.binary_join(column, _JOIN)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type == wanted:
        return column
    cells = column.to_pylist()
    return pa.array([cell if cell is None or isinstance(cell, str) else str(cell) for cell in cells], wanted)


class Rejects:
    """Rows set aside, a line of JSON each; the file is begun with the first of them."""

    def __init__(self, path: Path, remember: Collection[int] = ()) -> None:
        """Nothing is set aside yet; the problems of the rows to ``remember`` stay at hand."""
        self.path = path
        self.count = 0
        self.remembered: dict[int, tuple[str, ...]] = {}
        self._remember = remember
        self._file: IO[str] | None = None

    def begin(self) -> None:
        """Take away what an earlier run set aside."""
        if self.path.is_file():
            self.path.unlink()

    def add(self, lost: Lost) -> None:
        """Set a row aside.

        Raises:
            CaseError: the file cannot be written.
        """
        try:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
            self._file.write(_json_line(lost.document()))
        except OSError as error:
            raise CaseError([Problem(f"cannot be written: {error.strerror}", str(self.path))]) from None
        self.count += 1
        if lost.row in self._remember:
            self.remembered[lost.row] = lost.problems

    def close(self) -> None:
        """Write what is left."""
        if self._file is not None:
            self._file.close()
