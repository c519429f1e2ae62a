"""Answers in any accepted form → what was said, checked against the rulebook, with notices."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from triage.case import Case, Notice
from triage.documents import MAX_BYTES, DocumentError, parse_document, read_bytes
from triage.errors import CaseError, Problem, did_you_mean
from triage.knowledge import Answer, Finding, Given
from triage.reading.hpo import Observation, read_terms
from triage.reading.ontology import hpo_code, ontology_of
from triage.rulebook import Rulebook
from triage.when import ABSENT, AFFIRMED, BOTH, LEFT, PRESENT, RIGHT, SIDES, UNSURE, Value

_WORDS = {
    "yes": PRESENT,
    "y": PRESENT,
    "no": ABSENT,
    "n": ABSENT,
    "true": PRESENT,
    "false": ABSENT,
    "not sure": UNSURE,
    "unknown": UNSURE,
}

_DIGITS = {"1": PRESENT, "0": ABSENT}
"""As tables have it; only where the answer is no number."""


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
    notices: list[Notice] = list(case.notices)
    given: dict[str, list[Value]] = {}
    observations: list[Observation] = []
    for name, answers in case.answers().items():
        finding = find_finding(name, book)
        if finding is None and is_term(name, book):
            for answer in listed(answers):
                observation = observation_of(name, answer)
                if isinstance(observation, Problem):
                    problems.append(observation)
                else:
                    observations.append(observation)
            continue
        if finding is None:
            suggest = len(problems) < _SUGGESTIONS
            problems.append(
                Problem(_unknown(name, book) if suggest else "there is no such finding", entry=_shown(name))
            )
            continue
        if finding.name != name.strip():
            message = f"'{_shown(name)}' was read as {finding.label}."
            notices.append(Notice(kind="read_as", message=message, findings=(finding.name,)))
        if answers == []:
            problems.append(Problem(f"has no answer; say {_sample(finding)}", entry=finding.name))
        for answer in listed(answers):
            value = read_answer(finding, answer)
            if isinstance(value, Problem):
                problems.append(value)
            else:
                given.setdefault(finding.name, []).append(value)
    if observations:
        age = case.answers().get("age")
        try:
            read = read_terms(observations, book, age=float(age) if isinstance(age, int | float) else None)
        except CaseError as error:
            problems += error.problems
        else:
            notices += read.notices
            for name, answers in read.answers.items():
                values = [read_answer(book.findings[name], one) for one in listed(answers)]
                given.setdefault(name, []).extend(value for value in values if not isinstance(value, Problem))
    said = {name: together(values) for name, values in given.items()}
    problems += impossible(said, book)
    if problems:
        raise CaseError(problems)
    return Intake(said, tuple(notices))


def listed(answers: Answer | list[Answer]) -> list[Answer]:
    """One answer or several, as several."""
    return answers if isinstance(answers, list) else [answers]


def is_term(name: str, book: Rulebook) -> bool:
    """Whether a name that is no finding's is an HPO id, known or not, or exactly the label of a term."""
    return hpo_code(name) is not None or ontology_of(book).current(name) is not None


def observation_of(term: str, answer: Answer) -> Observation | Problem:
    """An answer to an HPO term as an observation, or what is wrong with it."""
    if isinstance(answer, bool):
        answer = PRESENT if answer else ABSENT
    word = str(answer).strip().lower()
    word = _WORDS.get(word, word)
    if word in (PRESENT, ABSENT, UNSURE):
        return Observation(term, excluded=word == ABSENT, unsure=word == UNSURE)
    if word in SIDES:
        return Observation(term, side=word)
    known = (PRESENT, ABSENT, UNSURE, LEFT, RIGHT, BOTH)
    message = f"'{_shown(answer)}' is not an answer; use {', '.join(known)}.{did_you_mean(word[:60], known)}"
    return Problem(message, entry=_shown(term))


_SUGGESTIONS = 20
"""Nearest names are looked up for so many unknown ones; a file of nonsense must not take minutes."""


