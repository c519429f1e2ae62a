"""Any entry of the rulebook explained, by its name or in ordinary words: what it is, what uses it, its sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    LesionSite,
    Pattern,
    RedFlag,
    Share,
    Sourced,
    Supply,
    SupplyKind,
    Test,
    Topic,
)
from triage.pages import Page, as_markdown, as_text, capital
from triage.report import AFFECTS
from triage.rulebook import Rulebook
from triage.when import AnyOf, AtLeast, Condition, Is, atoms

Draw: TypeAlias = Callable[[Page], None]


def _join(words: Iterable[str]) -> str:
    return ", ".join(words)


class UnknownNameError(LookupError):
    """Nothing in the rulebook goes by this name; the message says what is near."""


def explain(name: str, book: Rulebook, fmt: Literal["text", "markdown"] = "text", *, width: int = 80) -> str:
    """What a finding, rule, site, lesion, movement, test, condition or topic is, by name or in ordinary words.

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
    for nerve, places in _named_nerves(book).items():
        whole = names(nerve, f"{nerve} nerve")
        if len(places) > 1:
            yield whole, partial(_nerve, nerve=nerve, places=places, book=book)
        for place in places:
            yield (
                names(place.id, place.label) | (whole if len(places) == 1 else set()),
                partial(_lesion_site, place=place, book=book),
            )
    for place in book.lesion_sites.values():
        if not place.nerve:
            roots = place.roots if place.kind == "root" else ()
            yield names(place.id, place.label, *roots), partial(_lesion_site, place=place, book=book)
    for supply in book.supply.values():
        yield names(supply.id, supply.label, *supply.muscles), partial(_supply, supply=supply, book=book)
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
    kinds = "findings, patterns, rules, sites, nerves, roots, movements, tests, conditions, red flags and topics"
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
    for support in book.supports.values():
        if any(atom.name in names for atom in atoms(support.when)):
            places = _join(book.lesion_sites[place].label for place in support.for_)
            lines.append(f"{support.strength.replace('_', ' ')} a lesion here: {places} ({support.id})")
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
    _opening(page, f"{capital(finding.label)} ({finding.kind})", finding.help)
    page.paragraph(f"Asked as: {finding.question}")
    hpo = f" HPO: {finding.hpo.id} {finding.hpo.label}." if finding.hpo else ""
    page.paragraph(f"Name: {finding.name}.{hpo}")
    if finding.synonyms:
        page.paragraph(f"Also said: {_join(finding.synonyms)}.")
    implied = [i if isinstance(i, str) else _join(f"{n}: {value}" for n, value in i.items()) for i in finding.implies]
    if implied:
        page.paragraph(f"Implies: {_join(implied)}.")
    if supply := book.anatomy.by_finding.get(finding.name):
        _nerve_and_roots(page, supply, book)
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


_KINDS: dict[SupplyKind, str] = {"movement": "movement", "area": "skin area", "reflex": "reflex"}


def _named_nerves(book: Rulebook) -> dict[str, list[LesionSite]]:
    """The places of each named nerve, from the cord outwards."""
    nerves: dict[str, list[LesionSite]] = {}
    for place in book.lesion_sites.values():
        if place.nerve:
            nerves.setdefault(place.nerve.replace("_", " "), []).append(place)
    return nerves


def _roots(main: Iterable[str], minor: Iterable[str]) -> str:
    """Roots in words: those that clearly carry something, then those that carry little."""
    little = f"a little {_join(minor)}" if minor else ""
    return "; ".join(filter(None, (_join(main), little)))


def _taken(place: LesionSite, book: Rulebook) -> list[tuple[Supply, Share]]:
    """What a lesion takes, movements first."""
    of_limb = [supply for kind in _KINDS for supply in book.supply.values() if supply.kind == kind]
    return [(s, share) for s in of_limb if (share := book.anatomy.shares.get((place.id, s.id)))]


def _labels_taken(place: LesionSite, book: Rulebook) -> set[str]:
    """What a lesion takes, but for what it hardly takes."""
    return {supply.label for supply, share in _taken(place, book) if share != "minor"}


