"""The condition language: parsed once, read three ways (plain judgement here, experta, arrays)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

PRESENT, ABSENT, UNSURE = "present", "absent", "unsure"
LEFT, RIGHT, BOTH, ONE_SIDE = "left", "right", "both", "one_side"
SIDES = frozenset({LEFT, RIGHT, BOTH})
AFFIRMED = SIDES | {PRESENT}


@dataclass(frozen=True, slots=True)
class Range:
    """A number range, ends included; ``None`` leaves an end open."""

    at_least: float | None = None
    at_most: float | None = None

    def __contains__(self, number: float) -> bool:
        return (self.at_least is None or number >= self.at_least) and (self.at_most is None or number <= self.at_most)

    def __str__(self) -> str:
        if self.at_least is None:
            return f"at most {self.at_most:g}"
        if self.at_most is None:
            return f"at least {self.at_least:g}"
        return f"{self.at_least:g} to {self.at_most:g}"


Value: TypeAlias = str | float | frozenset[str | float]
"""What is known of one finding: a word (present, absent, unsure, a side, a choice) or a number.

Contradictory answers are kept as the set of them: unknown, except to a red flag.
"""


@dataclass(frozen=True, slots=True)
class Is:
    """``name: value``: the smallest question a condition can ask."""

    name: str
    test: str | Range

    def __str__(self) -> str:
        return f"{self.name}={self.test}"

    def holds(self, value: Value | None, *, worse: bool = False, unsure_counts: bool = False) -> bool | None:
        """Whether this holds of ``value``: true, false, or ``None`` for unknown.

        ``worse`` takes of contradictory answers the one that fulfils it; ``unsure_counts`` does so for "not sure".
        """
        if value is None:
            return None
        if isinstance(value, frozenset):
            return True if worse and any(self.holds(one) for one in value) else None
        if value == UNSURE:
            return True if unsure_counts or self.test == UNSURE else None
        if isinstance(self.test, Range):
            return value in self.test if isinstance(value, (int, float)) else None
        if self.test == UNSURE:
            return False
        if self.test == ONE_SIDE:
            return None if value == PRESENT else value in (LEFT, RIGHT)
        if self.test == PRESENT:
            return value in AFFIRMED
        if self.test in SIDES:
            return None if value == PRESENT else value == self.test
        return value == self.test


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least ``n`` of the findings hold; evaluated with the computed values, never expanded."""

    n: int
    parts: tuple[Is, ...]

    def __str__(self) -> str:
        return f"{self.n} of ({', '.join(map(str, self.parts))})"


Condition: TypeAlias = Is | All | AnyOf | AtLeast
Lookup: TypeAlias = Callable[[Is], bool | None]


class WhenError(ValueError):
    """A condition that cannot be read; the message says where in it and why."""


def parse(raw: object) -> Condition:
    """Read a condition as written in YAML.

    Raises:
        WhenError: it is not of the language; the message names the part and the remedy.
    """
    if isinstance(raw, (Is, All, AnyOf, AtLeast)):
        return raw
    if not isinstance(raw, Mapping):
        raise WhenError(f"expected a mapping such as {{ptosis: present}}, found {raw!r}")
    if not raw:
        raise WhenError("an empty condition would always hold; name at least one finding")
    parts = tuple(_parse_item(key, value) for key, value in raw.items())
    return parts[0] if len(parts) == 1 else All(parts)


