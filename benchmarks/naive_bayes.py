"""triage beside a naive Bayes reading of how often terms occur by site, on the same labelled phenopacket rows.

The anchor knows nothing but a table: for each term of the Human Phenotype Ontology and each site, the share of
annotated diseases that show it. Each observed term counts as the most specific terms of the table at or above it, each
once; each excluded term counts, as not there, where the table has that very term and nothing observed says otherwise.
Shares are kept within ``--smoothing`` of 0 and 1; all sites are equally likely beforehand; a tie goes to the earlier
column. A second anchor ignores what was excluded. "Without investigations" drops every observation that counts as a
term the table calls an investigation, and for triage every finding of that kind.

Only totals are printed, never a row.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from measuring import table

from triage.evaluate import evaluate
from triage.labelled import SEED, Labelled, half, read_labelled, strata, without_investigations
from triage.measures import bootstrap
from triage.reading.ontology import Ontology, ontology_of
from triage.rulebook import Rulebook, load_rulebook

INVESTIGATION = "investigation"
MEASURES = ("top-1", "macro", "macro of sites with several diseases")

Group: TypeAlias = tuple[tuple[tuple[str, tuple[bool, ...]], int], ...]
"""The rows of one disease: their site and which ways were right, each with its count."""


@dataclass(frozen=True)
class Anchor:
    """A naive Bayes reading of a table of shares."""

    shares: Mapping[str, Mapping[str, float]]
    """By term and site."""
    investigations: frozenset[str]
    ontology: Ontology
    smoothing: float

    @property
    def sites(self) -> tuple[str, ...]:
        return tuple(next(iter(self.shares.values())))

    def most_specific(self, term: str) -> set[str]:
        """The terms of the table at or above a term that have no other such term below them."""
        known = {term, *self.ontology.above(term)} & set(self.shares)
        return {one for one in known if not any(one in self.ontology.above(other) for other in known)}

    def first(self, features: Iterable[Mapping[str, Any]], *, investigations: bool, excluded: bool) -> str:
        """The likeliest site."""
        present: set[str] = set()
        absent: set[str] = set()
        for feature in features:
            term = self.ontology.current(feature["id"])
            if term is None:
                continue
            if not feature.get("excluded"):
                present |= self.most_specific(term)
            elif excluded and term in self.shares:
                absent.add(term)
        absent -= present
        if not investigations:
            present -= self.investigations
            absent -= self.investigations
        return max(self.sites, key=lambda site: self._log_likelihood(site, present, absent))

    def _log_likelihood(self, site: str, present: Iterable[str], absent: Iterable[str]) -> float:
        # Sorted, so that rounding does not depend on the order of sets.
        there = sum(math.log(self._share(term, site)) for term in sorted(present))
        return there + sum(math.log(1 - self._share(term, site)) for term in sorted(absent))

    def _share(self, term: str, site: str) -> float:
        return min(max(self.shares[term][site], self.smoothing), 1 - self.smoothing)


def read_anchor(path: Path, book: Rulebook, smoothing: float) -> Anchor:
    """The anchor from a TSV with the columns id, kind and one for each site."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    sites = [name for name in rows[0] if name in book.sites]
    return Anchor(
        shares={row["id"]: {site: float(row[site]) for site in sites} for row in rows},
        investigations=frozenset(row["id"] for row in rows if row["kind"] == INVESTIGATION),
        ontology=ontology_of(book),
        smoothing=smoothing,
    )


def features_by_id(path: Path) -> dict[str, list[Mapping[str, Any]]]:
    """The terms of each row."""
    with path.open(encoding="utf-8") as file:
        raws = [json.loads(line) for line in file if line.strip()]
    return {str(raw["id"]): raw["features"] for raw in raws}