def _steps(start: str, book: Rulebook, through: Callable[[str], bool]) -> list[list[LesionSite]]:
    """The places from one to the cord, step by step; where several ways meet, after the longest of them."""
    depth = {start: 0}
    todo = [start]
    while todo:
        at = todo.pop(0)
        for nearer in book.lesion_sites[at].from_:
            if through(nearer) and depth.get(nearer, 0) <= depth[at]:
                depth[nearer] = depth[at] + 1
                todo.append(nearer)
    return [[book.lesion_sites[p] for p in depth if depth[p] == step] for step in range(max(depth.values()) + 1)]


def _lesion_site(page: Page, place: LesionSite, book: Rulebook) -> None:
    _opening(page, f"{capital(place.label)} (lesion site)", f"{capital(place.plain)}.")
    page.paragraph(f"Usual cause: {place.usual_cause}")
    page.paragraph(f"Belongs to: {book.site_label(place.site)}. As a place of a lesion: {place.commonness}.")
    taken = _taken(place, book)
    well = [supply for supply, share in taken if share != "minor"]
    main = sorted(place.roots or {root for supply in well for root in supply.roots.main})
    minor = {root for supply in well for root in supply.roots.minor} - set(main) if place.nerve else set()
    nearer = _steps(place.id, book, through=lambda _: True)[1:]
    if nearer:
        page.paragraph("Its fibres come this way:", "strong")
        roots = [f"roots: {_roots(main, sorted(minor))}"] if main else []
        page.items([*roots, *(_join(p.label for p in step) for step in reversed(nearer)), place.label])
    elif main and place.kind != "root":
        page.paragraph(f"Its fibres come straight from the roots: {_roots(main, sorted(minor))}.")
    page.table(
        ("What a lesion there affects", "kind", "how surely", "roots (a little)"),
        ((_named(s), _KINDS[s.kind], AFFECTS[share], _in_brief(s)) for s, share in taken if share != "minor"),
    )
    if hardly := [_named(supply) for supply, share in taken if share == "minor"]:
        page.paragraph(f"Hardly, as little of it runs there: {_join(hardly)}.")
    _neighbours(page, place, book)
    supports = [support for support in book.supports.values() if place.id in support.for_]
    if supports:
        page.paragraph("What else speaks for or against a lesion there:", "strong")
        page.items(
            (
                f"{phrase(s.when, book)} ({s.strength.replace('_', ' ')}){' [draft]' if s.status == 'draft' else ''}",
                [s.because, *(_citation(c, book) for c in s.cite)],
            )
            for s in supports
        )
    if place.cite:
        page.paragraph("About the place itself:", "strong")
    _sources(page, place, book)


def _named(supply: Supply) -> str:
    return f"{supply.label} [draft]" if supply.status == "draft" else supply.label


def _in_brief(supply: Supply) -> str:
    minor = f"({_join(supply.roots.minor)})" if supply.roots.minor else ""
    return " ".join(filter(None, (_join(supply.roots.main), minor)))


def _neighbours(page: Page, place: LesionSite, book: Rulebook) -> None:
    """What tells a lesion of a nerve from one further up, and from one further out on the same nerve."""
    if not place.nerve:
        return
    here = _labels_taken(place, book)
    lines = []
    for other in book.lesion_sites.values():
        there = _labels_taken(other, book)
        if other.id in place.from_:
            more = [s.label for s in book.supply.values() if s.label in there - here]
            lines.append(f"{other.label}: would take besides {_join(more) or 'nothing'}")
        elif place.id in other.from_:
            less = [s.label for s in book.supply.values() if s.label in here - there]
            lines.append(f"{other.label}: would spare {_join(less) or 'nothing'}")
    if lines:
        page.paragraph("What would tell it from its neighbours:", "strong")
        page.items(lines)


