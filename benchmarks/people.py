"""Whom and what the benchmarks run on: the rulebook asked for, its teaching cases, the ranking."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from triage.errors import CaseError
from triage.facts import Facts
from triage.firing import Firing, Rank, Standings
from triage.knowledge import TeachingCase
from triage.ranking import rank
from triage.rulebook import Rulebook, load_rulebook
from triage.teaching import facts_of


def book_from(options: argparse.Namespace) -> Rulebook:
    """The rulebook asked for, with its size on a line of its own."""
    book = load_rulebook(options.rules)
    kinds = ("patterns", "evidence", "red_flags", "conditions", "investigations")
    counts = ", ".join(f"{len(getattr(book, kind))} {kind.replace('_', ' ')}" for kind in kinds)
    print(f"{rule_count(book)} rules: {counts}; over {len(book.findings)} findings")
    return book


def rule_count(book: Rulebook) -> int:
    """How many rules an engine runs."""
    return sum(map(len, (book.patterns, book.evidence, book.red_flags, book.conditions, book.investigations)))


def people(book: Rulebook) -> list[tuple[TeachingCase, Facts]]:
    """Every teaching case of the rulebook with what follows from its answers."""
    known = []
    for case in book.cases():
        try:
            known.append((case, facts_of(case, book)))
        except CaseError as error:
            print(f"left out: {case.id}: {error}")
    return known


def ranker(book: Rulebook) -> Rank:
    """The one ranking between the two stages, the same for every way of running the rules."""

    def standings(firings: Sequence[Firing]) -> Standings:
        return rank(book, firings).standings

    return standings
