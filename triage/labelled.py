"""People whose site is known, read from files: what is known of each, and what a consultation should find."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from pydantic import ValidationError

from triage.case import Case, Feature
from triage.documents import DocumentError, parse_document, read_bytes
from triage.errors import CaseError, Problem, TriageError, did_you_mean
from triage.intake import case_from_document, settle
from triage.knowledge import Given, TeachingCase, UrgencyLevel
from triage.reading.hpo import Observation, read_terms
from triage.reading.phenopackets import from_phenopacket, is_phenopacket, packets_in
from triage.rulebook import Rulebook

OWN_CASES = "cases"
"""In place of a path: the rulebook's own teaching cases."""
PRESSING: tuple[UrgencyLevel, ...] = ("emergency", "same_day")
"""What counts as care the same day."""
SEED = 2026
"""Of the project's split into two halves, and of the bootstrap, unless another is named."""

_LINES = (".jsonl", ".ndjson")
_DOCUMENTS = (".json", ".yaml", ".yml")
_TEXT_FIELDS = ("text", "lay_text", "clinical_text", "story")

Raw: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One person: what was said, and what a fair examiner concluded."""

    id: str
    place: str
    """File and line or entry."""
    site: str | None = None
    """The right site; None where none is named, and where nothing may lead."""
    also_accept: tuple[str, ...] = ()
    abstain: bool = False
    """Whether nothing may lead."""
    emergency: bool | None = None
    """Whether it needs care the same day; None where nobody said."""
    urgency: tuple[UrgencyLevel, ...] = ()
    """The urgencies a fair examiner accepts; empty where nobody said."""
    group: str | None = None
    """Rows of one group (a disease) are not independent of each other."""
    case: Case | None = None
    unread: str = ""
    """Why the row cannot be used; empty where it can."""

    @property
    def family(self) -> str:
        """What is dealt into one half together: the group, or the row by itself."""
        return self.group or self.id

    @property
    def silent_terms(self) -> tuple[str, ...]:
        """Coded observations that say nothing to the rulebook."""
        features = self.case.features if self.case else ()
        return tuple(feature.label or feature.id for feature in features if not feature.spoke_of)


def read_labelled(path: str | Path, book: Rulebook, labels: str | Path | None = None) -> list[Labelled]:
    """Every row of a file or folder, in order; a row that cannot be used says why in ``unread``.

    Args:
        path: JSON Lines, JSON, YAML, a folder of such files, or the word ``cases`` for the rulebook's own.
        book: whose sites and findings the rows name.
        labels: a table (TSV or JSON Lines) of ids and sites for rows that carry no site; it wins where both do.

    Raises:
        TriageError: the path or the labels cannot be read at all.
    """
    if str(path) == OWN_CASES:
        if labels is not None:
            raise TriageError([Problem("labels are only for rows read from files; the cases carry their own")])
        rows = [_from_teaching_case(case, f"case {case.id}") for case in book.cases()]
    else:
        known = _read_labels(Path(labels)) if labels is not None else {}
        rows = [_row(raw, place, book, known) for raw, place in _raw_rows(Path(path))]
        if not rows:
            raise TriageError([Problem("holds no rows; see `triage evaluate --help` for what can be read", str(path))])
    return _without_twins(rows)


def half(rows: Sequence[Labelled], which: int, seed: int = SEED) -> list[Labelled]:
    """The first or second half of the rows: no group is in both.

    The groups (each row its own where it has none) are put in strata by the label most of their rows carry (the first
    in the alphabet where two are as common). Within each stratum, in alphabetical order of the labels, the groups are
    sorted by id and shuffled by one ``random.Random(seed)``; then all are dealt alternately, the deal going on from
    stratum to stratum. Rows that cannot be used are dealt with the others, so that the halves stay what they are when
    more can be read.
    """
    draw = random.Random(seed)
    dealt: list[str] = []
    for families in strata(rows).values():
        stratum = sorted(families)
        draw.shuffle(stratum)
        dealt += stratum
    mine = set(dealt[which - 1 :: 2])
    return [row for row in rows if row.family in mine]


class HasFamily(Protocol):
    """A row or a prediction: its site, and what it belongs to."""

    @property
    def site(self) -> str | None: ...

    @property
    def family(self) -> str: ...


def strata(rows: Iterable[HasFamily]) -> dict[str, list[str]]:
    """The families of rows by the site most of their rows carry (the first in the alphabet where two are as common).

    Sites are in alphabetical order, families in that of the rows.
    """
    sites: dict[str, Counter[str]] = {}
    for row in rows:
        sites.setdefault(row.family, Counter())[row.site or ""] += 1
    found: dict[str, list[str]] = {}
    for family, counts in sites.items():
        found.setdefault(min(counts, key=lambda site: (-counts[site], site)), []).append(family)
    return dict(sorted(found.items()))


def of_sites(rows: Iterable[Labelled], sites: Sequence[str], book: Rulebook) -> list[Labelled]:
    """The rows labelled with one of these sites.

    Raises:
        TriageError: there is no such site; all of them at once.
    """
    unknown = [site for site in sites if site not in book.sites]
    if unknown:
        raise TriageError([Problem(f"there is no site '{s}'.{did_you_mean(s, book.sites)}") for s in unknown])
    return [row for row in rows if row.site in sites]


def without_investigations(row: Labelled, book: Rulebook) -> Labelled:
    """The row with the results of tests left out: findings of the kind investigation, however they were named."""
    if row.case is None:
        return row
    try:
        said = settle(row.case, book).said
    except CaseError as error:
        return replace(row, case=None, unread="; ".join(map(str, error.problems)))
    kept: Given = {
        name: sorted(value, key=str) if isinstance(value, frozenset) else value
        for name, value in said.items()
        if book.findings[name].kind != "investigation"
    }
    return replace(row, case=Case(id=row.id, findings=kept, features=row.case.features))


def _without_twins(rows: Iterable[Labelled]) -> list[Labelled]:
    """The rows, a second one of the same id marked: two runs could not be compared row by row."""
    first: dict[str, str] = {}
    kept = []
    for row in rows:
        if row.id in first and not row.unread:
            row = replace(row, case=None, unread=f"its id stands already in {first[row.id]}; ids are unique")
        first.setdefault(row.id, row.place)
        kept.append(row)
    return kept


# From files to raw rows


def _raw_rows(path: Path) -> Iterator[tuple[Raw | str, str]]:
    """Every row with its place; one that is no row is what is wrong with it, in words."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in (*_LINES, *_DOCUMENTS))
        if not files:
            raise TriageError([Problem("holds no .jsonl, .json, .yaml or .yml file", str(path))])
        for file in files:
            try:
                yield from _raw_rows(file)
            except TriageError as error:
                yield error.problems[0].message, error.problems[0].file
        return
    try:
        if path.suffix.lower() in _LINES:
            yield from _lines(path)
            return
        document = parse_document(read_bytes(path), str(path))
    except DocumentError as error:
        raise TriageError([error.problem]) from None
    for position, raw in enumerate(document if isinstance(document, list) else [document], 1):
        yield _mapping(raw), f"{path}, entry {position}" if isinstance(document, list) else str(path)


