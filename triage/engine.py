"""Forward chaining; the only module that knows experta."""

from __future__ import annotations

import collections
import collections.abc
import logging
import threading
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any
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

from experta.conditionalelement import AND, OR  # noqa: E402
from experta.engine import KnowledgeEngine  # noqa: E402
from experta.fact import Fact  # noqa: E402
from experta.matchers.rete import ReteMatcher  # noqa: E402
from experta.matchers.rete.check import SameContextCheck  # noqa: E402
from experta.matchers.rete.nodes import BusNode, ConflictSetNode, OrdinaryMatchNode  # noqa: E402
from experta.rule import Rule as ExpertaRule  # noqa: E402
from experta.strategies import DepthStrategy  # noqa: E402

from triage.facts import Facts  # noqa: E402
from triage.firing import Firing, Rank, Rule, Standings, finding_lookup, first_rules, full_lookup, second_rules  # noqa: E402
from triage.rulebook import Rulebook  # noqa: E402
from triage.when import All, AnyOf, AtLeast, Condition, Is, judge, support  # noqa: E402

_MOST_ALTERNATIVES = 16
"""Beyond this, the alternatives inside a rule become helper rules of their own instead of being multiplied out."""


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
    """Everything that holds of the findings, one field for each atom any rule asks about."""


class Concluded(Fact):  # type: ignore[misc]
    """One pattern, helper or standing that was reached."""


class _Vocabulary:
    """Names for the fields of ``Known``: one for each atom and each way of reading it."""

    def __init__(self) -> None:
        self.fields: dict[tuple[str, Is | AtLeast], str] = {}
        self.by_finding: dict[str, list[tuple[str, str, Is]]] = {}

    def field(self, reading: str, atom: Is | AtLeast) -> str:
        key = (reading, atom)
        if key not in self.fields:
            self.fields[key] = f"a{len(self.fields)}"
            if isinstance(atom, Is):
                self.by_finding.setdefault(atom.name, []).append((self.fields[key], reading, atom))
        return self.fields[key]

    def known(self, facts: Facts) -> Known:
        """The one fact that carries a case into the engine."""
        held = {}
        lookups = {reading: finding_lookup(facts, reading) for reading in ("plain", "worse", "worst")}
        for name in facts.values:
            for field, reading, atom in self.by_finding.get(name, ()):
                if lookups[reading](atom):
                    held[field] = True
        for (reading, counted), field in self.fields.items():
            if isinstance(counted, AtLeast) and judge(counted, lookups[reading]):
                held[field] = True
        return Known(**held)


class _Order(DepthStrategy):  # type: ignore[misc]
    """Every rule has a salience of its own, so the order is the rulebook's and nothing else's."""

    def get_key(self, activation: Any) -> int:
        return int(activation.rule.salience)

    def _update_agenda(self, agenda: Any, added: Iterable[Any], removed: Iterable[Any]) -> None:
        for activation in added:
            activation.key = self.get_key(activation)
            insort(agenda.activations, activation)


class _IndexedMatcher(ReteMatcher):  # type: ignore[misc]
    """Rete with an alpha part indexed by the most selective field, and only touched nodes read and reset.

    Facts are never retracted within a consultation, and a rule fires once however many of its alternatives hold.
    """

    def build_network(self) -> None:
        self._terminals: dict[Fact, BusNode] = {}
        self._below: dict[BusNode, list[Any]] = {}
        for rule in self.engine.get_rules():
            conflict_set = ConflictSetNode(rule)
            for alternative in rule[0] if isinstance(rule[0], OR) else (rule[0],):
                self._wire(tuple(alternative) if isinstance(alternative, AND) else (alternative,), conflict_set)
        self._index: dict[tuple[type, Any, Any], list[tuple[frozenset[Any], BusNode]]] = {}
        used = collections.Counter(item for fact in self._terminals for item in self._items(fact))
        for fact, terminal in self._terminals.items():
            items = self._items(fact)
            rarest = min(items, key=lambda item: (used[item], str(item)))
            self._index.setdefault(rarest, []).append((frozenset(items), terminal))
        self._touched: dict[BusNode, None] = {}
        self._activated: set[int] = set()

    @staticmethod
    def _items(fact: Fact) -> list[tuple[type, Any, Any]]:
        return [(type(fact), key, value) for key, value in fact.items() if not fact.is_special(key)]

    def _wire(self, patterns: Sequence[Fact], conflict_set: ConflictSetNode) -> None:
        """One alternative: its facts joined from left to right, ending in the rule's conflict set."""
        terminals = [self._terminals.setdefault(pattern, BusNode()) for pattern in patterns]
        nodes: list[Any] = []
        last: Any = terminals[0]
        for terminal in terminals[1:]:
            join = OrdinaryMatchNode(SameContextCheck())
            last.add_child(join, join.activate_left)
            terminal.add_child(join, join.activate_right)
            nodes.append(join)
            last = join
        last.add_child(conflict_set, conflict_set.activate)
        for terminal in terminals:
            self._below.setdefault(terminal, []).extend([*nodes, conflict_set])

    def changes(self, adding: Iterable[Fact] | None = None, deleting: Iterable[Fact] | None = None) -> Any:
        reached: dict[Any, None] = {}
        for fact in adding or ():
            items = frozenset(self._items(fact))
            for item in items & self._index.keys():
                for needed, terminal in self._index[item]:
                    if needed <= items:
                        terminal.add(fact)
                        self._touched[terminal] = None
                        reached.update(dict.fromkeys(self._below[terminal]))
        added = []
        for node in reached:
            if isinstance(node, ConflictSetNode):
                activations, _ = node.get_activations()
                if activations and node.rule.salience not in self._activated:
                    self._activated.add(node.rule.salience)
                    added.append(next(iter(activations)))
        return added, ()

    def reset(self) -> None:
        for node in dict.fromkeys(node for terminal in self._touched for node in self._below[terminal]):
            node._reset()
        self._touched.clear()
        self._activated.clear()


