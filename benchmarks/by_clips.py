"""The rulebook in CLIPS through clipspy: facts asserted, conclusions read back."""

from __future__ import annotations

import clips
from plain_facts import Answered, Counted, FlatRule, FlatRules, Measured, Pattern, Reached, Stands

from triage.facts import Facts
from triage.firing import Firing, Rank
from triage.when import Range

_TEMPLATES = (
    "(deftemplate finding (slot name) (slot value) (slot doubtful))",
    "(deftemplate count (slot name))",
    "(deftemplate conclusion (slot name))",
    "(deftemplate standing (slot site) (slot word))",
    "(defglobal ?*fired* = (create$))",
)


_DOUBTFUL = {False: clips.Symbol("no"), True: clips.Symbol("yes")}


class Clips:
    """One CLIPS environment, reset between people."""

    def __init__(self, rules: FlatRules) -> None:
        self._rules = rules
        self._environment = clips.Environment()
        for construct in _TEMPLATES:
            self._environment.build(construct)
        for number, flat in enumerate(rules.flat):
            self._environment.build(_defrule(number, flat))
        self._finding, self._count, self._standing = map(
            self._environment.find_template, ("finding", "count", "standing")
        )
        self._fired = self._environment.find_global("fired")

    def infer(self, facts: Facts, rank: Rank) -> list[Firing]:
        """The rules that fire for one person."""
        self._environment.reset()
        for name, value, doubtful in self._rules.answers(facts):
            shown = clips.Symbol(value) if isinstance(value, str) else value
            self._finding.assert_fact(name=clips.Symbol(name), value=shown, doubtful=_DOUBTFUL[doubtful])
        for name in self._rules.counts(facts):
            self._count.assert_fact(name=clips.Symbol(name))
        self._environment.run()
        for site, word in self._rules.reached(rank(self._rules.firings(self._fired.value))):
            self._standing.assert_fact(site=clips.Symbol(site), word=clips.Symbol(word))
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