def _parse_item(key: object, value: object) -> Condition:
    if key in ("all", "any"):
        if not isinstance(value, list) or not value:
            raise WhenError(f"'{key}' needs a list of conditions")
        parts = tuple(parse(part) for part in value)
        if len(parts) == 1:
            return parts[0]
        return All(parts) if key == "all" else AnyOf(parts)
    if key == "at_least":
        if not isinstance(value, Mapping) or set(value) != {"n", "of"} or not isinstance(value["of"], list):
            raise WhenError("'at_least' needs {n: a number, of: [findings]}")
        counted = tuple(parse(part) for part in value["of"])
        singles = tuple(part for part in counted if isinstance(part, Is))
        if len(singles) != len(counted):
            raise WhenError("'at_least' counts single findings only")
        n = value["n"]
        if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= len(singles):
            raise WhenError(f"'at_least' with {len(singles)} findings needs n from 1 to {len(singles)}, found {n!r}")
        return AtLeast(n, singles)
    if not isinstance(key, str):
        raise WhenError(f"a finding name must be text, found {key!r}")
    if isinstance(value, Mapping):
        if not value or not set(value) <= {"at_least", "at_most"}:
            raise WhenError(f"'{key}': a range is {{at_least: n}}, {{at_most: n}} or both, found {dict(value)!r}")
        if not all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in value.values()):
            raise WhenError(f"'{key}': the ends of a range are numbers, found {dict(value)!r}")
        return Is(key, Range(**{end: float(number) for end, number in value.items()}))
    if isinstance(value, str):
        return Is(key, value)
    raise WhenError(f"'{key}': expected a word such as present or absent, or a range, found {value!r}")


def atoms(condition: Condition) -> Iterator[Is]:
    """Every ``name: value`` in the condition, in reading order."""
    if isinstance(condition, Is):
        yield condition
    else:
        for part in condition.parts:
            yield from atoms(part)


def judge(condition: Condition, lookup: Lookup) -> bool | None:
    """True, false, or ``None`` where the answer hangs on what is unknown."""
    if isinstance(condition, Is):
        return lookup(condition)
    verdicts = [judge(part, lookup) for part in condition.parts]
    needed = 1 if isinstance(condition, AnyOf) else condition.n if isinstance(condition, AtLeast) else len(verdicts)
    if verdicts.count(True) >= needed:
        return True
    return None if len(verdicts) - verdicts.count(False) >= needed else False


def support(condition: Condition, lookup: Lookup) -> tuple[Is, ...]:
    """What a condition that holds rests on: the true atoms of every alternative that held."""
    found: dict[Is, None] = {}

    def walk(part: Condition) -> None:
        if isinstance(part, Is):
            if lookup(part):
                found[part] = None
        else:
            for child in part.parts:
                if judge(child, lookup):
                    walk(child)

    walk(condition)
    return tuple(found)


def missing(condition: Condition, lookup: Lookup) -> tuple[Is, ...] | None:
    """The fewest unknown atoms that would make the condition hold; ``None`` when it cannot hold any more.

    Ties go to the alternative written first, so the answer is the same every time.
    """
    if isinstance(condition, Is):
        verdict = lookup(condition)
        return () if verdict else (condition,) if verdict is None else None
    ways = [way for part in condition.parts if (way := missing(part, lookup)) is not None]
    needed = len(condition.parts) if isinstance(condition, All) else 1 if isinstance(condition, AnyOf) else condition.n
    if len(ways) < needed:
        return None
    chosen = ways if isinstance(condition, All) else sorted(ways, key=len)[:needed]
    return tuple(dict.fromkeys(atom for way in chosen for atom in way))


def short_of(condition: Condition, lookup: Lookup) -> int | None:
    """How many members are still open on the shortest way to the condition; ``None`` when it cannot hold any more."""
    if isinstance(condition, Is):
        verdict = lookup(condition)
        return 0 if verdict else 1 if verdict is None else None
    ways = sorted(short for part in condition.parts if (short := short_of(part, lookup)) is not None)
    needed = len(condition.parts) if isinstance(condition, All) else 1 if isinstance(condition, AnyOf) else condition.n
    return sum(ways[:needed]) if len(ways) >= needed else None


def one_away(condition: Condition, lookup: Lookup) -> tuple[Is, ...]:
    """Every unknown atom that would by itself make the condition hold; none where it holds or more is needed."""
    if isinstance(condition, Is):
        return (condition,) if lookup(condition) is None else ()
    verdicts = [judge(part, lookup) for part in condition.parts]
    needed = 1 if isinstance(condition, AnyOf) else condition.n if isinstance(condition, AtLeast) else len(verdicts)
    if verdicts.count(True) != needed - 1:
        return ()
    open_parts = (part for part, verdict in zip(condition.parts, verdicts, strict=True) if verdict is None)
    return tuple(dict.fromkeys(atom for part in open_parts for atom in one_away(part, lookup)))
