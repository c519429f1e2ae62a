"""Any entry of the rulebook explained, by its name or in ordinary words: what it is, what uses it, its sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Literal, TypeAlias

from triage.errors import did_you_mean
from triage.knowledge import (
    Citation,
    Code,
    ConditionProfile,
    Evidence,
    Finding,
    Investigation,
    Pattern,
    RedFlag,
    Sourced,
    Test,
    Topic,
)
from triage.pages import Page, as_markdown, as_text
from triage.rulebook import Rulebook
from triage.when import AnyOf, AtLeast, Condition, Is, atoms

Draw: TypeAlias = Callable[[Page], None]


def _join(words: Iterable[str]) -> str:
    return ", ".join(words)


class UnknownNameError(LookupError):
    """Nothing in the rulebook goes by this name; the message says what is near."""


def explain(name: str, book: Rulebook, fmt: Literal["text", "markdown"] = "text", *, width: int = 80) -> str:
    """What a finding, pattern, rule, site, test, condition, red flag or topic is, by name or in ordinary words.

    Raises:
        UnknownNameError: nothing goes by this name; the message offers the nearest.
    """
    page = Page()
    for draw in _matches(name, book):
        draw(page)
    if not page.blocks:
        raise UnknownNameError(_nothing(name, book))
    return as_markdown(page) if fmt == "markdown" else as_text(page, width)


def _words(text: str) -> str:
    return re.sub(r"[^\w\s.:/-]", "", re.sub(r"[\s_]+", " ", text)).strip().casefold()


def _matches(name: str, book: Rulebook) -> list[Draw]:
    """Everything the words fit exactly; else the few that hold all of them with the least beside."""
    wanted = _words(name)
    index = list(_index(book))
    exact = [draw for names, draw in index if wanted in names]
    stems = set(wanted.split()) - _SMALL_WORDS
    if exact or not stems:
        return exact
    found = []
    for names, draw in index:
        surplus = [len(set(n.split()) - stems - _SMALL_WORDS) for n in names if stems <= set(n.split())]
        if surplus:
            found.append((min(surplus), draw))
    return [draw for _, draw in sorted(found, key=lambda pair: pair[0])[:3]]


_SMALL_WORDS = frozenset(
    ["a", "an", "the", "of", "is", "are", "what", "how", "do", "does", "i", "my", "it", "to", "in", "for", "be", "like"]
)


def _index(book: Rulebook) -> Iterator[tuple[set[str], Draw]]:
    """Everything that can be explained, with all it goes by; topics first, then the more to the less specific."""

    def names(*words: str) -> set[str]:
        return {_words(word) for word in words}

    for topic in book.topics.values():
        yield names(topic.id, topic.title, *topic.ask), partial(_topic, topic=topic, book=book)
    for site_id, site in book.sites.items():
        yield names(site_id, site.label), partial(_site, ref=site_id, book=book)
    for ref, sub in book.sub_sites.items():
        yield names(ref, ref.partition(".")[2], sub.label), partial(_site, ref=ref, book=book)
    for profile in book.conditions.values():
        also = (*profile.synonyms, *(code.id for code in profile.codes))
        yield names(profile.id, profile.name, *also), partial(_condition, profile=profile, book=book)
    for f in book.findings.values():
        hpo = (f.hpo.id, f.hpo.label) if f.hpo else ()
        yield names(f.name, f.label, *f.synonyms, *hpo), partial(_finding, finding=f, book=book)
    for test in book.tests.values():
        yield names(test.id, test.name, *(code.id for code in test.codes)), partial(_test, test=test, book=book)
    for pattern in book.patterns.values():
        yield names(pattern.id, pattern.says), partial(_pattern, pattern=pattern, book=book)
    for rule in book.evidence.values():
        yield names(rule.id, rule.says), partial(_evidence, rule=rule, book=book)
    for flag in book.red_flags.values():
        yield names(flag.id, flag.says), partial(_flag, flag=flag, book=book)
    for advice in book.investigations.values():
        yield names(advice.id), partial(_advice, advice=advice, book=book)


def _nothing(name: str, book: Rulebook) -> str:
    near = did_you_mean(_words(name), sorted({n for names, _ in _index(book) for n in names}))
    kinds = "findings, patterns, rules, sites, tests, conditions, red flags and topics"
    return f"Nothing here goes by '{name}'.{near or f' You can ask for {kinds}, by name or in ordinary words.'}"


def phrase(condition: Condition, book: Rulebook) -> str:
    """A condition in words."""
    if isinstance(condition, Is):
        if condition.name in book.findings:
            label = book.findings[condition.name].label
        elif condition.name in book.patterns:
            label = f"'{book.patterns[condition.name].says}'"
        else:
            return f"{book.site_label(condition.name)} is {condition.test}"
        return {"present": label, "absent": f"no {label}"}.get(
            str(condition.test), f"{label}: {str(condition.test).replace('_', ' ')}"
        )
    parts = [phrase(part, book) for part in condition.parts]
    if isinstance(condition, AtLeast):
        return f"at least {condition.n} of ({'; '.join(parts)})"
    return f"({' or '.join(parts)})" if isinstance(condition, AnyOf) else " and ".join(parts)


def _opening(page: Page, title: str, plain: str, clinical: str = "") -> None:
    page.heading(title)
    page.paragraph(plain)
    if clinical:
        page.paragraph(f"For clinicians: {clinical}")


def _sources(page: Page, entry: Sourced, book: Rulebook) -> None:
    if entry.status == "draft":
        page.paragraph("A draft: its source has not been checked.", "quiet")
    page.items(_citation(c, book) for c in entry.cite)


def _citation(citation: Citation, book: Rulebook) -> str:
    source = book.sources[citation.source]
    published = f" {source.published}." if source.published else ""
    return f"Source: {source.title}.{published} Read: {citation.at}. {source.url}".rstrip()


def _codes(page: Page, codes: tuple[Code, ...]) -> None:
    if codes:
        page.paragraph(f"Codes: {'; '.join(f'{code.id} {code.label}' for code in codes)}.")


def _used_by(names: set[str], book: Rulebook) -> list[str]:
    """What reads any of these names, directly or through patterns."""
    reached = set(names)
    for pattern in book.patterns.values():
        if any(atom.name in reached for atom in atoms(pattern.when)):
            reached.add(pattern.id)
    lines = [f"pattern: {book.patterns[n].says} ({n})" for n in book.patterns if n in reached - names]
    for rule in book.evidence.values():
        if any(atom.name in reached for atom in atoms(rule.when)):
            lines.append(f"{rule.strength.replace('_', ' ')} {book.site_label(rule.site)}: {rule.says} ({rule.id})")
    for flag in book.red_flags.values():
        if any(atom.name in reached for atom in atoms(flag.when)):
            lines.append(f"red flag: {flag.says} ({flag.id})")
    for profile in book.conditions.values():
        conditions = (*profile.hallmarks, *profile.expected, *profile.against)
        if any(atom.name in names for condition in conditions for atom in atoms(condition)):
            lines.append(f"condition: {profile.name} ({profile.id})")
    return lines


def _users(page: Page, name: str, book: Rulebook) -> None:
    if used := _used_by({name}, book):
        page.paragraph("Used by:", "strong")
        page.items(used)


def _topic(page: Page, topic: Topic, book: Rulebook) -> None:
    _opening(page, topic.title, topic.plain, topic.clinical)
    _sources(page, topic, book)


def _finding(page: Page, finding: Finding, book: Rulebook) -> None:
    _opening(page, f"{finding.label.capitalize()} ({finding.kind})", finding.help)
    page.paragraph(f"Asked as: {finding.question}")
    hpo = f" HPO: {finding.hpo.id} {finding.hpo.label}." if finding.hpo else ""
    page.paragraph(f"Name: {finding.name}.{hpo}")
    if finding.synonyms:
        page.paragraph(f"Also said: {_join(finding.synonyms)}.")
    implied = [i if isinstance(i, str) else _join(f"{n}: {value}" for n, value in i.items()) for i in finding.implies]
    if implied:
        page.paragraph(f"Implies: {_join(implied)}.")
    _users(page, finding.name, book)


def _reasoning(page: Page, when: Condition, because: str, also: tuple[str, ...], book: Rulebook) -> None:
    page.paragraph(f"When: {phrase(when, book)}.")
    page.paragraph(f"Because: {because}")
    if also:
        page.paragraph(f"The same picture also occurs in: {_join(also)}.")


def _pattern(page: Page, pattern: Pattern, book: Rulebook) -> None:
    page.heading(f"{pattern.says} (pattern)")
    _reasoning(page, pattern.when, pattern.because, pattern.could_also_be, book)
    _sources(page, pattern, book)
    _users(page, pattern.id, book)


def _evidence(page: Page, rule: Evidence, book: Rulebook) -> None:
    page.heading(f"{rule.says} (evidence)")
    strength, theme = rule.strength.replace("_", " "), book.scale.themes[rule.theme]
    page.paragraph(f"Counts {strength} {book.site_label(rule.site)}, under the theme '{theme}'.")
    _reasoning(page, rule.when, rule.because, rule.could_also_be, book)
    if rule.published_ratio:
        page.paragraph(f"Published likelihood ratio: {rule.published_ratio.value:g}.")
    _sources(page, rule, book)


def _flag(page: Page, flag: RedFlag, book: Rulebook) -> None:
    page.heading(f"{flag.says} (red flag)")
    page.paragraph(f"{book.scale.urgency_words[flag.urgency]}: {flag.action}", "alarm")
    _reasoning(page, flag.when, flag.because, (), book)
    _sources(page, flag, book)


def _advice(page: Page, advice: Investigation, book: Rulebook) -> None:
    page.heading(f"{book.tests[advice.test].name} (investigation)")
    page.paragraph(f"Settles: {advice.settles}")
    _reasoning(page, advice.when, advice.because, (), book)
    _sources(page, advice, book)


def _site(page: Page, ref: str, book: Rulebook) -> None:
    entry = book.sub_sites[ref] if "." in ref else book.sites[ref]
    _opening(page, f"{entry.label} (site)", entry.plain, entry.clinical)
    if "." not in ref:
        page.paragraph("Parts:", "strong")
        page.items(f"{book.sub_sites[sub].label}: {book.sub_sites[sub].plain}" for sub in book.sub_sites_of(ref))
    here = {ref, *book.sub_sites_of(ref)}
    hallmarks = [e for e in book.evidence.values() if e.site in here and e.strength == "strongly_for"]
    if hallmarks:
        page.paragraph("Strongest pointers:", "strong")
        page.items(f"{e.says} ({e.id})" for e in hallmarks)
    conditions = [c.name for c in book.conditions.values() if here & set(c.lives_at)]
    if conditions:
        page.paragraph(f"Conditions that live there: {_join(conditions)}.")


def _test(page: Page, test: Test, book: Rulebook) -> None:
    _opening(page, f"{test.name} (test)", test.plain, test.clinical)
    _codes(page, test.codes)
    _sources(page, test, book)
    uses = [i for i in book.investigations.values() if i.test == test.id]
    if uses:
        page.paragraph("What it settles:", "strong")
        page.items(f"{_join(book.site_label(ref) for ref in i.for_)}: {i.settles}" for i in uses)


def _condition(page: Page, profile: ConditionProfile, book: Rulebook) -> None:
    def listed(conditions: tuple[Condition, ...]) -> str:
        return "; ".join(phrase(c, book) for c in conditions) or "none by itself"

    _opening(page, f"{profile.name} (condition)", profile.plain, profile.clinical)
    page.items(
        [
            f"Where: {_join(book.site_label(ref) for ref in profile.lives_at)}",
            f"Cause: {_join(cause.replace('_', ' or ') for cause in profile.cause)}",
            f"Typical age: {profile.typical_age}",
            f"Typical course: {profile.typical_course}",
            f"How common: {profile.how_common.says or profile.how_common.word}",
            f"Hallmarks: {listed(profile.hallmarks)}",
            f"Expected: {listed(profile.expected)}",
            f"Argues against: {listed(profile.against)}",
            f"Confirmed by: {profile.confirmed_by}",
            f"Care team: {_join(profile.care_team)}",
            f"What to expect: {profile.outlook}",
        ]
    )
    _codes(page, profile.codes)
    _sources(page, profile, book)


def explainable(book: Rulebook) -> dict[str, list[str]]:
    """Every name that can be explained, by kind."""
    return {
        "sites": [*book.sites, *book.sub_sites],
        "topics": list(book.topics),
        "conditions": list(book.conditions),
        "tests": list(book.tests),
        "red flags": list(book.red_flags),
        "findings": list(book.findings),
        "patterns": list(book.patterns),
        "evidence": list(book.evidence),
        "investigations": list(book.investigations),
    }
