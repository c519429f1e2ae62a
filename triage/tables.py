"""Tables in and out, through Arrow: a consultation for every row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from triage.case import Case
from triage.cohort import STANDINGS, Cohort, cohort_of
from triage.columns import Columns, Rows, ids_of, said_in, tellable
from triage.errors import CaseError, Problem
from triage.knowledge import URGENCIES
from triage.planes import Plane, unpack
from triage.rulebook import Rulebook, load_rulebook

BATCH = 1 << 17
"""So many rows are answered in one go: enough for arrays to pay, few enough for the memory to stay flat."""

_LEADING = STANDINGS.index("leading")
_WORD = pa.dictionary(pa.int8(), pa.string())
_WORDS = pa.list_(pa.string())


def consult_table(
    table: Any, rulebook: Rulebook | None = None, *, carry: Iterable[str] = (), fired: bool = False
) -> pa.Table:
    """A consultation for every row of a table: one column a finding in, the answers of `consult` out.

    ``table`` is anything that speaks the Arrow stream interface: a pyarrow table or reader, a polars or pandas frame.
    A cell is an answer as in a case (``present``, ``left``, true, 3.5 ...); an empty one is unknown. A text cell
    ``present|absent``, or a list, is a contradiction. ``carry`` names columns to hand through unread; ``id`` and
    ``story`` always are. With ``fired`` every rule that fired is listed too. The columns that come back are those of
    `result_schema`, one row for each row, in order; a row that cannot be read has its reasons in ``error``.

    Raises:
        CaseError: columns that are no findings, or carried ones that are called as an answer is.
    """
    reader = pa.RecordBatchReader.from_stream(table)
    cohort = cohort_of(rulebook or load_rulebook())
    columns = Columns(reader.schema.names, cohort.book, carry)
    schema = result_schema(cohort.book, reader.schema, columns, fired=fired)
    return pa.Table.from_batches(_answered(reader, cohort, columns, schema), schema)


def consult_batches(
    batches: Iterable[pa.RecordBatch],
    rulebook: Rulebook | None = None,
    *,
    carry: Iterable[str] = (),
    fired: bool = False,
) -> Iterator[pa.RecordBatch]:
    """The same for a stream of batches, or within an engine that maps over them.

    Each batch is answered before the next is read; one of some ten thousand rows costs little more than one of a few.
    """
    cohort = cohort_of(rulebook or load_rulebook())
    stream = iter(batches)
    first = next(stream, None)
    if first is not None:
        columns = Columns(first.schema.names, cohort.book, carry)
        schema = result_schema(cohort.book, first.schema, columns, fired=fired)
        yield from _answered(chain([first], stream), cohort, columns, schema)


def consult_cases(cases: Sequence[Case], rulebook: Rulebook | None = None, *, fired: bool = False) -> pa.Table:
    """The same for cases."""
    cohort = cohort_of(rulebook or load_rulebook())
    ids = pa.record_batch({"id": ids_of(cases)})
    schema = result_schema(cohort.book, ids.schema, None, fired=fired)
    return pa.Table.from_batches([answer(ids, said_in(cases, len(cases), cohort.book), cohort, schema)], schema)


def result_schema(
    book: Rulebook, given: pa.Schema, columns: Columns | None = None, *, fired: bool = False
) -> pa.Schema:
    """The columns that come back.

    ``error``; ``urgency``; ``first``, the site ranked first; ``leading``, the sites that lead (none: not enough to
    localise); for every site its ``_standing``, ``_points``, ``_sub_site`` (the best) and ``_support``; the
    ``red_flags`` that fired and those ``not_excluded``; and, last, the ``recommendation``.

    Raises:
        CaseError: a column to carry is called as one of these.
    """
    carried = [given.field(name) for name in (columns.carried if columns else given.names)]
    of_sites = [
        (f"{site}_{what}", its)
        for site in book.sites
        for what, its in (("standing", _WORD), ("points", pa.int16()), ("sub_site", _WORD), ("support", pa.float64()))
    ]
    listed = ["red_flags", "not_excluded", *(["fired"] if fired else [])]
    answers = pa.schema(
        [
            ("error", pa.string()),
            ("urgency", _WORD),
            ("first", _WORD),
            ("leading", _WORDS),
            *of_sites,
            *((name, _WORDS) for name in listed),
            ("recommendation", _WORD),
        ]
    )
    refuse_to_carry([its.name for its in carried], answers.names)
    return pa.schema([*carried, *answers])


def refuse_to_carry(carried: Iterable[str], taken: Iterable[str]) -> None:
    """Two columns of one name come back to nobody's use.

    Raises:
        CaseError: a column is called as one of those that are taken.
    """
    clashes = [name for name in carried if name in taken]
    if clashes:
        raise CaseError([Problem("is the name of a column of the answers; rename it", entry=name) for name in clashes])


def plain(schema: pa.Schema) -> pa.Schema:
    """The same columns with their words as plain strings, for readers that know no dictionaries."""
    return pa.schema([f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in schema])


def _answered(
    batches: Iterable[pa.RecordBatch], cohort: Cohort, columns: Columns, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            part = batch.slice(start, BATCH)
            yield answer(part.select(columns.carried), columns.read(part), cohort, schema)


def answer(carried: pa.RecordBatch, rows: Rows, cohort: Cohort, schema: pa.Schema) -> pa.RecordBatch:
    """The answers to rows that were read, beside the columns carried along."""
    book, outcomes = cohort.book, cohort.run(rows.said)
    ranking, people = outcomes.ranking, outcomes.people
    wrong = np.zeros(people, np.bool_)
    wrong[list(rows.wrong)] = True
    sites, sub_sites = list(book.sites), list(book.sub_sites)
    standings = ranking.of_sites(ranking.standings)

    def words(codes: NDArray[Any], dictionary: Sequence[str]) -> pa.Array:
        indices = pa.array(codes.astype(np.int8), mask=wrong)
        return pa.DictionaryArray.from_arrays(indices, pa.array(dictionary, pa.string()))

    def listed(named: Sequence[tuple[str, Plane]]) -> pa.Array:
        held = (np.flatnonzero(unpack(plane, people) & ~wrong) for _, plane in named)
        return _lists(
            [(rows, np.full(len(rows), place)) for place, rows in enumerate(held)], [n for n, _ in named], people
        )

    found: dict[str, pa.Array] = {name: carried.column(name) for name in carried.schema.names}
    found["error"] = _errors(rows, people)
    found["urgency"] = words(outcomes.urgency, URGENCIES)
    found["first"] = words(ranking.order[0], sites)
    leads = [(np.flatnonzero((np.choose(its, standings) == _LEADING) & ~wrong), its) for its in ranking.order]
    found["leading"] = _lists([(rows_, its[rows_]) for rows_, its in leads], sites, people)
    points = ranking.of_sites(ranking.points)
    for place, site in enumerate(sites):
        found[f"{site}_standing"] = words(standings[place], STANDINGS)
        found[f"{site}_points"] = pa.array(points[place], mask=wrong)
        found[f"{site}_sub_site"] = words(ranking.best[place], sub_sites)
        found[f"{site}_support"] = pa.array(np.round(outcomes.support[place], 4), mask=wrong)
    found["red_flags"] = listed([(flag, outcomes.fired["red_flag", flag]) for flag in book.red_flags])
    found["not_excluded"] = listed(list(outcomes.not_excluded.items()))
    if "fired" in schema.names:
        found["fired"] = listed([(f"{kind}/{rule}", plane) for (kind, rule), plane in outcomes.fired.items()])
    recommendations = [book.scale.recommendation[level] for level in URGENCIES]
    found["recommendation"] = words(outcomes.urgency, recommendations)
    return pa.record_batch([found[name] for name in schema.names], schema=schema)


def _lists(held: Sequence[tuple[NDArray[Any], NDArray[Any]]], names: Sequence[str], people: int) -> pa.Array:
    """A list of names for every row, from rows and the places of names, in the order given."""
    none = np.empty(0, np.int64)  # a rulebook may have no names of a kind
    rows = np.concatenate([none, *(rows for rows, _ in held)])
    codes = np.concatenate([none, *(codes for _, codes in held)])
    order = np.argsort(rows, kind="stable")
    ends = np.zeros(people + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=people), out=ends[1:])
    values = pa.array(names, pa.string()).take(pa.array(codes[order].astype(np.int32)))
    return pa.ListArray.from_arrays(pa.array(ends), values)


def _errors(rows: Rows, people: int) -> pa.Array:
    if not rows.wrong:
        return pa.nulls(people, pa.string())
    said = {row: tellable("; ".join(map(str, problems))) for row, problems in rows.wrong.items()}
    return pa.array([said.get(row) for row in range(people)], pa.string())
