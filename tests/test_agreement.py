"""experta, a plain judgement and arrays agree: on every case, on random ones, whatever the hash seed."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from cohort_checks import differences
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import contradicting, drawn, findings_of

from triage import Case, consult
from triage.cohort import Cohort
from triage.columns import said_in
from triage.engine import infer
from triage.facts import close
from triage.firing import Firing, infer_plainly
from triage.intake import settle
from triage.knowledge import Given, TeachingCase
from triage.ranking import rank
from triage.rulebook import Rulebook, load_rulebook
from triage.teaching import as_case

BOOK = load_rulebook()
COHORT = Cohort(BOOK)


def both_ways(book: Rulebook, answers: Given) -> tuple[list[Firing], list[Firing]]:
    facts = close(settle(Case(findings=answers), book).said, book)

    def standings(firings: object) -> object:
        return rank(book, firings).standings  # type: ignore[arg-type]

    return infer(book, facts, standings), infer_plainly(book, facts, standings)  # type: ignore[arg-type]


def test_on_every_case(book: Rulebook, cases: tuple[TeachingCase, ...]) -> None:
    for case in cases:
        by_experta, plainly = both_ways(book, case.given)
        assert by_experta == plainly, case.id


@given(findings_of(BOOK))
@settings(max_examples=150, deadline=None)
def test_on_random_people(answers: Given) -> None:
    by_experta, plainly = both_ways(BOOK, answers)
    assert by_experta == plainly


def test_a_cohort_says_of_every_case_what_a_consultation_says(book: Rulebook, cases: tuple[TeachingCase, ...]) -> None:
    people = [case.given for case in cases]
    rows = said_in([Case(findings=answers) for answers in people], len(people), book)
    assert rows.wrong == {}
    assert differences(COHORT.run(rows.said), people, book) == []


@given(st.lists(contradicting(BOOK), min_size=1, max_size=40))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_cohort_says_of_random_people_what_a_consultation_says(people: list[Given]) -> None:
    rows = said_in([Case(findings=answers) for answers in people], len(people), BOOK)
    assert rows.wrong == {}
    assert differences(COHORT.run(rows.said), people, BOOK) == []


def test_people_in_a_crowd_of_thousands_come_out_as_alone(book: Rulebook) -> None:
    """Sparse and dense people, drawn by seed: more of them than a property test can draw."""
    rng = random.Random(20261123)
    people = [drawn(book, rng, most=rng.choice((3, 12, 60))) for _ in range(2500)]
    rows = said_in([Case(findings=answers) for answers in people], len(people), book)
    clean = [n for n in range(len(people)) if n not in rows.wrong]
    assert len(clean) > 2000
    wrong = differences(COHORT.run(rows.said), [people[n] if n in clean else {} for n in range(len(people))], book)
    assert [(person, what) for person, what in wrong if person not in rows.wrong] == []


def test_a_rule_fires_once(book: Rulebook, cases: tuple[TeachingCase, ...]) -> None:
    for case in cases:
        fired = [(firing.kind, firing.id) for firing in both_ways(book, case.given)[0]]
        assert len(fired) == len(set(fired)), case.id


def test_two_people_in_a_row_do_not_leak_into_each_other(book: Rulebook, cases: tuple[TeachingCase, ...]) -> None:
    alone = {case.id: consult(as_case(case), book) for case in cases[:40]}
    for case in reversed(cases[:40]):
        assert consult(as_case(case), book) == alone[case.id]


def test_many_threads_give_what_one_gives(book: Rulebook, cases: tuple[TeachingCase, ...]) -> None:
    people = [as_case(case) for case in cases[:30]] * 2
    alone = [consult(person, book).model_dump_json() for person in people]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda person: consult(person, book).model_dump_json(), people))
    assert together == alone


_DIGEST = """
import hashlib
from triage import consult, load_rulebook
from triage.teaching import as_case
book = load_rulebook()
digest = hashlib.sha256()
for case in book.cases():
    digest.update(consult(as_case(case), book).model_dump_json().encode())
print(digest.hexdigest())
"""


def test_reports_are_the_same_byte_for_byte_under_every_hash_seed(
    book: Rulebook, cases: tuple[TeachingCase, ...]
) -> None:
    here = hashlib.sha256()
    for case in cases:
        here.update(consult(as_case(case), book).model_dump_json().encode())
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here.hexdigest(), f"seed {seed}"
