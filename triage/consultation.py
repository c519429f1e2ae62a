"""One consultation start to end; the only module that knows the order of the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from triage import report as r
from triage import urgency as safety
from triage._version import __version__
from triage.case import Case
from triage.engine import infer, join
from triage.examination import Examination, next_examinations
from triage.facts import Facts, close
from triage.firing import Firing, Rank, full_lookup, infer_plainly
from triage.focal import Focal, Join, Regional, join_plainly, localise
from triage.intake import contradiction, settle
from triage.knowledge import HpoTerm, Standing, Status
from triage.lesion_findings import in_general
from triage.lesion_report import focal_part
from triage.questions import open_questions
from triage.ranking import Ranked, Score, Vote, rank
from triage.rulebook import Rulebook, load_rulebook
from triage.when import Condition, Is, Lookup, atoms, judge

Infer = Callable[[Rulebook, Facts, Rank], list[Firing]]


class Engine(NamedTuple):
    """A way of running the rules: those that join facts, then those over what is known of one person."""

    join: Join
    infer: Infer


EXPERTA = Engine(join, infer)
PLAIN = Engine(join_plainly, infer_plainly)
"""Without an engine: the reference, and what sweeps over many cases and rulebooks use."""


@dataclass(frozen=True)
class Reasoning:
    """Everything a consultation worked out, before it is put into a report."""

    book: Rulebook
    facts: Facts
    focal: Focal
    firings: tuple[Firing, ...]
    ranked: Ranked
    urgency: safety.Urgency

    @cached_property
    def examinations(self) -> tuple[tuple[Regional, list[Examination]], ...]:
        """The regions in which a lesion is sought, each with what to examine next."""
        sought = self.focal.sought(self.ranked.standings)
        return tuple((region, next_examinations(self.book, self.facts, region)) for region in sought)

    @cached_property
    def fired(self) -> dict[tuple[str, str], Firing]:
        return {(f.kind, f.id): f for f in self.firings}


def consult(case: Case, rulebook: Rulebook | None = None) -> r.Report:
    """From one person's answers to a localisation with its reasons, its urgency and what to do next.

    The same case and rulebook give the same report, byte for byte, in every process and thread.

    Raises:
        CaseError: the answers name unknown findings or hold impossible values; all problems at once.
        RulebookError: the built-in rules do not hold together (only where none is given).
    """
    book = rulebook or load_rulebook()
    intake = settle(case, book)
    return report_on(reason(book, close(intake.said, book)), case, intake.notices)


def report_on(reasoning: Reasoning, case: Case, notices: tuple[r.Notice, ...]) -> r.Report:
    """A reasoning put into a report."""
    return _Writer(reasoning, case, notices).report()


def reason(book: Rulebook, facts: Facts, engine: Engine = EXPERTA) -> Reasoning:
    """Find the lesions, infer, rank, infer again, judge the urgency."""
    focal = localise(book, facts, engine.join)
    facts = in_general(book, facts, focal)
    ranked: list[Ranked] = []

    def standings(firings: Sequence[Firing]) -> dict[str, Standing]:
        ranked.append(rank(book, firings))
        return dict(ranked[0].standings)

    firings = tuple(engine.infer(book, facts, standings))
    return Reasoning(book, facts, focal, firings, ranked[0], safety.assess(book, facts, firings))


class _Writer:
    """Puts a reasoning into a report; adds no judgement of its own."""

    def __init__(self, reasoning: Reasoning, case: Case, notices: tuple[r.Notice, ...]) -> None:
        self.case = case
        self.book = reasoning.book
        self.facts = reasoning.facts
        self.focal = reasoning.focal
        self.examinations = reasoning.examinations
        self.firings = reasoning.firings
        self.ranked = reasoning.ranked
        self.urgency = reasoning.urgency
        self.fired = reasoning.fired
        conflicts = (contradiction(conflict.names, self.book) for conflict in self.facts.conflicts)
        self.notices = (*notices, *conflicts)

    def report(self) -> r.Report:
        scale = self.book.scale
        sites = tuple(self._site(score) for score in self.ranked.best.values())
        leading = tuple(site for site in sites if site.standing == "leading")
        red_flags = tuple(self._red_flag(s) for s in self.urgency.flags if s.state != "open")
        trace = tuple(self._trace())
        return r.Report(
            case=self.case,
            notices=self.notices,
            urgency=self._urgency(),
            red_flags=red_flags,
            localised=bool(leading),
            summary=self._summary(leading, sites),
            sites=sites,
            cannot_tell_apart=tuple(site.site for site in leading) if len(leading) > 1 else (),
            focal=focal_part(self.book, self.focal, self.ranked.standings, self.examinations),
            unexplained=self._unexplained(leading),
            conditions=self._conditions(),
            investigations=self._investigations(),
            open_questions=self._questions(),
            silent=self._silent(),
            trace=trace,
            drafts=self._drafts(),
            codes=self._codes(),
            rulebook=r.RulebookStamp(version=__version__, fingerprint=self.book.fingerprint),
            recommendation=scale.recommendation[self.urgency.level],
        )

    def _codes(self) -> dict[str, HpoTerm]:
        known = (self.book.findings[name] for name in self.facts.values)
        return {finding.name: finding.hpo for finding in known if finding.hpo}

    @cached_property
    def _lookup(self) -> Lookup:
        """How findings and patterns are seen by a condition of a profile."""
        patterns = {firing.id for firing in self.firings if firing.kind == "pattern"}
        return full_lookup(self.book, self.facts, patterns, {}, "plain")

    # Words for facts

    def words(self, atom: Is) -> str:
        """An atom as a reader says it: the label, its side or number, or its denial."""
        if atom.name in self.book.patterns:
            return self.book.patterns[atom.name].says
        if atom.name not in self.book.findings:
            return f"{self.book.site_label(atom.name)}: {atom.test}"
        return self.answer(atom.name)

    def answer(self, name: str) -> str:
        """A finding with what is known of it."""
        finding, value = self.book.findings[name], self.facts.values.get(name)
        if value == "present":
            return finding.label
        if value == "absent":
            return f"no {finding.label}"
        if value == "unsure":
            return f"{finding.label} (not sure)"
        if value is None or isinstance(value, frozenset):
            return f"{finding.label} ({'not known' if value is None else 'contradictory answers'})"
        if isinstance(value, (int, float)):
            return f"{finding.label}: {value:g} {finding.unit}".rstrip()
        shown = value.replace("_", " ")
        return f"{finding.label}: {shown}" if finding.value == "choice" else f"{finding.label} ({shown})"

    def roots(self, support: Iterable[Is]) -> tuple[str, ...]:
        """The person's own answers that atoms rest on, through patterns and implications."""
        found: dict[str, None] = {}
        for atom in support:
            if atom.name in self.book.patterns:
                pattern = self.fired.get(("pattern", atom.name))
                found.update(dict.fromkeys(self.roots(pattern.support if pattern else ())))
            elif atom.name in self.book.findings:
                found.update(dict.fromkeys(self.facts.roots(atom.name)))
        return tuple(found)

    def _answers(self, support: Iterable[Is]) -> tuple[str, ...]:
        return tuple(self.answer(name) for name in self.roots(support))

    # The parts of the report

    def _urgency(self) -> r.Urgency:
        level, scale = self.urgency.level, self.book.scale
        reasons: list[str] = []
        windows: list[str] = []
        for state in self.urgency.flags:
            if state.raises_to == level:
                windows.append(state.flag.window if state.state == "fired" else "")
                reasons.append(state.flag.says if state.state == "fired" else f"Not excluded: {state.flag.says}")
        if len(self.urgency.unsure) >= scale.unsure_for_same_day and not reasons:
            listed = ", ".join(self.book.findings[name].label for name in self.urgency.unsure)
            reasons.append(f"{len(self.urgency.unsure)} safety questions were answered 'not sure': {listed}")
        if not reasons and level == scale.unanswered:
            still_open = self.urgency.unasked or any(state.state != "fired" for state in self.urgency.flags)
            why = "safety questions are still open" if still_open else "what was reported should be looked at soon"
            reasons.append(f"Nothing urgent was recognised, but {why}")
        if not reasons:
            nothing = "Nothing urgent was recognised; the safety questions that matter here were answered no"
            reasons.append(nothing if self.facts.values else "Nothing is known yet")
        window = next((w for w in windows if w), scale.urgency_words[level])
        words = scale.urgency_words[level]
        return r.Urgency(level=level, words=words, window=window, reasons=tuple(reasons), safety_net=scale.safety_net)

    def _red_flag(self, state: safety.FlagState) -> r.RedFlag:
        flag = state.flag
        support = state.support or tuple(a for a in atoms(flag.when) if self.facts.lookup_worst(a))
        return r.RedFlag(
            id=flag.id,
            says=flag.says,
            state="fired" if state.state == "fired" else "not_excluded",
            urgency=flag.urgency,
            raises_to=state.raises_to,
            action=flag.action,
            window=flag.window,
            because=flag.because,
            answers=self._answers(support),
            missing=tuple(dict.fromkeys(self.book.findings[atom.name].label for atom in state.missing)),
            cite=flag.cite,
            status=flag.status,
        )

    def _argument(self, vote: Vote) -> r.Argument:
        rule, support = vote.rule, self.fired["evidence", vote.rule.id].support
        return r.Argument(
            id=rule.id,
            says=rule.says,
            theme=rule.theme,
            strength=rule.strength,
            points=vote.points,
            because=rule.because,
            could_also_be=rule.could_also_be,
            rests_on=tuple(self.words(atom) for atom in support),
            answers=self._answers(support),
            published_ratio=rule.published_ratio,
            cite=rule.cite,
            status="draft" if self._rests_on_draft(support) else rule.status,
        )

    def _rests_on_draft(self, support: Iterable[Is]) -> bool:
        """Whether a draft pattern stands anywhere on the way to these atoms."""
        patterns = [self.book.patterns[atom.name] for atom in support if atom.name in self.book.patterns]
        return any(p.status == "draft" or self._rests_on_draft(self.fired["pattern", p.id].support) for p in patterns)

    def _site(self, score: Score) -> r.SiteAssessment:
        site_id = score.ref.partition(".")[0]
        site, sub_site = self.book.sites[site_id], self.book.sub_sites[score.ref]
        below = [s for s in self.ranked.sub_sites if s.ref.startswith(f"{site_id}.") and s.votes]
        return r.SiteAssessment(
            site=site_id,
            label=site.label,
            plain=site.plain,
            sub_site=score.ref,
            sub_site_label=sub_site.label,
            standing=self.ranked.standings[site_id],
            points=score.points,
            relative_support=round(self.ranked.support[site_id], 4),
            commonness=sub_site.commonness,
            in_favour=tuple(self._argument(v) for v in _strongest_first(score.counted(in_favour=True))),
            against=tuple(self._argument(v) for v in _strongest_first(score.counted(in_favour=False))),
            already_counted=tuple(self._argument(v) for v in score.votes if not v.counted),
            not_explained=self._not_explained([score]),
            sub_sites=tuple(
                r.SubSiteStanding(
                    sub_site=s.ref,
                    label=self.book.sub_sites[s.ref].label,
                    standing=self.ranked.standings[s.ref],
                    points=s.points,
                )
                for s in below
            ),
        )

    def _not_explained(self, scores: Iterable[Score]) -> tuple[str, ...]:
        """Findings said to be there, felt or seen, that no argument in favour rests on."""
        used = {
            root
            for score in scores
            for vote in score.votes
            if vote.points > 0
            for root in self.roots(self.fired["evidence", vote.rule.id].support)
        }
        return tuple(
            self.answer(name)
            for name in self.facts.affirmed()
            if name not in used and self.book.findings[name].kind in ("symptom", "sign")
        )

    def _unexplained(self, leading: Sequence[r.SiteAssessment]) -> tuple[str, ...]:
        by_ref = {score.ref: score for score in self.ranked.sub_sites}
        scores = [by_ref[site.sub_site] for site in leading]
        return self._not_explained(scores) if scores else ()

    def _summary(self, leading: Sequence[r.SiteAssessment], sites: Sequence[r.SiteAssessment]) -> str:
        if len(leading) == 1:
            return f"Most likely site: {leading[0].label} ({leading[0].sub_site_label})."
        if leading:
            names = " or ".join(f"{site.label} ({site.sub_site_label})" for site in leading)
            return f"These sites cannot be told apart yet: {names}."
        possible = [site.label for site in sites if site.standing == "possible"]
        some = f" Possible so far: {', '.join(possible)}." if possible else ""
        return f"Not enough to localise.{some}"

    def _conditions(self) -> tuple[r.ConditionFit, ...]:
        weight = self.book.scale.condition_points
        order = [s.ref for s in self.ranked.sub_sites]
        fits = []
        for firing in self.firings:
            if firing.kind != "condition":
                continue
            profile = self.book.conditions[firing.id]
            hallmarks, expected, against = (
                [c for c in conditions if judge(c, self._lookup)]
                for conditions in (profile.hallmarks, profile.expected, profile.against)
            )
            points = (
                weight["hallmark"] * len(hallmarks)
                + weight["expected"] * len(expected)
                + weight["against"] * len(against)
            )
            home = [ref for at in profile.lives_at for ref in self.book.sub_sites_of(at)]
            rank_of_home = min(order.index(ref) for ref in home)
            score = self.ranked.sub_sites[rank_of_home]
            if points <= 0:
                continue
            fit = r.ConditionFit(
                id=profile.id,
                name=profile.name,
                site=score.ref,
                points=points,
                fits=self._phrases(hallmarks + expected),
                does_not_fit=self._phrases(against),
                plain=profile.plain,
                cause=profile.cause,
                how_common=profile.how_common.says or profile.how_common.word,
                confirmed_by=profile.confirmed_by,
                care_team=profile.care_team,
                codes=profile.codes,
                status=profile.status,
            )
            commonness = ("common", "uncommon", "rare").index(profile.how_common.word)
            # A condition is as likely as its place: points of the site and of the profile together.
            fits.append(((-(score.points + points), commonness, profile.id), fit))
        return tuple(fit for _, fit in sorted(fits, key=lambda pair: pair[0])[:8])

    def _phrases(self, conditions: Sequence[Condition]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.words(a) for c in conditions for a in atoms(c) if self._lookup(a)))

    def _investigations(self) -> tuple[r.SuggestedTest, ...]:
        turn = {"first": 0, "next": 1, "later": 2}
        place = {score.ref: index for index, score in enumerate(self.ranked.sub_sites)}
        chosen: dict[str, tuple[tuple[int, int], r.SuggestedTest]] = {}
        for firing in self.firings:
            if firing.kind != "investigation":
                continue
            advice = self.book.investigations[firing.id]
            refs = [ref for at in advice.for_ for ref in self.book.sub_sites_of(at)]
            key = (turn[advice.order], min(place[ref] for ref in refs))
            if advice.test in chosen and chosen[advice.test][0] <= key:
                continue
            suggestion = r.SuggestedTest(
                id=advice.id,
                test=advice.test,
                name=self.book.tests[advice.test].name,
                order=advice.order,
                sites=advice.for_,
                settles=advice.settles,
                if_abnormal=advice.if_abnormal,
                if_normal=advice.if_normal,
                timing=self._timing(firing.id),
                codes=self.book.tests[advice.test].codes,
                status=advice.status,
            )
            chosen[advice.test] = key, suggestion
        return tuple(test for _, test in sorted(chosen.values(), key=lambda pair: pair[0])[:12])

    def _timing(self, investigation: str) -> str:
        timing = self.book.investigations[investigation].timing
        if timing is None:
            return ""
        days = self.facts.values.get(self.book.scale.time_since_onset)
        best = f"Most telling from day {timing.best_from_days:g} after onset." if timing.best_from_days else ""
        early = (
            f"Now day {days:g}: a normal result would not exclude anything yet."
            if isinstance(days, (int, float)) and days < timing.best_from_days
            else ""
        )
        return " ".join(part for part in (best, early, timing.note) if part)

    def _questions(self) -> tuple[r.Question, ...]:
        asked = open_questions(self.book, self.facts, self.firings, self.ranked, self.urgency, self.examinations)
        findings = self.book.findings
        return tuple(
            r.Question(
                finding=a.finding,
                question=findings[a.finding].question,
                help=findings[a.finding].help,
                why=a.why,
                safety=a.safety,
            )
            for a in asked
        )

    def _silent(self) -> tuple[str, ...]:
        read = {root for firing in self.firings for root in self.roots(firing.support)}
        return tuple(self.answer(name) for name in self.facts.affirmed() if name not in read)

    def _trace(self) -> Iterable[r.TraceStep]:
        for name, origin in self.facts.origins.items():
            if origin.how != "said":
                of = tuple(self.answer(parent) for parent in origin.of)
                yield r.TraceStep(name=name, kind=origin.how, says=self.answer(name), rests_on=of)
        for firing in self.firings:
            if firing.kind == "pattern":
                pattern = self.book.patterns[firing.id]
                rests_on = tuple(self.words(atom) for atom in firing.support)
                yield r.TraceStep(
                    name=firing.id, kind="pattern", says=pattern.says, rests_on=rests_on, status=pattern.status
                )

    def _drafts(self) -> int:
        statuses: list[Status] = []
        for firing in self.firings:
            table = {"pattern": self.book.patterns, "evidence": self.book.evidence, "red_flag": self.book.red_flags}
            if firing.kind in table:
                statuses.append(table[firing.kind][firing.id].status)
        return statuses.count("draft")


def _strongest_first(votes: Iterable[Vote]) -> list[Vote]:
    return sorted(votes, key=lambda vote: -abs(vote.points))
