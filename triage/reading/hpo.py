"""Observations in terms of the Human Phenotype Ontology → answers, with notices; what a term means is in ``rules/``."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from triage.case import Notice
from triage.errors import CaseError, Problem
from triage.knowledge import Answer, Finding, Given, Modifier
from triage.reading.ontology import Ontology, hpo_code, ontology_of
from triage.reading.times import DAYS_IN_YEAR, Certain, Span, age_span, between, earliest, years_span
from triage.rulebook import Rulebook
from triage.when import ABSENT, BOTH, PRESENT, UNSURE

_OTHER_VOCABULARY = re.compile(r"[\w.-]+:\S")
_NAMED = 4
"""So many findings are named in one notice; the rest is counted."""


@dataclass(frozen=True)
class Observation:
    """One coded observation: a term, and what is said of it.

    ``term``, ``modifiers`` and ``severity`` are HPO ids or labels; ``onset`` is an ISO 8601 age (``P10Y``), two of them
    (``P1Y/P5Y``) or an onset term, and ``days_ago`` says the same in days before the person was seen. ``label`` stands
    in for an id that the ontology does not have. What is ``resolved`` was there and is gone.
    """

    term: str
    excluded: bool = False
    unsure: bool = False
    resolved: bool = False
    modifiers: tuple[str, ...] = ()
    side: str = ""
    severity: str = ""
    onset: str = ""
    days_ago: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class TermsRead:
    """What observations said: answers by finding, notices, and for each observation the findings it spoke of."""

    answers: Given
    notices: tuple[Notice, ...]
    spoke_of: tuple[tuple[str, ...], ...]


def read_terms(
    observations: Iterable[Observation], book: Rulebook, *, age: float | str | None = None, onset: str = ""
) -> TermsRead:
    """The answers that observations amount to.

    ``age`` is in years, an ISO 8601 age or an onset term; ``onset`` is that of the illness as a whole. Together they
    give the age at onset and the time since, where they are certain enough for the rules that ask for them.

    Raises:
        CaseError: terms, ages or onsets that cannot be read; all of them at once.
    """
    return _Person(reader_of(book), age, onset).read(tuple(observations))


@lru_cache(maxsize=8)
def reader_of(book: Rulebook) -> TermReader:
    """The reader of a rulebook's terms, made once per rulebook."""
    return TermReader(book)


@dataclass(frozen=True, slots=True)
class _Meaning:
    present: Mapping[str, Answer]
    absent: Mapping[str, Answer]
    finding: str = ""
    """The finding whose own term it is."""


