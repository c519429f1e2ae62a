"""What many people's lesions amount to is what each one's do."""

from __future__ import annotations

import random

import pytest
from limbs import somebody

pytest.importorskip("numpy")

from triage.case import Case
from triage.columns import said_in
from triage.crowd import Crowd
from triage.facts import close
from triage.focal import join_plainly, localise
from triage.intake import settle
from triage.knowledge import LESION_MEASURES, Given
from triage.lesion_findings import in_general
from triage.planes import unpack
from triage.rulebook import Rulebook
from triage.when import PRESENT, Value


def alone(answers: Given, book: Rulebook) -> dict[str, Value]:
    facts = close(settle(Case(findings=answers), book).said, book)
    return dict(in_general(book, facts, localise(book, facts, join_plainly)).values)


def in_company(crowd: Crowd, name: str, person: int) -> Value | None:
    known = crowd[name]
    if unpack(known.words.get(PRESENT), crowd.people)[person]:
        return PRESENT
    return next((number for number, plane in known.taken if unpack(plane, crowd.people)[person]), None)


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_agrees_with_its_people(book: Rulebook, seed: int) -> None:
    rng = random.Random(seed)
    everyone = [somebody(book, rng) for _ in range(150)]
    crowd = Crowd(said_in([Case(findings=answers) for answers in everyone], len(everyone), book).said, book)
    names = [f.name for f in book.findings.values() if f.computed and f.computed.what in LESION_MEASURES]
    seen: set[str] = set()
    for person, answers in enumerate(everyone):
        values = alone(answers, book)
        for name in names:
            assert in_company(crowd, name, person) == values.get(name), (name, answers)
        seen |= set(names) & values.keys()
    assert len(seen) > len(names) / 2


def test_an_answer_given_for_a_measure_stands(book: Rulebook) -> None:
    answers: Given = {"wrist_extension_weakness": "left", "explained_by_one_nerve": "absent"}
    crowd = Crowd(said_in([Case(findings=answers)], 1, book).said, book)
    assert in_company(crowd, "explained_by_one_nerve", 0) is None
    assert alone(answers, book)["explained_by_one_nerve"] == "absent"