class _Engine(KnowledgeEngine):  # type: ignore[misc]
    """An experta engine holding a whole rulebook, reused from one consultation to the next."""

    __matcher__ = _IndexedMatcher
    __strategy__ = _Order

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._vocabulary = _Vocabulary()
        self._rules = [*first_rules(book), *second_rules(book)]
        self._asked = {str(atom) for rule in self._rules for atom in _conclusions(rule.when, book)}
        self._compiled = list(self._compile_all())
        self._initial_facts = super().get_deffacts()
        self._fired: list[int] = []
        super().__init__()

    def get_rules(self) -> list[ExpertaRule]:
        return self._compiled

    def get_deffacts(self) -> list[Any]:
        return self._initial_facts  # type: ignore[no-any-return]

    def consult(self, facts: Facts, rank: Rank) -> list[Firing]:
        """One person: whatever the last one left behind is wiped first."""
        self.reset()
        self._fired = []
        self.declare(self._vocabulary.known(facts))
        self.run()
        first = self._firings(facts, {})
        standings = rank(tuple(first))
        self._fired = []
        reached = [str(Is(ref, standing)) for ref, standing in standings.items()]
        self.declare(*(Concluded(name) for name in reached if name in self._asked))
        self.run()
        return first + self._firings(facts, standings, patterns={f.id for f in first if f.kind == "pattern"})

    def _firings(self, facts: Facts, standings: Standings, patterns: set[str] | None = None) -> list[Firing]:
        fired = [self._rules[position] for position in sorted(self._fired)]
        concluded = patterns or {rule.id for rule in fired if rule.kind == "pattern"}
        lookups = {r: full_lookup(self._book, facts, concluded, standings, r) for r in ("plain", "worse", "worst")}
        return [Firing(rule.kind, rule.id, support(rule.when, lookups[rule.reading])) for rule in fired]

    def _compile_all(self) -> Iterator[ExpertaRule]:
        """Each rule, and after it the helper rules it needed; a salience for each, falling in rule order."""
        salience = 0
        for position, rule in enumerate(self._rules):
            helpers: list[tuple[str, Condition]] = []
            alternatives = self._alternatives(rule.when, rule.reading, f"{position}", helpers)
            yield self._experta_rule(alternatives, self._action(position, rule), salience := salience - 1)
            # The list grows while it is read: a helper may need helpers.
            for name, part in helpers:
                inner = self._alternatives(part, rule.reading, f"{position}", helpers)
                yield self._experta_rule(inner, _conclude(name), salience := salience - 1)

    def _experta_rule(self, alternatives: list[frozenset[Fact]], action: Any, salience: int) -> ExpertaRule:
        ways = [AND(*sorted(way, key=repr)) for way in (self._facts_of(a) for a in alternatives)]
        return ExpertaRule(OR(*ways), salience=salience)(action)

    @staticmethod
    def _facts_of(alternative: frozenset[Any]) -> list[Fact]:
        fields = {name: True for kind, name in sorted(alternative) if kind == "known"}
        concluded = [Concluded(name) for kind, name in sorted(alternative) if kind == "concluded"]
        return ([Known(**fields)] if fields else []) + concluded

    @staticmethod
    def _action(position: int, rule: Rule) -> Any:
        concludes = str(Is(rule.id, "present")) if rule.kind == "pattern" else None

        def act(engine: _Engine) -> None:
            engine._fired.append(position)
            if concludes is not None:
                engine.declare(Concluded(concludes))

        return act

    def _alternatives(
        self, condition: Condition, reading: str, name: str, helpers: list[tuple[str, Condition]]
    ) -> list[frozenset[Any]]:
        """The condition as alternatives, each a set of fields and conclusions that must hold together."""
        if isinstance(condition, AtLeast) or (isinstance(condition, Is) and condition.name in self._book.findings):
            return [frozenset({("known", self._vocabulary.field(reading, condition))})]
        if isinstance(condition, Is):
            return [frozenset({("concluded", str(condition))})]
        ways = [self._alternatives(part, reading, name, helpers) for part in condition.parts]
        if isinstance(condition, AnyOf):
            return list(dict.fromkeys(way for part in ways for way in part))
        count = 1
        for part in ways:
            count *= len(part)
        if count > _MOST_ALTERNATIVES:
            for index, (child, part) in enumerate(zip(condition.parts, ways, strict=True)):
                if len(part) > 1:
                    helper = f"{name}.{len(helpers)}"
                    helpers.append((helper, child))
                    ways[index] = [frozenset({("concluded", helper)})]
        return list(dict.fromkeys(frozenset().union(*choice) for choice in product(*ways)))


def _conclude(name: str) -> Any:
    def act(engine: _Engine) -> None:
        engine.declare(Concluded(name))

    return act


def _conclusions(condition: Condition, book: Rulebook) -> Iterator[Is]:
    """The atoms of a condition that are not findings."""
    if isinstance(condition, Is):
        if condition.name not in book.findings:
            yield condition
    elif isinstance(condition, (All, AnyOf)):
        for part in condition.parts:
            yield from _conclusions(part, book)
