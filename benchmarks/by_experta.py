"""The rulebook in experta as its manual teaches it: rules as methods, a fact for each answer, its defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import triage.engine  # noqa: F401  (first: it makes experta importable on this Python)

# isort: split
from experta.conditionalelement import AND, OR
from experta.deffacts import DefFacts
from experta.engine import KnowledgeEngine
from experta.fact import Fact
from experta.fieldconstraint import L, P
from experta.rule import Rule as ExpertaRule
from experta.shortcuts import MATCH
from plain_facts import Answered, Counted, FlatRule, FlatRules, Measured, Pattern, Reached, Stands

from triage.engine import Backed, Deficit, Noted, Spared, Takes
from triage.facts import Facts
from triage.firing import Firing, Rank
from triage.focal import Link, Seen
from triage.knowledge import Side
from triage.rulebook import Rulebook


class Finding(Fact):  # type: ignore[misc]
    """``name`` and ``value`` of one answer, and whether others contradict it."""


class Count(Fact):  # type: ignore[misc]
    """The ``name`` of a count that was reached."""


class Conclusion(Fact):  # type: ignore[misc]
    """The ``name`` of a pattern that was reached."""


class Standing(Fact):  # type: ignore[misc]
    """A ``site`` and its ``standing``."""


class DefaultExperta:
    """Default matcher and strategy; the engine is built once and reset between people, or built for each."""

    def __init__(self, rules: FlatRules, *, reused: bool = True) -> None:
        self._rules = rules
        self._patterns: dict[Pattern, Fact] = {}
        methods = {f"rule_{number}": self._rule(flat) for number, flat in enumerate(rules.flat)}
        self._knowledge: type[Any] = type("Knowledge", (KnowledgeEngine,), methods)
        self._engine = self._knowledge() if reused else None

    def infer(self, facts: Facts, rank: Rank) -> list[Firing]:
        """The rules that fire for one person."""
        engine = self._engine or self._knowledge()
        engine.reset()
        engine.fired = []
        answers = (Finding(name=n, value=value, doubtful=doubt) for n, value, doubt in self._rules.answers(facts))
        engine.declare(*answers, *(Count(name=name) for name in self._rules.counts(facts)))
        engine.run()
        standings = self._rules.reached(rank(self._rules.firings(engine.fired)))
        engine.declare(*(Standing(site=site, standing=standing) for site, standing in standings))
        engine.run()
        return self._rules.firings(engine.fired)

    def _rule(self, flat: FlatRule) -> ExpertaRule:
        ways = [AND(*map(self._pattern, way)) for way in flat.ways]
        return ExpertaRule(ways[0] if len(ways) == 1 else OR(*ways))(_action(flat.fires, flat.concludes))

    def _pattern(self, pattern: Pattern) -> Fact:
        if pattern not in self._patterns:
            self._patterns[pattern] = _as_fact(pattern)
        return self._patterns[pattern]


def _as_fact(pattern: Pattern) -> Fact:
    match pattern:
        case Answered(finding, (word,), doubtful_too):
            return Finding(name=finding, value=L(word), **_doubtful(doubtful_too))
        case Answered(finding, words, doubtful_too):
            return Finding(name=finding, value=P(lambda value: value in words), **_doubtful(doubtful_too))
        case Measured(finding, numbers, words, doubtful_too):
            within = P(lambda value: value in words if isinstance(value, str) else value in numbers)
            return Finding(name=finding, value=within, **_doubtful(doubtful_too))
        case Counted(name):
            return Count(name=name)
        case Reached(name):
            return Conclusion(name=name)
        case Stands(site, standing):
            return Standing(site=site, standing=standing)


def _doubtful(too: bool) -> dict[str, bool]:
    return {} if too else {"doubtful": False}


def _action(fires: int | None, concludes: str | None) -> Callable[[Any], None]:
    def act(engine: Any) -> None:
        if fires is not None:
            engine.fired.append(fires)
        if concludes is not None:
            engine.declare(Conclusion(name=concludes))

    return act


class Joins(KnowledgeEngine):  # type: ignore[misc]
    """What lesions explain, with everything of experta at its defaults: the anatomy is declared for every person."""

    @DefFacts()
    def standing(self) -> Iterator[Fact]:
        yield from (Takes(place=place, supply=supply) for place, supply in self.book.anatomy.shares)
        for support in self.book.supports.values():
            yield from (Backed(place=place, support=support.id) for place in support.for_)

    @ExpertaRule(Deficit(side=MATCH.side, supply=MATCH.supply), Takes(place=MATCH.place, supply=MATCH.supply))
    def explains(self, side: Side, supply: str, place: str) -> None:
        self.links.append(Link("explains", place, side, supply))

    @ExpertaRule(Spared(side=MATCH.side, supply=MATCH.supply), Takes(place=MATCH.place, supply=MATCH.supply))
    def spares(self, side: Side, supply: str, place: str) -> None:
        self.links.append(Link("spares", place, side, supply))

    @ExpertaRule(Noted(side=MATCH.side, support=MATCH.support), Backed(place=MATCH.place, support=MATCH.support))
    def supports(self, side: Side, support: str, place: str) -> None:
        self.links.append(Link("supports", place, side, support))

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.links: list[Link] = []
        super().__init__()

    def join(self, book: Rulebook, seen: Seen) -> list[Link]:
        self.links = []
        self.reset()
        self.declare(*(Deficit(side=side, supply=supply) for side, supply in seen.deficits))
        self.declare(*(Spared(side=side, supply=supply) for side, supply in seen.spared))
        self.declare(*(Noted(side=side, support=support) for side, support in seen.supports))
        self.run()
        return self.links
