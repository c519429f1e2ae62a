"""What a rule changes: all known cases with it and without it, or with another strength."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from triage.consultation import Reasoning
from triage.errors import Problem, TriageError, did_you_mean
from triage.facts import Facts
from triage.firing import Firing
from triage.knowledge import Evidence, Strength, TeachingCase
from triage.ranking import rank
from triage.rulebook import Rulebook
from triage.teaching import Outcome, examinations, facts_of, failures, first_of, outcome_of, reason_plainly
from triage.urgency import assess

Table: TypeAlias = Literal["patterns", "evidence", "red_flags"]

_OPPOSITE: dict[Strength, Strength] = {
    "strongly_for": "strongly_against", "for": "against", "weakly_for": "weakly_against",
    "weakly_against": "weakly_for", "against": "for", "strongly_against": "strongly_for",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """One case whose outcome a changed rule moves."""

    case: TeachingCase
    before: Outcome
    after: Outcome
    newly_wrong: tuple[str, ...]
    newly_right: tuple[str, ...]


def table_of(rule: str, book: Rulebook) -> Table:
    """Which kind of rule a name belongs to.

    Raises:
        TriageError: no pattern, evidence rule or red flag goes by it.
    """
    tables: tuple[Table, ...] = ("evidence", "patterns", "red_flags")
    for table in tables:
        if rule in getattr(book, table):
            return table
    known = [*book.evidence, *book.patterns, *book.red_flags]
    raise TriageError([Problem(f"there is no evidence rule, pattern or red flag '{rule}'.{did_you_mean(rule, known)}")])


def without(rule: str, book: Rulebook) -> Rulebook:
    """The rulebook with one rule taken out; a pattern's users simply never hear of it again."""
    table = table_of(rule, book)
    left: Any = MappingProxyType({name: entry for name, entry in getattr(book, table).items() if name != rule})
    return replace(book, **{table: left})


def with_strength(rule: str, strength: Strength, book: Rulebook) -> Rulebook:
    """The rulebook with one evidence rule at another strength."""
    if rule not in book.evidence:
        raise TriageError([Problem(f"only evidence has a strength; '{rule}' is not evidence")])
    changed = {**book.evidence, rule: book.evidence[rule].model_copy(update={"strength": strength})}
    return replace(book, evidence=MappingProxyType(changed))


def moves(book: Rulebook, changed: Rulebook, cases: Iterable[TeachingCase]) -> Iterator[Move]:
    """The cases whose first site, standings, urgency or red flags differ between two rulebooks."""
    for case in cases:
        facts = facts_of(case, book)
        before, after = (outcome_of(reason_plainly(b, facts)) for b in (book, changed))
        if _essence(before) != _essence(after):
            old, new = set(failures(case, before)), set(failures(case, after))
            yield Move(case, before, after, tuple(sorted(new - old)), tuple(sorted(old - new)))


def _essence(outcome: Outcome) -> object:
    return outcome.first, dict(outcome.standings), outcome.urgency, set(outcome.red_flags)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One rule, and the cases that notice when it is deleted or turned round."""

    kind: Literal["evidence", "red_flag"]
    rule: str
    deleted: tuple[str, ...]
    flipped: tuple[str, ...]

    @property
    def survives(self) -> bool:
        return not self.deleted and not self.flipped


@dataclass(frozen=True, slots=True)
class _Baseline:
    case: TeachingCase
    reasoning: Reasoning
    wrong: frozenset[str]


def mutate(book: Rulebook, cases: Sequence[TeachingCase]) -> Iterator[Mutant]:
    """Delete and flip every evidence rule and red flag, and see which cases break; examples do not count."""
    baselines = []
    for case in cases:
        reasoning = reason_plainly(book, facts_of(case, book))
        baselines.append(_Baseline(case, reasoning, frozenset(failures(case, outcome_of(reasoning)))))
    for rule in book.evidence.values():
        flipped = with_strength(rule.id, _OPPOSITE[rule.strength], book)
        concerned = [b for b in baselines if ("evidence", rule.id) in b.reasoning.fired]
        yield Mutant(
            "evidence",
            rule.id,
            deleted=tuple(b.case.id for b in concerned if _breaks(b, book, _less(b, rule))),
            flipped=tuple(b.case.id for b in concerned if _breaks(b, flipped, b.reasoning.firings)),
        )
    for flag in book.red_flags:
        yield Mutant(
            "red_flag",
            flag,
            deleted=tuple(b.case.id for b in baselines if _flag_matters(b, book, flag, add=False)),
            flipped=tuple(b.case.id for b in baselines if _flag_matters(b, book, flag, add=True)),
        )


def _less(baseline: _Baseline, rule: Evidence) -> Sequence[Firing]:
    return [f for f in baseline.reasoning.firings if (f.kind, f.id) != ("evidence", rule.id)]


def _breaks(baseline: _Baseline, book: Rulebook, firings: Sequence[Firing]) -> bool:
    """Whether ranking these firings fails an expectation that held before."""
    ranked = rank(book, firings)
    before = outcome_of_ranking(baseline)
    after = replace(before, first=first_of(ranked), standings=ranked.standings)
    return bool(set(failures(baseline.case, after)) - baseline.wrong)


def outcome_of_ranking(baseline: _Baseline) -> Outcome:
    """The baseline's outcome without its questions, which a ranking alone does not change."""
    reasoning = baseline.reasoning
    fired = {f.id for f in reasoning.firings if f.kind == "red_flag"}
    ranked, level, examined = reasoning.ranked, reasoning.urgency.level, examinations(reasoning)
    return Outcome(first_of(ranked), ranked.standings, level, fired, reasoning.focal, examined)


def _flag_matters(baseline: _Baseline, book: Rulebook, flag: str, *, add: bool) -> bool:
    """Whether the case notices a red flag that is gone, or (``add``) one that fires when it should not."""
    fires = ("red_flag", flag) in baseline.reasoning.fired
    if fires == add:
        return False
    facts: Facts = baseline.reasoning.facts
    firings = [f for f in baseline.reasoning.firings if (f.kind, f.id) != ("red_flag", flag)]
    if add:
        urgency = assess(book, facts, [*firings, Firing("red_flag", flag, ())])
    else:
        left: Mapping[str, object] = {name: entry for name, entry in book.red_flags.items() if name != flag}
        urgency = assess(replace(book, red_flags=MappingProxyType(left)), facts, firings)  # type: ignore[arg-type]
    fired = {f.flag.id for f in urgency.flags if f.state == "fired"}
    after = replace(outcome_of_ranking(baseline), urgency=urgency.level, red_flags=fired)
    return bool(set(failures(baseline.case, after)) - baseline.wrong)
