"""What went wrong, told to a person: where it is, what it is, the nearest right thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where: ``file``, ``entry`` and ``field`` may be empty."""

    message: str
    file: str = ""
    entry: str = ""
    field: str = ""

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.file, self.entry, self.field) if part)
        return f"{place}: {self.message}" if place else self.message


class TriageError(Exception):
    """Base of everything this library raises on purpose."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class RulebookError(TriageError):
    """The rules do not hold together; ``problems`` names every place."""


class CaseError(TriageError):
    """The answers cannot be read as a case; ``problems`` names every one."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``' Did you mean a, b or c?'``, or an empty string when nothing is near."""
    near = get_close_matches(word, list(known), n=3, cutoff=0.6)
    if not near:
        return ""
    listed = near[0] if len(near) == 1 else f"{', '.join(near[:-1])} or {near[-1]}"
    return f" Did you mean {listed}?"