def _shown(text: object) -> str:
    """Somebody's own words, short enough for a message."""
    words = str(text)
    return words if len(words) <= 60 else f"{words[:57]}..."


def find_finding(name: str, book: Rulebook) -> Finding | None:
    """A finding by its name, its HPO id, or exactly one of its labels or synonyms."""
    if name in book.findings:
        return book.findings[name]
    if (code := name.strip().upper()) in book.by_hpo:
        return book.findings[book.by_hpo[code]]
    words = re.sub(r"[\s_]+", " ", name).strip().casefold()
    for finding in book.findings.values():
        if words in (finding.label.casefold(), finding.name.replace("_", " ")) or words in map(
            str.casefold, finding.synonyms
        ):
            return finding
    return None


def _unknown(name: str, book: Rulebook) -> str:
    words = re.sub(r"[\s_]+", " ", name).strip().casefold()[:60]
    phrases = {p.casefold(): f.name for f in book.findings.values() for p in (f.label, *f.synonyms)}
    phrases |= {f.replace("_", " "): f for f in book.findings}
    near = list(dict.fromkeys(phrases[phrase] for phrase in get_close_matches(words, phrases, n=5, cutoff=0.6)))[:3]
    hint = f" Did you mean {' or '.join(near)}?" if near else " `triage explain` lists what can be named."
    return f"there is no finding '{_shown(name)}'.{hint}"


def read_answer(finding: Finding, answer: Answer) -> Value | Problem:
    """One answer as a value of the finding, or what is wrong with it."""

    def wrong(message: str) -> Problem:
        return Problem(message, entry=finding.name)

    if isinstance(answer, str):
        word = answer.strip().lower()
        word = _WORDS.get(word, word)
        if word == UNSURE:
            return UNSURE
        if finding.value == "number":
            try:
                answer = float(word)
            except ValueError:
                return wrong(f"is a number in {finding.unit or 'units'}; found '{_shown(answer)}'")
        elif finding.value == "choice":
            choice = re.sub(r"[\s-]+", "_", word)
            if choice in finding.choices:
                return choice
            listed = ", ".join(finding.choices)
            near = did_you_mean(choice[:60], finding.choices)
            return wrong(f"'{_shown(answer)}' is not one of {listed}, unsure.{near}")
        else:
            return _presence(finding, word, wrong)
    if isinstance(answer, bool):
        if finding.value != "presence":
            return wrong(f"needs a value, such as {_sample(finding)}; found yes or no")
        return PRESENT if answer else ABSENT
    if finding.value == "presence" and answer in (0, 1):
        return PRESENT if answer else ABSENT
    if finding.value != "number":
        return wrong(f"is not a number; answer {_sample(finding)}")
    low, high = finding.min or 0.0, finding.max if finding.max is not None else math.inf
    if not low <= answer <= high:
        return wrong(f"{_shown(answer)} is impossible; it lies between {low:g} and {high:g} {finding.unit}".rstrip())
    return float(answer)


def _presence(finding: Finding, word: str, wrong: Callable[[str], Problem]) -> Value | Problem:
    word = _DIGITS.get(word, word)
    if word in (PRESENT, ABSENT):
        return word
    if word in SIDES:
        return word if finding.sided else wrong(f"has no side; answer present, absent or unsure, not '{word}'")
    known = (PRESENT, ABSENT, UNSURE, *((LEFT, RIGHT, BOTH) if finding.sided else ()))
    listed = ", ".join(known)
    return wrong(f"'{_shown(word)}' is not an answer; use {listed}.{did_you_mean(word[:60], known)}")


def _sample(finding: Finding) -> str:
    if finding.value == "number":
        return f"a number of {finding.unit}" if finding.unit else "a number"
    return " or ".join(finding.choices) if finding.choices else "present, absent or unsure"


def together(values: list[Value]) -> Value:
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
            return frozenset(one for one in values if isinstance(one, (str, float)))
    return merged


def _refined(one: Value, other: Value) -> Value:
    if PRESENT in (one, other):
        return other if one == PRESENT else one
    return BOTH if {one, other} <= {LEFT, RIGHT, BOTH} else one


