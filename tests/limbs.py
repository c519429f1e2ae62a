"""Random people with something weak, numb or without its reflex: as lesions make them, and as nothing does."""

from __future__ import annotations

import random

from triage.knowledge import Given
from triage.rulebook import Rulebook


def somebody(book: Rulebook, rng: random.Random) -> Given:
    """Up to three lesions, partly reported; some of the rest tested normal; sometimes things that fit nothing."""
    answers: Given = {}
    supplies = list(book.supply.values())

    def answer(finding: str, value: str) -> None:
        answers[finding] = value if book.findings[finding].sided or value in ("absent", "unsure") else "present"

    for place in rng.sample(list(book.lesion_sites), rng.choice([1, 1, 1, 2, 2, 3])):
        side = rng.choice(["left", "right", "both", "present"])
        for supply in supplies:
            if book.anatomy.shares.get((place, supply.id), "minor") != "minor" and rng.random() < 0.6:
                answer(supply.finding, side)
    tested = rng.choice([0, 0.3, 0.9])
    for supply in supplies:
        if supply.finding not in answers and rng.random() < tested:
            answer(supply.finding, "absent")
    for supply in rng.sample(supplies, rng.choice([0, 0, 3])):
        answer(supply.finding, rng.choice(["left", "right", "unsure", "present"]))
    if rng.random() < 0.1:
        answers[rng.choice(supplies).finding] = ["present", "absent"]
    return answers
