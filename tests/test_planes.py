"""Planes of bits say what one truth value a person says."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from triage.planes import (  # noqa: E402
    Plane,
    Sum,
    at_least,
    both,
    either,
    every,
    from_bits,
    pack,
    somebody,
    unpack,
    without,
    words_for,
)  # fmt: skip

SIZES = (0, 1, 63, 64, 65, 1000)


@st.composite
def crowds(draw: st.DrawFn, most: int = 7) -> tuple[int, list[list[bool]]]:
    """How many people, and some sets of them."""
    people = draw(st.sampled_from(SIZES))
    rng = draw(st.randoms(use_true_random=False))
    shares = draw(st.lists(st.sampled_from((0.0, 0.02, 0.5, 1.0)), min_size=1, max_size=most))
    return people, [[rng.random() < share for _ in range(people)] for share in shares]


def plane(members: list[bool]) -> Plane:
    return pack(np.asarray(members, np.bool_))


def members(of: Plane, people: int) -> list[bool]:
    return unpack(of, people).tolist()  # type: ignore[no-any-return]


@given(crowds())
@settings(max_examples=20)
def test_a_plane_unpacks_to_what_was_packed(crowd: tuple[int, list[list[bool]]]) -> None:
    people, sets = crowd
    for one in sets:
        packed = plane(one)
        assert members(packed, people) == one
        assert (packed is None) == (not any(one))
        assert packed is None or len(packed) == words_for(people)


@given(crowds())
@settings(max_examples=20)
def test_sets_meet_as_in_plain_python(crowd: tuple[int, list[list[bool]]]) -> None:
    people, sets = crowd
    planes = [plane(one) for one in sets]
    kept = [members(one, people) for one in planes]
    columns = list(zip(*sets, strict=True))
    assert members(either(planes), people) == [any(column) for column in columns]
    assert members(every(planes), people) == [all(column) for column in columns]
    first, last = sets[0], sets[-1]
    assert members(both(planes[0], planes[-1]), people) == [a and b for a, b in zip(first, last, strict=True)]
    assert members(without(planes[0], planes[-1]), people) == [a and not b for a, b in zip(first, last, strict=True)]
    nobody = somebody(without(planes[0], planes[0]))
    assert nobody is None
    for n in range(1, len(sets) + 2):
        assert members(at_least(n, planes), people) == [sum(column) >= n for column in columns], n
    assert [members(one, people) for one in planes] == kept, "a question changed what it was asked of"


@given(crowds(most=12), st.data())
@settings(max_examples=20)
def test_a_sum_adds_what_each_plane_weighs(crowd: tuple[int, list[list[bool]]], data: st.DataObject) -> None:
    people, sets = crowd
    bits = [data.draw(st.integers(0, 5)) for _ in sets]
    total = Sum()
    for one, bit in zip(sets, bits, strict=True):
        total.add(plane(one), bit)
    expected = [sum(one[n] << bit for one, bit in zip(sets, bits, strict=True)) for n in range(people)]
    assert total.total(people).tolist() == expected
    assert total.total(people).tolist() == expected, "asking twice gives the same"


@pytest.mark.parametrize("people", [size for size in SIZES if size])
@pytest.mark.parametrize("start", [0, 1, 3])
def test_bits_that_are_packed_already_are_taken_from_any_byte_on(people: int, start: int) -> None:
    rng = random.Random(people * 10 + start)
    bits = [rng.random() < 0.5 for _ in range(start * 8 + people + 40)]
    packed = np.packbits(np.asarray(bits), bitorder="little").tobytes()
    assert members(from_bits(packed, start, people), people) == bits[start * 8 :][:people]
    bits_set = np.unpackbits(from_bits(packed, start, people).view(np.uint8)).sum()
    assert bits_set == sum(bits[start * 8 :][:people]), "a bit of nobody is set"


def test_words_hold_everybody() -> None:
    assert [words_for(people) for people in SIZES] == [0, 1, 1, 1, 2, 16]
