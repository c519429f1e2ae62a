"""Checks a rulebook against the house rules, runs every example and every case, and counts what it checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from triage.case import Case
from triage.errors import CaseError, Problem, RulebookError, did_you_mean
from triage.facts import Facts, close
from triage.firing import full_lookup, reading_of
from triage.focal import join_plainly, localise
from triage.intake import settle
from triage.knowledge import Evidence, Examples, Expectation, Given, Never, Side
from triage.lesion_findings import in_general
from triage.questions import findings_in
from triage.reading.ontology import ontology_of
from triage.rulebook import CITING, Rulebook
from triage.teaching import run
from triage.when import ABSENT, UNSURE, Condition, Is, Range, atoms, judge


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was checked, and every problem found."""

    counts: Mapping[str, int]
    problems: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        """No problems, and something of everything was there to check."""
        return not self.problems and all(self.counts.values())


def check(book: Rulebook) -> Checked:
    """The whole rulebook: house rules, examples, citations, codes and cases."""
    entries, counter = check_entries(book), Counter[str]()
    problems = tuple(_cases(book, counter))
    return Checked({**entries.counts, **counter}, (*entries.problems, *problems))


def check_entries(book: Rulebook) -> Checked:
    """The rulebook without its cases, whose consultations take most of the time."""
    counter: Counter[str] = Counter()
    for kind in ("findings", *CITING):
        counter[kind.replace("_", " ")] = len(getattr(book, kind))
    counter["sources"] = len(book.sources)
    problems = [*_house_rules(book), *_hpo(book, counter), *_examples(book, counter), *_citations(book, counter)]
    return Checked(dict(counter), tuple(problems))


def _place(book: Rulebook, kind: str, name: str) -> str:
    return book.places.get(f"{kind}/{name}", kind)


# House rules


def _house_rules(book: Rulebook) -> Iterator[Problem]:
    yield from _synonyms(book)
    yield from _unused_patterns(book)
    yield from _flags(book)
    yield from _weak_only(book)
    yield from _one_theme(book)


def _synonyms(book: Rulebook) -> Iterator[Problem]:
    """The same words must not mean two findings."""
    owner: dict[str, str] = {}
    for finding in book.findings.values():
        for words in {finding.label.casefold(), *(s.casefold() for s in finding.synonyms)}:
            if owner.setdefault(words, finding.name) != finding.name:
                message = f"'{words}' already means {owner[words]}; words mean one finding"
                yield Problem(message, _place(book, "findings", finding.name), finding.name, "synonyms")


def _unused_patterns(book: Rulebook) -> Iterator[Problem]:
    conditions: list[Condition] = [p.when for p in book.patterns.values()]
    conditions += [e.when for e in book.evidence.values()] + [i.when for i in book.investigations.values()]
    conditions += [c for p in book.conditions.values() for c in (*p.hallmarks, *p.expected, *p.against)]
    used = {atom.name for condition in conditions for atom in atoms(condition)}
    for name in book.patterns.keys() - used:
        yield Problem("nothing uses this pattern; use it or take it out", _place(book, "patterns", name), name)


def _flags(book: Rulebook) -> Iterator[Problem]:
    """Red flags: sourced, nothing computed, nothing denied, so that a finding can only raise urgency."""
    for flag in book.red_flags.values():
        place = _place(book, "red_flags", flag.id)
        if flag.status == "draft":
            yield Problem("a red flag must be sourced", place, flag.id, "status")
        for where, condition in (("when", flag.when), ("relevant_when", flag.relevant_when)):
            for atom in atoms(condition) if condition else ():
                if book.findings[atom.name].computed:
                    yield Problem(f"'{atom.name}' is computed; use what was said", place, flag.id, where)
                if atom.test in (ABSENT, UNSURE):
                    yield Problem(f"'{atom}': a red flag never rests on a denial", place, flag.id, where)


