"""A labelled set in; accuracy, confusion, urgency, calibration and every error with its reasons out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import Field

from triage._version import __version__
from triage.consultation import consult
from triage.errors import CaseError
from triage.knowledge import Standing, UrgencyLevel
from triage.labelled import PRESSING, SEED, Labelled, strata
from triage.measures import Calibration, Estimate, Figure, bootstrap, calibrate, wilson
from triage.report import Argument, Report, RulebookStamp, SiteAssessment
from triage.rulebook import Rulebook

RECOMMENDATION = (
    "These are figures about a teaching aid, which is not a medical device. They say nothing about any one person: "
    "whoever has such complaints needs to be seen by a clinician, and in an emergency at once."
)
ABSTAINED = "abstained"
NOTHING_MAY_LEAD = "nothing_may_lead"

Wrong: TypeAlias = Literal["site", "should_abstain", "missed_emergency", "false_alarm", "urgency"]

_ARGUMENTS = 3
"""How many arguments an error shows for and against a site."""


class Prediction(Figure):
    """What came out for one row, beside what should have."""

    id: str
    group: str | None
    site: str | None = Field(description="the right site; absent where none is named")
    also_accept: tuple[str, ...]
    abstain: bool = Field(description="whether nothing may lead")
    first: str = Field(description="the first-ranked site, leading or not")
    second: str | None
    leading: tuple[str, ...]
    points: dict[str, int] = Field(description="by site, best first")
    support: dict[str, float] = Field(description="relative support by site, best first")
    urgency: UrgencyLevel
    emergency: bool | None
    accepted_urgency: tuple[UrgencyLevel, ...]
    right_first: bool | None = Field(description="whether the first site is right; absent where no site is named")
    right_in_two: bool | None
    abstained: bool

    @property
    def family(self) -> str:
        """What it is drawn together with: its group, or itself."""
        return self.group or self.id

    @property
    def pressing(self) -> bool:
        """Whether care the same day was advised."""
        return self.urgency in PRESSING


class Reason(Figure):
    """One argument, short."""

    id: str
    says: str
    points: int


class RankedSite(Figure):
    """A site where an error put it, with its strongest arguments."""

    site: str
    sub_site: str
    place: int = Field(description="1 is first")
    points: int
    standing: Standing
    in_favour: tuple[Reason, ...]
    against: tuple[Reason, ...]


class Miss(Figure):
    """One row that came out wrong, and why."""

    id: str
    group: str | None
    wrong: tuple[Wrong, ...]
    site: str | None
    also_accept: tuple[str, ...]
    abstain: bool = Field(description="whether nothing may lead")
    first: RankedSite
    second: RankedSite | None
    right: RankedSite | None = Field(description="where the right site stands; absent where none is named")
    urgency: UrgencyLevel
    urgency_because: tuple[str, ...]
    unused: tuple[str, ...] = Field(description="what was said that no rule reads")
    silent_terms: tuple[str, ...] = Field(description="terms of the row that say nothing to the rulebook")


class Unread(Figure):
    """Rows that could not be used for the same reason."""

    reason: str
    count: int
    rows: tuple[str, ...] = Field(description="which, and where; empty where no single row is to be named")


class SiteFigures(Figure):
    """The rows labelled with one site."""

    site: str
    label: str
    rows: int
    groups: int | None
    right_first: int
    right_in_two: int


class Confusion(Figure):
    """How often rows of a label got each answer. Off the diagonal may be right too, where ``also_accept`` says so."""

    answers: tuple[str, ...]
    rows: dict[str, tuple[int, ...]]


class Evaluation(Figure):
    """What a labelled set says about a rulebook; the recommendation comes last in every rendering."""

    about: tuple[str, ...] = Field(description="which rows, read how")
    rulebook: RulebookStamp
    rows: int = Field(description="all that were given")
    used: int = Field(description="those that could be read and consulted on")
    with_site: int = Field(description="those with a right site: top_1 and its like are about them")
    groups: int | None = Field(description="of rows that belong together; absent where all are independent")
    seed: int = Field(description="of the bootstrap")
    top_1: Estimate | None
    top_2: Estimate | None
    macro: Estimate | None = Field(description="mean over the sites of the share of their rows whose first is right")
    sites: tuple[SiteFigures, ...]
    confusion: Confusion = Field(description="the first-ranked site where any leads, or that none does")
    ranked_first: Confusion = Field(description="the first-ranked site, leading or not")
    abstained: int = Field(description="rows with a right site for which nothing leads")
    answered: Estimate | None = Field(description="share right of the rows for which something leads")
    rightly_abstained: Estimate | None = Field(description="of the rows where nothing may lead: nothing does")
    sensitivity: Estimate | None = Field(description="of the emergencies: same day or sooner advised")
    specificity: Estimate | None = Field(description="of the others: not advised")
    urgency_accepted: Estimate | None = Field(description="of rows that name urgencies: one of them came out")
    calibration: Calibration | None = Field(description="of relative support, were it read as a probability")
    silent_terms: int = Field(description="terms in all used rows that say nothing to the rulebook")
    errors: tuple[Miss, ...]
    unread: tuple[Unread, ...]
    predictions: tuple[Prediction, ...] = Field(exclude=True, description="row by row; written apart")
    recommendation: str = Field(min_length=1)


def evaluate(
    rows: Sequence[Labelled],
    book: Rulebook,
    *,
    errors: bool = True,
    about: Sequence[str] = (),
    seed: int = SEED,
    done: Callable[[], object] = lambda: None,
) -> Evaluation:
    """Consult on every row and hold what comes out beside its label.

    Args:
        rows: as ``read_labelled`` gives them; those that cannot be used are counted by reason, and the run goes on.
        book: the rulebook that is measured.
        errors: whether to explain the rows that came out wrong and to name those that could not be used; without, no
            single row is named outside the predictions.
        about: what the rows are, in words; handed through.
        seed: of the bootstrap.
        done: called after each row.
    """
    predictions: list[Prediction] = []
    misses: list[Miss] = []
    unread: dict[str, list[str]] = {}
    silent_terms = 0
    for row in rows:
        try:
            if row.case is None:
                unread.setdefault(row.unread, []).append(_where(row))
                continue
            report = consult(row.case, book)
        except CaseError as error:
            unread.setdefault("; ".join(map(str, error.problems)), []).append(_where(row))
            continue
        finally:
            done()
        prediction = _prediction(row, report)
        predictions.append(prediction)
        silent_terms += len(row.silent_terms)
        if errors and (wrong := _wrong(prediction)):
            misses.append(_miss(row, report, wrong))
    shares = _shares(predictions, seed)
    named = [p for p in predictions if p.site is not None]
    return Evaluation(
        about=tuple(about),
        rulebook=RulebookStamp(version=__version__, fingerprint=book.fingerprint),
        rows=len(rows),
        used=len(predictions),
        with_site=len(named),
        groups=_groups(named),
        seed=seed,
        top_1=shares.top_1,
        top_2=shares.top_2,
        macro=shares.macro,
        sites=tuple(_site_figures(named, book)),
        confusion=_confusion(predictions, book, abstaining=True),
        ranked_first=_confusion(predictions, book, abstaining=False),
        abstained=sum(p.abstained for p in named),
        answered=shares.answered,
        rightly_abstained=_share(p.abstained for p in predictions if p.abstain),
        sensitivity=_share(p.pressing for p in predictions if p.emergency is True),
        specificity=_share(not p.pressing for p in predictions if p.emergency is False),
        urgency_accepted=_share(p.urgency in p.accepted_urgency for p in predictions if p.accepted_urgency),
        calibration=calibrate([_claim(p) for p in named]),
        silent_terms=silent_terms,
        errors=tuple(misses),
        unread=tuple(
            Unread(reason=reason, count=len(names), rows=tuple(names) if errors else ())
            for reason, names in unread.items()
        ),
        predictions=tuple(predictions),
        recommendation=RECOMMENDATION,
    )


def _where(row: Labelled) -> str:
    return row.place if row.id == row.place else f"{row.id} in {row.place}"


def _share(hits: Iterable[bool]) -> Estimate | None:
    listed = list(hits)
    return wilson(sum(listed), len(listed))


def _prediction(row: Labelled, report: Report) -> Prediction:
    order = [site.site for site in report.sites]
    accepted = {row.site, *row.also_accept}
    return Prediction(
        id=row.id,
        group=row.group,
        site=row.site,
        also_accept=row.also_accept,
        abstain=row.abstain,
        first=order[0],
        second=order[1] if len(order) > 1 else None,
        leading=tuple(site.site for site in report.leading),
        points={site.site: site.points for site in report.sites},
        support={site.site: site.relative_support for site in report.sites},
        urgency=report.urgency.level,
        emergency=row.emergency,
        accepted_urgency=row.urgency,
        right_first=order[0] in accepted if row.site else None,
        right_in_two=bool(accepted & set(order[:2])) if row.site else None,
        abstained=not report.leading,
    )


def _wrong(p: Prediction) -> tuple[Wrong, ...]:
    found: list[Wrong] = []
    if p.right_first is False:
        found.append("site")
    if p.abstain and not p.abstained:
        found.append("should_abstain")
    if p.emergency is not None and p.emergency != p.pressing:
        found.append("missed_emergency" if p.emergency else "false_alarm")
    elif p.accepted_urgency and p.urgency not in p.accepted_urgency:
        found.append("urgency")
    return tuple(found)


def _miss(row: Labelled, report: Report, wrong: tuple[Wrong, ...]) -> Miss:
    ranked = [_ranked_site(place, site) for place, site in enumerate(report.sites, 1)]
    return Miss(
        id=row.id,
        group=row.group,
        wrong=wrong,
        site=row.site,
        also_accept=row.also_accept,
        abstain=row.abstain,
        first=ranked[0],
        second=ranked[1] if len(ranked) > 1 else None,
        right=next((site for site in ranked if site.site == row.site), None),
        urgency=report.urgency.level,
        urgency_because=report.urgency.reasons,
        unused=report.silent,
        silent_terms=row.silent_terms,
    )


def _ranked_site(place: int, site: SiteAssessment) -> RankedSite:
    return RankedSite(
        site=site.site,
        sub_site=site.sub_site,
        place=place,
        points=site.points,
        standing=site.standing,
        in_favour=_strongest(site.in_favour),
        against=_strongest(site.against),
    )


def _strongest(arguments: Sequence[Argument]) -> tuple[Reason, ...]:
    """The first few: a report puts the strongest first."""
    return tuple(Reason(id=a.id, says=a.says, points=a.points) for a in arguments[:_ARGUMENTS])


@dataclass(frozen=True, slots=True)
class _Shares:
    top_1: Estimate | None
    top_2: Estimate | None
    macro: Estimate | None
    answered: Estimate | None


Outcome: TypeAlias = tuple[str, bool, bool, bool]
"""What the shares need of a row: its site, whether it is right first, right in two, and answered."""
Group: TypeAlias = tuple[tuple[Outcome, int], ...]
"""The outcomes of the rows that belong together, each with its count."""


def _groups(predictions: Sequence[Prediction]) -> int | None:
    if all(p.group is None for p in predictions):
        return None
    return len({p.family for p in predictions})


def _shares(predictions: Sequence[Prediction], seed: int) -> _Shares:
    """Top-1, top-2, macro average and accuracy among the answered.

    Where rows are independent, single shares have Wilson's interval and the macro average a bootstrap over the rows.
    Where rows belong to groups, all have a bootstrap that draws whole groups. Either draws site by site, so that the
    macro average is always over the same sites.
    """
    named = [p for p in predictions if p.site is not None]
    if not named:
        return _Shares(None, None, None, None)
    grouped = _groups(named) is not None
    outcomes: dict[str, Counter[Outcome]] = {}
    for p in named:
        outcome = (str(p.site), bool(p.right_first), bool(p.right_in_two), not p.abstained)
        outcomes.setdefault(p.family, Counter())[outcome] += 1
    groups: dict[str, Group] = {family: tuple(sorted(counter.items())) for family, counter in outcomes.items()}
    intervals = bootstrap([[groups[f] for f in families] for families in strata(named).values()], _figures, seed)
    values = _figures(Counter(groups.values()))

    def estimate(name: str, hits: Sequence[bool], *, mean_of_shares: bool = False) -> Estimate | None:
        if not hits:
            return None
        if not grouped and not mean_of_shares:
            return wilson(sum(hits), len(hits))
        low, high = intervals[name] or (None, None)
        right = None if mean_of_shares else sum(hits)
        return Estimate(value=values[name], low=low, high=high, right=right, of=len(hits), method="bootstrap")

    first = [bool(p.right_first) for p in named]
    return _Shares(
        top_1=estimate("top_1", first),
        top_2=estimate("top_2", [bool(p.right_in_two) for p in named]),
        macro=estimate("macro", first, mean_of_shares=True),
        answered=estimate("answered", [bool(p.right_first) for p in named if not p.abstained]),
    )


def _figures(drawn: Mapping[Group, int]) -> dict[str, float]:
    """The shares for groups drawn so many times each."""
    rows: Counter[str] = Counter()
    right: Counter[str] = Counter()
    in_two = answered = right_answered = 0
    for group, times in drawn.items():
        for (site, is_first, is_in_two, is_answered), count in group:
            number = times * count
            rows[site] += number
            right[site] += number * is_first
            in_two += number * is_in_two
            answered += number * is_answered
            right_answered += number * (is_answered and is_first)
    total = rows.total()
    found = {
        "top_1": right.total() / total,
        "top_2": in_two / total,
        "macro": sum(right[site] / number for site, number in rows.items()) / len(rows),
    }
    return found | ({"answered": right_answered / answered} if answered else {})


def _site_figures(named: Sequence[Prediction], book: Rulebook) -> Iterable[SiteFigures]:
    for site in book.sites:
        here = [p for p in named if p.site == site]
        if here:
            yield SiteFigures(
                site=site,
                label=book.sites[site].label,
                rows=len(here),
                groups=_groups(here),
                right_first=sum(bool(p.right_first) for p in here),
                right_in_two=sum(bool(p.right_in_two) for p in here),
            )


def _confusion(predictions: Sequence[Prediction], book: Rulebook, *, abstaining: bool) -> Confusion:
    answers = (*book.sites, ABSTAINED) if abstaining else tuple(book.sites)
    counted: dict[str, Counter[str]] = {}
    for p in predictions:
        label = p.site or (NOTHING_MAY_LEAD if p.abstain else None)
        if label is not None:
            answer = ABSTAINED if abstaining and p.abstained else p.first
            counted.setdefault(label, Counter())[answer] += 1
    labels = [label for label in (*book.sites, NOTHING_MAY_LEAD) if label in counted]
    return Confusion(answers=answers, rows={row: tuple(counted[row][answer] for answer in answers) for row in labels})


def _claim(p: Prediction) -> tuple[Mapping[str, float], str, bool]:
    """What calibration is about; where several sites are right, the one that got most support stands for them."""
    right = {p.site, *p.also_accept}
    return p.support, next(site for site in p.support if site in right), bool(p.right_first)
