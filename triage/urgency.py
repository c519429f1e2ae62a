"""Safety's own lane: red flags, what is not excluded, and how urgent that makes it.

Reads what was said and what it implies; never computed distribution, never the ranking.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from triage.facts import Facts
from triage.firing import Firing, finding_lookup, reading_of
from triage.knowledge import URGENCIES, RedFlag, UrgencyLevel
from triage.rulebook import Rulebook
from triage.when import ABSENT, AFFIRMED, UNSURE, Is, Lookup, Range, atoms, judge, missing, short_of

PRESSING: tuple[UrgencyLevel, ...] = ("same_day", "emergency")
"""What cannot wait: not knowing whether it is so keeps a report from being routine."""
NEAR = 2
"""A relevant pressing flag with this many members open is near enough for that."""


@dataclass(frozen=True, slots=True)
class FlagState:
    """A red flag that fired, or that cannot be excluded from what is known."""

    flag: RedFlag
    state: Literal["fired", "not_excluded", "open"]
    support: tuple[Is, ...] = ()
    missing: tuple[Is, ...] = ()
    raises_to: UrgencyLevel | None = None


@dataclass(frozen=True, slots=True)
class Urgency:
    """The level, every flag behind it, safety answers that were "not sure", and questions nobody has asked."""

    level: UrgencyLevel
    flags: tuple[FlagState, ...]
    unsure: tuple[str, ...]
    unasked: tuple[str, ...]


def most_urgent(levels: Iterable[UrgencyLevel]) -> UrgencyLevel:
    return max(levels, key=URGENCIES.index)


def assess(book: Rulebook, facts: Facts, firings: Iterable[Firing]) -> Urgency:
    """How urgent it is; adding a finding that a red flag asks for never makes it less so."""
    fired = {f.id: f.support for f in firings if f.kind == "red_flag"}
    flags: list[FlagState] = []
    for flag in book.red_flags.values():
        if flag.id in fired:
            flags.append(FlagState(flag, "fired", fired[flag.id], raises_to=flag.urgency))
        elif state := _open(book, facts, flag):
            flags.append(state)
    levels: list[UrgencyLevel] = ["routine_appointment", *(state.raises_to for state in flags if state.raises_to)]
    unsure = _unsure(book, facts)
    if len(unsure) >= book.scale.unsure_for_same_day:
        levels.append("same_day")
    if not facts.values:
        levels.append(book.scale.nothing_known)
    unasked = tuple(name for name in book.scale.always_ask if facts.values.get(name, UNSURE) == UNSURE)
    # One of them answered yes must not make a person less urgent than not having been asked.
    denied = all(facts.values.get(name) == ABSENT for name in book.scale.always_ask)
    if not denied or any(state.state != "fired" for state in flags):
        levels.append(book.scale.unanswered)
    rank = {"fired": 0, "not_excluded": 1, "open": 2}
    flags.sort(key=lambda s: (rank[s.state], -URGENCIES.index(s.raises_to or s.flag.urgency), -bool(s.raises_to)))
    return Urgency(most_urgent(levels), tuple(flags), unsure, unasked)


def _lookup(facts: Facts, flag: RedFlag) -> Lookup:
    plain = finding_lookup(facts, reading_of(flag))
    if flag.if_unsure != "ignore":
        return plain
    return lambda atom: False if facts.values.get(atom.name) == UNSURE else plain(atom)


def _open(book: Rulebook, facts: Facts, flag: RedFlag) -> FlagState | None:
    """What is missing for the flag to fire, if it is relevant and still can."""
    lookup = _lookup(facts, flag)
    if flag.relevant_when is not None and not judge(flag.relevant_when, lookup):
        return None
    begun = any(_tells(book, facts, atom, lookup) for atom in atoms(flag.when) if atom.name in facts.values)
    if not begun and flag.relevant_when is None:
        return None
    short = short_of(flag.when, lookup)
    if short is None:
        return None
    gap = missing(flag.when, lookup) or ()
    if begun and short == 1:
        raises = book.scale.not_excluded[flag.urgency] if flag.if_not_known == "raise" else None
        return FlagState(flag, "not_excluded", missing=gap, raises_to=raises)
    if flag.urgency in PRESSING and short <= NEAR:
        return FlagState(flag, "open", missing=gap)
    return None


def _tells(book: Rulebook, facts: Facts, atom: Is, lookup: Lookup) -> bool:
    """Whether a member of the flag is there: something felt, seen or measured, not age or history."""
    measured = isinstance(atom.test, Range) or facts.values.get(atom.name) in AFFIRMED
    return bool(lookup(atom)) and measured and book.findings[atom.name].kind != "history"


def _unsure(book: Rulebook, facts: Facts) -> tuple[str, ...]:
    """Questions about what cannot wait that were asked and answered "not sure"."""
    pressing = (flag for flag in book.red_flags.values() if flag.urgency in PRESSING)
    asked = {atom.name for flag in pressing for atom in atoms(flag.when)}
    return tuple(name for name, value in facts.said().items() if value == UNSURE and name in asked)
