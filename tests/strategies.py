"""Random people: any findings of a rulebook with any of the values they can take."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from triage.knowledge import Answer, Finding, Given
from triage.rulebook import Rulebook


def answers_of(finding: Finding) -> st.SearchStrategy[Answer]:
    if finding.value == "number":
        assert finding.min is not None
        assert finding.max is not None
        return st.floats(finding.min, finding.max, allow_nan=False) | st.just("unsure")
    if finding.value == "choice":
        return st.sampled_from([*finding.choices, "unsure"])
    sides = ["left", "right", "both"] if finding.sided else []
    return st.sampled_from(["present", "present", "absent", "unsure", *sides])


def findings_of(book: Rulebook, max_size: int = 25) -> st.SearchStrategy[Given]:
    """Answers that settle: numbers that cannot stand together are left out of the draw."""
    limited = {f.name for f in book.findings.values() if f.not_above}
    usable = [f for f in book.findings.values() if f.name not in limited]

    def person(chosen: list[Finding]) -> st.SearchStrategy[Given]:
        return st.fixed_dictionaries({finding.name: answers_of(finding) for finding in chosen})

    chosen = st.lists(st.sampled_from(usable), max_size=max_size, unique_by=lambda finding: finding.name)
    return chosen.flatmap(person)


def contradicting(book: Rulebook, max_size: int = 25) -> st.SearchStrategy[Given]:
    """The same, where some findings were answered twice."""

    def person(answers: Given) -> st.SearchStrategy[Given]:
        again = {name: answers_of(book.findings[name]) for name in list(answers)[:3]}
        return st.fixed_dictionaries({}, optional=again).map(
            lambda more: {name: [answer, more[name]] if name in more else answer for name, answer in answers.items()}
        )

    return findings_of(book, max_size).flatmap(person)


def drawn(book: Rulebook, rng: random.Random, most: int) -> Given:
    """One person drawn by a generator of one's own: up to ``most`` findings, some of them answered twice."""

    def answer(finding: Finding) -> Answer:
        if rng.random() < 0.1:
            return "unsure"
        if finding.value == "number":
            assert finding.min is not None
            assert finding.max is not None
            return round(rng.uniform(finding.min, min(finding.max, 100.0)), 1)
        sides = ["left", "right", "both"] if finding.sided else []
        return rng.choice(finding.choices or ["present", "absent", "present", "absent", *sides])

    chosen = rng.sample(list(book.findings.values()), rng.randint(1, most))
    return {f.name: [answer(f), answer(f)] if rng.random() < 0.03 else answer(f) for f in chosen}
