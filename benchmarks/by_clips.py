"""The rulebook in CLIPS through clipspy: facts asserted, conclusions read back."""

from __future__ import annotations

import clips
from plain_facts import Answered, Counted, FlatRule, FlatRules, Measured, Pattern, Reached, Stands

from triage.facts import Facts
from triage.firing import Firing, Rank
from triage.when import Range

_CONSTRUCTS = (
    "(deftemplate finding (slot name) (slot value) (slot doubtful))",
    "(deftemplate count (slot name))",
    "(deftemplate conclusion (slot name))",
    "(deftemplate standing (slot site) (slot word))",
    "(defglobal ?*fired* = (create$))",
    "(deffunction find (?name ?value ?doubt) (assert (finding (name ?name) (value ?value) (doubtful ?doubt))) TRUE)",
    "(deffunction counts (?name) (assert (count (name ?name))) TRUE)",
    "(deffunction stands (?site ?word) (assert (standing (site ?site) (word ?word))) TRUE)",
)


_DOUBTFUL = {False: clips.Symbol("no"), True: clips.Symbol("yes")}


class Clips:
    """One CLIPS environment, reset between people."""

    def __init__(self, rules: FlatRules) -> None:
        self._rules = rules
        self._environment = clips.Environment()
        for construct in _CONSTRUCTS:
            self._environment.build(construct)
        for number, flat in enumerate(rules.flat):
            self._environment.build(_defrule(number, flat))
        # Asserting through functions of its own, CLIPS stays as fast as it begins; facts asserted through clipspy's
        # templates pile up in it and make every consultation slower than the last.
        self._find, self._counts, self._stands = map(self._environment.find_function, ("find", "counts", "stands"))
        self._fired = self._environment.find_global("fired")

    def infer(self, facts: Facts, rank: Rank) -> list[Firing]:
        """The rules that fire for one person."""
        self._environment.reset()
        for name, value, doubtful in self._rules.answers(facts):
            shown = clips.Symbol(value) if isinstance(value, str) else value
            self._find(clips.Symbol(name), shown, _DOUBTFUL[doubtful])
        for name in self._rules.counts(facts):
            self._counts(clips.Symbol(name))
        self._environment.run()
        for site, word in self._rules.reached(rank(self._rules.firings(self._fired.value))):
            self._stands(clips.Symbol(site), clips.Symbol(word))
        self._environment.run()
        return self._rules.firings(self._fired.value)


def _defrule(number: int, flat: FlatRule) -> str:
    ways = [" ".join(map(_pattern, way)) for way in flat.ways]
    condition = ways[0] if len(ways) == 1 else f"(or {' '.join(f'(and {way})' for way in ways)})"
    fires = f"(bind ?*fired* (create$ ?*fired* {flat.fires}))" if flat.fires is not None else ""
    concludes = f"(assert (conclusion (name {flat.concludes})))" if flat.concludes else ""
    return f"(defrule rule_{number} {condition} => {fires} {concludes})"


def _pattern(pattern: Pattern) -> str:
    match pattern:
        case Answered(finding, words, doubtful_too):
            return f"(finding (name {finding}) (value {'|'.join(words)}){_doubtful(doubtful_too)})"
        case Measured(finding, numbers, words, doubtful_too):
            tests = [*(f"(eq ?{finding} {word})" for word in words), _within(f"?{finding}", numbers)]
            test = tests[0] if len(tests) == 1 else f"(or {' '.join(tests)})"
            return f"(finding (name {finding}) (value ?{finding}&:{test}){_doubtful(doubtful_too)})"
        case Counted(name):
            return f"(count (name {name}))"
        case Reached(name):
            return f"(conclusion (name {name}))"
        case Stands(site, standing):
            return f"(standing (site {site}) (word {standing}))"


def _doubtful(too: bool) -> str:
    return "" if too else " (doubtful no)"


def _within(value: str, numbers: Range) -> str:
    ends = (("<=", numbers.at_least), (">=", numbers.at_most))
    return f"(and (numberp {value}) {' '.join(f'({sign} {end} {value})' for sign, end in ends if end is not None)})"
