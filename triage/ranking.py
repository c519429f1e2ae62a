"""Firings → points → ordered sites with a standing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from triage.firing import Firing, Standings
from triage.knowledge import Commonness, Evidence, Kind, Standing
from triage.rulebook import Rulebook

COMMONNESS = {"common": 0, "uncommon": 1, "rare": 2}
WEIGHT: Mapping[Commonness, float] = {"common": 1.0, "uncommon": 0.5, "rare": 0.25}
"""How much what is common counts in choosing questions; it is no evidence."""
EASE: Mapping[Kind, float] = {"symptom": 1.0, "sign": 0.6}
"""A person can answer for a symptom; a sign needs an examiner; nothing else is asked."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One argument that fired, with its points, and whether it was counted."""

    rule: Evidence
    points: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Score:
    """One sub-site: its votes and the points of those that counted."""

    ref: str
    points: int
    votes: tuple[Vote, ...]

    def counted(self, *, in_favour: bool) -> tuple[Vote, ...]:
        return tuple(v for v in self.votes if v.counted and (v.points > 0) == in_favour)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Scores in order, best first: every sub-site, and every site by its best sub-site."""

    sub_sites: tuple[Score, ...]
    best: Mapping[str, Score]
    """By site, in order."""
    standings: Standings
    """Of every site and sub-site."""
    support: Mapping[str, float]
    """Relative support of each site: 10^(points/10), normalised over the sites. Not a probability."""


def rank(book: Rulebook, firings: Iterable[Firing]) -> Ranked:
    """Add up the evidence that fired, one vote for and one against per sub-site and theme."""
    fired = [book.evidence[f.id] for f in firings if f.kind == "evidence"]
    by_sub_site: dict[str, list[Evidence]] = {ref: [] for ref in book.sub_sites}
    for rule in fired:
        for ref in book.sub_sites_of(rule.site):
            by_sub_site[ref].append(rule)
    scores = sorted(
        (_score(book, ref, rules) for ref, rules in by_sub_site.items()),
        key=lambda s: (-s.points, COMMONNESS[book.sub_sites[s.ref].commonness]),
    )
    best: dict[str, Score] = {}
    for score in scores:
        best.setdefault(score.ref.partition(".")[0], score)
    standings: dict[str, Standing] = {s.ref: _standing(book, s, scores) for s in scores}
    # A site stands where its best sub-site stands.
    standings |= {site: standings[score.ref] for site, score in best.items()}
    return Ranked(tuple(scores), best, standings, _relative_support(best))


def _score(book: Rulebook, ref: str, rules: Sequence[Evidence]) -> Score:
    strongest: dict[tuple[str, bool], str] = {}
    for rule in rules:
        points = book.scale.points[rule.strength]
        slot = (rule.theme, points > 0)
        holder = strongest.get(slot)
        if holder is None or abs(points) > abs(book.scale.points[book.evidence[holder].strength]):
            strongest[slot] = rule.id
    counted = set(strongest.values())
    votes = tuple(Vote(rule, book.scale.points[rule.strength], rule.id in counted) for rule in rules)
    return Score(ref, sum(v.points for v in votes if v.counted), votes)


def _standing(book: Rulebook, score: Score, scores: Sequence[Score]) -> Standing:
    limits = book.scale.thresholds
    if not score.votes:
        return "not_assessed"
    if score.points >= limits.leading and score.points >= scores[0].points - limits.margin:
        return "leading"
    if score.points <= limits.unlikely:
        return "unlikely"
    return "possible" if score.points >= limits.possible else "not_assessed"


def _relative_support(best: Mapping[str, Score]) -> dict[str, float]:
    top = max((score.points for score in best.values()), default=0)
    weights = {site: 10 ** ((score.points - top) / 10) for site, score in best.items()}
    total = sum(weights.values())
    return {site: weight / total for site, weight in weights.items()}