def impossible(said: Mapping[str, Value], book: Rulebook) -> list[Problem]:
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


def case_from_document(document: Any, file: str = "") -> Case:
    """A case from the data of a YAML or JSON file, with ``findings`` or, as teaching cases have it, ``given``.

    Raises:
        CaseError: it is not shaped like a case.
    """
    if document is None or document == {}:
        raise CaseError([Problem("is empty; give at least one finding, such as 'findings: {ptosis: present}'", file)])
    if not isinstance(document, Mapping):
        raise CaseError([Problem("should be a mapping with 'findings:'; see `triage schema case`", file)])
    fields = {str(key): value for key, value in document.items()}
    if "given" in fields:
        if "findings" in fields:
            raise CaseError([Problem("has both 'findings' and 'given', which mean the same; keep one", file)])
        fields["findings"] = fields.pop("given")
    try:
        return Case.model_validate(fields)
    except ValidationError as error:
        problems: dict[str, Problem] = {}
        for detail in error.errors(include_url=False):
            where = ".".join(_shown(step) for step in detail["loc"][:2])
            problems.setdefault(where, Problem(_shape_message(detail), file, where))
        raise CaseError(list(problems.values())) from None


def _shape_message(detail: Any) -> str:
    """What is wrong with the shape of a case file, in words."""
    place = [str(step) for step in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        return f"unknown field.{did_you_mean(place[0], Case.model_fields) or ' Findings belong under findings:'}"
    if place == ["findings"]:
        return "should be a mapping such as {ptosis: present, numbness: absent}"
    if place[0] == "findings":
        return "an answer is present, absent, unsure, a side, a choice or a number"
    return {"age": "is a number of years", "sex": "is female or male"}.get(place[0], str(detail["msg"]))


def add_answers(case: Case, more: Given) -> Case:
    """The case with further answers; one given again is kept beside the first."""

    merged = case.answers()
    for name, answers in more.items():
        merged[name] = [*listed(merged[name]), *listed(answers)] if name in merged else answers
    return case.model_copy(update={"findings": merged, "age": None, "sex": None})


def read_document(path: str, stdin: TextIO | None = None) -> tuple[Any, str]:
    """The data of a YAML or JSON file, or of standard input for ``-``, and what to call it in a message.

    Raises:
        CaseError: it cannot be read.
    """
    try:
        if path == "-":
            data, file = stdin.buffer.read(MAX_BYTES + 1) if stdin else b"", "standard input"
        else:
            data, file = read_bytes(Path(path)), path
        return parse_document(data, file), file
    except DocumentError as error:
        raise CaseError([error.problem]) from None


def read_case(path: str, book: Rulebook, stdin: TextIO | None = None, more: Given | None = None) -> Case:
    """A case from a YAML or JSON file, or from standard input for ``-``, with ``more`` answers added, and checked.

    Raises:
        CaseError: the file cannot be read, is not shaped like a case, or holds answers that cannot be; all at once.
    """
    return checked_case(*read_document(path, stdin), book, more)


def checked_case(document: Any, file: str, book: Rulebook, more: Given | None = None) -> Case:
    """A case from the data of a file, with ``more`` answers added, and checked.

    Raises:
        CaseError: it is not shaped like a case, or holds answers that cannot be; all at once.
    """
    problems: list[Problem] = []
    try:
        case = case_from_document(document, file)
    except CaseError as error:
        problems += error.problems
        case = Case(findings=_well_shaped(document))
    case = add_answers(case, more) if more else case
    try:
        settle(case, book)
    except CaseError as error:
        problems += error.problems
    if problems:
        raise CaseError(problems)
    return case


def _well_shaped(document: Any) -> Given:
    """The answers that can be looked at although the document has other faults."""
    findings = document.get("findings", document.get("given")) if isinstance(document, Mapping) else None
    items = findings.items() if isinstance(findings, Mapping) else ()
    return {str(name): answer for name, answer in items if isinstance(answer, (str, int, float, bool))}
