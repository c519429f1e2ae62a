"""What an inference hands back, and the rules as one list: the same for every way of running them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from triage.facts import Facts
from triage.knowledge import RedFlag, Standing
from triage.rulebook import Rulebook
from triage.when import PRESENT, All, AnyOf, Condition, Is, Lookup, judge, support

RuleKind: TypeAlias = Literal["pattern", "evidence", "red_flag", "condition", "investigation"]
Standings: TypeAlias = Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fired, and the atoms it rests on: every alternative of its condition that held."""

    kind: RuleKind
    id: str
    support: tuple[Is, ...]


Rank: TypeAlias = Callable[[Sequence[Firing]], Standings]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the rulebook, reduced to what an engine needs."""

    kind: RuleKind
    id: str
    when: Condition
    reading: Literal["plain", "worse", "worst"] = "plain"
    """How contradictory and unsure answers are read: only red flags read them as fulfilled."""


def first_rules(book: Rulebook) -> Iterator[Rule]:
    """The rules over findings: patterns in order, evidence, red flags."""
    for p in book.patterns.values():
        yield Rule("pattern", p.id, p.when)
    for e in book.evidence.values():
        yield Rule("evidence", e.id, e.when)
    for r in book.red_flags.values():
        yield Rule("red_flag", r.id, r.when, reading_of(r))


def second_rules(book: Rulebook) -> Iterator[Rule]:
    """The rules over standings: conditions worth considering, tests worth doing."""
    for c in book.conditions.values():
        stands = tuple(Is(ref, standing) for ref in c.lives_at for standing in ("leading", "possible"))
        fits = (*c.hallmarks, *c.expected)
        yield Rule("condition", c.id, All((AnyOf(stands), AnyOf(fits) if len(fits) > 1 else fits[0])))
    for i in book.investigations.values():
        yield Rule("investigation", i.id, i.when)


def reading_of(flag: RedFlag) -> Literal["worse", "worst"]:
    """Contradictions always count for a red flag; "not sure" where its policy says so."""
    return "worst" if flag.if_unsure == "as_present" else "worse"


def finding_lookup(facts: Facts, reading: str) -> Lookup:
    """How a rule of this reading sees the findings."""
    return {"plain": facts.lookup, "worse": facts.lookup_worse, "worst": facts.lookup_worst}[reading]


def full_lookup(book: Rulebook, facts: Facts, patterns: set[str], standings: Standings, reading: str) -> Lookup:
    """Findings as the reading sees them, patterns that fired, standings that were reached."""
    findings = finding_lookup(facts, reading)

    def lookup(atom: Is) -> bool | None:
        if atom.name in book.findings:
            return findings(atom)
        if atom.name in book.patterns:
            return (atom.test == PRESENT and atom.name in patterns) or None
        return standings.get(atom.name) == atom.test

    return lookup


def infer_plainly(book: Rulebook, facts: Facts, rank: Rank) -> list[Firing]:
    """The same rules judged one by one without an engine: the reference, and what sweeps over many cases use."""
    patterns: set[str] = set()
    firings: list[Firing] = []

    def run(rules: Iterator[Rule], standings: Standings) -> None:
        lookups = {r: full_lookup(book, facts, patterns, standings, r) for r in ("plain", "worse", "worst")}
        for rule in rules:
            lookup = lookups[rule.reading]
            if judge(rule.when, lookup):
                firings.append(Firing(rule.kind, rule.id, support(rule.when, lookup)))
                if rule.kind == "pattern":
                    patterns.add(rule.id)

    run(first_rules(book), {})
    run(second_rules(book), rank(tuple(firings)))
    return firings
