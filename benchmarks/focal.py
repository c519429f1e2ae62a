"""How well lesions are found again: every single lesion and every pair, fully reported and with a third left out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations

from by_experta import Joins
from measuring import arguments, interleaved, table

from triage.anatomy import Territory
from triage.engine import join
from triage.facts import Facts, Origin
from triage.focal import Focal, Join, Link, Seen, join_plainly, localise
from triage.rulebook import Rulebook, load_rulebook
from triage.when import ABSENT, BOTH, PRESENT, RIGHT

SEED = 2026
MOST_CANDIDATES = 3


@dataclass
class Tally:
    """Of the patients with some lesions: how they were placed."""

    name: str
    of: int = 0
    first: int = 0
    exact: int = 0
    among: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, lesions: frozenset[str], focal: Focal) -> None:
        sides = [[frozenset(fit.place for fit in e.fits) for e in region.best] for region in focal.regions]
        if lesions <= focal.midline.keys():
            sides = [[lesions]]
        wanted = [frozenset(lesions & frozenset().union(*best)) for best in sides]
        whole = frozenset().union(*wanted) == lesions
        places = [best.index(want) if want in best else None for best, want in zip(sides, wanted, strict=True)]
        self.of += 1
        self.first += whole and all(place == 0 for place in places)
        self.exact += whole and all(place == 0 and len(best) == 1 for place, best in zip(places, sides, strict=True))
        found = whole and all(place is not None and place < MOST_CANDIDATES for place in places)
        self.among += found
        if not found:
            self.missed.append(" + ".join(sorted(lesions)))

    def row(self) -> list[str]:
        return [self.name, str(self.of), *(f"{n / max(self.of, 1):.1%}" for n in (self.exact, self.first, self.among))]


def patient(book: Rulebook, lesions: Iterable[Territory], reported: float, draw: random.Random) -> Facts:
    """Somebody with these lesions: what they take is lost, all else in the limbs is normal, minor supply untested."""
    facts = Facts()
    limbs = {lesion.place.limb for lesion in lesions}
    for wiring in book.anatomy.wiring.values():
        for bit, supply in enumerate(wiring.supplies):
            shares = {share for lesion in lesions if lesion.place.limb == wiring.limb and (share := lesion.share(bit))}
            in_middle = any(lesion.place.kind == "cauda_equina" for lesion in lesions)
            if shares - {"minor"}:
                sided = book.findings[supply.finding].sided
                value = (BOTH if in_middle else RIGHT) if sided else PRESENT
                if draw.random() < reported:
                    facts.values[supply.finding] = value
            elif not shares and wiring.limb in limbs:
                facts.values[supply.finding] = ABSENT
    facts.origins = {name: Origin("said") for name in facts.values}
    return facts


def everybody(book: Rulebook) -> Iterator[tuple[str, list[Territory]]]:
    """Every lesion by itself, and every two."""
    places = [t for wiring in book.anatomy.wiring.values() for t in wiring.territories.values()]
    yield from (("single", [place]) for place in places)
    for one, other in combinations([t for t in places if t.place.kind != "cauda_equina"], 2):
        yield kind_of_pair(one, other), [one, other]


def kind_of_pair(one: Territory, other: Territory) -> str:
    if one.place.limb != other.place.limb:
        return "pair, two limbs"
    if not one.explains & ~other.explains or not other.explains & ~one.explains:
        return "pair, one within the other"
    return "pair, one limb"


def measure(book: Rulebook, how: Join, reported: float, draws: int) -> list[Tally]:
    tallies: dict[str, Tally] = {}
    for name, lesions in everybody(book):
        for turn in range(draws if name == "single" else 1):
            places = frozenset(lesion.place.id for lesion in lesions)
            facts = patient(book, lesions, reported, random.Random(f"{SEED}{turn}{sorted(places)}"))
            if any(value != ABSENT for value in facts.values.values()):
                tallies.setdefault(name, Tally(name)).add(places, localise(book, facts, how))
    return list(tallies.values())


def main() -> None:
    parser = arguments(__doc__ or "", rounds=5)
    parser.add_argument("--missed", action="store_true", help="name the single lesions that are not found")
    options = parser.parse_args()
    book = load_rulebook(options.rules)
    for title, reported, draws in (("All deficits reported", 1.0, 1), ("A third of the deficits left out", 2 / 3, 10)):
        print(f"{title}\n")
        tallies = measure(book, join_plainly, reported, draws)
        table(["lesions", "patients", "exactly", "first", f"among {MOST_CANDIDATES}"], [t.row() for t in tallies])
        if options.missed:
            print("Missed:", ", ".join(sorted(set(tallies[0].missed))), "\n")
    timing(book, options.rounds)


def timing(book: Rulebook, rounds: int) -> None:
    """A focal consultation's joins in three ways, every single lesion once, everything else in the limb tested."""
    people = [patient(book, lesions, 1.0, random.Random(SEED)) for name, lesions in everybody(book) if name == "single"]
    by_default = Joins(book)
    ways: dict[str, Join] = {"triage": join, "no engine": join_plainly, "experta, defaults": by_default.join}
    for facts in people[:3]:
        assert len({frozenset(_links(book, facts, how)) for how in ways.values()}) == 1, "the ways differ"
    whom = {name: people[:4] if how == by_default.join else people for name, how in ways.items()}
    taken = interleaved({name: partial(_find, book, whom[name], how) for name, how in ways.items()}, rounds)
    each = {name: seconds / len(whom[name]) for name, seconds in taken.items()}
    print("Finding the lesions of one person, of whom a whole limb was tested\n")
    table(
        ["way", "milliseconds", "ratio"], [[n, f"{t * 1e3:.2f}", f"{t / each['triage']:.2f}"] for n, t in each.items()]
    )


def _find(book: Rulebook, people: Iterable[Facts], how: Join) -> None:
    for facts in people:
        localise(book, facts, how)


def _links(book: Rulebook, facts: Facts, how: Join) -> list[Link]:
    found: list[Link] = []

    def kept(book: Rulebook, seen: Seen) -> list[Link]:
        found.extend(how(book, seen))
        return found

    localise(book, facts, kept)
    return found


if __name__ == "__main__":
    main()
