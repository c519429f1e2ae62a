"""What is still worth asking: what danger is not excluded, then what would move the ranking most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from weakref import WeakKeyDictionary

from triage.examination import Examination, tells
from triage.facts import Facts
from triage.firing import Firing, full_lookup
from triage.focal import Regional
from triage.knowledge import Finding
from triage.ranking import EASE, WEIGHT, Ranked
from triage.rulebook import Rulebook
from triage.urgency import Urgency
from triage.when import ABSENT, AFFIRMED, Condition, Is, Lookup, atoms, one_away

MOST_SAFETY = 8
MOST_LOCALISING = 8
MOST_BETWEEN_LESIONS = 2
"""How many questions of each kind a report lists."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A finding to ask for, the reason, and whether safety asks."""

    finding: str
    why: str
    safety: bool


def open_questions(
    book: Rulebook,
    facts: Facts,
    firings: Iterable[Firing],
    ranked: Ranked,
    urgency: Urgency,
    examinations: Iterable[tuple[Regional, list[Examination]]],
) -> list[Asked]:
    """The questions in the order in which they should be asked; none whose answer is already implied."""
    chosen: dict[str, Asked] = {}
    for name, why in _safety(book, facts, urgency):
        if len(chosen) < MOST_SAFETY:
            chosen.setdefault(name, Asked(name, why, safety=True))
    most = len(chosen) + MOST_LOCALISING
    for name, why in _between_lesions(examinations):
        chosen.setdefault(name, Asked(name, why, safety=False))
    for name, why in _localising(book, facts, firings, ranked):
        if len(chosen) < most:
            chosen.setdefault(name, Asked(name, why, safety=False))
    return list(chosen.values())


def _safety(book: Rulebook, facts: Facts, urgency: Urgency) -> Iterator[tuple[str, str]]:
    """What each open flag lacks, one finding per flag in turn, so that no danger waits behind another."""
    lists = []
    for state in urgency.flags:
        names = dict.fromkeys(atom.name for atom in state.missing)
        lists.append([(name, f"It would tell whether this is so: {state.flag.says}") for name in names])
    for turn in range(max(map(len, lists), default=0)):
        for names_and_reasons in lists:
            if turn < len(names_and_reasons):
                yield names_and_reasons[turn]
    for name in urgency.unasked:
        yield name, "Whatever the complaint, this must be known before it can wait"


def _between_lesions(examinations: Iterable[tuple[Regional, list[Examination]]]) -> Iterator[tuple[str, str]]:
    """The examinations that would best tell lesions apart where they sit at sites in question."""
    for one in islice((one for _, proposed in examinations for one in proposed), MOST_BETWEEN_LESIONS):
        yield one.supply.finding, f"It would tell lesions apart: {tells(one)}"


def general(book: Rulebook, facts: Facts, name: str) -> str:
    """The most general finding still unknown that would settle this one by a no: asked before it."""
    while True:
        for implied in book.findings[name].implies:
            if isinstance(implied, str) and implied not in facts.values:
                name = implied
                break
        else:
            return name


def _localising(book: Rulebook, facts: Facts, firings: Iterable[Firing], ranked: Ranked) -> Iterator[tuple[str, str]]:
    """Findings by how far they could move the sites in the running apart, and how they belong to the complaint."""
    running = [site for site in ranked.best if ranked.standings[site] in ("leading", "possible")][:4]
    sub_sites = {s.ref: s for s in ranked.sub_sites if s.ref.partition(".")[0] in running}
    patterns = {f.id for f in firings if f.kind == "pattern"}
    lookup = full_lookup(book, facts, patterns, {}, "plain")
    gains: dict[str, dict[str, float]] = {}
    for rule in book.evidence.values():
        targets = [ref for ref in book.sub_sites_of(rule.site) if ref in sub_sites]
        if not targets:
            continue
        names = dict.fromkeys(general(book, facts, n) for n in _one_answer_away(book, facts, rule.when, lookup))
        points = abs(book.scale.points[rule.strength])
        for ref in targets if names else ():
            votes = [v for v in sub_sites[ref].votes if v.counted and v.rule.theme == rule.theme]
            gained = points - max((abs(vote.points) for vote in votes), default=0)
            site = ref.partition(".")[0]
            for name in names:
                gain = gains.setdefault(name, {})
                gain[site] = max(gain.get(site, 0), gained)
    belongs = _belongs(book, facts, ranked)
    worth = {
        name: (_spread(gains.get(name, {}), running) + _BELONGS) * share * EASE[book.findings[name].kind]
        for name, share in belongs.items()
    }
    for name in sorted(worth, key=lambda name: -worth[name]):
        if worth[name] > 0:
            yield name, _why(book, gains.get(name, {}))


