"""The rulebook as any rule engine takes it: one fact for each answer, rules as alternatives of facts.

What the condition language has and rule engines lack is worked out alike for all of them: which words of a finding
fulfil an atom (sides, unsure answers) is put into the patterns, contradictory answers are facts marked as doubtful, and
counts (``at_least``) are judged beforehand and handed in as facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from triage.facts import Facts
from triage.firing import Firing, Rule, Standings, finding_lookup, first_rules, second_rules
from triage.knowledge import Finding
from triage.rulebook import Rulebook
from triage.when import (
    ABSENT,
    PRESENT,
    SIDES,
    UNSURE,
    AnyOf,
    AtLeast,
    Condition,
    Is,
    Range,
    judge,
)

_MOST_ALTERNATIVES = 16
"""Beyond this a careful author writes an intermediate rule instead of multiplying out."""


@dataclass(frozen=True)
class Answered:
    """A finding whose value is one of some words."""

    finding: str
    words: tuple[str, ...]
    doubtful_too: bool


@dataclass(frozen=True)
class Measured:
    """A finding whose value is a number in a range, or one of some words."""

    finding: str
    range: Range
    words: tuple[str, ...]
    doubtful_too: bool


@dataclass(frozen=True)
class Counted:
    """A count that was reached."""

    count: str


@dataclass(frozen=True)
class Reached:
    """A pattern, or an intermediate conclusion."""

    conclusion: str


@dataclass(frozen=True)
class Stands:
    """A site with a standing."""

    site: str
    standing: str


Pattern: TypeAlias = Answered | Measured | Counted | Reached | Stands


@dataclass(frozen=True)
class FlatRule:
    """Alternatives of patterns that must hold together, and what follows."""

    ways: tuple[tuple[Pattern, ...], ...]
    fires: int | None
    """The position of the rule this is, or none for an intermediate rule."""
    concludes: str | None


class FlatRules:
    """A rulebook for an ordinary rule engine."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._counts: dict[tuple[str, AtLeast], int] = {}
        self.rules: list[Rule] = [*first_rules(book), *second_rules(book)]
        self.flat = [flat for position, rule in enumerate(self.rules) for flat in self._flatten(position, rule)]
        self._asked = {pattern for flat in self.flat for way in flat.ways for pattern in way}
        self._read = {pattern.finding for pattern in self._asked if isinstance(pattern, (Answered, Measured))}

    def answers(self, facts: Facts) -> Iterator[tuple[str, str | float, bool]]:
        """What is known of the findings that some rule reads; each of contradictory answers, as doubtful."""
        for name, value in facts.values.items():
            if name in self._read:
                if isinstance(value, frozenset):
                    yield from ((name, one, True) for one in value if one != UNSURE)
                else:
                    yield name, value, False

    def reached(self, standings: Standings) -> Iterator[tuple[str, str]]:
        """The standings that some rule asks for."""
        return ((site, word) for site, word in standings.items() if Stands(site, word) in self._asked)

    def counts(self, facts: Facts) -> Iterator[str]:
        """Which counts were reached."""
        for (reading, counted), number in self._counts.items():
            if judge(counted, finding_lookup(facts, reading)):
                yield f"count_{number}"

    def firings(self, positions: Iterable[int]) -> list[Firing]:
        """The rules at these positions in rule order, each once."""
        fired = (self.rules[position] for position in sorted(set(positions)))
        return [Firing(rule.kind, rule.id, ()) for rule in fired]

    def _flatten(self, position: int, rule: Rule) -> Iterator[FlatRule]:
        helpers: list[tuple[str, Condition]] = []
        ways = self._ways(rule.when, rule, f"{position}", helpers)
        yield FlatRule(tuple(ways), position, rule.id if rule.kind == "pattern" else None)
        # The list grows while it is read: an intermediate rule may need intermediate rules.
        for name, part in helpers:
            yield FlatRule(tuple(self._ways(part, rule, f"{position}", helpers)), None, name)

    def _ways(
        self, condition: Condition, rule: Rule, name: str, helpers: list[tuple[str, Condition]]
    ) -> list[tuple[Pattern, ...]]:
        if isinstance(condition, (Is, AtLeast)):
            return [(self._pattern(condition, rule.reading),)]
        parts = [self._ways(part, rule, name, helpers) for part in condition.parts]
        if isinstance(condition, AnyOf):
            return list(dict.fromkeys(way for part in parts for way in part))
        count = 1
        for part in parts:
            count *= len(part)
        if count > _MOST_ALTERNATIVES:
            for index, (child, part) in enumerate(zip(condition.parts, parts, strict=True)):
                if len(part) > 1:
                    helper = f"helper_{name}_{len(helpers)}"
                    helpers.append((helper, child))
                    parts[index] = [(Reached(helper),)]
        together = (tuple(dict.fromkeys(p for way in choice for p in way)) for choice in product(*parts))
        return list(dict.fromkeys(together))

    def _pattern(self, condition: Is | AtLeast, reading: str) -> Pattern:
        if isinstance(condition, AtLeast):
            number = self._counts.setdefault((reading, condition), len(self._counts))
            return Counted(f"count_{number}")
        if condition.name in self._book.patterns:
            return Reached(condition.name)
        if condition.name not in self._book.findings:
            return Stands(condition.name, str(condition.test))
        finding = self._book.findings[condition.name]
        words = tuple(w for w in _words(finding) if finding_lookup(Facts({finding.name: w}), reading)(condition))
        if isinstance(condition.test, Range):
            return Measured(finding.name, condition.test, words, reading != "plain")
        return Answered(finding.name, words, reading != "plain")


def _words(finding: Finding) -> list[str]:
    """Every word that can be known of a finding."""
    own = list(finding.choices) if finding.value == "choice" else [PRESENT, ABSENT, *sorted(SIDES)]
    return [*(own if finding.value != "number" else ()), UNSURE]
