"""Many cases: the rulebook in arrays, beside loops over engines and beside the least arithmetic that gives scores."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from by_clips import Clips
from by_experta import DefaultExperta
from crowds import BATCH, Drawer
from measuring import arguments, clocked, process, table, triage_command
from people import book_from
from plain_facts import FlatRules

from triage.case import Case
from triage.cohort import Cohort, Outcomes
from triage.columns import Columns
from triage.consultation import Engine, Infer, Reasoning, reason
from triage.crowd import Crowd, Said
from triage.engine import infer, join
from triage.facts import close
from triage.firing import infer_plainly
from triage.intake import settle
from triage.knowledge import URGENCIES
from triage.rulebook import Rulebook, load_rulebook
from triage.tables import consult_batches, consult_table
from triage.when import Is, atoms

SEED = 20261123

RUN, TABLE, STRINGS = "cohort: arrays to outcomes", "cohort: Arrow to Arrow", "cohort: Arrow strings to Arrow"
LOOP, DEFAULTS, CLIPS, PLAIN = "loop: triage's experta", "loop: experta's defaults", "loop: clipspy", "loop: no engine"
ANSWERS, BYTES, FIRED = "floor: answers x weights", "floor: the same, kept as bytes", "floor: fired evidence x weights"


def main() -> None:
    parser = arguments(__doc__ or "", rounds=5)
    parser.add_argument("--people", type=int, default=100_000, help="people drawn (default 100,000)")
    parser.add_argument("--dense", action="store_true", help="random answers to half of all findings")
    parser.add_argument("--sample", type=int, default=200, help="of them for the loops (default 200)")
    parser.add_argument("--few", type=int, default=2, help="of them for experta's defaults (default 2)")
    parser.add_argument("--memory", action="store_true", help="peak memory of streams of 1, 3 and 10 times the people")
    parser.add_argument("--stream", choices=("draw", "consult", "write"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream:
        stream(options)
    elif options.memory:
        memory(options)
    else:
        speed(options)


def speed(options: argparse.Namespace) -> None:
    """Every way of answering for the same people, in one run."""
    book = book_from(options)
    given = Drawer(book, dense=options.dense).table(options.people, SEED)
    strings = Drawer(book, dense=options.dense, plain=True).table(options.people, SEED)
    batch = given.combine_chunks().to_batches()[0]
    columns = Columns(batch.schema.names, book)
    rows = columns.read(batch)
    assert not rows.wrong, "the people drawn must be readable"
    answered = sum(len(batch) - column.null_count for column in batch.columns) / len(batch)
    drawn = "random answers" if options.dense else "teaching cases perturbed"
    print(f"{len(batch)} people, {drawn}, {answered:.1f} answers each in {batch.num_columns} columns")

    cohort = Cohort(book)
    outcomes = cohort.run(rows.said)
    everyone = np.linspace(0, len(batch) - 1, min(options.sample, len(batch))).astype(int).tolist()
    loops = Loops(book, [columns.case(batch, row) for row in everyone], options.few)
    for name in loops.ways:
        for row, its in zip(everyone, loops.run(name), strict=False):
            assert _alone(its) == _in_company(outcomes, row), f"{name}, row {row}"
        print(f"same rules fired, points and urgency for {loops.count(name)} people: {name}")
    for name, table_ in ((TABLE, given), (STRINGS, strings)):
        assert _same(consult_table(table_, book), outcomes), name
        print(f"same points and urgency for {len(batch)} people: {name}")

    floor = Floor(book, rows.said, outcomes)
    whole: dict[str, Callable[[], object]] = {
        RUN: lambda: cohort.run(rows.said),
        TABLE: lambda: consult_table(given, book),
        STRINGS: lambda: consult_table(strings, book),
        **floor.work(),
    }
    each = {name: len(batch) for name in whole} | {name: loops.count(name) for name in loops.ways}
    taken = clocked(whole | {name: loops.work(name) for name in loops.ways}, options.rounds)
    per = {name: its.processor / each[name] for name, its in taken.items()}
    print(f"{sum(len(its.firings) for its in loops.run(PLAIN)) / len(everyone):.0f} firings a person; {floor.shape}\n")
    table(
        ("way", "people", "us a person", "people/s", "by the clock", "times the cohort", "times Arrow"),
        [
            (
                name,
                f"{each[name]}",
                f"{seconds * 1e6:.2f}",
                _rate(1 / seconds),
                _rate(each[name] / taken[name].clock),
                f"{seconds / per[RUN]:.2f}",
                f"{seconds / per[TABLE]:.2f}",
            )
            for name, seconds in per.items()
        ],
    )
    for name in (LOOP, DEFAULTS):
        print(
            f"Aim: at least 2,000 times '{name}': {per[name] / per[RUN]:,.0f} ({per[name] / per[TABLE]:,.0f} to Arrow)"
        )
    for name in (ANSWERS, FIRED):
        print(f"Aim: at most 3 times '{name}': {per[RUN] / per[name]:.1f} ({per[TABLE] / per[name]:.1f} to Arrow)")


def _rate(people: float) -> str:
    return f"{people:,.0f}" if people >= 10 else f"{people:.2f}"


class Loops:
    """One person after another, each closed, inferred, ranked and judged: what the cohort gives, by other means."""

    def __init__(self, book: Rulebook, people: Sequence[Case], few: int) -> None:
        flat = FlatRules(book)
        by_default, by_clips = DefaultExperta(flat), Clips(flat)
        self._book = book
        self._said = [settle(case, book).said for case in people]
        self._few = few
        self.ways: dict[str, Infer] = {
            LOOP: infer,
            DEFAULTS: lambda _, facts, rank: by_default.infer(facts, rank),
            CLIPS: lambda _, facts, rank: by_clips.infer(facts, rank),
            PLAIN: infer_plainly,
        }

    def count(self, name: str) -> int:
        return min(self._few, len(self._said)) if name == DEFAULTS else len(self._said)

    def run(self, name: str) -> list[Reasoning]:
        engine = Engine(join, self.ways[name])
        return [reason(self._book, close(said, self._book), engine) for said in self._said[: self.count(name)]]

    def work(self, name: str) -> Callable[[], object]:
        return lambda: self.run(name)


def _alone(reasoning: Reasoning) -> object:
    points = {score.ref: score.points for score in reasoning.ranked.sub_sites}
    fired = {(firing.kind, firing.id) for firing in reasoning.firings}
    return fired, [points[ref] for ref in reasoning.book.sub_sites], reasoning.urgency.level


def _in_company(outcomes: Outcomes, person: int) -> object:
    points = outcomes.ranking.points[:, person].tolist()
    return set(outcomes.fired_by(person)), points, URGENCIES[outcomes.urgency[person]]


def _same(result: pa.Table, outcomes: Outcomes) -> bool:
    """Whether a table holds the points of the sites and the urgency of these outcomes."""
    points = outcomes.ranking.of_sites(outcomes.ranking.points)
    columns = zip(points, outcomes.book.sites, strict=True)
    urgency = [URGENCIES[level] for level in outcomes.urgency]
    return result["urgency"].to_pylist() == urgency and all(
        np.array_equal(result[f"{site}_points"].to_numpy(), its) for its, site in columns
    )


class Floor:
    """Scores by one matrix product: the least that anybody would compute, and no more than that.

    The rows of one matrix are the facts that lie behind the evidence (0 or 1, closed beforehand), of the other the
    evidence that fired (worked out beforehand); both times a dense weight for every sub-site, in single precision.
    No answers are read, nothing follows from them; there are no conditions, themes, flags, standings, and no order.
    """

    def __init__(self, book: Rulebook, said: Said, outcomes: Outcomes) -> None:
        crowd = Crowd(said, book)
        facts = {rule.id: _facts_behind(book, rule.when) for rule in book.evidence.values()}
        rows = {atom: row for row, atom in enumerate(dict.fromkeys(atom for its in facts.values() for atom in its))}
        sub_sites = {ref: row for row, ref in enumerate(book.sub_sites)}
        self._of_facts = np.zeros((len(sub_sites), len(rows)), np.float32)
        self._of_rules = np.zeros((len(sub_sites), len(book.evidence)), np.float32)
        for number, rule in enumerate(book.evidence.values()):
            for ref in book.sub_sites_of(rule.site):
                self._of_rules[sub_sites[ref], number] = book.scale.points[rule.strength]
                for atom in facts[rule.id]:
                    self._of_facts[sub_sites[ref], rows[atom]] += book.scale.points[rule.strength]
        self._bytes = np.empty((len(rows), crowd.people), np.uint8)
        for atom, row in rows.items():
            plane = crowd.truth(atom)
            self._bytes[row] = (
                0 if plane is None else np.unpackbits(plane.view(np.uint8), count=crowd.people, bitorder="little")
            )
        self._facts = self._bytes.astype(np.float32)
        self._fired = np.empty((len(book.evidence), crowd.people), np.float32)
        for number, rule_id in enumerate(book.evidence):
            self._fired[number] = outcomes.who("evidence", rule_id)
        self.shape = f"floor: {len(rows)} facts, {len(book.evidence)} rules of evidence, {len(sub_sites)} sub-sites"

    def work(self) -> dict[str, Callable[[], object]]:
        return {
            ANSWERS: lambda: self._of_facts @ self._facts,
            BYTES: self._from_bytes,
            FIRED: lambda: self._of_rules @ self._fired,
        }

    def _from_bytes(self) -> object:
        np.copyto(self._facts, self._bytes)
        return self._of_facts @ self._facts


def _facts_behind(book: Rulebook, when: Any) -> set[Is]:
    """The atoms over findings that a condition rests on, those of its patterns included."""
    found: set[Is] = set()
    for atom in atoms(when):
        found |= _facts_behind(book, book.patterns[atom.name].when) if atom.name in book.patterns else {atom}
    return found


def stream(options: argparse.Namespace) -> None:
    """Draw people batch by batch, and consult for them, write them to a file, or do nothing; nothing is kept."""
    book = load_rulebook(options.rules)
    drawer = Drawer(book, dense=options.dense, plain=options.stream == "write")
    batches = drawer.batches(options.people, SEED)
    if options.stream == "write":
        first = next(batches)
        with pq.ParquetWriter(options.file, first.schema) as writer:
            for batch in chain([first], batches):
                writer.write_batch(batch)
    else:
        deque(consult_batches(batches, book) if options.stream == "consult" else batches, maxlen=0)


def memory(options: argparse.Namespace) -> None:
    """Peak resident memory of fresh processes, one by one, for streams of one, three and ten times the people."""
    lengths = (options.people, 3 * options.people, 10 * options.people)
    peaks: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        command = _has_cohort()
        for people in lengths if command else ():
            # By a process of its own: what this one holds would count for those it starts.
            process([*_streaming("write", people, options), "--file", f"{folder}/{people}.parquet"])
        for _ in range(options.rounds):
            for people in lengths:
                for what in ("draw", "consult"):
                    peaks.setdefault((what, people), []).append(process(_streaming(what, people, options))[1])
                if command:
                    files = (f"{folder}/{people}.parquet", f"{folder}/out.parquet")
                    rules = ("--rules", str(options.rules)) if options.rules else ()
                    peak = process([*triage_command(), "cohort", *files, *rules])[1]
                    peaks.setdefault(("triage cohort", people), []).append(peak)
    found = {key: median(its) for key, its in peaks.items()}
    names = {
        "draw": "people drawn, nothing done",
        "consult": "consult_batches",
        "triage cohort": "triage cohort, Parquet",
    }
    rows = [
        (label, *(f"{found[key, people]:.0f}" for people in lengths),
         *(f"{found[key, lengths[-1]] / found[key, before] - 1:+.1%}" for before in lengths[:-1]))
        for key, label in names.items() if (key, lengths[0]) in found
    ]  # fmt: skip
    head = ("peak MB", *(f"{people:,} people" for people in lengths), "the last to the first", "to the second")
    table(head, rows)
    spread = max((max(its) - min(its)) / median(its) for its in peaks.values())
    print(f"Medians of {options.rounds} processes each; the same process differs by up to {spread:.1%} between rounds")
    print(f"Aim: flat, that is no more than that. Batches of {BATCH:,} rows in")


def _has_cohort() -> bool:
    help_ = subprocess.run([*triage_command(), "cohort", "--help"], capture_output=True, check=False)
    return help_.returncode == 0


def _streaming(what: str, people: int, options: argparse.Namespace) -> list[str]:
    own = [sys.executable, __file__, "--stream", what, "--people", str(people)]
    return [*own, *(["--dense"] if options.dense else []), *(["--rules", str(options.rules)] if options.rules else [])]


if __name__ == "__main__":
    main()
