"""Sets of people as bits, 64 to a word: one operation asks one question of thousands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bits: TypeAlias = NDArray[np.uint64]
Plane: TypeAlias = Bits | None
"""Whom something holds of; ``None`` where it holds of nobody, which costs nothing."""


def words_for(people: int) -> int:
    """How many words hold a bit for each person."""
    return -(-people // 64)


def pack(mask: NDArray[np.bool_]) -> Plane:
    """A plane from one truth value a person."""
    if not mask.any():
        return None
    packed = np.zeros(words_for(len(mask)) * 8, np.uint8)
    bits = np.packbits(mask, bitorder="little")
    packed[: len(bits)] = bits
    return packed.view(np.uint64)


def from_bits(bits: Any, start: int, people: int) -> Plane:
    """A plane from bits that are packed already, first person lowest, from the byte ``start`` on."""
    packed = np.zeros(words_for(people) * 8, np.uint8)
    used = -(-people // 8)
    packed[:used] = np.frombuffer(bits, np.uint8)[start : start + used]
    if people % 8:
        packed[used - 1] &= (1 << people % 8) - 1
    return packed.view(np.uint64)


def unpack(plane: Plane, people: int) -> NDArray[np.bool_]:
    """One truth value a person from a plane."""
    if plane is None:
        return np.zeros(people, np.bool_)
    return np.unpackbits(plane.view(np.uint8), count=people, bitorder="little").view(np.bool_)


def either(planes: Iterable[Plane]) -> Plane:
    """Who is in at least one of them."""
    found: Plane = None
    owned = False
    for plane in planes:
        if plane is None:
            continue
        if found is None:
            found = plane
        elif owned:
            np.bitwise_or(found, plane, out=found)
        else:
            found, owned = found | plane, True
    return found


def both(one: Plane, other: Plane) -> Plane:
    """Who is in both."""
    return None if one is None or other is None else one & other


def without(plane: Plane, others: Plane) -> Plane:
    """Who is in the first and not in the second."""
    if plane is None or others is None:
        return plane
    left = ~others
    return np.bitwise_and(left, plane, out=left)


def somebody(plane: Plane) -> Plane:
    """The same plane, or ``None`` if nobody is left in it."""
    return plane if plane is not None and plane.any() else None


def every(planes: Sequence[Plane]) -> Plane:
    """Who is in all of them."""
    first, *others = planes
    if first is None or not others:
        return first
    found: Plane = None
    for plane in others:
        if plane is None:
            return None
        found = first & plane if found is None else np.bitwise_and(found, plane, out=found)
    return found


def at_least(n: int, planes: Iterable[Plane]) -> Plane:
    """Who is in at least ``n`` of them."""
    reached: list[Plane] = [None] * n
    for plane in planes:
        if plane is not None:
            for level in range(n - 1, 0, -1):
                reached[level] = either((reached[level], both(reached[level - 1], plane)))
            reached[0] = either((reached[0], plane))
    return reached[-1]


class Sum:
    """A sum of weighted planes for every person at once, carried bit by bit as on paper."""

    def __init__(self) -> None:
        self._columns: list[list[Bits]] = []

    def add(self, plane: Plane, bit: int) -> None:
        """Count everybody in the plane with 2 to the power of ``bit``."""
        if plane is not None:
            while len(self._columns) <= bit:
                self._columns.append([])
            self._columns[bit].append(plane)

    def total(self, people: int) -> NDArray[np.int16]:
        """The sums, one a person."""
        total = np.zeros(people, np.int16)
        columns, bit = [list(column) for column in self._columns], 0
        while bit < len(columns):
            column = columns[bit]
            carried: list[Bits] = []
            while len(column) > 2:
                a, b, c = column.pop(), column.pop(), column.pop()
                differ = a ^ b
                carried.append((a & b) | (differ & c))
                column.append(differ ^ c)
            if len(column) == 2:
                a, b = column
                carried.append(a & b)
                column = [a ^ b]
            if carried:
                if bit + 1 == len(columns):
                    columns.append([])
                columns[bit + 1] += carried
            if column:
                total += np.left_shift(unpack(column[0], people).view(np.uint8), bit, dtype=np.int16)
            bit += 1
        return total