_BELONGS = 2
"""Points' worth of asking for what belongs to the picture, even where it would move nothing by itself."""


def _why(book: Rulebook, gain: dict[str, float]) -> str:
    moved = [site for site in sorted(gain, key=lambda site: -gain[site]) if gain[site] > 0]
    if not moved:
        return "It belongs to the picture: it would support what is thought, or cast doubt on it"
    return "It would move: " + ", ".join(book.sites[site].label.lower() for site in moved[:3])


def _spread(gain: dict[str, float], running: list[str]) -> float:
    """An answer that moves all sites alike separates none of them."""
    moved = [gain.get(site, 0) for site in running]
    return max(moved) - min(moved) / 2 if len(moved) > 1 else max(moved, default=0)


def _belongs(book: Rulebook, facts: Facts, ranked: Ranked) -> dict[str, float]:
    """How much each open finding belongs to the picture: what the conditions that share the findings reported expect.

    Each site speaks with its relative support, so that many rare conditions do not outvote a few likely ones.
    """
    reported = {name for name, value in facts.values.items() if value in AFFIRMED and not book.findings[name].computed}
    by_site: dict[str, dict[str, float]] = {}
    shared_at: dict[str, float] = {}
    for site, weight, company in _profiles(book).companies:
        shared = weight * sum(share for name, share in company.items() if name in reported)
        if shared:
            shared_at[site] = shared_at.get(site, 0.0) + shared
            expected = by_site.setdefault(site, {})
            for name, share in company.items():
                expected[name] = expected.get(name, 0.0) + shared * share
    belongs: dict[str, float] = {}
    for site, expected in by_site.items():
        for name, total in expected.items():
            if _askable(book.findings[name], facts):
                asked = general(book, facts, name)
                belongs[asked] = belongs.get(asked, 0.0) + ranked.support[site] * total / shared_at[site]
    # What nearly every condition expects tells little: measured against how common it is among all of them.
    usual = _profiles(book).usual
    return {name: share * min(share / usual[name], _MOST_TELLING) for name, share in belongs.items() if name in usual}


_MOST_TELLING = 3.0
"""A finding many times as usual in this picture as in all is telling enough; rarer ones gain no more."""


@dataclass(frozen=True)
class _Profiles:
    """What the conditions of a rulebook expect, worked out once."""

    companies: tuple[tuple[str, float, dict[str, float]], ...]
    """Each condition's site, weight by commonness, and the findings of its profile with their shares."""
    usual: dict[str, float]
    """How much each finding is expected over all conditions, the general through the special."""


_known_profiles: WeakKeyDictionary[Rulebook, _Profiles] = WeakKeyDictionary()


def _profiles(book: Rulebook) -> _Profiles:
    if book not in _known_profiles:
        companies = tuple(
            (site, WEIGHT[c.how_common.word], _shares((*c.hallmarks, *c.expected), book))
            for c in book.conditions.values()
            for site in dict.fromkeys(home.partition(".")[0] for home in c.lives_at)
        )
        total = sum(weight for _, weight, _ in companies)
        usual: dict[str, float] = {}
        for _, weight, company in companies:
            for name, share in company.items():
                for each in dict.fromkeys((name, general(book, Facts(), name))):
                    usual[each] = usual.get(each, 0.0) + weight * share / total
        _known_profiles[book] = _Profiles(companies, usual)
    return _known_profiles[book]


def _shares(parts: Iterable[Condition], book: Rulebook) -> dict[str, float]:
    """The findings a profile expects; one of many alternatives counts for less."""
    shares: dict[str, float] = {}
    for part in parts:
        names = dict.fromkeys(atom.name for atom in findings_in(part, book) if atom.test != ABSENT)
        for name in names:
            shares[name] = max(shares.get(name, 0.0), len(names) ** -0.5)
    return shares


def findings_in(condition: Condition, book: Rulebook) -> Iterator[Is]:
    """The findings a condition asks about, through patterns."""
    for atom in atoms(condition):
        if atom.name in book.patterns:
            yield from findings_in(book.patterns[atom.name].when, book)
        elif atom.name in book.findings:
            yield atom


def _one_answer_away(book: Rulebook, facts: Facts, condition: Condition, lookup: Lookup) -> Iterator[str]:
    """The findings whose answer alone would make the condition hold, looking through patterns."""
    for atom in one_away(condition, lookup):
        if atom.name in book.patterns:
            yield from _one_answer_away(book, facts, book.patterns[atom.name].when, lookup)
        elif _askable(book.findings.get(atom.name), facts):
            yield atom.name


def _askable(finding: Finding | None, facts: Facts) -> bool:
    return (
        finding is not None and finding.name not in facts.values and finding.kind in EASE and finding.computed is None
    )
