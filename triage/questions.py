"""What is still worth asking: what danger is not excluded, then what would move the ranking most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from triage.facts import Facts
from triage.firing import Firing, full_lookup
from triage.knowledge import Finding
from triage.ranking import Ranked
from triage.rulebook import Rulebook
from triage.urgency import Urgency
from triage.when import Condition, Is, Lookup, missing

MOST = 12
"""How many questions a report lists."""
_SAFETY = 7
"""How many of them safety may take before the ranking has its say."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A finding to ask for, the reason, and whether safety asks."""

    finding: str
    why: str
    safety: bool


def open_questions(
    book: Rulebook, facts: Facts, firings: Iterable[Firing], ranked: Ranked, urgency: Urgency
) -> list[Asked]:
    """The questions in the order in which they should be asked; none whose answer is already implied."""
    chosen: dict[str, Asked] = {}
    for name, why in _safety(book, facts, urgency):
        if len(chosen) < _SAFETY:
            chosen.setdefault(name, Asked(name, why, safety=True))
    for name, why in _localising(book, facts, firings, ranked):
        if len(chosen) < MOST:
            chosen.setdefault(name, Asked(name, why, safety=False))
    return list(chosen.values())


def _safety(book: Rulebook, facts: Facts, urgency: Urgency) -> Iterator[tuple[str, str]]:
    """First what each open flag lacks, one finding per flag in turn, so that no danger waits behind another."""
    lists = []
    for state in urgency.flags:
        names = dict.fromkeys(general(book, facts, atom.name) for atom in state.missing)
        lists.append([(name, f"It would tell whether this is so: {state.flag.says}") for name in names])
    for turn in range(max(map(len, lists), default=0)):
        for names_and_reasons in lists:
            if turn < len(names_and_reasons):
                yield names_and_reasons[turn]


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
    """Findings by how many points they could move between the sites in the running."""
    running = [site for site in ranked.best if ranked.standings[site] in ("leading", "possible")][:4]
    sub_sites = {s.ref: s for s in ranked.sub_sites if s.ref.partition(".")[0] in running}
    patterns = {f.id for f in firings if f.kind == "pattern"}
    lookup = full_lookup(book, facts, patterns, {}, "plain")
    gains: dict[str, dict[str, float]] = {}
    for rule in book.evidence.values():
        targets = [ref for ref in book.sub_sites_of(rule.site) if ref in sub_sites]
        if not targets:
            continue
        name = _one_answer_away(book, facts, rule.when, lookup)
        if name is None:
            continue
        points = abs(book.scale.points[rule.strength])
        gain = gains.setdefault(general(book, facts, name), {})
        for ref in targets:
            counted = [v for v in sub_sites[ref].votes if v.counted and v.rule.theme == rule.theme]
            already = max((abs(v.points) for v in counted), default=0)
            site = ref.partition(".")[0]
            gain[site] = max(gain.get(site, 0), points - already)
    order = sorted(gains, key=lambda name: -_spread(gains[name], running))
    for name in order:
        if _spread(gains[name], running) > 0:
            moved = sorted(gains[name], key=lambda site: -gains[name][site])
            yield name, "It would move: " + ", ".join(book.sites[site].label.lower() for site in moved[:3])


def _spread(gain: dict[str, float], running: list[str]) -> float:
    """An answer that moves all sites alike separates none of them."""
    moved = [gain.get(site, 0) for site in running]
    return max(moved) - min(moved) / 2 if len(moved) > 1 else max(moved, default=0)


def _one_answer_away(book: Rulebook, facts: Facts, condition: Condition, lookup: Lookup) -> str | None:
    """The finding whose answer alone would make the condition hold, looking through patterns."""
    gap = missing(condition, lookup)
    for _ in range(4):
        if not gap or len(gap) > 1:
            return None
        atom: Is = gap[0]
        if atom.name in book.patterns:
            gap = missing(book.patterns[atom.name].when, lookup)
            continue
        return atom.name if _askable(book.findings.get(atom.name), facts) else None
    return None


def _askable(finding: Finding | None, facts: Facts) -> bool:
    return (
        finding is not None
        and finding.name not in facts.values
        and finding.kind in ("symptom", "sign")
        and finding.computed is None
    )
