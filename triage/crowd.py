"""What is known of many people at once, and what follows from it: `facts` in arrays, with the same results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triage.distribution import Reported, Spot, measured, relevant
from triage.focal_crowd import lesions_of
from triage.knowledge import LESION_MEASURES
from triage.planes import Bits, Plane, at_least, both, either, every, pack, somebody, without, words_for
from triage.rulebook import Rulebook
from triage.when import (
    ABSENT,
    AFFIRMED,
    BOTH,
    LEFT,
    PRESENT,
    RIGHT,
    SIDES,
    UNSURE,
    All,
    AnyOf,
    Condition,
    Is,
    Range,
    Value,
)


@dataclass
class Answers:
    """What was said of one finding, by many people."""

    values: dict[Value, Plane] = field(default_factory=dict)
    """Who gave this answer: a word, or the set of answers that contradict each other."""
    numbers: NDArray[np.float64] | None = None
    """One a person, NaN where none was given."""


@dataclass
class Said:
    """Everything that was said, by finding."""

    people: int
    answers: dict[str, Answers] = field(default_factory=dict)


@dataclass
class Known:
    """What is known of one finding: each person is in one plane at most, in ``doubtful``, or has a number."""

    words: dict[Value, Plane] = field(default_factory=dict)
    doubtful: Plane = None
    readings: dict[str | float, Plane] = field(default_factory=dict)
    """Of those in doubt: who gave, or is led to, this answer among others."""
    numbers: NDArray[np.float64] | None = None
    numbered: Plane = None
    taken: list[tuple[float, Plane]] = field(default_factory=list)
    """Numbers taken as given, and of whom."""

    def affirmed(self) -> Plane:
        return either(self.words.get(word) for word in (PRESENT, LEFT, RIGHT, BOTH))

    def settled(self) -> Plane:
        """Of whom anything but "not sure" is known."""
        words = (plane for word, plane in self.words.items() if word != UNSURE)
        return either((*words, self.doubtful, self.numbered, *(plane for _, plane in self.taken)))

    def anything(self) -> Plane:
        return either((self.settled(), self.words.get(UNSURE)))

    def put(self, word: str, plane: Plane) -> None:
        """These people are in this plane, and no longer not sure."""
        if plane is not None:
            self.words[word] = either((self.words.get(word), plane))
            self.words[UNSURE] = without(self.words.get(UNSURE), plane)

    def doubt(self, word: str | float, plane: Plane) -> None:
        if plane is not None:
            self.readings[word] = either((self.readings.get(word), plane))
            self.doubtful = either((self.doubtful, plane))


class Crowd:
    """What is known of many people: their answers, closed."""

    def __init__(self, said: Said, book: Rulebook) -> None:
        self.people = said.people
        self._book = book
        self._known: dict[str, Known] = {}
        self._truths: dict[tuple[Is, str], Plane] = {}
        self._open: dict[tuple[Is, str], Plane] = {}
        self._anything: dict[str, Plane] = {}
        self.everyone = _everyone(said.people)
        self._take(said)
        self._contradict(said)
        self._affirm()
        self._deny()
        self._assume()
        self._doubt()
        self._compute(said)
        self._anything = {name: known.anything() for name, known in self._known.items()}

    def __getitem__(self, name: str) -> Known:
        return self._known.setdefault(name, Known())

    def anything(self) -> Plane:
        """Of whom anything at all is known."""
        return either(self._anything.values())

    def truth(self, atom: Is, reading: str = "plain") -> Plane:
        """Of whom an atom holds, as a rule of this reading sees it; see `facts.Facts.lookup`."""
        key = (atom, reading)
        if key not in self._truths:
            known = self._known.get(atom.name)
            self._truths[key] = None if known is None else self._holds(known, atom, reading)
        return self._truths[key]

    def open(self, atom: Is, reading: str = "plain") -> Plane:
        """Of whom it is unknown whether an atom holds."""
        known = self._known.get(atom.name)
        if known is None:
            return self.everyone
        key = (atom, reading)
        if key not in self._open:
            self._open[key] = self._undecided(known, atom, reading)
        return self._open[key]

    def _undecided(self, known: Known, atom: Is, reading: str) -> Plane:
        undecided = [without(self.everyone, self._anything.get(atom.name)), known.doubtful, known.words.get(UNSURE)]
        if atom.test in (*SIDES, "one_side"):
            undecided.append(known.words.get(PRESENT))
        return without(either(undecided), self.truth(atom, reading))

    def _holds(self, known: Known, atom: Is, reading: str) -> Plane:
        true = [plane for word, plane in known.words.items() if atom.holds(word)]
        if isinstance(atom.test, Range):
            if known.numbers is not None:
                true.append(_within(known.numbers, atom.test))
            true += [plane for number, plane in known.taken if atom.holds(number)]
        if reading != "plain":
            true += [plane for word, plane in known.readings.items() if atom.holds(word)]
        if reading == "worst":
            true.append(known.words.get(UNSURE))
        return either(true)

    # The steps of facts.close, in their order

    def _take(self, said: Said) -> None:
        for name, answers in said.answers.items():
            known = self[name]
            known.words = {value: plane for value, plane in answers.values.items() if not isinstance(value, frozenset)}
            for value, plane in answers.values.items():
                for reading in value if isinstance(value, frozenset) else ():
                    known.doubt(reading, plane)
            if answers.numbers is not None:
                known.numbers = answers.numbers
                known.numbered = pack(~np.isnan(answers.numbers))

    def _contradict(self, said: Said) -> None:
        """Set answers apart that cannot all be true."""
        denials = self._denials_above()
        claims: list[tuple[str, str, Plane]] = []
        for name, known in list(self._known.items()):
            excludes = [
                (other, word) for excluded in self._book.findings[name].excludes for other, word in excluded.items()
            ]
            suspects = excludes or (name in denials and somebody(both(known.affirmed(), denials[name])) is not None)
            for value in (PRESENT, LEFT, RIGHT, BOTH) if suspects else ():
                if known.words.get(value) is None:
                    continue
                clashes = [
                    (other, stated, word)
                    for other, stated in self._book.implications.upward(name, value).items()
                    for word in ((ABSENT,) if stated in AFFIRMED else AFFIRMED)
                ]
                for other, stated, word in clashes:
                    claims += self._clash(name, value, other, word, (word, stated))
                for other, stated in excludes:
                    for word in AFFIRMED if stated == PRESENT else (stated,):
                        claims += self._clash(name, value, other, word, (word,))
        for name, reading, plane in claims:
            self[name].doubt(reading, plane)
        for known in self._known.values():
            if known.doubtful is not None:
                known.words = {word: without(plane, known.doubtful) for word, plane in known.words.items()}

    def _clash(
        self, name: str, value: str, other: str, word: str, readings: tuple[str, ...]
    ) -> list[tuple[str, str, Plane]]:
        answered = self._known.get(other)
        who = None if answered is None else somebody(both(self[name].words.get(value), answered.words.get(word)))
        if who is None:
            return []
        return [(name, value, who), (name, ABSENT, who), *((other, reading, who) for reading in readings)]

    def _denials_above(self) -> dict[str, Plane]:
        """By finding: who denied something that it leads to, or affirmed what it rules out."""
        above: dict[str, Plane] = {}
        for name in reversed(self._book.implications.order):
            found: list[Plane] = []
            for other, stated in self._book.implications.stated[name]:
                known = self._known.get(other)
                if stated == ABSENT:
                    found.append(known.affirmed() if known else None)
                else:
                    found += [known.words.get(ABSENT) if known else None, above.get(other)]
            if (plane := either(found)) is not None:
                above[name] = plane
        return above

    def _affirm(self) -> None:
        """What is there leads upward; sides meet in "both"."""
        led: dict[str, dict[str, Plane]] = {}
        for name in self._book.implications.order:
            if name in led:
                self._meet(self[name], led.pop(name))
            known = self._known.get(name)
            if known is None or known.affirmed() is None:
                continue
            for value in (PRESENT, LEFT, RIGHT, BOTH):
                plane = known.words.get(value)
                if plane is not None:
                    for other, stated in self._book.implications.affirms(name, value):
                        to = led.setdefault(other, {})
                        to[stated] = either((to.get(stated), plane))

    @staticmethod
    def _meet(known: Known, led: Mapping[str, Plane]) -> None:
        barred = either((known.doubtful, known.words.get(ABSENT)))
        there = {
            word: somebody(either((known.words.get(word), without(led.get(word), barred))))
            for word in (PRESENT, LEFT, RIGHT, BOTH)
        }
        there[BOTH] = somebody(either((there[BOTH], both(there[LEFT], there[RIGHT]))))
        for side in (LEFT, RIGHT):
            there[side] = without(there[side], there[BOTH])
        sided = either(there[side] for side in (LEFT, RIGHT, BOTH))
        there[PRESENT] = without(there[PRESENT], sided)
        known.words.update(there)
        known.words[UNSURE] = without(known.words.get(UNSURE), either((there[PRESENT], sided)))

    def _deny(self) -> None:
        """What is there rules out what it refutes; what is not there, all that would need it."""
        known = self._book.implications
        refuted: dict[str, list[Plane]] = {}
        for name, its in list(self._known.items()):
            if known.refutes[name] and (there := its.affirmed()) is not None:
                for other in known.refutes[name]:
                    refuted.setdefault(other, []).append(there)
        for name, planes in refuted.items():
            self[name].put(ABSENT, somebody(without(either(planes), self[name].settled())))
        for name in reversed(known.order):
            absent = self._known[name].words.get(ABSENT) if name in self._known else None
            if absent is not None:
                for child in known.needed_by[name]:
                    self[child].put(ABSENT, without(absent, self[child].settled()))

    def _assume(self) -> None:
        for finding in self._book.findings.values():
            for taken in finding.taken_as:
                who = somebody(without(self._of(taken.when), self[finding.name].anything()))
                if isinstance(taken.value, str):
                    self[finding.name].put(taken.value, who)
                elif who is not None:
                    self[finding.name].taken.append((taken.value, who))

    def _of(self, when: Condition) -> Plane:
        """Of whom a condition over findings holds."""
        if isinstance(when, Is):
            known = self._known.get(when.name)
            return None if known is None else self._holds(known, when, "plain")
        parts = [self._of(part) for part in when.parts]
        if isinstance(when, All):
            return every(parts)
        return either(parts) if isinstance(when, AnyOf) else at_least(when.n, parts)

    def _doubt(self) -> None:
        """What a doubtful answer would lead to is in doubt too, unless it is known otherwise."""
        claims: list[tuple[str, str, Plane]] = []
        for name, known in list(self._known.items()):
            for reading in sorted(map(str, AFFIRMED & known.readings.keys())):
                for other, stated in self._book.implications.upward(name, reading).items():
                    if stated in AFFIRMED:
                        who = somebody(without(known.readings[reading], self[other].anything()))
                        claims += [(other, stated, who), (other, ABSENT, who)]
        for name, reading, who in claims:
            self[name].doubt(reading, who)

    def _compute(self, said: Said) -> None:
        """The distribution; see `distribution`."""
        findings = self._book.findings
        spoken_of = either(
            self._still_said(name, its) for name, its in said.answers.items() if findings[name].kind != "history"
        )
        views: dict[tuple[str, ...], tuple[Plane, Reported]] = {}
        found: list[tuple[str, Value, Plane]] = []
        for finding in findings.values():
            if finding.computed is None or finding.computed.what in LESION_MEASURES:
                continue
            what, of = finding.computed.what, finding.computed.of
            if of not in views:
                views[of] = self._view(of)
            mentioned, reported = views[of]
            if what == "not_mentioned":
                found.append((finding.name, PRESENT, without(spoken_of, mentioned)))
            elif what == "regions":
                regions = [somebody(region) for region in reported.regions()]
                for n in range(1, len(regions) + 1):
                    found.append((finding.name, float(n), without(at_least(n, regions), at_least(n + 1, regions))))
            else:
                found.append((finding.name, PRESENT, somebody(measured(what, reported))))
        said_of = {name: known.words for name, known in self._known.items()}
        found += lesions_of(self._book).findings(said_of, self.people)
        for name, value, plane in found:
            who = without(plane, self[name].anything())
            if isinstance(value, str):
                self[name].put(value, who)
            elif isinstance(value, float) and who is not None:
                self[name].taken.append((value, who))

    def _still_said(self, name: str, answers: Answers) -> Plane:
        """Who gave an answer that stands: "not sure" does not where the finding follows from others."""
        words = (plane for value, plane in answers.values.items() if value != UNSURE)
        return either((*words, self[name].numbered, self[name].words.get(UNSURE)))

    def _view(self, of: tuple[str, ...]) -> tuple[Plane, Reported]:
        looked_at = [(f, self._known[f.name]) for f in relevant(of, self._book) if f.name in self._known]
        nobody = np.zeros(words_for(self.people), np.uint64)

        def bits(plane: Plane) -> Bits:
            return nobody if plane is None else plane

        spots = [
            Spot(
                f.name,
                f.location.part,
                f.location.level,
                bits(known.affirmed()),
                *(bits(known.words.get(word)) for word in (LEFT, RIGHT, BOTH, ABSENT)),
            )
            for f, known in looked_at
            if f.location
        ]
        return either(known.anything() for _, known in looked_at), Reported(spots, nobody)


def _everyone(people: int) -> Bits:
    plane = pack(np.ones(people, np.bool_))
    return np.zeros(0, np.uint64) if plane is None else plane


def _within(numbers: NDArray[np.float64], wanted: Range) -> Plane:
    low = -np.inf if wanted.at_least is None else wanted.at_least
    high = np.inf if wanted.at_most is None else wanted.at_most
    return pack((numbers >= low) & (numbers <= high))