def _weak_only(book: Rulebook) -> Iterator[Problem]:
    for rule in book.evidence.values():
        reached = list(findings_in(rule.when, book))
        place = _place(book, "evidence", rule.id)
        for atom in reached:
            computed = book.findings[atom.name].computed
            if computed and computed.what == "not_mentioned" and not rule.strength.startswith("weakly_"):
                message = f"'{atom.name}' is for weakly_ rules only: unknown is not absent"
                yield Problem(message, place, rule.id, "strength")
        if rule.strength in ("for", "strongly_for") and all(book.findings[a.name].domain == "history" for a in reached):
            yield Problem("history is at most weakly_for: it must not anchor", place, rule.id, "strength")


def _said(atom: Is) -> tuple[str, str]:
    """A finding with what is said of it: there, not there, or its own value."""
    if isinstance(atom.test, Range):
        return atom.name, "number"
    return atom.name, atom.test if atom.test in (ABSENT, UNSURE) else "present"


def _one_theme(book: Rulebook) -> Iterator[Problem]:
    """A finding reaches one sub-site through one theme only."""
    routes: dict[tuple[str, tuple[str, str]], dict[str, list[Evidence]]] = {}
    for rule in book.evidence.values():
        if rule.overlap:
            continue
        for said in {
            _said(atom) for atom in findings_in(rule.when, book) if book.findings[atom.name].domain != "course"
        }:
            for ref in book.sub_sites_of(rule.site):
                routes.setdefault((ref, said), {}).setdefault(rule.theme, []).append(rule)
    reported: set[tuple[str, str]] = set()
    for (ref, (name, value)), themes in routes.items():
        if len(themes) < 2:
            continue
        (home, _), *others = sorted(themes.items(), key=lambda item: -len(item[1]))
        for _theme, rules in others:
            for rule in rules:
                if (rule.id, name) not in reported:
                    reported.add((rule.id, name))
                    message = (
                        f"'{name}: {value}' already reaches {ref} through the theme {home}; "
                        f"move the rule there, ask for something else, or give the reason as overlap"
                    )
                    yield Problem(message, _place(book, "evidence", rule.id), rule.id, "theme")


# Codes


def _hpo(book: Rulebook, counter: Counter[str]) -> Iterator[Problem]:
    """Every HPO id is in force in the release at hand, and carries the label it has there."""
    ontology = ontology_of(book)
    own = [("findings", finding.name, finding.hpo) for finding in book.findings.values() if finding.hpo]
    others = [(kind, term.id, term) for kind in ("terms", "modifiers") for term in getattr(book, kind).values()]
    for kind, name, term in (*own, *others):
        counter["HPO ids"] += 1
        current = ontology.current(term.id)
        if current is None:
            near = ontology.current(term.label)
            hint = f" '{term.label}' is {near}." if near else ontology.near(term.label)
            message = f"{term.id} is not in HPO release {ontology.release}.{hint}"
        elif current != term.id:
            message = f"{term.id} was replaced by {current}, {ontology.label(current)}"
        elif ontology.is_obsolete(term.id):
            message = f"{term.id} is obsolete"
        elif term.label != ontology.label(term.id):
            message = f"the label of {term.id} is '{ontology.label(term.id)}', not '{term.label}'"
        else:
            continue
        yield Problem(message, _place(book, kind, name), name, "hpo" if kind == "findings" else "")


# Examples


def _examples(book: Rulebook, counter: Counter[str]) -> Iterator[Problem]:
    for kind in ("patterns", "evidence", "red_flags", "investigations"):
        for name, entry in getattr(book, kind).items():
            reading = reading_of(entry) if kind == "red_flags" else "plain"
            holds = _holder(book, entry.when, reading)
            yield from _run_examples(book, kind, name, entry.examples, holds, counter)