def _nerve(page: Page, nerve: str, places: Sequence[LesionSite], book: Rulebook) -> None:
    page.heading(f"{capital(nerve)} nerve (places of a lesion)")
    letters = [chr(ord("A") + place) for place in range(len(places))]
    page.items(
        (
            f"{letter}. {place.label} ({place.id})",
            [place.plain, f"usual cause: {place.usual_cause}", f"as a place of a lesion: {place.commonness}"],
        )
        for letter, place in zip(letters, places, strict=True)
    )
    by_place = [{supply.id: AFFECTS[share] for supply, share in _taken(place, book)} for place in places]
    supplies = [s for kind in _KINDS for s in book.supply.values() if s.kind == kind]
    page.table(
        ("Would a lesion there affect it?", *letters),
        (
            (supply.label, *(taken.get(supply.id, "no") for taken in by_place))
            for supply in supplies
            if any(supply.id in taken for taken in by_place)
        ),
    )


def _supply(page: Page, supply: Supply, book: Rulebook) -> None:
    finding = book.findings[supply.finding]
    page.heading(f"{capital(supply.label)} ({_KINDS[supply.kind]})")
    page.paragraph(f"Lost in: {finding.label} ({finding.name}). Asked as: {finding.question}")
    page.paragraph(finding.help)
    if supply.muscles:
        page.paragraph(f"Muscles: {_join(supply.muscles)}.")
    if roots := _roots(supply.roots.main, supply.roots.minor):
        page.paragraph(f"Roots: {roots}.")
    page.paragraph("The way of its fibres, from where they leave the nerve inwards:", "strong")
    page.items(_way(supply, branch.at, branch.share, book) for branch in supply.by)
    shares = book.anatomy.shares
    page.table(
        ("Which lesions affect it", "how surely", "lesions there are"),
        (
            (place.label, AFFECTS[share], place.commonness)
            for place in book.lesion_sites.values()
            if (share := shares.get((place.id, supply.id)))
        ),
    )
    if supply.often_spared_at:
        page.paragraph(
            f"Often spared all the same: {_join(book.lesion_sites[at].label for at in supply.often_spared_at)}."
        )
    if supply.variants:
        page.paragraph(f"Normal variants: {supply.variants}")
    _sources(page, supply, book)


def _way(supply: Supply, at: str, share: Share, book: Rulebook) -> tuple[str, list[str]]:
    """Where one branch leaves, and below it the places that it passes on its way inwards."""
    shares = book.anatomy.shares
    (first,), *nearer = _steps(at, book, through=lambda place: (place, supply.id) in shares)

    def passing(place: LesionSite) -> str:
        return f"{place.label} (hardly)" if shares[place.id, supply.id] == "minor" and share != "minor" else place.label

    lines = [f"then {_join(map(passing, step))}" for step in nearer]
    here = {root for step in nearer for place in step for root in place.roots}
    main, minor = (
        [root for root in its if not here or root in here] for its in (supply.roots.main, supply.roots.minor)
    )
    if (roots := _roots(main, minor)) and first.kind != "root":
        lines.append(f"then the roots: {roots}")
    return first.label + ("" if share == "main" else f" ({AFFECTS[share]})"), lines


def _nerve_and_roots(page: Page, supply: Supply, book: Rulebook) -> None:
    """In short, on the page of a finding, what is lost with it."""
    nerves = _join(
        book.lesion_sites[branch.at].label + ("" if branch.share == "main" else f" ({AFFECTS[branch.share]})")
        for branch in supply.by
    )
    roots = _roots(supply.roots.main, supply.roots.minor)
    page.paragraph("Nerve and roots:", "strong")
    page.items(
        [
            f"What is lost: {supply.label} ({supply.id})" + (f", by {_join(supply.muscles)}" if supply.muscles else ""),
            f"Nerve: {nerves}",
            *([f"Roots: {roots}"] if roots else []),
        ]
    )


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
        "lesion sites": list(book.lesion_sites),
        "supplies": list(book.supply),
        "patterns": list(book.patterns),
        "evidence": list(book.evidence),
        "investigations": list(book.investigations),
    }
