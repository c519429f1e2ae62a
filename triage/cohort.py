"""Many cases at once, in arrays: the same rules, the same answers as one consultation at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, floor
from types import MappingProxyType
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from triage.crowd import Crowd, Said
from triage.firing import Rule, RuleKind, first_rules, reading_of, second_rules
from triage.knowledge import URGENCIES, RedFlag, Standing, UrgencyLevel
from triage.planes import Plane, Sum, at_least, both, either, every, pack, somebody, unpack, without
from triage.ranking import COMMONNESS
from triage.rulebook import Rulebook
from triage.urgency import NEAR, PRESSING
from triage.when import ABSENT, UNSURE, All, AnyOf, AtLeast, Condition, Is, Range, atoms

STANDINGS: tuple[Standing, ...] = get_args(Standing)
_NOT_ASSESSED = STANDINGS.index("not_assessed")
_NEARBY = 1 << 13


@dataclass(frozen=True)
class Ranking:
    """The points and standings of many people; the first axis is the sub-site or the site, the last the person."""

    points: NDArray[np.int16]
    """Of every sub-site, in the rulebook's order."""
    standings: NDArray[np.int8]
    """Of every sub-site, as a place in ``STANDINGS``."""
    best: NDArray[np.int16]
    """Of every site: the place of its best sub-site."""
    order: NDArray[np.int8]
    """The places of the sites, best first."""

    def of_sites(self, by_sub_site: NDArray[np.generic]) -> NDArray[np.generic]:
        """What is known of sub-sites, of each site's best."""
        return by_sub_site[self.best, np.arange(self.best.shape[1])]


@dataclass(frozen=True)
class Outcomes:
    """What came out for many people, in the order they were given."""

    book: Rulebook
    people: int
    fired: Mapping[tuple[RuleKind, str], Plane]
    not_excluded: Mapping[str, Plane]
    """By red flag: who is one member short of it."""
    ranking: Ranking
    urgency: NDArray[np.int8]
    """One a person, as a place in ``URGENCIES``: higher is more urgent."""

    def who(self, kind: RuleKind, rule: str) -> NDArray[np.bool_]:
        """For whom a rule fired."""
        return unpack(self.fired.get((kind, rule)), self.people)

    def fired_by(self, person: int) -> list[tuple[RuleKind, str]]:
        """The rules that fired for one person, in the rulebook's order."""
        word, bit = divmod(person, 64)
        return [rule for rule, plane in self.fired.items() if plane is not None and int(plane[word]) >> bit & 1]

    @cached_property
    def support(self) -> NDArray[np.float64]:
        """The relative support of every site: 10^(points/10), normalised over the sites. Not a probability."""
        points = self.ranking.of_sites(self.ranking.points)
        behind = points.max(axis=0) - points
        # From a table and added one by one, so that a person's figures do not hang on the company.
        weights = np.asarray([10 ** (-n / 10) for n in range(int(behind.max(initial=0)) + 1)])[behind]
        total = np.zeros(weights.shape[1])
        for its in weights:
            total += its
        return weights / total  # type: ignore[no-any-return]


@lru_cache(maxsize=8)
def cohort_of(book: Rulebook) -> Cohort:
    """A rulebook made ready, once."""
    return Cohort(book)


