"""Every entry's own examples and the house rules for entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from triage.check import Checked, check, check_entries
from triage.rulebook import Rulebook, load_rulebook


@pytest.fixture(scope="module")
def checked(book: Rulebook) -> Checked:
    return check(book)


def test_the_rulebook_has_no_problems(checked: Checked) -> None:
    assert not checked.problems, "\n".join(map(str, checked.problems))


def test_nothing_is_counted_as_zero(checked: Checked) -> None:
    assert all(checked.counts.values()), checked.counts


def test_the_floors_hold(book: Rulebook) -> None:
    assert len(book.findings) >= 180
    assert len(book.conditions) >= 70
    assert {ref.partition(".")[0] for ref in book.sub_sites} == set(book.sites)


def test_most_evidence_and_every_red_flag_is_sourced(book: Rulebook) -> None:
    sourced = [rule for rule in book.evidence.values() if rule.status != "draft"]
    assert len(sourced) * 2 > len(book.evidence)
    assert all(flag.status != "draft" for flag in book.red_flags.values())


def test_nobody_claims_a_review(book: Rulebook) -> None:
    for kind in ("patterns", "evidence", "red_flags", "tests", "investigations", "conditions", "topics"):
        assert not [name for name, entry in getattr(book, kind).items() if entry.status == "reviewed"]


def test_conditions_name_what_the_condition_list_must_hold(book: Rulebook) -> None:
    causes = {cause for profile in book.conditions.values() for cause in profile.cause}
    assert causes >= {
        "genetic", "autoimmune", "toxic", "metabolic_nutritional", "inflammatory", "infectious", "injury",
        "degenerative", "unknown",
    }  # fmt: skip
    homes = {home.partition(".")[0] for profile in book.conditions.values() for home in profile.lives_at}
    assert homes == set(book.sites)


NEW_RULE = """
- id: nmj_test_rule
  says: A rule for this test
  site: neuromuscular_junction
  theme: {theme}
  strength: {strength}
  when: {when}
  because: It is only a test.
  status: draft
  examples: {{fires: [{fires}], silent: [{silent}]}}
"""


@pytest.mark.parametrize(
    ("theme", "strength", "when", "fires", "silent", "complaint"),
    [
        ("systemic", "for", "{goitre: present}", "{goitre: absent}", "{fever: present}", "does not fire"),
        ("systemic", "for", "{goitre: present}", "{goitre: present}", "{goitre: present}", "must stay silent"),
        ("history", "for", "{diabetes: present}", "{diabetes: present}", "{goitre: present}", "at most weakly_for"),
        (
            "sensation",
            "for",
            "{sensation_not_mentioned: present}",
            "{ptosis: present}",
            "{numbness: present}",
            "weakly_",
        ),
        ("pain", "against", "{brisk_reflexes: present}", "{brisk_reflexes: both}", "{fever: present}", "overlap"),
    ],
)
def test_a_house_rule_that_is_broken_is_named(
    overlay: Callable[..., Path], theme: str, strength: str, when: str, fires: str, silent: str, complaint: str
) -> None:
    text = NEW_RULE.format(theme=theme, strength=strength, when=when, fires=fires, silent=silent)
    problems = check_entries(load_rulebook(overlay=[overlay(evidence__test=text)])).problems
    mine = [problem for problem in problems if problem.entry == "nmj_test_rule"]
    assert any(complaint in str(problem) for problem in mine), problems
