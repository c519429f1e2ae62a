"""Forward chaining; the only module that knows experta."""

from __future__ import annotations

import collections
import collections.abc
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from inspect import signature
from operator import attrgetter
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary


def _import_experta() -> None:
    """Import experta without a trace: it needs a name Python dropped, and it configures the application's logging."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    lend = not hasattr(collections, "Mapping")
    if lend:
        setattr(collections, "Mapping", collections.abc.Mapping)  # noqa: B010
    try:
        import frozendict  # noqa: F401
    finally:
        if lend:
            delattr(collections, "Mapping")
    import experta.engine  # noqa: F401

    root.handlers[:] = handlers


_import_experta()

from experta.abstract import Matcher, Strategy  # noqa: E402
from experta.activation import Activation  # noqa: E402
from experta.conditionalelement import AND, OR, ConditionalElement  # noqa: E402
from experta.engine import KnowledgeEngine  # noqa: E402
from experta.fact import Fact  # noqa: E402
from experta.rule import Rule as ExpertaRule  # noqa: E402

from triage.facts import Facts  # noqa: E402
from triage.firing import Firing, Rank, Rule, finding_lookup, first_rules, second_rules  # noqa: E402
from triage.rulebook import Rulebook  # noqa: E402
from triage.when import PRESENT, All, AtLeast, Condition, Is, Value  # noqa: E402


def infer(book: Rulebook, facts: Facts, rank: Rank) -> list[Firing]:
    """Run the rules to their fixed point: findings first, then, with the standings ``rank`` gives, the rest.

    The firings come in rule order, the same in every process. Each thread has an engine of its own.
    """
    engines: WeakKeyDictionary[Rulebook, _Engine] = getattr(_local, "engines", None) or WeakKeyDictionary()
    _local.engines = engines
    engine = engines.get(book)
    if engine is None:
        engine = engines[book] = _Engine(book)
    return engine.consult(facts, rank)


_local = threading.local()


class Known(Fact):  # type: ignore[misc]
    """What holds of the findings: a field for each atom that some rule asks about."""


class Concluded(Fact):  # type: ignore[misc]
    """A pattern that was reached."""


class Ranked(Fact):  # type: ignore[misc]
    """That the sites have been ranked: a field for each standing reached that some rule asks about."""


class ATLEAST(ConditionalElement):  # type: ignore[misc]
    """A number, then the conditions of which so many must hold."""


_Literal: TypeAlias = tuple[type[Fact], str | int, object]
"""A kind of fact, one field of it and its value: all that a pattern here ever asks for."""


def _literal(pattern: Fact) -> _Literal:
    [(field, value)] = pattern.items()
    return type(pattern), field, value


class _Gates(Matcher):  # type: ignore[misc]
    """Rules without variables need no joins, only counting: a gate opens once enough of its parts are open.

    Every literal is a gate, and every distinct condition over others; a rule is activated when its gate opens. Facts
    are only added within a consultation, so a gate opens at most once and a rule fires at most once.
    """

    def __init__(self, engine: KnowledgeEngine) -> None:
        super().__init__(engine)
        self._numbers: dict[object, int] = {}
        self._needs: list[int] = []
        self._parts: list[tuple[int, ...]] = []
        self._feeds: list[list[int]] = []
        self._rules: dict[int, list[ExpertaRule]] = {}
        for rule in engine.get_rules():
            self._rules.setdefault(self._gate(rule[0]), []).append(rule)
        self._literals: dict[int, Any] = {gate: key for key, gate in self._numbers.items() if not self._parts[gate]}
        self.reset()

    def _gate(self, condition: Any) -> int:
        """The number of the gate for a condition; equal ones share it."""
        if isinstance(condition, Fact):
            return self._numbered(_literal(condition), 1, ())
        if isinstance(condition, ATLEAST):
            needed, *counted = condition
        else:
            needed, counted = len(condition) if isinstance(condition, AND) else 1, condition
        parts = tuple(map(self._gate, counted))
        return self._numbered((needed, parts), needed, parts)

    def _numbered(self, key: object, needed: int, parts: tuple[int, ...]) -> int:
        gate = self._numbers.setdefault(key, len(self._needs))
        if gate == len(self._needs):
            self._needs.append(needed)
            self._parts.append(parts)
            self._feeds.append([])
            for part in parts:
                self._feeds[part].append(gate)
        return gate

    def changes(self, adding: Iterable[Fact] = (), deleting: Iterable[Fact] = ()) -> Any:
        """The activations that added facts bring about; ``deleting`` is always empty here."""
        todo = [
            gate
            for fact in adding
            for field, value in fact.items()
            if (gate := self._numbers.get((type(fact), field, value))) is not None
        ]
        added = []
        while todo:
            gate = todo.pop()
            self._missing[gate] -= 1
            if self._missing[gate] == 0:
                todo += self._feeds[gate]
                if gate in self._rules:
                    added += [Activation(rule, (), {"gate": gate}) for rule in self._rules[gate]]
        return added, ()

    def reset(self) -> None:
        """Close every gate."""
        self._missing = list(self._needs)

    def grounds(self, gate: int) -> list[_Literal]:
        """The literals an open gate rests on, over every way that is open, in reading order."""
        found: list[_Literal] = []
        todo = [gate]
        while todo:
            gate = todo.pop()
            if gate in self._literals:
                found.append(self._literals[gate])
            todo += [part for part in reversed(self._parts[gate]) if self._missing[part] <= 0]
        return found


class _Order(Strategy):  # type: ignore[misc]
    """Every rule has a salience of its own, so the order is the rulebook's and nothing else's."""

    def _update_agenda(self, agenda: Any, added: Sequence[Any], removed: Sequence[Any]) -> None:
        if added:
            agenda.activations = sorted([*agenda.activations, *added], key=attrgetter("rule.salience"))


class _Engine(KnowledgeEngine):  # type: ignore[misc]
    """An experta engine holding a whole rulebook, reused from one consultation to the next."""

    __matcher__ = _Gates
    __strategy__ = _Order

    def __init__(self, book: Rulebook) -> None:
        compiler = _Compiler(book)
        first, second = list(first_rules(book)), list(second_rules(book))
        self._rules = first + second
        self._compiled = [compiler.rule(position, rule) for position, rule in enumerate(first)]
        self._compiled += [compiler.rule(len(first) + n, rule, Ranked(ranked=True)) for n, rule in enumerate(second)]
        self._atoms = compiler.atoms
        self._fields_of = lru_cache(maxsize=8192)(compiler.fields_of)
        self.fired: list[tuple[int, int]] = []
        super().__init__()

    def get_rules(self) -> list[ExpertaRule]:
        return self._compiled

    def get_deffacts(self) -> list[Callable[[Fact], Iterable[Fact]]]:
        return [_beginning]

    def consult(self, facts: Facts, rank: Rank) -> list[Firing]:
        """One person: whatever the last one left behind is wiped first."""
        self.fired = []
        known = (field for name, value in facts.values.items() for field in self._fields_of(name, value))
        self.reset(known=_holding(Known, known))
        self.run()
        first = self._firings()
        self.fired = []
        standings = rank(tuple(first))
        reached = (field for ref, word in standings.items() for field in self._fields_of(ref, word))
        self.declare(_holding(Ranked, ("ranked", *reached)))
        self.run()
        return first + self._firings()

    def _firings(self) -> list[Firing]:
        firings = []
        for position, gate in sorted(self.fired):
            grounds = (self._atoms[literal] for literal in self.matcher.grounds(gate) if literal in self._atoms)
            rule = self._rules[position]
            firings.append(Firing(rule.kind, rule.id, tuple(dict.fromkeys(grounds))))
        return firings


class _Compiler:
    """Writes the rules of a rulebook as experta rules, and keeps which literal stands for which atom."""

    def __init__(self, book: Rulebook) -> None:
        self._patterns, self._findings = frozenset(book.patterns), frozenset(book.findings)
        self.atoms: dict[_Literal, Is] = {}
        self._facts: dict[tuple[str, Is], Fact] = {}
        self._by_name: dict[str, list[tuple[str, str, Is]]] = {}

    def rule(self, position: int, rule: Rule, *also: Fact) -> ExpertaRule:
        """One rule, which fires in its turn and only once ``also`` holds too."""
        action = _action(position, str(Is(rule.id, PRESENT)) if rule.kind == "pattern" else None)
        when = self._condition(rule.when, rule.reading)
        return ExpertaRule(AND(*also, when) if also else when, salience=-position)(action)

    def fields_of(self, name: str, value: Value) -> tuple[str, ...]:
        """The fields that hold when a finding has this value, or a site this standing."""
        alone = Facts({name: value})
        return tuple(f for f, reading, atom in self._by_name.get(name, ()) if finding_lookup(alone, reading)(atom))

    def _condition(self, condition: Condition, reading: str) -> Any:
        if isinstance(condition, Is):
            return self._fact(condition, reading)
        parts = (self._condition(part, reading) for part in condition.parts)
        if isinstance(condition, AtLeast):
            return ATLEAST(condition.n, *parts)
        return AND(*parts) if isinstance(condition, All) else OR(*parts)

    def _fact(self, atom: Is, reading: str) -> Fact:
        """The pattern that asks for an atom; the same one wherever it is asked."""
        asked = self._facts.get((reading, atom))
        if asked is None:
            field = f"a{len(self._facts)}"
            if atom.name in self._patterns:
                asked = Concluded(str(atom))
            else:
                asked = _holding(Known if atom.name in self._findings else Ranked, [field])
                self._by_name.setdefault(atom.name, []).append((field, reading, atom))
            self._facts[reading, atom] = asked
            self.atoms[_literal(asked)] = atom
        return asked


def _action(position: int, concludes: str | None) -> Callable[..., None]:
    def act(engine: _Engine, gate: int) -> None:
        engine.fired.append((position, gate))
        if concludes is not None:
            engine.declare(Concluded(concludes))

    setattr(act, "__signature__", _ACTION)  # noqa: B010
    return act


_ACTION = signature(lambda engine, gate: None)
"""Told to experta, which would otherwise work it out again for every rule."""


def _holding(kind: type[Fact], fields: Iterable[str]) -> Fact:
    """A fact with these fields true, past experta's freezing of each value."""
    fact = kind()
    dict.update(fact, dict.fromkeys(fields, True))
    return fact


def _beginning(known: Fact) -> Iterator[Fact]:
    """What an engine begins a consultation with."""
    yield known