class TermReader:
    """What each term says, by the rulebook and the ontology; safe to share between threads."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.ontology: Ontology = ontology_of(book)
        self.certain = Certain(book)
        now = self.ontology.current
        self._meanings = {
            now(code) or code: _Meaning({name: PRESENT}, {name: ABSENT}, name) for code, name in book.by_hpo.items()
        }
        for code, term in book.terms.items():
            self._meanings[now(code) or code] = _Meaning(_single(term.present), _single(term.absent))
        self._modifiers = {now(code) or code: modifier for code, modifier in book.modifiers.items()}
        self._known = self._meanings.keys() | self._modifiers.keys()
        self._of_illness: dict[str, tuple[Modifier, ...]] = {}
        self._observed: dict[str, Mapping[str, Answer]] = {}
        self._excluded: dict[str, Mapping[str, Answer]] = {}

    def finding(self, code: str) -> str:
        """The finding whose own term this is, or nothing."""
        meaning = self._meanings.get(code)
        return meaning.finding if meaning else ""

    def observed(self, code: str) -> Mapping[str, Answer]:
        """The answers of an observed term: its own, or else those of the nearest more general terms that have any."""
        if code not in self._observed:
            nearest = self._nearest(code, self._meanings)
            self._observed[code] = _together(self._meanings[one].present for one in nearest)
        return self._observed[code]

    def excluded(self, code: str) -> Mapping[str, Answer]:
        """The answers of an excluded term: what is denied by every term with a meaning at or below it."""
        if code not in self._excluded:
            below = [one for one in self._meanings if code in self.ontology.above(one)]
            below = [code, *below] if code in self._meanings else below
            self._excluded[code] = _together(self._meanings[one].absent for one in below)
        return self._excluded[code]

    def modifiers(self, code: str) -> tuple[Modifier, ...]:
        """What a term says of an observation it is attached to: its own entry, or the nearest more general ones."""
        return tuple(
            self._modifiers.get(one) or Modifier(id=one, label="", present=dict(self._meanings[one].present))
            for one in self._nearest(code, self._known)
        )

    def of_illness(self, code: str) -> tuple[Modifier, ...]:
        """What a modifier says that is given as an observation by itself; nothing for other terms."""
        if code not in self._of_illness:
            nearest = self._nearest(code, self._known)
            self._of_illness[code] = tuple(self._modifiers[one] for one in nearest if one in self._modifiers)
        return self._of_illness[code]

    def _nearest(self, code: str, known: Container[str]) -> list[str]:
        found: dict[str, None] = {}
        level = [code]
        while level:
            found |= dict.fromkeys(one for one in level if one in known)
            level = [up for one in level if one not in known for up in self.ontology.parents(one)]
        general = {up for one in found for up in self.ontology.above(one)}
        return [one for one in found if one not in general]


def _single(given: Given) -> dict[str, Answer]:
    """Answers of a rules entry, with yes and no as words; the rulebook has one of each."""
    words = {True: PRESENT, False: ABSENT}
    return {
        name: words[answer] if isinstance(answer, bool) else answer
        for name, answer in given.items()
        if not isinstance(answer, list)
    }


def _together(several: Iterable[Mapping[str, Answer]]) -> dict[str, Answer]:
    """Answers of several terms in one; a side says more than present."""
    answers: dict[str, Answer] = {}
    for one in several:
        answers |= {name: answer for name, answer in one.items() if answers.get(name, PRESENT) == PRESENT}
    return answers


@dataclass
class _Said:
    """One observation on its way to answers."""

    observation: Observation
    code: str | None
    name: str
    answers: dict[str, Answer] = field(default_factory=dict)
    of_illness: tuple[Modifier, ...] = ()
    onset: Span | None = None
    narrowed: bool = False
    """Excluded only in part (on the left, when severe): the rest of it may be there."""
    unused: list[str] = field(default_factory=list)
    """What was said of it that says nothing here."""

    @property
    def observed(self) -> bool:
        """Whether it is said to be there."""
        one = self.observation
        return self.code is not None and not (one.excluded or one.unsure or one.resolved)


class _Person:
    """One person's observations."""

    def __init__(self, reader: TermReader, age: float | str | None, onset: str) -> None:
        self.reader = reader
        self.book = reader.book
        self.ontology = reader.ontology
        self.problems: list[Problem] = []
        self.notices: list[Notice] = []
        self.given: dict[str, list[Answer]] = {}
        self.age = self._when(age, "age")[0] if isinstance(age, str) and age else None
        if isinstance(age, (int, float)):
            self.age = years_span(age)
        self.age_is_given = not isinstance(age, str)
        self.onset, self.onset_says = self._when(onset, "onset") if onset else (None, ())

    def read(self, observations: Sequence[Observation]) -> TermsRead:
        said = [self._said(observation) for observation in observations]
        if self.problems:
            raise CaseError(self.problems)
        course: dict[str, dict[Answer, str]] = {}
        for one in said:
            self._modify(one, course)
        self._gather(said)
        self._gather_course(said, course)
        self._gather_time(said)
        self._drop_impossible()
        self._tell(said)
        answers: Given = {name: values if len(values) > 1 else values[0] for name, values in self.given.items()}
        spoke_of = tuple(
            tuple(dict.fromkeys((*one.answers, *(name for m in one.of_illness for name in self._spoken(m)))))
            for one in said
        )
        return TermsRead(answers, tuple(self.notices), spoke_of)

    # What each observation says

    def _said(self, observation: Observation) -> _Said:
        code = self._code(observation)
        said = _Said(observation, code, self._name(observation, code))
        if code is None or observation.resolved:
            return said
        if observation.unsure:
            finding = self.reader.finding(code)
            said.answers = {finding: UNSURE} if finding else {}
        elif observation.excluded:
            said.answers = dict(self.reader.excluded(code))
        else:
            said.answers = dict(self.reader.observed(code))
            said.of_illness = self.reader.of_illness(code)
            if observation.onset:
                said.onset, _ = self._when(observation.onset, f"{said.name}, onset")
        return said

    def _code(self, one: Observation) -> str | None:
        """The code in force; nothing for a term of another vocabulary."""
        code = self.ontology.current(one.term) or (self.ontology.current(one.label) if one.label else None)
        if code is None and one.label:
            # A record may be younger than the ontology here: its term says nothing, and a notice says so.
            return None
        if code is None and hpo_code(one.term):
            message = f"there is no term {hpo_code(one.term)} in HPO release {self.ontology.release}; check the id"
            self.problems.append(Problem(message, entry=one.term.strip()))
        elif code is None and not _OTHER_VOCABULARY.match(one.term):
            message = f"'{one.term[:60]}' is no label of HPO release {self.ontology.release}"
            self.problems.append(Problem(f"{message}.{self.ontology.near(one.term)}"))
        return code

    def _name(self, one: Observation, code: str | None) -> str:
        if code is None:
            return f"{one.label} ({one.term})" if one.label else one.term
        given = hpo_code(one.term)
        now = f", now {code}" if given and given != code else ""
        return f"{self.ontology.label(code)} ({given or code}{now})"

    def _when(self, text: str, entry: str) -> tuple[Span | None, tuple[Modifier, ...]]:
        """An age or onset as a span of years, and what else an onset term says."""
        span = age_span(text)
        if span is not None:
            return span, ()
        code = self.ontology.current(text)
        if code is None and _OTHER_VOCABULARY.match(text) and not hpo_code(text):
            return None, ()
        if code is None:
            message = f"'{text[:60]}' is neither an ISO 8601 age, such as P10Y or P3Y6M, nor an HPO onset term"
            self.problems.append(Problem(message, entry=entry))
            return None, ()
        says = self.reader.modifiers(code)
        spans = [Span(one.onset.at_least, one.onset.at_most) for one in says if one.onset]
        return (spans[0] if spans else None), says

    # Modifiers

    def _modify(self, said: _Said, course: dict[str, dict[Answer, str]]) -> None:
        one = said.observation
        attached = [*one.modifiers, *filter(None, (one.severity,))]
        if age_span(one.onset) is None and one.onset:
            attached.append(one.onset)
        sides = {one.side} if one.side else set()
        finer = False
        for text in attached:
            code = self.ontology.current(text)
            used = False
            for modifier in self.reader.modifiers(code) if code else ():
                if modifier.side:
                    sides.add(modifier.side)
                    used = True
                if modifier.level and self._at_level(said, modifier.level):
                    used = finer = True
                if self._bears_on(modifier, said):
                    used |= bool(modifier.present or modifier.onset)
                    for name, answer in _single(modifier.present).items():
                        course.setdefault(name, {}).setdefault(answer, said.name)
            if not used and said.answers:
                said.unused.append(self.ontology.label(code) if code else text)
        if one.excluded and not finer and (sides or one.modifiers or one.severity):
            said.narrowed = True
            said.answers.clear()
        elif sides and said.observed:
            side = sides.pop() if len(sides) == 1 else BOTH
            sided = [n for n, answer in said.answers.items() if self.book.findings[n].sided and answer == PRESENT]
            said.answers |= dict.fromkeys(sided, side)
            if said.answers and not sided:
                said.unused.append(side)

    def _at_level(self, said: _Said, level: str) -> bool:
        """Add the same finding near to or far from the trunk; of an excluded term only that is denied."""
        finer: dict[str, Answer] = {
            one: answer
            for name, answer in said.answers.items()
            if answer in (PRESENT, ABSENT)
            for one in self._finer(self.book.findings[name], level)
        }
        if finer and said.observation.excluded:
            said.answers = finer
            said.narrowed = True
        elif said.observed:
            said.answers |= finer
        return bool(finer)

    def _finer(self, finding: Finding, level: str) -> list[str]:
        """What a finding is called at a level, by the places the rulebook gives."""
        others = self.book.findings.values()
        if finding.location is None:
            of = (finding.domain,)
            whole = not finding.computed
            return [f.name for f in others if whole and f.computed and f.computed.what == level and f.computed.of == of]
        if finding.location.level == level:
            return [finding.name]
        place = (finding.domain, finding.location.part, level)
        at_level = [f for f in others if f.location and (f.domain, f.location.part, f.location.level) == place]
        # Of those, the general one: it says where, and nothing more.
        return [f.name for f in at_level if f.implies == (finding.name,)]

    def _bears_on(self, modifier: Modifier, said: _Said) -> bool:
        """Whether what is attached to an observation may speak of the illness: through a symptom or sign of it only."""
        domains = self._domains(said)
        return bool(domains) and (not modifier.of or any(domain in modifier.of for domain in domains))

    def _domains(self, said: _Said) -> list[str]:
        if not said.observed:
            return []
        spoken = [self.book.findings[name] for name, answer in said.answers.items() if answer != ABSENT]
        return [finding.domain for finding in spoken if finding.kind in ("symptom", "sign")]

    # All of them together

    def _gather(self, said: list[_Said]) -> None:
        denied = {one.code for one in said if one.observation.excluded and not one.narrowed and one.code}
        disputed: list[_Said] = []
        for one in said:
            if one.observed and one.code and denied & {one.code, *self.ontology.above(one.code)}:
                disputed.append(one)
                continue
            for name, answer in one.answers.items():
                self._give(name, answer)
            for modifier in one.of_illness:
                for name, answer in _single(modifier.present).items():
                    self._give(name, answer)
        # Seen, although it or something more general was excluded: both are kept, unless others have settled it.
        for one in disputed:
            for name, answer in one.answers.items():
                known = name in self.given
                self._give(name, answer)
                if not known and self.book.findings[name].value == "presence" and answer != ABSENT:
                    self._give(name, ABSENT)
        for modifier in self.onset_says:
            for name, answer in _single(modifier.present).items():
                self._give(name, answer)

    def _give(self, name: str, answer: Answer) -> None:
        values = self.given.setdefault(name, [])
        if answer not in values:
            values.append(answer)

    def _gather_course(self, said: list[_Said], course: Mapping[str, Mapping[Answer, str]]) -> None:
        for name, answers in course.items():
            if name in self.given:
                continue
            if len(answers) == 1:
                self._give(name, *answers)
                continue
            label = self.book.findings[name].label
            told = "; ".join(f"{where}: {answer}" for answer, where in answers.items())
            self._notice("unread", f"The observations differ in their {label} ({told}), so it is left open.", name)

    def _gather_time(self, said: list[_Said]) -> None:
        """Age, age at onset and time since onset: of the first that began, as far as that is known."""
        scale = self.book.scale
        if self.age and not self.age_is_given:
            self._state("age", self.age, as_written=True)
        bearing = [one for one in said if self._domains(one)]
        of_illness = [Span(m.onset.at_least, m.onset.at_most) for one in said for m in one.of_illness if m.onset]
        of_illness += filter(None, (self.onset,))
        aged = [*of_illness, *(one.onset for one in bearing if one.onset)]
        days = [one.observation.days_ago for one in bearing if one.observation.days_ago is not None]
        # What has no onset of its own may have come first.
        complete = bool(of_illness) or all(one.onset or one.observation.days_ago is not None for one in bearing)
        since = [Span(ago, ago, ago) for ago in days]
        if self.age and aged:
            onset = min(span.low for span in aged)
            if onset > self.age.low and onset >= self.age.high:
                self._notice("unread", "The onset lies after the age, so the time since onset is left open.")
                return
            since.append(between(earliest(aged), self.age).times(DAYS_IN_YEAR))
        if scale.age_at_onset and (began := [*aged, *(self._age_before(ago) for ago in days if self.age)]):
            first = earliest(began)
            first = self._not_after_now(Span(first.low if complete else 0.0, first.high, first.stated))
            self._state(scale.age_at_onset, first, as_written=complete)
        if since:
            longest = max(since, key=lambda span: span.low)
            high = max(span.high for span in since) if complete else math.inf
            self._state(scale.time_since_onset, Span(longest.low, high, longest.stated if complete else None))

    def _age_before(self, days: float) -> Span:
        assert self.age is not None
        years = days / DAYS_IN_YEAR
        stated = None if self.age.stated is None else max(0.0, self.age.stated - years)
        return Span(max(0.0, self.age.low - years), max(0.0, self.age.high - years), stated)

    def _not_after_now(self, first: Span) -> Span:
        if self.age is None:
            return first
        now = self.age.high if self.age.stated is None else self.age.stated
        return Span(min(first.low, now), min(first.high, now), None if first.stated is None else min(first.stated, now))

    def _state(self, name: str, span: Span, *, as_written: bool = False) -> None:
        """Give a number, where one is certain enough for the rules that ask for it."""
        finding = self.book.findings.get(name)
        if finding is None or name in self.given or finding.min is None or finding.max is None:
            return
        number = span.stated if as_written and span.stated is not None else self.reader.certain.number(name, span)
        known = f"it lies between {span.low:.4g} and {span.high:.6g} {finding.unit}"
        if math.isinf(span.high):
            known = f"it is at least {span.low:.4g} {finding.unit}"
        if number is None or not finding.min <= number <= finding.max:
            self._notice("unread", f"The {finding.label} is not known closely enough to be used: {known}.", name)
            return
        number = round(number, 2) if number < 100 else float(round(number))
        self._give(name, number)
        if name == "age" and span.stated is not None:
            return
        as_stated = span.stated is not None and span.low > 0 and math.isclose(number, span.stated, abs_tol=1)
        how = "" if as_stated or span.low == span.high else f"; {known}"
        self._notice("read_as", f"The {finding.label} was read as {number:g} {finding.unit}{how}.", name)

    def _drop_impossible(self) -> None:
        """A number that cannot stand beside another, such as a course longer than the time since onset, is left out."""
        for name in list(self.given):
            limit = self.given.get(self.book.findings[name].not_above, [math.inf])[0]
            value = self.given[name][0]
            if isinstance(value, float | int) and isinstance(limit, float | int) and value > limit:
                del self.given[name]

    # What is told

    def _notice(self, kind: str, message: str, *findings: str) -> None:
        self.notices.append(Notice.model_validate({"kind": kind, "message": message, "findings": findings}))

    def _spoken(self, modifier: Modifier) -> list[str]:
        scale = self.book.scale
        return [*modifier.present, *filter(None, (scale.age_at_onset if modifier.onset else "",))]

    def _tell(self, said: list[_Said]) -> None:
        silent: list[str] = []
        for one in said:
            if one.observation.resolved and one.code:
                self._notice("unread", f"{one.name} was there and is gone; it says nothing of now.")
            elif one.answers and not self._goes_without_saying(one):
                excluded = ", excluded," if one.observation.excluded else ""
                self._notice("read_as", f"{one.name}{excluded} was read as {self._listed(one.answers)}.", *one.answers)
            elif not one.answers and not any(m.present or m.onset for m in one.of_illness):
                silent.append(f"{one.name}, excluded" if one.observation.excluded else one.name)
        if silent:
            self._notice("unread", f"These terms say nothing here: {'; '.join(dict.fromkeys(silent))}.")
        if unused := [f"{what} (of {one.name})" for one in said for what in dict.fromkeys(one.unused)]:
            self._notice("unread", f"These say nothing more here: {'; '.join(unused)}.")

    def _goes_without_saying(self, one: _Said) -> bool:
        """Whether a term was read as the very finding it belongs to, under its present id."""
        finding = self.reader.finding(one.code) if one.code else ""
        return list(one.answers) == [finding] and hpo_code(one.observation.term) == one.code

    def _listed(self, answers: Mapping[str, Answer]) -> str:
        told = [self._told(name, answer) for name, answer in answers.items()]
        more = len(told) - _NAMED
        return ", ".join(told[:_NAMED]) + (f" and {more} more" if more > 0 else "")

    def _told(self, name: str, answer: Answer) -> str:
        label = self.book.findings[name].label
        if answer in (PRESENT, ABSENT):
            return label if answer == PRESENT else f"no {label}"
        return f"{label} ({answer})"
