"""Reads and cross-checks ``rules/`` → Rulebook (frozen; version, fingerprint)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from triage.anatomy import MOST_SUPPLIES, Anatomy
from triage.compiling import CASES, compiled_folder
from triage.documents import DocumentError, parse_document, read_bytes
from triage.errors import Problem, RulebookError, did_you_mean
from triage.implications import Implications
from triage.knowledge import (
    Answer,
    ConditionProfile,
    Evidence,
    Finding,
    Given,
    Investigation,
    LesionSite,
    Modifier,
    Pattern,
    RedFlag,
    Scale,
    Site,
    Source,
    SubSite,
    Supply,
    Support,
    TeachingCase,
    Term,
    Test,
    Topic,
)
from triage.when import ABSENT, BOTH, LEFT, ONE_SIDE, PRESENT, RIGHT, UNSURE, AtLeast, Condition, Is, Range, atoms

STANDINGS = ("leading", "possible", "unlikely", "not_assessed")
HPO_TABLE = "hpo.tsv"
"""The Human Phenotype Ontology, as far as it is used; read when a term has to be understood."""
_SIDE_TESTS = (LEFT, RIGHT, BOTH, ONE_SIDE)

_LISTS: Mapping[str, type[BaseModel]] = MappingProxyType(
    {
        "findings": Finding,
        "patterns": Pattern,
        "evidence": Evidence,
        "red_flags": RedFlag,
        "tests": Test,
        "investigations": Investigation,
        "conditions": ConditionProfile,
        "topics": Topic,
        "terms": Term,
        "terms/modifiers": Modifier,
        "anatomy/lesion_sites": LesionSite,
        "anatomy/supply": Supply,
        "anatomy/supports": Support,
        "sources": Source,
    }
)

CITING = (
    "patterns", "evidence", "red_flags", "tests", "investigations", "conditions", "topics", "lesion_sites", "supply",
    "supports",
)  # fmt: skip
"""The kinds of entries that cite sources."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class Rulebook:
    """Everything the rules say, checked and frozen; safe to share between threads."""

    findings: Mapping[str, Finding]
    patterns: Mapping[str, Pattern]
    """In an order in which every pattern comes after those it builds on."""
    evidence: Mapping[str, Evidence]
    red_flags: Mapping[str, RedFlag]
    tests: Mapping[str, Test]
    investigations: Mapping[str, Investigation]
    conditions: Mapping[str, ConditionProfile]
    topics: Mapping[str, Topic]
    terms: Mapping[str, Term]
    """HPO terms that are no finding's own, by id."""
    modifiers: Mapping[str, Modifier]
    """HPO terms that say more of an observation, by id."""
    lesion_sites: Mapping[str, LesionSite]
    """Where a lesion may sit on the way from the cord to muscle and skin."""
    supply: Mapping[str, Supply]
    """What each movement, skin area and reflex is supplied by."""
    supports: Mapping[str, Support]
    sources: Mapping[str, Source]
    sites: Mapping[str, Site]
    scale: Scale
    fingerprint: str
    """SHA-256 over every file that was read: the same rules, the same fingerprint."""
    folders: tuple[Path, ...]
    places: Mapping[str, str] = field(repr=False)
    """The file of each entry, by ``kind/id``."""

    @cached_property
    def sub_sites(self) -> Mapping[str, SubSite]:
        """Every ``site.sub_site`` in declared order."""
        return MappingProxyType(
            {
                f"{site_id}.{sub_id}": sub
                for site_id, site in self.sites.items()
                for sub_id, sub in site.sub_sites.items()
            }
        )

    @cached_property
    def by_hpo(self) -> Mapping[str, str]:
        """Finding names by HPO id."""
        return MappingProxyType({f.hpo.id: f.name for f in self.findings.values() if f.hpo})

    @cached_property
    def implications(self) -> Implications:
        """What follows from what among the findings."""
        return Implications(self.findings)

    @cached_property
    def anatomy(self) -> Anatomy:
        """What a lesion at each place would affect."""
        return Anatomy(self.lesion_sites, self.supply)

    def sub_sites_of(self, ref: str) -> tuple[str, ...]:
        """The sub-sites a reference means: all of a site's, or the one named."""
        if "." in ref:
            return (ref,)
        return tuple(f"{ref}.{sub_id}" for sub_id in self.sites[ref].sub_sites)

    def site_label(self, ref: str) -> str:
        """The clinical label of a site or sub-site."""
        return self.sub_sites[ref].label if "." in ref else self.sites[ref].label

    def cases(self) -> tuple[TeachingCase, ...]:
        """The teaching cases of all folders, read on demand.

        Raises:
            RulebookError: a case is malformed; every problem is named.
        """
        reader = _Reader(self.folders)
        cases = tuple(reader.entries(CASES, TeachingCase, "id").values())
        reader.raise_if_any()
        return cases


