"""The condition language, judged plainly."""

from __future__ import annotations

import pytest

from triage.when import All, AnyOf, AtLeast, Is, Range, WhenError, atoms, judge, missing, parse, support

DOUBT = frozenset({"left", "absent"})


def lookup(**values: object):  # type: ignore[no-untyped-def]
    return lambda atom: atom.holds(values.get(atom.name))


def test_unknown_is_not_absent() -> None:
    condition = parse({"numbness": "absent"})
    assert judge(condition, lookup()) is None
    assert judge(condition, lookup(numbness="absent")) is True
    assert judge(condition, lookup(numbness="left")) is False


def test_several_names_mean_all_of_them() -> None:
    condition = parse({"ptosis": "present", "age": {"at_least": 40}})
    assert isinstance(condition, All)
    assert judge(condition, lookup(ptosis="both", age=40.0)) is True
    assert judge(condition, lookup(ptosis="both", age=39.0)) is False
    assert judge(condition, lookup(ptosis="both")) is None


@pytest.mark.parametrize(
    ("value", "test", "holds"),
    [
        ("present", "present", True), ("left", "present", True), ("both", "present", True),
        ("absent", "present", False),
        ("left", "left", True), ("both", "left", False), ("present", "left", None), ("absent", "left", False),
        ("left", "one_side", True), ("both", "one_side", False), ("present", "one_side", None),
        ("unsure", "present", None), ("unsure", "unsure", True), (DOUBT, "present", None),
        (DOUBT, "absent", None), ("progressive", "progressive", True), ("static", "progressive", False),
    ],
)  # fmt: skip
def test_a_value_answers_a_test(value: str, test: str, holds: bool | None) -> None:
    assert Is("x", test).holds(value) is holds


def test_a_red_flag_reads_contradictions_and_doubts_the_worse_way() -> None:
    assert Is("x", "present").holds(DOUBT, worse=True) is True
    assert Is("x", "absent").holds(DOUBT, worse=True) is True
    assert Is("x", "both").holds(DOUBT, worse=True) is None
    assert Is("x", "present").holds("unsure", unsure_counts=True) is True
    assert Is("x", "present").holds("unsure", worse=True) is None


def test_a_range_includes_its_ends() -> None:
    assert 28 in Range(at_most=28)
    assert 28.5 not in Range(at_most=28)
    assert 2 in Range(at_least=2, at_most=3)


def test_at_least_counts_and_knows_what_it_does_not_know() -> None:
    condition = parse({"at_least": {"n": 2, "of": [{"a": "present"}, {"b": "present"}, {"c": "present"}]}})
    assert isinstance(condition, AtLeast)
    assert judge(condition, lookup(a="present", b="present")) is True
    assert judge(condition, lookup(a="present", b="absent", c="absent")) is False
    assert judge(condition, lookup(a="present", b="absent")) is None


def test_support_names_every_alternative_that_held() -> None:
    condition = parse({"any": [{"a": "present"}, {"b": "present"}, {"c": "present"}]})
    assert [atom.name for atom in support(condition, lookup(a="present", c="left"))] == ["a", "c"]


def test_missing_is_the_shortest_way_to_hold() -> None:
    condition = parse({"any": [{"all": [{"a": "present"}, {"b": "present"}]}, {"c": "present"}]})
    assert [atom.name for atom in missing(condition, lookup()) or ()] == ["c"]
    assert [atom.name for atom in missing(condition, lookup(a="present", c="absent")) or ()] == ["b"]
    assert missing(condition, lookup(b="absent", c="absent")) is None
    assert missing(condition, lookup(c="present")) == ()


@pytest.mark.parametrize(
    "raw",
    [
        {}, [], "ptosis", {"not": {"a": "present"}}, {"all": []}, {"any": {"a": "present"}}, {"a": 3}, {"a": None},
        {"a": {"above": 3}}, {"a": {"at_most": "x"}}, {"at_least": {"n": 3, "of": [{"a": "present"}]}},
        {"at_least": {"n": 1, "of": [{"all": [{"a": "present"}, {"b": "present"}]}]}}, {3: "present"},
    ],
)  # fmt: skip
def test_what_is_not_of_the_language_is_refused(raw: object) -> None:
    with pytest.raises(WhenError):
        parse(raw)


def test_atoms_come_in_reading_order() -> None:
    condition = AnyOf((Is("a", "present"), All((Is("b", "absent"), Is("c", "left")))))
    assert [atom.name for atom in atoms(condition)] == ["a", "b", "c"]
