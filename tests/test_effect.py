"""What a rule changes: cases with it, without it, and with another strength."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import Entry, evidence, flag, pattern, tiny_book

from triage import TriageError
from triage.effect import moves, mutate, table_of, with_strength, without
from triage.knowledge import TeachingCase
from triage.rulebook import Rulebook
from triage.teaching import facts_of, failures, outcome_of, reason_plainly, run

TIRES: Entry = {"tires": "present"}


def case(name: str, given: Entry, expect: Entry, **more: Any) -> Entry:
    plain = {"title": f"Case {name}", "tags": ["classical"], "story": {"lay": "I.", "clinical": "They."}}
    rest = {"teaches": "That.", "origin": "written for this test"}
    return {"id": name, "given": given, "expect": expect, **plain, **rest, **more}


CASES = [
    case("tired", {"tires": "present", "weakness": "absent"}, {"leading": ["muscle"],
     "urgency": ["routine_appointment"]}),
    case("choking", {"chokes": "present", "weakness": "absent"}, {"leading": [], "urgency": ["emergency"],
     "red_flags": ["choke"]}),
    case("numb", {"numb_foot": "left", "weakness": "absent"}, {"urgency": ["routine_appointment"]}),
]  # fmt: skip
RULES = [
    evidence("decides", "muscle", "strongly_for", {"evening": "present"}),
    evidence("idle", "muscle", "weakly_for", TIRES),
    evidence("unnoticed", "nerve", "for", {"numb_foot": "present"}),
]


@pytest.fixture
def small(tmp_path: Path) -> Rulebook:
    return tiny_book(
        tmp_path,
        patterns=[pattern("evening", TIRES)],
        evidence=RULES,
        red_flags=[flag("choke", {"chokes": "present"})],
        cases__small=CASES,
    )


def test_the_cases_of_the_test_come_out_as_expected(small: Rulebook) -> None:
    assert [run(each, small)[1] for each in small.cases()] == [[], [], []]


def test_a_rule_is_taken_out_of_a_copy(small: Rulebook) -> None:
    for rule, table in (("decides", "evidence"), ("evening", "patterns"), ("choke", "red_flags")):
        assert table_of(rule, small) == table
        assert getattr(small, table).keys() - getattr(without(rule, small), table).keys() == {rule}
        assert rule in getattr(small, table)


def test_a_rule_gets_another_strength_in_a_copy(small: Rulebook) -> None:
    assert with_strength("decides", "against", small).evidence["decides"].strength == "against"
    assert small.evidence["decides"].strength == "strongly_for"


def test_what_is_no_rule_is_told(small: Rulebook) -> None:
    with pytest.raises(TriageError, match="Did you mean decides"):
        without("decide", small)
    with pytest.raises(TriageError, match="only evidence has a strength"):
        with_strength("choke", "for", small)


@pytest.mark.parametrize(
    ("rule", "moved"),
    [("decides", {"tired"}), ("evening", {"tired"}), ("idle", set()), ("unnoticed", {"numb"}), ("choke", {"choking"})],
)  # fmt: skip
def test_exactly_the_cases_a_rule_decides_move_without_it(small: Rulebook, rule: str, moved: set[str]) -> None:
    assert {move.case.id for move in moves(small, without(rule, small), small.cases())} == moved


def test_a_move_says_what_was_and_what_becomes_and_what_is_wrong_with_it(small: Rulebook) -> None:
    (move,) = moves(small, without("decides", small), small.cases())
    assert (move.before.standings["muscle"], move.after.standings["muscle"]) == ("leading", "possible")
    assert move.newly_wrong == ("muscle comes first but is only possible",)
    assert move.newly_right == ()
    (back,) = moves(without("decides", small), small, small.cases())
    assert (back.newly_wrong, back.newly_right) == (move.newly_right, move.newly_wrong)


def test_a_weaker_rule_moves_a_case_and_the_same_strength_none(small: Rulebook) -> None:
    assert [m.case.id for m in moves(small, with_strength("decides", "for", small), small.cases())] == ["tired"]
    assert not list(moves(small, with_strength("decides", "strongly_for", small), small.cases()))
    assert not list(moves(small, small, small.cases()))


def test_mutation_names_the_cases_that_notice(small: Rulebook) -> None:
    mutants = {mutant.rule: mutant for mutant in mutate(small, small.cases())}
    assert mutants.keys() == {"decides", "idle", "unnoticed", "choke"}
    assert mutants["decides"].deleted == ("tired",)
    assert mutants["choke"].deleted == ("choking",)
    assert mutants["choke"].flipped == ("tired", "numb")
    assert {name for name, mutant in mutants.items() if mutant.survives} == {"unnoticed"}


def wrong(book: Rulebook, teaching: TeachingCase) -> set[str]:
    """What a case gets wrong, its questions aside: a mutation does not look at them."""
    found = failures(teaching, outcome_of(reason_plainly(book, facts_of(teaching, book))))
    return {message for message in found if not message.startswith("does not ask")}


def test_mutation_agrees_with_taking_each_rule_out_by_hand(book: Rulebook, cases: tuple[TeachingCase, ...]) -> None:
    few = cases[::40]
    fired = {each.id: reason_plainly(book, facts_of(each, book)).fired for each in few}
    before = {each.id: wrong(book, each) for each in few}
    seen = set()
    for mutant in mutate(book, few):
        concerned = [each for each in few if (mutant.kind, mutant.rule) in fired[each.id]]
        less = without(mutant.rule, book) if concerned else book
        assert set(mutant.deleted) == {c.id for c in concerned if wrong(less, c) - before[c.id]}, mutant.rule
        seen |= {mutant.kind for _ in concerned}
    assert seen == {"evidence", "red_flag"}


def test_a_rule_no_case_concerns_moves_nothing(book: Rulebook, cases: tuple[TeachingCase, ...]) -> None:
    few = cases[:6]
    fired = {key for each in few for key in reason_plainly(book, facts_of(each, book)).fired}
    silent = [rule for rule in book.evidence if ("evidence", rule) not in fired][:10]
    assert silent
    for rule in silent:
        assert not list(moves(book, without(rule, book), few))