class Cohort:
    """A rulebook made ready to answer for many people at once; safe to share between threads."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self._gates = _Gates(book, list(first_rules(book)), list(second_rules(book)))
        self._sub_sites = list(book.sub_sites)
        self._sites = list(book.sites)
        self._arguments = [self._themes(ref) for ref in self._sub_sites]
        self._groups = [
            [n for n, ref in enumerate(self._sub_sites) if ref.startswith(f"{site}.")] for site in self._sites
        ]
        self._site_of = np.asarray([self._sites.index(ref.partition(".")[0]) for ref in self._sub_sites], np.int8)
        most = max(sum(levels[0][0] for _, levels in themes) for themes in self._arguments)
        common_first = sorted(
            range(len(self._sub_sites)), key=lambda n: COMMONNESS[book.sub_sites[self._sub_sites[n]].commonness]
        )
        self._tie = np.argsort(common_first).astype(np.min_scalar_type(-(most + 1) * len(common_first)))
        """By sub-site: how late it comes among those of equal points."""

    def _themes(self, ref: str) -> list[tuple[int, tuple[tuple[int, tuple[str, ...]], ...]]]:
        """The arguments of a sub-site by theme and side: the sign, and the rules of each strength, strongest first."""
        groups: dict[tuple[str, int], dict[int, list[str]]] = {}
        for rule in self.book.evidence.values():
            if ref in self.book.sub_sites_of(rule.site):
                points = self.book.scale.points[rule.strength]
                sign = 1 if points > 0 else -1
                groups.setdefault((rule.theme, sign), {}).setdefault(abs(points), []).append(rule.id)
        return [
            (sign, tuple((points, tuple(levels[points])) for points in sorted(levels, reverse=True)))
            for (_, sign), levels in groups.items()
        ]

    def run(self, said: Said) -> Outcomes:
        """Close, infer, rank, infer again, judge the urgency: for everybody at once."""
        crowd = Crowd(said, self.book)
        run = _Run(self._gates, crowd)
        run.infer(0)
        ranking = self._rank(run)
        run.infer(1, self._standing(ranking))
        not_excluded, urgency = _Safety(self.book, crowd, run).assess()
        return Outcomes(self.book, crowd.people, run.fired, not_excluded, ranking, urgency)

    def _standing(self, ranking: Ranking) -> dict[Is, Plane]:
        """Who reached which standing."""
        of_sites = ranking.of_sites(ranking.standings)
        everything = (*zip(self._sub_sites, ranking.standings, strict=True), *zip(self._sites, of_sites, strict=True))
        return {
            Is(ref, standing): pack(its == place) for ref, its in everything for place, standing in enumerate(STANDINGS)
        }

    def _rank(self, run: _Run) -> Ranking:
        people = run.crowd.people
        counted: dict[object, list[Plane]] = {}
        points = np.zeros((len(self._sub_sites), people), np.int16)
        heard = np.zeros(points.shape, np.bool_)
        for place, themes in enumerate(self._arguments):
            sums = {1: Sum(), -1: Sum()}
            voted: list[Plane] = []
            for sign, levels in themes:
                if levels not in counted:
                    counted[levels] = _strongest(levels, run)
                for bit, plane in enumerate(counted[levels]):
                    sums[sign].add(plane, bit)
                    voted.append(plane)
            points[place] = sums[1].total(people) - sums[-1].total(people)
            heard[place] = unpack(either(voted), people)
        # Some at a time, so that what is passed over a dozen times stays close to the processor.
        some = (
            self._ranked(points[:, at : at + _NEARBY], heard[:, at : at + _NEARBY])
            for at in range(0, max(people, 1), _NEARBY)
        )
        return Ranking(points, *(np.concatenate(arrays, axis=1) for arrays in zip(*some, strict=True)))

    def _ranked(
        self, points: NDArray[np.int16], heard: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int8], NDArray[np.int16], NDArray[np.int8]]:
        """Standings, best sub-sites and order, as `Ranking` has them."""
        limits = self.book.scale.thresholds
        near_best = points.max(axis=0) - np.int16(floor(limits.margin))
        possible = (points >= np.int16(ceil(limits.possible))) & heard
        unlikely = (points <= np.int16(floor(limits.unlikely))) & heard
        leading = (points >= np.int16(ceil(limits.leading))) & (points >= near_best) & heard
        # Whoever leads is possible too: counted down from "not assessed", each person reaches one standing.
        standings = np.int8(_NOT_ASSESSED) - unlikely.view(np.int8) - possible.view(np.int8) * 2 - leading.view(np.int8)
        # Ties go to the commoner, then to the one declared first: one number that orders like the ranking does.
        keys = points * self._tie.dtype.type(len(self._tie)) - self._tie[:, None]
        best = [keys[group].max(axis=0) for group in self._groups]
        places = np.argsort(self._tie).astype(np.int16)
        in_order, by_site = (
            np.take(places, -np.stack(rows) % places.dtype.type(len(places))) for rows in (_descending(best), best)
        )
        return standings, by_site, np.take(self._site_of, in_order)


def _descending(rows: list[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
    """The rows with each column sorted, greatest first: by swaps of neighbours, as there are few rows."""
    rows = list(rows)
    for turn in range(len(rows)):
        for upper in range(turn % 2, len(rows) - 1, 2):
            one, other = rows[upper], rows[upper + 1]
            rows[upper], rows[upper + 1] = np.maximum(one, other), np.minimum(one, other)
    return rows


def _strongest(levels: Sequence[tuple[int, Sequence[str]]], run: _Run) -> list[Plane]:
    """By bit of the number of points: for whom the strongest argument of a theme has it."""
    bits: list[list[Plane]] = [[] for _ in range(levels[0][0].bit_length())]
    stronger: Plane = None
    for points, rules in levels:
        fired = either(run.fired["evidence", rule] for rule in rules)
        strongest = without(fired, stronger)
        stronger = either((stronger, fired))
        for bit, planes in enumerate(bits):
            if points >> bit & 1:
                planes.append(strongest)
    return [either(planes) for planes in bits]


@dataclass(frozen=True, slots=True)
class _Gate:
    """One distinct condition of the rules: an atom, or how many of which earlier gates must hold."""

    atom: Is | None = None
    reading: str = "plain"
    needed: int = 0
    parts: tuple[int, ...] = ()


class _Gates:
    """Every distinct condition of a rulebook once, in an order in which each comes after its parts."""

    def __init__(self, book: Rulebook, *stages: Sequence[Rule]) -> None:
        self._patterns = book.patterns
        self._numbers: dict[_Gate, int] = {}
        self._of_pattern: dict[str, int] = {}
        self.stages: list[list[_Gate]] = []
        self.rules: list[list[tuple[tuple[RuleKind, str], int]]] = []
        for rules in stages:
            before = len(self._numbers)
            self.rules.append([((rule.kind, rule.id), self._rule(rule)) for rule in rules])
            self.stages.append(list(self._numbers)[before:])

    def _rule(self, rule: Rule) -> int:
        gate = self._gate(rule.when, rule.reading)
        if rule.kind == "pattern":
            self._of_pattern[rule.id] = gate
        return gate

    def _gate(self, when: Condition, reading: str) -> int:
        if isinstance(when, Is):
            if when.name in self._patterns:
                return self._of_pattern[when.name]
            gate = _Gate(atom=when, reading=reading)
        else:
            parts = tuple(self._gate(part, reading) for part in when.parts)
            needed = len(parts) if isinstance(when, All) else when.n if isinstance(when, AtLeast) else 1
            gate = _Gate(needed=needed, parts=parts)
        return self._numbers.setdefault(gate, len(self._numbers))


class _Run:
    """The rules over a crowd, a stage at a time."""

    def __init__(self, gates: _Gates, crowd: Crowd) -> None:
        self.crowd = crowd
        self.fired: dict[tuple[RuleKind, str], Plane] = {}
        self._gates = gates
        self._planes: list[Plane] = []

    def infer(self, stage: int, standings: Mapping[Is, Plane] = MappingProxyType({})) -> None:
        planes = self._planes
        for gate in self._gates.stages[stage]:
            if gate.atom is not None:
                planes.append(
                    standings[gate.atom] if gate.atom in standings else self.crowd.truth(gate.atom, gate.reading)
                )
                continue
            parts = [planes[part] for part in gate.parts]
            if gate.needed == len(parts):
                planes.append(every(parts))
            else:
                planes.append(either(parts) if gate.needed == 1 else at_least(gate.needed, parts))
        for rule, gate_number in self._gates.rules[stage]:
            self.fired[rule] = planes[gate_number]


class _Safety:
    """`urgency.assess` for many."""

    def __init__(self, book: Rulebook, crowd: Crowd, run: _Run) -> None:
        self._book = book
        self._crowd = crowd
        self._run = run
        self._concern: dict[str, tuple[Plane, Plane]] = {}

    def assess(self) -> tuple[dict[str, Plane], NDArray[np.int8]]:
        scale, crowd = self._book.scale, self._crowd
        raised: dict[UrgencyLevel, list[Plane]] = {level: [] for level in URGENCIES}
        not_excluded: dict[str, Plane] = {}
        for flag in self._book.red_flags.values():
            fired = self._run.fired["red_flag", flag.id]
            raised[flag.urgency].append(fired)
            plane = not_excluded[flag.id] = somebody(without(self._one_short(flag), fired))
            if flag.if_not_known == "raise":
                raised[scale.not_excluded[flag.urgency]].append(plane)
        raised["same_day"].append(at_least(scale.unsure_for_same_day, self._unsure()))
        raised[scale.nothing_known].append(without(crowd.everyone, crowd.anything()))
        denied = every([crowd[name].words.get(ABSENT) for name in scale.always_ask])
        raised[scale.unanswered] += [without(crowd.everyone, denied), *not_excluded.values()]
        urgency = self._levels(raised)
        calm = pack(urgency < URGENCIES.index(scale.unanswered))
        if calm is not None:
            still_open = either(self._near(flag, calm) for flag in self._book.red_flags.values())
            urgency[unpack(still_open, crowd.people)] = URGENCIES.index(scale.unanswered)
        return not_excluded, urgency

    def _levels(self, raised: Mapping[UrgencyLevel, Sequence[Plane]]) -> NDArray[np.int8]:
        urgency = np.zeros(self._crowd.people, np.int8)
        for place, level in enumerate(URGENCIES):
            urgency[unpack(either(raised[level]), self._crowd.people)] = place
        return urgency

    def _unsure(self) -> Iterator[Plane]:
        flags = (flag for flag in self._book.red_flags.values() if flag.urgency in PRESSING)
        for name in dict.fromkeys(atom.name for flag in flags for atom in atoms(flag.when)):
            yield self._crowd[name].words.get(UNSURE)

    def _truth(self, flag: RedFlag, atom: Is) -> Plane:
        plane = self._crowd.truth(atom, reading_of(flag))
        return without(plane, self._crowd[atom.name].words.get(UNSURE)) if flag.if_unsure == "ignore" else plane

    def _open(self, flag: RedFlag, atom: Is) -> Plane:
        plane = self._crowd.open(atom, reading_of(flag))
        return without(plane, self._crowd[atom.name].words.get(UNSURE)) if flag.if_unsure == "ignore" else plane

    def _concerned(self, flag: RedFlag) -> tuple[Plane, Plane]:
        """For whom a flag is relevant, and of those for whom one of its members is there."""
        if flag.id not in self._concern:
            self._concern[flag.id] = self._concerns(flag)
        return self._concern[flag.id]

    def _concerns(self, flag: RedFlag) -> tuple[Plane, Plane]:
        begun = either(self._tells(flag, atom) for atom in dict.fromkeys(atoms(flag.when)))
        if flag.relevant_when is None:
            return begun, begun
        relevant = self._short(flag, flag.relevant_when, 0)[0]
        return relevant, both(relevant, begun)

    def _tells(self, flag: RedFlag, atom: Is) -> Plane:
        if self._book.findings[atom.name].kind == "history":
            return None
        true = self._truth(flag, atom)
        return true if true is None or isinstance(atom.test, Range) else both(true, self._crowd[atom.name].affirmed())

    def _one_short(self, flag: RedFlag) -> Plane:
        _, begun = self._concerned(flag)
        return None if somebody(begun) is None else both(begun, self._short(flag, flag.when, 1)[1])

    def _near(self, flag: RedFlag, people: Plane) -> Plane:
        """Who of some people is near a pressing flag that has not fired."""
        if flag.urgency not in PRESSING:
            return None
        relevant = both(self._concerned(flag)[0], people)
        if somebody(relevant) is None:
            return None
        held, *_, near = self._short(flag, flag.when, NEAR)
        return without(both(relevant, near), held)

    def _short(self, flag: RedFlag, when: Condition, most: int) -> list[Plane]:
        """Of whom a condition holds, of whom at most one of its members is open, and so on up to ``most``."""
        if isinstance(when, Is):
            holds = self._truth(flag, when)
            return [holds, *[either((holds, self._open(flag, when)))] * most]
        parts = [self._short(flag, part, most) for part in when.parts]
        if isinstance(when, AtLeast):
            can = at_least(when.n, [part[-1] for part in parts])
            holding = [part[0] for part in parts]
            return [
                both(can, at_least(when.n - short, holding)) if short < when.n else can for short in range(most + 1)
            ]
        if isinstance(when, AnyOf):
            return [either(part[short] for part in parts) for short in range(most + 1)]
        so_far = parts[0]
        for part in parts[1:]:
            so_far = [
                either(both(so_far[short - more], part[more]) for more in range(short + 1)) for short in range(most + 1)
            ]
        return so_far
