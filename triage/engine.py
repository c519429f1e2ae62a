"""Forward chaining; the only module that knows experta."""

from __future__ import annotations

import collections
import collections.abc
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar
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
from experta.fieldconstraint import W  # noqa: E402
from experta.rule import Rule as ExpertaRule  # noqa: E402
from experta.shortcuts import MATCH  # noqa: E402

from triage.facts import Facts  # noqa: E402
from triage.firing import Firing, Rank, Rule, finding_lookup, first_rules, second_rules  # noqa: E402
from triage.focal import Link, Seen  # noqa: E402
from triage.knowledge import Side  # noqa: E402
from triage.rulebook import Rulebook  # noqa: E402
from triage.when import PRESENT, All, AtLeast, Condition, Is, Value  # noqa: E402


def infer(book: Rulebook, facts: Facts, rank: Rank) -> list[Firing]:
    """Run the rules to their fixed point: findings first, then, with the standings ``rank`` gives, the rest.

    The firings come in rule order, the same in every process. Each thread has an engine of its own.
    """
    return _engine_of(_Engine, book).consult(facts, rank)


def join(book: Rulebook, seen: Seen) -> list[Link]:
    """Join what was seen of a person with the anatomy: what lesions would explain, and what speaks for and against."""
    return _engine_of(_Joining, book).consult(seen)


_local = threading.local()
_E = TypeVar("_E", bound=KnowledgeEngine)


def _engine_of(kind: type[_E], book: Rulebook) -> _E:
    """This thread's engine of a kind for a rulebook."""
    engines: WeakKeyDictionary[Rulebook, dict[type, Any]] = getattr(_local, "engines", None) or WeakKeyDictionary()
    _local.engines = engines
    its = engines.setdefault(book, {})
    if kind not in its:
        its[kind] = kind(book)
    return its[kind]  # type: ignore[no-any-return]


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


class Deficit(Fact):  # type: ignore[misc]
    """A supply that is lost, by side."""


class Spared(Fact):  # type: ignore[misc]
    """A supply that was tested normal, by side."""


class Noted(Fact):  # type: ignore[misc]
    """A support that holds, by side."""


class Takes(Fact):  # type: ignore[misc]
    """Anatomy: a lesion at a place takes a supply, or hardly any of it."""


class Backed(Fact):  # type: ignore[misc]
    """Knowledge: a lesion at a place is supported."""


@dataclass(frozen=True, slots=True)
class _Half:
    """What of a rule of two facts is asked of the person: a field for each variable, and the partners to be found."""

    rule: ExpertaRule
    fields: Mapping[str, str]
    shared: tuple[str, ...]
    partners: dict[tuple[object, ...], list[dict[str, object]]]


class _HashJoin(Matcher):  # type: ignore[misc]
    """Rules of two facts that share variables, one of a person and one that always stands.

    What always stands is filed once, by the values of the shared variables; a person's fact finds its partners there.
    """

    def __init__(self, engine: _Joining) -> None:
        super().__init__(engine)
        self._halves: dict[type[Fact], list[_Half]] = {}
        for rule in engine.get_rules():
            asked, standing = rule
            fields, theirs = _variables(asked), _variables(standing)
            shared = tuple(sorted(fields.keys() & theirs.keys()))
            half = _Half(rule, fields, shared, {})
            for fact in engine.standing:
                if type(fact) is type(standing):
                    bound = {variable: fact[field] for variable, field in theirs.items()}
                    half.partners.setdefault(tuple(bound[variable] for variable in shared), []).append(bound)
            self._halves.setdefault(type(asked), []).append(half)

    def changes(self, adding: Iterable[Fact] = (), deleting: Iterable[Fact] = ()) -> Any:
        """The activations that a person's facts bring about; ``deleting`` is always empty here."""
        added = []
        for fact in adding:
            for half in self._halves.get(type(fact), ()):
                bound = {variable: fact[field] for variable, field in half.fields.items()}
                for partner in half.partners.get(tuple(bound[variable] for variable in half.shared), ()):
                    added.append(Activation(half.rule, (fact,), {**bound, **partner}))
        return added, ()

    def reset(self) -> None:
        """Nothing of a person is kept."""


def _variables(pattern: Fact) -> dict[str, str]:
    """The variables of a pattern, each with its field."""
    return {value.__bind__: field for field, value in pattern.items() if isinstance(value, W)}


class _Joining(KnowledgeEngine):  # type: ignore[misc]
    """An experta engine that joins what was seen of a person with the anatomy."""

    __matcher__ = _HashJoin
    __strategy__ = _Order

    def __init__(self, book: Rulebook) -> None:
        self.standing = [Takes(place=place, supply=supply) for place, supply in book.anatomy.shares]
        self.standing += [Backed(place=place, support=s.id) for s in book.supports.values() for place in s.for_]
        side, place, supply, support = MATCH.side, MATCH.place, MATCH.supply, MATCH.support
        takes, backed = Takes(place=place, supply=supply), Backed(place=place, support=support)
        self._rules = [
            ExpertaRule(Deficit(side=side, supply=supply), takes)(_explains),
            ExpertaRule(Spared(side=side, supply=supply), takes)(_spares),
            ExpertaRule(Noted(side=side, support=support), backed)(_supports),
        ]
        self.links: list[Link] = []
        super().__init__()

    def get_rules(self) -> list[ExpertaRule]:
        return self._rules

    def get_deffacts(self) -> list[Callable[[Seen], Iterable[Fact]]]:
        return [_what_was_seen]

    def consult(self, seen: Seen) -> list[Link]:
        """One person: whatever the last one left behind is wiped first."""
        self.links = []
        self.reset(seen=seen)
        self.run()
        return self.links


def _explains(engine: _Joining, place: str, side: Side, supply: str) -> None:
    engine.links.append(Link("explains", place, side, supply))


def _spares(engine: _Joining, place: str, side: Side, supply: str) -> None:
    engine.links.append(Link("spares", place, side, supply))


def _supports(engine: _Joining, place: str, side: Side, support: str) -> None:
    engine.links.append(Link("supports", place, side, support))


def _what_was_seen(seen: Seen) -> Iterator[Fact]:
    """What a joining begins with."""
    for side, supply in seen.deficits:
        yield Deficit(side=side, supply=supply)
    for side, supply in seen.spared:
        yield Spared(side=side, supply=supply)
    for side, support in seen.supports:
        yield Noted(side=side, support=support)
