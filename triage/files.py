"""Many cases from a source to a sink, in one run: what cannot be read is set aside, and the run goes on."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from triage.cohort import cohort_of
from triage.knowledge import URGENCIES
from triage.rulebook import Rulebook
from triage.sinks import Rejects, Sink
from triage.sources import Lost, Part, Source
from triage.tables import answer, refuse_to_carry, result_schema

ROW = "row"
"""The column of the answers that counts the rows given, so that each answer finds its question."""


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
    summary: Summary | None = None,
) -> Summary:
    """Answer every row of a source into a sink; a row that cannot be read is set aside, and the run goes on.

    The answers are those of `tables.consult_table`, with the number of the ``row`` before them. ``see`` is shown each
    part once it is answered. Counts are added to ``summary``, which holds however the run ends.

    Raises:
        CaseError: the source breaks off, or an answer cannot be written.
        KeyboardInterrupt: somebody stopped it. In both cases, what is in the summary was written and can be read.
    """
    cohort, summary = cohort_of(book), summary or Summary()
    schema = result_schema(book, source.carried, fired=fired)
    refuse_to_carry(source.carried.names, [ROW])
    # Rows with an error are set aside: what is written has none.
    written = schema.remove(schema.get_field_index("error"))
    # The source is closed before its parts are: what reads ahead for them would wait for more of a stream.
    with (
        closing(source.parts()) as parts,
        closing(source),
        closing(sink(written.insert(0, pa.field(ROW, pa.int64())))) as out,
        closing(aside),
    ):
        aside.begin()
        try:
            for part in parts:
                batch = answer(part.carried, part.rows, cohort, schema)
                good = batch.add_column(0, ROW, pa.array(part.numbers, pa.int64()))
                good = good.filter(batch.column("error").is_null()).drop_columns(["error"])
                with _undivided():
                    _set_aside(_lost(part, source), aside)
                    out.write(good)
                    _count(good, summary)
                see(part)
        finally:
            _set_aside(source.lost, aside)
    return summary


def _lost(part: Part, source: Source) -> list[Lost]:
    """The rows of a part that could not be answered, and those before its end that were none, in order."""
    last = part.numbers[-1]
    none = [lost for lost in source.lost if lost.row < last]
    source.lost[:] = [lost for lost in source.lost if lost.row > last]
    wrong = [
        Lost(part.numbers[row], tuple(map(str, problems)), part.given(row)) for row, problems in part.rows.wrong.items()
    ]
    return sorted(none + wrong, key=lambda lost: lost.row)


def _set_aside(rows: Iterable[Lost], aside: Rejects) -> None:
    for lost in rows:
        aside.add(lost)


@contextmanager
def _undivided() -> Iterator[None]:
    """A Ctrl-C waits for what is being written, so that no row is written by half."""
    listening = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not listening or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


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
