"""Ages and onsets as they are written → spans of time, and the number that may stand for one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from triage.knowledge import URGENCIES
from triage.rulebook import Rulebook
from triage.when import Condition, Range, atoms

DAYS_IN_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Span:
    """From one number to another, in years or in days; ``stated`` is the number as it was written, if it was one."""

    low: float
    high: float
    stated: float | None = None

    def times(self, factor: float) -> Span:
        """The same in another unit."""
        return Span(self.low * factor, self.high * factor, None if self.stated is None else self.stated * factor)


def age_span(text: str) -> Span | None:
    """An ISO 8601 age (``P3Y6M``), or two of them (``P1Y/P5Y``), in years: as wide as it is imprecise."""
    first, slash, last = text.partition("/")
    if slash:
        low, high = _duration(first), _duration(last)
        return Span(low.low, max(low.high, high.high)) if low and high else None
    return _duration(text)


def years_span(years: float) -> Span:
    """An age in years as people say it: 34 lasts until the next birthday, 0.5 is taken as it stands."""
    return Span(years, years + 1 if years == int(years) else years, years)


def earliest(spans: Iterable[Span]) -> Span:
    """When the first of several things began."""
    known = list(spans)
    stated = [span.stated for span in known if span.stated is not None]
    return Span(
        min(span.low for span in known),
        min(span.high for span in known),
        min(stated) if len(stated) == len(known) else None,
    )


def between(start: Span, end: Span) -> Span:
    """How long it is from one age to a later one."""
    stated = None if start.stated is None or end.stated is None else max(0.0, end.stated - start.stated)
    return Span(max(0.0, end.low - start.high), max(0.0, end.high - start.low), stated)


_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"P(?=.)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_YEARS = (
    1.0, 1 / 12, 7 / DAYS_IN_YEAR, 1 / DAYS_IN_YEAR, 1 / 24 / DAYS_IN_YEAR, 1 / 1440 / DAYS_IN_YEAR,
    1 / 86400 / DAYS_IN_YEAR,
)  # fmt: skip
_WEEK = 2


def _duration(text: str) -> Span | None:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    parts = {place: number for place, number in enumerate(match.groups()) if number is not None}
    years = sum(float(number) * _YEARS[place] for place, number in parts.items())
    smallest = max(parts)
    # "P12Y" is twelve years and something; a day, or a decimal fraction, is taken as it stands.
    wide = smallest <= _WEEK and "." not in parts[smallest]
    return Span(years, years + (_YEARS[smallest] if wide else 0.0), years)


class Certain:
    """Which number may stand for a span, by what a rulebook asks of it.

    Rules only add, so a number is safe where no rule that it satisfies could be wrong about another number of the span.
    A red flag that asks for more than the urgency of open questions must not depend on where in the span it lies.
    """

    def __init__(self, book: Rulebook) -> None:
        usual = URGENCIES.index(book.scale.unanswered)
        self._urgent = _limits(flag.when for flag in book.red_flags.values() if URGENCIES.index(flag.urgency) > usual)
        self._rules = _limits(
            [
                *(
                    rule.when
                    for table in (book.patterns, book.evidence, book.investigations)
                    for rule in table.values()
                ),
                *(c for profile in book.conditions.values() for c in (*profile.hallmarks, *profile.expected)),
                *(taken.when for finding in book.findings.values() for taken in finding.taken_as),
            ]
        )

    def number(self, name: str, span: Span) -> float | None:
        """The number as stated, or else an end of the span; nothing where neither is certain enough."""
        if span.low == span.high:
            return span.low
        urgent = self._urgent.get(name, ())
        if any(span.low <= end < span.high if upper else span.low < end < span.high for end, upper in urgent):
            return None
        for number in (span.stated, span.low, span.high):
            if (
                number is not None
                and math.isfinite(number)
                and not any(
                    number <= end < span.high if upper else span.low < end <= number
                    for end, upper in self._rules.get(name, ())
                )
            ):
                return number
        return None


def _limits(conditions: Iterable[Condition]) -> dict[str, set[tuple[float, bool]]]:
    """The ends that conditions set to numbers, by finding: the end, and whether it is an upper one."""
    limits: dict[str, set[tuple[float, bool]]] = {}
    for condition in conditions:
        for atom in atoms(condition):
            if isinstance(atom.test, Range):
                ends = ((atom.test.at_least, False), (atom.test.at_most, True))
                limits.setdefault(atom.name, set()).update((end, upper) for end, upper in ends if end is not None)
    return limits
