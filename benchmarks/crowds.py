"""Crowds to measure on, drawn by seed: people like those of the teaching cases, or random ones, as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from triage.columns import SEVERAL
from triage.knowledge import Answer, Finding
from triage.rulebook import Rulebook

BATCH = 1 << 15
_MOST_ADDED = 3


@dataclass(frozen=True)
class _Column:
    """A finding: the answers that are drawn for it, and which of them each teaching case gives (-1: none)."""

    finding: Finding
    answers: list[Any]
    given: np.ndarray


class Drawer:
    """Draws people for a rulebook."""

    def __init__(self, book: Rulebook, *, dense: bool = False, plain: bool = False) -> None:
        """``dense``: half of all findings, with any answer; ``plain``: strings instead of dictionary columns."""
        self._dense, self._plain = dense, plain
        given = [case.given for case in book.cases()]
        self._cases = len(given)
        self._columns = [
            _column(finding, [case.get(finding.name) for case in given])
            for finding in book.findings.values()
            # Random numbers that must not exceed one another would make wrong rows.
            if not finding.computed and not (dense and finding.not_above)
        ]

    def batches(self, people: int, seed: int) -> Iterator[pa.RecordBatch]:
        """So many people, some thousands at a time."""
        rng = np.random.default_rng(seed)
        for start in range(0, people, BATCH):
            yield self._batch(min(BATCH, people - start), rng)

    def table(self, people: int, seed: int) -> pa.Table:
        """So many people in one table of one batch."""
        return pa.Table.from_batches(self.batches(people, seed)).combine_chunks()

    def _batch(self, people: int, rng: np.random.Generator) -> pa.RecordBatch:
        draw = self._any_answers if self._dense else self._like_patients
        return pa.record_batch({c.finding.name: self._cells(c, codes) for c, codes in draw(people, rng)})

    def _like_patients(self, people: int, rng: np.random.Generator) -> Iterator[tuple[_Column, np.ndarray]]:
        """A teaching case each, without about a third of its answers; half of the people have up to three others."""
        cases = rng.integers(self._cases, size=people)
        extra = rng.integers(1, _MOST_ADDED + 1, size=people) * (rng.random(people) < 0.5)
        who = np.repeat(np.arange(people), extra)
        about = rng.integers(len(self._columns), size=len(who))
        for place, column in enumerate(self._columns):
            codes = column.given[cases]
            codes[rng.integers(3, size=people, dtype=np.uint8) == 0] = -1
            # An added number might not fit the others.
            if column.finding.value != "number":
                added = who[about == place]
                added = added[codes[added] < 0]
                codes[added] = rng.integers(len(column.answers), size=len(added))
            yield column, codes

    def _any_answers(self, people: int, rng: np.random.Generator) -> Iterator[tuple[_Column, np.ndarray]]:
        for column in self._columns:
            several = len(column.answers)
            codes = rng.integers(-several, several, size=people).astype(np.int16)
            yield column, np.maximum(codes, -1)

    def _cells(self, column: _Column, codes: np.ndarray) -> pa.Array:
        indices = pa.array(codes, mask=codes < 0)
        if column.finding.value == "number":
            return pa.array(column.answers, pa.float64()).take(indices)
        words = pa.DictionaryArray.from_arrays(indices.cast(pa.int8()), pa.array(column.answers, pa.string()))
        return words.dictionary_decode() if self._plain else words


def _column(finding: Finding, given: Sequence[Answer | list[Answer] | None]) -> _Column:
    cells = [None if answer is None else _cell(finding, answer) for answer in given]
    answers = list(dict.fromkeys([*_possible(finding), *(cell for cell in cells if cell is not None)]))
    codes = [-1 if cell is None else answers.index(cell) for cell in cells]
    return _Column(finding, answers, np.asarray(codes, np.int16))


def _possible(finding: Finding) -> list[Any]:
    """Every answer a finding can have; of numbers, eleven across their range."""
    if finding.value == "number":
        low, high = finding.min or 0.0, 100.0 if finding.max is None else finding.max
        return [round(float(number), 3) for number in np.linspace(low, high, 11)]
    words = [*finding.choices] or ["present", "absent", *(["left", "right", "both"] if finding.sided else [])]
    return [*words, "unsure"]


def _cell(finding: Finding, answer: Answer | list[Answer]) -> Any:
    """An answer of a teaching case as a table holds it."""
    if finding.value == "number":
        return float(answer)  # type: ignore[arg-type]
    several = answer if isinstance(answer, list) else [answer]
    words = {True: "present", False: "absent"}
    return SEVERAL.join(words.get(one, one) if isinstance(one, bool) else str(one) for one in several)