def _lines(path: Path) -> Iterator[tuple[Raw | str, str]]:
    """JSON Lines, read line by line: the file may be larger than any one document."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _line(line), f"{path}, line {number}"
    except OSError as error:
        reason = "there is no such file; check the path" if isinstance(error, FileNotFoundError) else error.strerror
        raise DocumentError(str(reason), str(path)) from None


def _line(line: bytes) -> Raw | str:
    try:
        return _mapping(parse_document(line, ""))
    except DocumentError as error:
        return error.problem.message


def _mapping(raw: object) -> Raw | str:
    return {str(key): value for key, value in raw.items()} if isinstance(raw, Mapping) else "should be a mapping"


def _read_labels(path: Path) -> dict[str, Raw]:
    """Labels by id: JSON Lines of labelled rows, or a TSV with the columns id and site, named or in this order.

    Raises:
        TriageError: it cannot be read, or a line lacks its id or site; all at once.
    """
    problems: list[Problem] = []
    found: dict[str, Raw] = {}
    try:
        rows = list(_lines(path) if path.suffix.lower() in _LINES else _tab_separated(path))
    except DocumentError as error:
        raise TriageError([error.problem]) from None
    for raw, place in rows:
        if isinstance(raw, str):
            problems.append(Problem(raw, place))
        elif not raw.get("id") or not raw.get("site"):
            problems.append(Problem("needs an id and a site, as 'patient_1<tab>muscle'", place))
        elif raw["id"] in found:
            problems.append(Problem(f"'{raw['id']}' stands twice; keep one", place))
        else:
            found[str(raw["id"])] = raw
    if problems:
        raise TriageError(problems)
    return found


def _tab_separated(path: Path) -> Iterator[tuple[Raw | str, str]]:
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DocumentError("is not text (UTF-8); labels are a TSV or JSON Lines", str(path)) from None
    columns = ["id", "site"]
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if number == 1 and cells[0].lower() == "id":
            columns = [cell.lower() for cell in cells]
            continue
        if line.strip():
            raw: dict[str, Any] = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
            if "also_accept" in raw:
                raw["also_accept"] = [site.strip() for site in raw["also_accept"].split(",")]
            if "emergency" in raw:
                raw["emergency"] = {"true": True, "false": False}.get(raw["emergency"].lower(), raw["emergency"])
            yield raw, f"{path}, line {number}"


# From a raw row to what is known of a person and what should be found


def _row(raw: Raw | str, place: str, book: Rulebook, labels: Mapping[str, Raw]) -> Labelled:
    if isinstance(raw, str):
        return Labelled(place, place, unread=raw)
    content = raw.get("phenopacket", raw)
    row_id = str(raw.get("id") or (content.get("id") if isinstance(content, Mapping) else None) or place)
    if "expect" in raw and "given" in raw:
        try:
            return _from_teaching_case(TeachingCase.model_validate(raw), place)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            where = ".".join(map(str, detail["loc"]))
            return Labelled(row_id, place, unread=f"{where}: {detail['msg'].removeprefix('Value error, ')}")
    row = _with_label(Labelled(row_id, place, group=_group(raw)), {**raw, **labels.get(row_id, {})}, book)
    try:
        case = _content(raw, book)
    except CaseError as error:
        return row if row.unread else replace(row, unread="; ".join(map(str, error.problems)))
    return replace(row, case=case.model_copy(update={"id": row_id}))


def _from_teaching_case(teaching: TeachingCase, place: str) -> Labelled:
    """Its label is the sites that may lead, the first of them the one it is counted under."""
    leading = teaching.expect.leading
    sites = list(dict.fromkeys(ref.partition(".")[0] for ref in leading or ()))
    pressing = {level in PRESSING for level in teaching.expect.urgency}
    return Labelled(
        id=teaching.id,
        place=place,
        site=sites[0] if sites else None,
        also_accept=tuple(sites[1:]),
        abstain=leading == (),
        emergency=pressing.pop() if len(pressing) == 1 else None,
        urgency=teaching.expect.urgency,
        case=Case(id=teaching.id, findings=teaching.given),
    )


def _with_label(row: Labelled, label: Raw, book: Rulebook) -> Labelled:
    """The row with its label, or with what is wrong with it."""
    site, also, emergency = label.get("site"), label.get("also_accept") or [], label.get("emergency")
    if site is None:
        return replace(row, unread="has no label; give it a 'site', or name a file of ids and sites with --labels")
    if not isinstance(also, list) or not all(isinstance(one, str) for one in [site, *also]):
        return replace(row, unread="'site' is the name of a site, 'also_accept' a list of such names")
    if emergency is not None and not isinstance(emergency, bool):
        return replace(row, unread=f"'emergency' is true or false, not '{emergency}'")
    named = [ref.partition(".")[0] for ref in (site, *also)]
    for name in named:
        if name not in book.sites:
            return replace(row, unread=f"there is no site '{name}'.{did_you_mean(name, book.sites)}")
    group = _group(label) or row.group
    return replace(row, site=named[0], also_accept=tuple(named[1:]), emergency=emergency, group=group)


def _group(raw: Raw) -> str | None:
    """The disease of a row, by which rows belong together; ``group`` where it says so itself."""
    if raw.get("group"):
        return str(raw["group"])
    disease = raw.get("disease")
    named = disease.get("id") if isinstance(disease, Mapping) else disease
    return str(named) if named else None


def _content(raw: Raw, book: Rulebook) -> Case:
    """What is known of the person.

    Raises:
        CaseError: the row holds nothing that can be read, or answers that cannot be.
    """
    if is_phenopacket(raw):
        packets = packets_in(raw)
        if len(packets) != 1:
            raise CaseError([Problem(f"holds {len(packets)} patients; a row is one")])
        return from_phenopacket(packets[0], book)
    if "findings" in raw:
        return case_from_document({key: raw[key] for key in ("findings", "age", "sex") if raw.get(key) is not None})
    if "features" in raw:
        return _from_terms(raw, book)
    if any(raw.get(name) for name in _TEXT_FIELDS):
        raise CaseError([Problem("holds only text, which this release does not read; give findings or HPO features")])
    raise CaseError([Problem("holds nothing to read: no 'findings', no 'features', no 'phenopacket'")])


_SEXES = ("female", "male")


def _from_terms(raw: Raw, book: Rulebook) -> Case:
    """The answers of HPO terms, with sex, age and onset where they are known."""
    terms = raw["features"]
    if not isinstance(terms, list) or not all(
        isinstance(t, Mapping) and (t.get("id") or t.get("label")) for t in terms
    ):
        raise CaseError([Problem("should be a list of terms, as {id: 'HP:0000508', label: Ptosis}", field="features")])
    observations = [
        Observation(
            term=str(t.get("id") or t["label"]), label=str(t.get("label", "")), excluded=t.get("excluded") is True
        )
        for t in terms
    ]
    read = read_terms(observations, book, age=raw.get("age"), onset=str(raw.get("onset") or ""))
    sex = str(raw.get("sex") or "").lower()
    return Case(
        findings=read.answers,
        sex=sex if sex in _SEXES else None,
        features=tuple(
            Feature(id=one.term, label=one.label, excluded=one.excluded, spoke_of=spoke)
            for one, spoke in zip(observations, read.spoke_of, strict=True)
        ),
        notices=read.notices,
    )