def entry_models() -> tuple[type[BaseModel], ...]:
    """The models of everything a rules folder may hold."""
    return (*_LISTS.values(), Site, Scale, TeachingCase)


def builtin_folder() -> Path:
    """Where the built-in rules are: inside the wheel, or beside the package in a checkout."""
    inside = Path(__file__).parent / "rules"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "rules"


def load_rulebook(path: str | Path | None = None, *, overlay: Iterable[str | Path] = ()) -> Rulebook:
    """The built-in rulebook, or the one in the folder ``path``, with ``overlay`` folders laid over it.

    An overlay holds the same files as ``rules/``, as few as it likes: an entry of the same id replaces, a new one adds.
    The same folders with the same contents are read once.

    Raises:
        RulebookError: anything does not hold together; ``problems`` names every file, entry and field.
    """
    folders = [Path(p).resolve() for p in (path if path is not None else builtin_folder(), *overlay)]
    for folder in folders:
        if not folder.is_dir():
            raise RulebookError([Problem("there is no such folder of rules; name one shaped like rules/", str(folder))])
    stamps = tuple((folder, _stamp(folder)) for folder in folders)
    return _load(stamps)


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file of the folder does: enough to notice an edit without reading it."""
    paths = [*sorted(folder.rglob("*.yaml")), *folder.glob(HPO_TABLE)]
    return tuple((str(p), (s := p.stat()).st_mtime_ns, s.st_size) for p in paths)


@lru_cache(maxsize=8)
def _load(stamps: tuple[tuple[Path, Any], ...]) -> Rulebook:
    reader = _Reader([folder for folder, _ in stamps])
    tables: dict[str, Mapping[str, Any]] = {
        PurePath(kind).name: MappingProxyType(reader.entries(kind, model, "name" if kind == "findings" else "id"))
        for kind, model in _LISTS.items()
    }
    sites = reader.sites()
    scale = reader.scale()
    if scale is None or not sites or reader.lost:
        reader.raise_if_any()
    assert scale is not None
    reader.stamp(HPO_TABLE)
    rulebook = Rulebook(
        **tables,
        sites=MappingProxyType(sites),
        scale=scale,
        fingerprint=reader.fingerprint(),
        folders=tuple(folder for folder, _ in stamps),
        places=MappingProxyType(reader.places),
    )
    problems = [*reader.problems, *_cross_check(rulebook)]
    if problems:
        raise RulebookError(problems)
    return _with_ordered_patterns(rulebook)


class _Reader:
    """Reads folders of rules, later ones over earlier ones, and gathers every problem."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.problems: list[Problem] = []
        self.lost = False
        """Whether an entry or a file could not be read at all: then names that seem unknown may be among the lost."""
        self.places: dict[str, str] = {}
        self._hash = hashlib.sha256()
        self._compiled: dict[Path, dict[str, Any]] = {}
        for folder in folders:
            self._compiled[folder] = compiled_folder(folder)

    def raise_if_any(self) -> None:
        if self.problems:
            raise RulebookError(self.problems)

    def fingerprint(self) -> str:
        return self._hash.hexdigest()

    def stamp(self, name: str) -> None:
        """Let a file that is read only when it is needed count for the fingerprint."""
        for folder in self.folders:
            if (folder / name).is_file():
                self._hash.update(name.encode() + b"\0" + (folder / name).read_bytes() + b"\0")

    def _files(self, kind: str) -> Iterator[tuple[Path, Path]]:
        for folder in self.folders:
            single = folder / f"{kind}.yaml"
            if single.is_file():
                yield folder, single
            for path in sorted((folder / kind).rglob("*.yaml")):
                if path.relative_to(folder).with_suffix("").as_posix() not in _LISTS:  # a file that is its own kind
                    yield folder, path

    def _document(self, folder: Path, path: Path) -> Any:
        relative = path.relative_to(folder).as_posix()
        try:
            data = read_bytes(path)
            self._hash.update(relative.encode() + b"\0" + data + b"\0")
            known = self._compiled[folder].get(relative)
            if known and known["sha256"] == hashlib.sha256(data).hexdigest():
                return known["data"]
            return parse_document(data, relative)
        except DocumentError as error:
            self.problems.append(error.problem)
            self.lost = True
            return None

    def mapping(self, name: str) -> dict[str, Any]:
        """A mapping file, later folders merged over earlier ones key by key."""
        merged: dict[str, Any] = {}
        paths = [(folder, folder / name) for folder in self.folders if (folder / name).is_file()]
        if not paths:
            self.problems.append(Problem("is missing; a rulebook needs it", name))
        for folder, path in paths:
            before = len(self.problems)
            document = self._document(folder, path)
            if len(self.problems) > before:
                continue
            if not isinstance(document, dict):
                self.problems.append(Problem("should be a mapping", name))
                continue
            for key, value in document.items():
                old = merged.get(key)
                merged[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        return merged

    def sites(self) -> dict[str, Site]:
        """The sites by id; there must be some."""
        raw = self.mapping("sites.yaml")
        if not raw:
            return {}
        entries = raw.get("sites")
        if not isinstance(entries, dict) or not entries:
            self.problems.append(Problem("should hold a mapping 'sites' with at least one site", "sites.yaml"))
            return {}
        checked = {str(name): self.validate(Site, entry, "sites.yaml", str(name)) for name, entry in entries.items()}
        return {name: site for name, site in checked.items() if site is not None}

    def scale(self) -> Scale | None:
        """The scale, where its file could be read at all."""
        raw = self.mapping("scale.yaml")
        return self.validate(Scale, raw, "scale.yaml", "") if raw else None

    def entries(self, kind: str, model: type[M], id_field: str) -> dict[str, M]:
        """Every entry of one kind by its id; a second one in the same folder is a problem."""
        found: dict[str, M] = {}
        seen: dict[tuple[Path, str], str] = {}
        for folder, path in self._files(kind):
            file = path.relative_to(folder).as_posix()
            document = self._document(folder, path)
            if document is None:
                continue
            if not isinstance(document, list):
                self.problems.append(Problem("should be a list of entries, each beginning with '- '", file))
                continue
            for position, raw in enumerate(document, 1):
                name = str(raw.get(id_field, f"entry {position}")) if isinstance(raw, dict) else f"entry {position}"
                entry = self.validate(model, raw, file, name)
                named = isinstance(raw, dict) and id_field in raw
                if named and (folder, name) in seen:
                    self.problems.append(
                        Problem(f"stands already in {seen[folder, name]}; names are unique", file, name)
                    )
                seen[folder, name] = file
                if entry is not None:
                    found[name] = entry
                    self.places[f"{PurePath(kind).name}/{name}"] = file
        return found

    def validate(self, model: type[M], raw: object, file: str, name: str) -> M | None:
        """The entry, every fault noted; one whose only fault is unknown fields is still looked at without them."""
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            details = error.errors(include_url=False)
            for detail in details:
                where = ".".join(str(step) for step in detail["loc"])
                message = detail["msg"].removeprefix("Value error, ")
                if detail["type"] == "extra_forbidden":
                    names = [f.alias or key for key, f in model.model_fields.items()]
                    message = f"unknown field.{did_you_mean(str(detail['loc'][-1]), names)}"
                self.problems.append(Problem(message, file, name, where))
            unknown = {detail["loc"][0] for detail in details if detail["type"] == "extra_forbidden"}
            if isinstance(raw, dict) and all(d["type"] == "extra_forbidden" and len(d["loc"]) == 1 for d in details):
                return self.validate(model, {k: v for k, v in raw.items() if k not in unknown}, file, name)
            self.lost = True
            return None


def _with_ordered_patterns(rulebook: Rulebook) -> Rulebook:
    graph = {
        p.id: [a.name for a in atoms(p.when) if a.name in rulebook.patterns and a.name != p.id]
        for p in rulebook.patterns.values()
    }
    order = TopologicalSorter(graph).static_order()
    ordered = MappingProxyType({pattern_id: rulebook.patterns[pattern_id] for pattern_id in order})
    return replace(rulebook, patterns=ordered)


def _cross_check(book: Rulebook) -> Iterator[Problem]:
    """Every name that is used must exist and be used as what it is."""
    checker = _CrossCheck(book)
    yield from checker.findings()
    yield from checker.conditions_in_entries()
    yield from checker.references()
    yield from checker.terms()
    yield from checker.anatomy()
    yield from checker.cycles()


class _CrossCheck:
    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.sites = {*book.sites, *book.sub_sites}
        self.speakable = {*book.findings, *book.patterns}

    def _problem(self, kind: str, name: str, where: str, message: str) -> Problem:
        return Problem(message, self.book.places.get(f"{kind}/{name}", kind), name, where)

    def findings(self) -> Iterator[Problem]:
        scale = self.book.scale
        for name in (*scale.always_ask, scale.time_since_onset, scale.age_at_onset):
            if name and name not in self.book.findings:
                yield Problem(f"there is no finding '{name}'.{did_you_mean(name, self.book.findings)}", "scale.yaml")
        for f in self.book.findings.values():
            if f.name in self.book.patterns or f.name in self.sites:
                yield self._problem("findings", f.name, "name", "is also the name of a pattern or site; rename one")
            if f.domain not in self.book.scale.domains:
                near = did_you_mean(f.domain, self.book.scale.domains)
                yield self._problem("findings", f.name, "domain", f"'{f.domain}' is not in scale.yaml.{near}")
            for domain in f.computed.of if f.computed else ():
                if domain not in self.book.scale.domains:
                    yield self._problem("findings", f.name, "computed", f"there is no domain '{domain}'")
            if f.not_above and (f.not_above not in self.book.findings or f.value != "number"):
                yield self._problem("findings", f.name, "not_above", f"needs two numbers, found '{f.not_above}'")
            for taken in f.taken_as:
                yield from self._condition("findings", f.name, "taken_as", taken.when, findings_only=True)
            for implied in f.implies:
                for name, value in ({implied: PRESENT} if isinstance(implied, str) else implied).items():
                    yield from self._atom("findings", f.name, "implies", Is(name, value), findings_only=True)
            for excluded in f.excludes:
                for name, value in excluded.items():
                    yield from self._atom("findings", f.name, "excludes", Is(name, value), findings_only=True)
        seen: dict[str, str] = {}
        for f in self.book.findings.values():
            if f.hpo and seen.setdefault(f.hpo.id, f.name) != f.name:
                yield self._problem("findings", f.name, "hpo", f"{f.hpo.id} already belongs to {seen[f.hpo.id]}")

    def conditions_in_entries(self) -> Iterator[Problem]:
        book = self.book
        for p in book.patterns.values():
            yield from self._condition("patterns", p.id, "when", p.when)
        for e in book.evidence.values():
            yield from self._condition("evidence", e.id, "when", e.when)
        for r in book.red_flags.values():
            yield from self._condition("red_flags", r.id, "when", r.when, findings_only=True)
            if r.relevant_when is not None:
                yield from self._condition("red_flags", r.id, "relevant_when", r.relevant_when, findings_only=True)
        for i in book.investigations.values():
            yield from self._condition("investigations", i.id, "when", i.when, standings=True)
        for c in book.conditions.values():
            for where in ("hallmarks", "expected", "against"):
                for condition in getattr(c, where):
                    yield from self._condition("conditions", c.id, where, condition)

    def references(self) -> Iterator[Problem]:
        book = self.book
        for e in book.evidence.values():
            yield from self._known("evidence", e.id, "site", e.site, self.sites, "site")
            yield from self._known("evidence", e.id, "theme", e.theme, book.scale.themes, "theme")
        for i in book.investigations.values():
            yield from self._known("investigations", i.id, "test", i.test, book.tests, "test")
            for ref in i.for_:
                yield from self._known("investigations", i.id, "for", ref, self.sites, "site")
        for c in book.conditions.values():
            for ref in c.lives_at:
                yield from self._known("conditions", c.id, "lives_at", ref, self.sites, "site")
        for kind in CITING:
            for name, entry in getattr(book, kind).items():
                for citation in entry.cite:
                    yield from self._known(kind, name, "cite", citation.source, book.sources, "source")
        for kind in ("tests", "conditions"):
            yield from self._codes(kind, getattr(book, kind))

    def _codes(self, kind: str, entries: Mapping[str, Test] | Mapping[str, ConditionProfile]) -> Iterator[Problem]:
        """A code means one entry only, and somebody read it somewhere."""
        owner: dict[str, str] = {}
        for name, entry in entries.items():
            for code in entry.codes:
                yield from self._known(kind, name, "codes", code.cite.source, self.book.sources, "source")
                if code.id in owner:
                    message = f"{code.id} already belongs to {owner[code.id]}; a code means one thing exactly"
                    yield self._problem(kind, name, "codes", message)
                owner[code.id] = name

    def terms(self) -> Iterator[Problem]:
        book = self.book
        for term in book.terms.values():
            if owner := book.by_hpo.get(term.id):
                yield self._problem("terms", term.id, "", f"is the finding '{owner}' itself; take this entry out")
            if term.id in book.modifiers:
                yield self._problem("terms", term.id, "", "is a modifier too; keep one")
            yield from self._answers("terms", term.id, "present", term.present)
            yield from self._answers("terms", term.id, "absent", term.absent)
        for modifier in book.modifiers.values():
            yield from self._answers("modifiers", modifier.id, "present", modifier.present)
            for domain in modifier.of:
                yield from self._known("modifiers", modifier.id, "of", domain, self.book.scale.domains, "domain")

    def anatomy(self) -> Iterator[Problem]:
        book = self.book
        for site in book.lesion_sites.values():
            yield from self._known("lesion_sites", site.id, "site", site.site, book.sub_sites, "sub-site")
            for place in site.from_:
                yield from self._place("lesion_sites", site.id, "from", place, site.limb)
        for limb, many in Counter(supply.limb for supply in book.supply.values()).items():
            if many > MOST_SUPPLIES:
                yield Problem(f"the {limb} has {many} supplies; there is room for {MOST_SUPPLIES}", "anatomy/supply")
        owner: dict[str, str] = {}
        for supply in book.supply.values():
            yield from self._atom("supply", supply.id, "finding", Is(supply.finding, PRESENT), findings_only=True)
            if owner.setdefault(supply.finding, supply.id) != supply.id:
                message = f"'{supply.finding}' already is the deficit of {owner[supply.finding]}"
                yield self._problem("supply", supply.id, "finding", message)
            for place in (*(branch.at for branch in supply.by), *supply.often_spared_at):
                yield from self._place("supply", supply.id, "by", place, supply.limb)
        for support in book.supports.values():
            yield from self._condition("supports", support.id, "when", support.when, findings_only=True)
            for place in support.for_:
                yield from self._known("supports", support.id, "for", place, book.lesion_sites, "lesion site")

    def _place(self, kind: str, name: str, where: str, place: str, limb: str) -> Iterator[Problem]:
        yield from self._known(kind, name, where, place, self.book.lesion_sites, "lesion site")
        site = self.book.lesion_sites.get(place)
        if site and site.limb != limb:
            yield self._problem(kind, name, where, f"'{place}' is in the {site.limb}, not in the {limb}")

    def _answers(self, kind: str, name: str, where: str, answers: Given) -> Iterator[Problem]:
        for finding, answer in answers.items():
            if isinstance(answer, list):
                yield self._problem(kind, name, where, f"'{finding}' has several answers; keep one")
            elif finding not in self.book.findings:
                near = did_you_mean(finding, self.book.findings)
                yield self._problem(kind, name, where, f"there is no finding '{finding}'.{near}")
            elif wrong := self._wrong_answer(self.book.findings[finding], answer):
                yield self._problem(kind, name, where, wrong)

    def _wrong_answer(self, finding: Finding, answer: Answer) -> str | None:
        if isinstance(answer, bool):
            answer = PRESENT if answer else ABSENT
        if finding.value != "number":
            if answer == ONE_SIDE:
                return "one_side is no answer; say left, right, both or present"
            return self._wrong_value(finding, Is(finding.name, str(answer)))
        if isinstance(answer, str):
            return None if answer == UNSURE else f"'{finding.name}' is a number of {finding.unit}"
        assert finding.min is not None and finding.max is not None  # noqa: PT018
        inside = finding.min <= answer <= finding.max
        return None if inside else f"{answer:g} is impossible; it lies between {finding.min:g} and {finding.max:g}"

    def _known(self, kind: str, name: str, where: str, ref: str, known: Iterable[str], what: str) -> Iterator[Problem]:
        known = list(known)
        if ref not in known:
            yield self._problem(kind, name, where, f"there is no {what} '{ref}'.{did_you_mean(ref, known)}")

    def cycles(self) -> Iterator[Problem]:
        book = self.book
        built_on = {p.id: [a.name for a in atoms(p.when) if a.name in book.patterns] for p in book.patterns.values()}
        implied = {
            f.name: [n for i in f.implies for n in ([i] if isinstance(i, str) else i)] for f in book.findings.values()
        }
        nearer = {site.id: list(site.from_) for site in book.lesion_sites.values()}
        for kind, graph in (("patterns", built_on), ("findings", implied), ("lesion_sites", nearer)):
            try:
                TopologicalSorter(graph).prepare()
            except CycleError as error:
                ring = " → ".join(error.args[1])
                yield self._problem(kind, error.args[1][0], "", f"goes round in a circle: {ring}")

    def _condition(
        self,
        kind: str,
        name: str,
        where: str,
        condition: Condition,
        *,
        findings_only: bool = False,
        standings: bool = False,
    ) -> Iterator[Problem]:
        if isinstance(condition, Is):
            yield from self._atom(kind, name, where, condition, findings_only=findings_only, standings=standings)
            return
        counts = isinstance(condition, AtLeast)
        for part in condition.parts:
            yield from self._condition(
                kind, name, where, part, findings_only=findings_only or counts, standings=standings and not counts
            )

    def _atom(
        self, kind: str, name: str, where: str, atom: Is, *, findings_only: bool = False, standings: bool = False
    ) -> Iterator[Problem]:
        wrong = self._wrong_use(atom, findings_only=findings_only, standings=standings)
        if wrong:
            yield self._problem(kind, name, where, wrong)

    def _wrong_use(self, atom: Is, *, findings_only: bool, standings: bool) -> str | None:
        book = self.book
        if atom.name in self.sites and standings:
            return None if atom.test in STANDINGS else f"a standing is one of {', '.join(STANDINGS)}, not '{atom.test}'"
        if atom.name in book.patterns and not findings_only:
            return None if atom.test == PRESENT else f"'{atom.name}' is a pattern: only 'present' can be asked of it"
        if atom.name not in book.findings:
            near = did_you_mean(atom.name, book.findings if findings_only else self.speakable)
            if atom.name in self.speakable or atom.name in self.sites:
                return f"'{atom.name}' cannot be used here: only findings can.{near}"
            return f"there is no finding or pattern '{atom.name}'.{near}"
        return self._wrong_value(book.findings[atom.name], atom)

    @staticmethod
    def _wrong_value(finding: Finding, atom: Is) -> str | None:
        if atom.test == UNSURE:
            return None
        if finding.value == "number":
            return None if isinstance(atom.test, Range) else f"'{finding.name}' is a number: use {{at_least: n}}"
        if isinstance(atom.test, Range):
            return f"'{finding.name}' is not a number"
        if finding.value == "choice":
            if atom.test in finding.choices:
                return None
            listed = ", ".join(finding.choices)
            near = did_you_mean(atom.test, finding.choices)
            return f"'{atom.test}' is not a choice of '{finding.name}': {listed}.{near}"
        if atom.test in (PRESENT, ABSENT) or (finding.sided and atom.test in _SIDE_TESTS):
            return None
        if atom.test in _SIDE_TESTS:
            return f"'{finding.name}' has no sides; use present, or make it sided"
        return f"'{atom.test}' is not a value of '{finding.name}'; use present or absent"