def compare(
    rows: Sequence[Labelled], features: Mapping[str, Sequence[Mapping[str, Any]]], anchor: Anchor, book: Rulebook,
    *, investigations: bool, seed: int,
) -> None:  # fmt: skip
    """One run of every way over the same rows: each way's shares, and how much triage is ahead."""
    asked = rows if investigations else [without_investigations(row, book) for row in rows]
    predicted = {p.id: p for p in evaluate(asked, book, errors=False, seed=seed).predictions}
    ways = ("triage, any site", f"triage, {len(anchor.sites)} sites", "anchor", "anchor, no exclusions")
    outcomes: dict[str, Counter[tuple[str, tuple[bool, ...]]]] = {}
    for row in rows:
        prediction, accepted = predicted[row.id], {row.site, *row.also_accept}
        answers = (
            prediction.first,
            next(site for site in prediction.points if site in anchor.sites),
            anchor.first(features[row.id], investigations=investigations, excluded=True),
            anchor.first(features[row.id], investigations=investigations, excluded=False),
        )
        right = tuple(answer in accepted for answer in answers)
        outcomes.setdefault(row.family, Counter())[str(row.site), right] += 1
    groups: dict[str, Group] = {family: tuple(sorted(counter.items())) for family, counter in outcomes.items()}
    by_site = strata(rows)
    several = [site for site, families in by_site.items() if len(families) > 1]

    def figures(drawn: Mapping[Group, int]) -> dict[str, float]:
        return shares_of(drawn, ways, several)

    values = figures(Counter(groups.values()))
    intervals = bootstrap([[groups[f] for f in families] for families in by_site.values()], figures, seed)

    def shown(name: str, sign: str = "") -> str:
        low, high = intervals[name] or (math.nan, math.nan)
        return f"{values[name]:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"

    print(f"{'With' if investigations else 'Without'} investigations")
    table(("way", *MEASURES), [(way, *(shown(f"{way}/{what}") for what in MEASURES)) for way in ways])
    pairs = [(one, other) for one in ways[:2] for other in ways[2:]]
    differences = [(f"{a} minus {b}", *(shown(f"{a}-{b}/{what}", "+") for what in MEASURES)) for a, b in pairs]
    table(("paired difference", *MEASURES), differences)


def shares_of(drawn: Mapping[Group, int], ways: Sequence[str], several: Sequence[str]) -> dict[str, float]:
    """Top-1 and macro averages of every way, and the differences of the first two from the others.

    ``several`` are the sites with more than one disease: one disease says little about a site.
    """
    rows: Counter[str] = Counter()
    right: Counter[tuple[int, str]] = Counter()
    for group, times in drawn.items():
        for (site, hits), count in group:
            rows[site] += times * count
            for way, hit in enumerate(hits):
                right[way, site] += times * count * hit

    def macro(way: int, sites: Iterable[str]) -> float:
        shares = [right[way, site] / rows[site] for site in sites if rows[site]]
        return sum(shares) / len(shares) if shares else math.nan

    found = {}
    for way, name in enumerate(ways):
        top_1 = sum(right[way, site] for site in rows) / rows.total()
        values = (top_1, macro(way, rows), macro(way, several))
        found |= {f"{name}/{what}": value for what, value in zip(MEASURES, values, strict=True)}
    for one in ways[:2]:
        for other in ways[2:]:
            found |= {f"{one}-{other}/{what}": found[f"{one}/{what}"] - found[f"{other}/{what}"] for what in MEASURES}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="labelled rows with HPO features, as JSON Lines")
    parser.add_argument("shares", type=Path, help="the table: a TSV with id, kind and one column per site")
    parser.add_argument("--half", type=int, choices=(1, 2), help="only this half of the diseases")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the draw and the intervals (default {SEED})")
    parser.add_argument("--smoothing", type=float, default=0.01, help="least and, from 1, largest share (default 0.01)")
    parser.add_argument("--rules", type=Path, help="another folder of rules than the built-in one")
    options = parser.parse_args()
    book = load_rulebook(options.rules)
    anchor = read_anchor(options.shares, book, options.smoothing)
    rows = read_labelled(options.rows, book)
    if options.half:
        rows = half(rows, options.half, options.seed)
    named = [row for row in rows if row.site in anchor.sites]
    rows = [row for row in named if row.case is not None]
    counts = Counter(row.site for row in rows)
    print(f"{len(rows)} rows of {len({row.family for row in rows})} diseases; {len(named) - len(rows)} unreadable")
    print(", ".join(f"{site} {counts[site]}" for site in anchor.sites))
    print(f"95 % intervals: bootstrap over diseases within sites, seed {options.seed}")
    print(f"smoothing: shares stay within {options.smoothing} of 0 and 1\n")
    for investigations in (True, False):
        compare(rows, features_by_id(options.rows), anchor, book, investigations=investigations, seed=options.seed)


if __name__ == "__main__":
    main()
