"""Answers in any accepted form → what was said, checked against the rulebook, with notices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from triage.case import Case
from triage.documents import MAX_BYTES, DocumentError, parse_document, read_bytes
from triage.errors import CaseError, Problem, did_you_mean
from triage.knowledge import Answer, Finding
from triage.report import Notice
from triage.rulebook import Rulebook
from triage.when import ABSENT, AFFIRMED, BOTH, CONFLICTING, LEFT, PRESENT, RIGHT, SIDES, UNSURE, Value

_WORDS = {"yes": PRESENT, "no": ABSENT, "true": PRESENT, "false": ABSENT, "not sure": UNSURE, "unknown": UNSURE}


@dataclass(frozen=True, slots=True)
class Intake:
    """What was said, by finding name, ready to be closed."""

    said: Mapping[str, Value]
    notices: tuple[Notice, ...]


def settle(case: Case, book: Rulebook) -> Intake:
    """Check every answer of a case against the rulebook.

    Raises:
        CaseError: unknown names, impossible values or wrong types; all of them at once.
    """
    problems: list[Problem] = []
    notices: list[Notice] = []
    given: dict[str, list[Value]] = {}
    for name, answers in case.answers().items():
        finding = find_finding(name, book)
        if finding is None:
            problems.append(Problem(_unknown(name, book), entry=name))
            continue
        if finding.name != name:
            notices.append(
                Notice(kind="read_as", message=f"'{name}' was read as {finding.label}.", findings=(finding.name,))
            )
        for answer in answers if isinstance(answers, list) else [answers]:
            value = _value(finding, answer)
            if isinstance(value, Problem):
                problems.append(value)
            else:
                given.setdefault(finding.name, []).append(value)
    said = {name: _together(values) for name, values in given.items()}
    problems += _impossible(said, book)
    if problems:
        raise CaseError(problems)
    return Intake(said, tuple(notices))


def find_finding(name: str, book: Rulebook) -> Finding | None:
    """A finding by its name, its HPO id, or exactly one of its labels or synonyms."""
    if name in book.findings:
        return book.findings[name]
    if name.upper() in book.by_hpo:
        return book.findings[book.by_hpo[name.upper()]]
    words = re.sub(r"[\s_]+", " ", name).strip().casefold()
    for finding in book.findings.values():
        if words in (finding.label.casefold(), finding.name.replace("_", " ")) or words in map(
            str.casefold, finding.synonyms
        ):
            return finding
    return None


def _unknown(name: str, book: Rulebook) -> str:
    if re.fullmatch(r"(?i)hp:\d+", name.strip()):
        return f"no finding carries the HPO id {name}; name the finding instead"
    near = did_you_mean(re.sub(r"\s+", "_", name.strip().lower()), book.findings)
    if not near:
        phrases = {s: f.name for f in book.findings.values() for s in (f.label, *f.synonyms)}
        near = did_you_mean(name, phrases)
    return f"there is no finding '{name}'.{near or ' `triage explain` lists what can be named.'}"


def _value(finding: Finding, answer: Answer) -> Value | Problem:
    """One answer as a value of the finding, or what is wrong with it."""

    def wrong(message: str) -> Problem:
        return Problem(message, entry=finding.name)

    if isinstance(answer, str):
        word = answer.strip().lower().replace("-", "_")
        word = _WORDS.get(word, word)
        if word == UNSURE:
            return UNSURE
        if finding.value == "number":
            try:
                answer = float(word)
            except ValueError:
                return wrong(f"is a number in {finding.unit or 'units'}; found '{answer}'")
        elif finding.value == "choice":
            choice = word.replace(" ", "_")
            if choice in finding.choices:
                return choice
            listed = ", ".join(finding.choices)
            return wrong(f"'{answer}' is not one of {listed}, unsure.{did_you_mean(choice, finding.choices)}")
        else:
            return _presence(finding, word, answer, wrong)
    if isinstance(answer, bool):
        if finding.value != "presence":
            return wrong(f"needs a value, such as {_sample(finding)}; found yes or no")
        return PRESENT if answer else ABSENT
    if finding.value != "number":
        return wrong(f"is not a number; answer {_sample(finding)}")
    low, high = finding.min or 0.0, finding.max if finding.max is not None else math.inf
    if not math.isfinite(answer) or not low <= answer <= high:
        return wrong(f"{answer:g} is impossible; it lies between {low:g} and {high:g} {finding.unit}".rstrip())
    return float(answer)


def _presence(finding: Finding, word: str, answer: str, wrong: Any) -> Value | Problem:
    if word in (PRESENT, ABSENT):
        return word
    if word in SIDES:
        return word if finding.sided else wrong(f"has no side; answer present, absent or unsure, not '{answer}'")
    known = (PRESENT, ABSENT, UNSURE, *(SIDES if finding.sided else ()))
    near = did_you_mean(word, known)
    return wrong(f"'{answer}' is not an answer; use {', '.join(sorted(known, key=known.index))}.{near}")  # type: ignore[no-any-return]


def _sample(finding: Finding) -> str:
    if finding.value == "number":
        return f"a number of {finding.unit}" if finding.unit else "a number"
    return " or ".join(finding.choices) if finding.choices else "present, absent or unsure"


def _together(values: list[Value]) -> Value:
    """Several answers to one question: refined where they agree, conflicting where they do not."""
    merged = values[0]
    for value in values[1:]:
        if value in (merged, UNSURE):
            continue
        if merged == UNSURE:
            merged = value
        elif merged in AFFIRMED and value in AFFIRMED:
            merged = _refined(merged, value)
        else:
            return CONFLICTING
    return merged


def _refined(one: Value, other: Value) -> Value:
    if PRESENT in (one, other):
        return other if one == PRESENT else one
    return BOTH if {one, other} <= {LEFT, RIGHT, BOTH} else one


def _impossible(said: Mapping[str, Value], book: Rulebook) -> list[Problem]:
    """Numbers that cannot stand together, such as an onset after the worst point."""
    problems = []
    for name, value in said.items():
        limit = book.findings[name].not_above
        ceiling = said.get(limit)
        if isinstance(value, float) and isinstance(ceiling, float) and value > ceiling:
            upper, lower = book.findings[limit], book.findings[name]
            message = (
                f"{value:g} ({lower.label}) cannot be more than {limit} = {ceiling:g} ({upper.label}); correct one"
            )
            problems.append(Problem(message, entry=name))
    return problems


def contradiction(names: tuple[str, ...], book: Rulebook) -> Notice:
    """The notice for answers that cannot all be true."""
    labels = [book.findings[name].label for name in names]
    what = f"both present and absent: {labels[0]}" if len(labels) == 1 else " and ".join(labels)
    message = (
        f"These answers contradict each other: {what}. "
        "They are treated as unknown, except that a red flag takes the worse reading. Please correct one."
    )
    return Notice(kind="contradiction", message=message, findings=names)


_ALIASES = {"given": "findings"}


def case_from_document(document: Any, file: str = "") -> Case:
    """A case from the data of a YAML or JSON file, with ``findings`` or, as teaching cases have it, ``given``.

    Raises:
        CaseError: it is not shaped like a case.
    """
    if document is None or document == {}:
        raise CaseError([Problem("is empty; give at least one finding, such as 'findings: {ptosis: present}'", file)])
    if not isinstance(document, Mapping):
        raise CaseError([Problem("should be a mapping with 'findings:'; see `triage schema case`", file)])
    try:
        return Case.model_validate({_ALIASES.get(str(key), str(key)): value for key, value in document.items()})
    except ValidationError as error:
        problems = {}
        for detail in error.errors(include_url=False):
            where = ".".join(str(step) for step in detail["loc"][:2])
            if detail["type"] == "extra_forbidden":
                near = did_you_mean(where, Case.model_fields)
                message = f"unknown field.{near or ' Findings belong under findings:'}"
            elif str(detail["loc"][0]) == "findings" and len(detail["loc"]) > 1:
                message = "an answer is present, absent, unsure, a side, a choice or a number"
            else:
                message = detail["msg"]
            problems[where] = Problem(message, file, where)
        raise CaseError(list(problems.values())) from None


def read_case(path: str, stdin: TextIO) -> Case:
    """A case from a YAML or JSON file, or from standard input for ``-``.

    Raises:
        CaseError: the file cannot be read or is not shaped like a case.
    """
    try:
        if path == "-":
            data, file = stdin.buffer.read(MAX_BYTES + 1), "standard input"
        else:
            data, file = read_bytes(Path(path)), path
        return case_from_document(parse_document(data, file), file)
    except DocumentError as error:
        raise CaseError([error.problem]) from None