def _run_examples(
    book: Rulebook, kind: str, name: str, examples: Examples, holds: Callable[[Given], bool], counter: Counter[str]
) -> Iterator[Problem]:
    for where, wanted in (("fires", True), ("silent", False)):
        for position, example in enumerate(getattr(examples, where), 1):
            counter["examples"] += 1
            place, field = _place(book, kind, name), f"examples.{where} {position}"
            try:
                if holds(example) != wanted:
                    yield Problem("does not fire" if wanted else "fires, but must stay silent", place, name, field)
            except CaseError as error:
                for problem in error.problems:
                    yield Problem(f"{problem.entry}: {problem.message}", place, name, field)


def _holder(book: Rulebook, condition: Condition, reading: str) -> Callable[[Given], bool]:
    on_patterns = any(atom.name in book.patterns for atom in atoms(condition))

    def holds(example: Given) -> bool:
        standings: dict[str, Any] = {
            name: v for name, v in example.items() if name in book.sites or name in book.sub_sites
        }
        findings = {name: value for name, value in example.items() if name not in standings}
        said = close(settle(Case(findings=findings), book).said, book)
        facts = in_general(book, said, localise(book, said, join_plainly))
        patterns = patterns_of(book, facts) if on_patterns else set()
        return bool(judge(condition, full_lookup(book, facts, patterns, standings, reading)))

    return holds


def patterns_of(book: Rulebook, facts: Facts) -> set[str]:
    """The patterns that hold of some facts."""
    found: set[str] = set()
    lookup = full_lookup(book, facts, found, {}, "plain")
    for pattern in book.patterns.values():
        if judge(pattern.when, lookup):
            found.add(pattern.id)
    return found


# Citations and cases


def _citations(book: Rulebook, counter: Counter[str]) -> Iterator[Problem]:
    cited: set[str] = set()
    for kind in CITING:
        for entry in getattr(book, kind).values():
            counter["citations"] += len(entry.cite)
            counter["sourced entries"] += entry.status != "draft"
            cited.update(citation.source for citation in entry.cite)
    codes = [code for table in (book.tests, book.conditions) for entry in table.values() for code in entry.codes]
    counter["codes"] = len(codes)
    cited.update(code.cite.source for code in codes)
    for source in book.sources.keys() - cited:
        yield Problem("nothing cites this source; take it out", _place(book, "sources", source), source)


def _cases(book: Rulebook, counter: Counter[str]) -> Iterator[Problem]:
    try:
        cases = book.cases()
    except RulebookError as error:
        yield from error.problems
        return
    counter["cases"] = len(cases)
    for case in cases:
        unknown = list(_unknown_in_case(case.id, book, _references(case.expect, case.never, book)))
        yield from unknown
        if unknown:
            continue
        try:
            _, wrong = run(case, book)
        except CaseError as error:
            for problem in error.problems:
                yield Problem(f"{problem.entry}: {problem.message}", "cases", case.id, "given")
            continue
        counter["cases as expected"] += not wrong
        for message in wrong:
            yield Problem(message, "cases", case.id, "expect")


def _references(expect: Expectation, never: Never, book: Rulebook) -> Iterator[tuple[str, str, Iterable[str]]]:
    sites = [*book.sites, *book.sub_sites]
    tables: dict[str, Iterable[str]] = {
        "leading": sites, "standing": sites, "red_flags": book.red_flags, "asks": book.findings,
        "conditions": book.conditions, "next_examination": book.anatomy.by_finding,
    }  # fmt: skip
    if named := {lesion for lesions in (*expect.lesions, never.lesions) for lesion in lesions}:
        lesions = [f"{place}:{side}" for place in book.lesion_sites for side in (*get_args(Side), "both")]
        for lesion in sorted(named):
            yield "lesions", lesion, lesions
    for part in (expect, never):
        for field, known in tables.items():
            for name in getattr(part, field, None) or ():
                yield field, name, known


def _unknown_in_case(case: str, book: Rulebook, refs: Iterable[tuple[str, str, Iterable[str]]]) -> Iterator[Problem]:
    for field, name, known in refs:
        if name not in known:
            yield Problem(f"there is no '{name}'.{did_you_mean(name, known)}", _place(book, "cases", case), case, field)
