"""Documents of one patient or many, each a case or a phenopacket: files, folders, JSON Lines, streams."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.case import Case
from triage.documents import DocumentError, parse_document, read_bytes
from triage.errors import CaseError, Problem
from triage.intake import case_from_document
from triage.reading.phenopackets import from_phenopacket, is_phenopacket, packets_in
from triage.rulebook import Rulebook

LINES = (".jsonl", ".ndjson")
DOCUMENTS = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient of many: where the document stands, its text, and the case, or what is wrong with it."""

    where: str
    text: str
    case: Case | CaseError


def read_patients(path: str | Path, book: Rulebook) -> Iterator[Patient]:
    """Every patient of a folder of documents, of one document, or of JSON Lines; read one at a time, not yet settled.

    Raises:
        CaseError: a folder holds no document.
    """
    root = Path(path)
    suffixes = (*DOCUMENTS, *LINES)
    paths = [root]
    if root.is_dir():
        paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in suffixes and not p.is_dir())
        if not paths:
            raise CaseError([Problem(f"holds no document; they end in {', '.join(suffixes)}", str(root))])
    for one in paths:
        try:
            if one.suffix.lower() in LINES:
                with one.open("rb") as lines:
                    yield from patients_in_lines(lines, str(one), book)
            else:
                yield from _patients(read_bytes(one), str(one), book)
        except DocumentError as error:
            yield Patient(str(one), "", CaseError([error.problem]))
        except OSError as error:
            yield Patient(str(one), "", CaseError([Problem(f"cannot be read: {error.strerror}", str(one))]))


def patients_in_lines(lines: Iterable[bytes], name: str, book: Rulebook) -> Iterator[Patient]:
    """Every patient of JSON Lines: a document on each line that is not blank."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield from _patients(line, f"{name}, line {number}", book)


def _patients(data: bytes, where: str, book: Rulebook) -> Iterator[Patient]:
    text = data.decode("utf-8-sig", errors="backslashreplace").rstrip("\r\n")
    try:
        documents = list(_documents(parse_document(data, where)))
    except DocumentError as error:
        yield Patient(where, text, CaseError([error.problem]))
        return
    if not documents:
        yield Patient(where, text, CaseError([Problem("holds no case", where)]))
    for number, document in enumerate(documents, 1):
        place = where
        if len(documents) > 1:
            place, text = f"{where}, patient {number}", json.dumps(document, ensure_ascii=False, default=str)
        try:
            if is_phenopacket(document):
                yield Patient(place, text, from_phenopacket(document, book, place))
            else:
                yield Patient(place, text, case_from_document(document, place))
        except CaseError as error:
            yield Patient(place, text, error)


def _documents(document: Any) -> Iterable[Any]:
    if is_phenopacket(document):
        return packets_in(document)
    return document if isinstance(document, list) and all(isinstance(one, Mapping) for one in document) else [document]
