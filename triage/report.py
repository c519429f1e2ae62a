"""What a consultation hands back. The recommendation is required, and the last thing in every rendering."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from triage.case import Case
from triage.case import Notice as Notice
from triage.knowledge import (
    Cause,
    Citation,
    Code,
    Commonness,
    HpoTerm,
    Limb,
    PublishedRatio,
    Share,
    Side,
    Standing,
    Status,
    Strength,
    UrgencyLevel,
)


class Part(BaseModel):
    """Base of everything in a report: frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TraceStep(Part):
    """One step from the answers to a conclusion: a fact that follows, or a pattern that was recognised."""

    name: str
    kind: Literal["implied", "computed", "pattern"]
    says: str
    rests_on: tuple[str, ...]
    status: Status | None = None


class Urgency(Part):
    """How urgent it is, in words and with the reasons."""

    level: UrgencyLevel
    words: str
    window: str
    reasons: tuple[str, ...]
    safety_net: str = Field(description="what to go at once for, whatever was found")


class RedFlag(Part):
    """A danger that was recognised, or that is not excluded by what is known."""

    id: str
    says: str
    state: Literal["fired", "not_excluded"]
    urgency: UrgencyLevel
    raises_to: UrgencyLevel | None
    action: str
    window: str
    because: str
    answers: tuple[str, ...] = Field(description="the person's own answers it rests on")
    missing: tuple[str, ...] = Field(description="findings that would decide it")
    cite: tuple[Citation, ...]
    status: Status


class Argument(Part):
    """One piece of evidence that fired."""

    id: str
    says: str
    theme: str
    strength: Strength
    points: int
    because: str
    could_also_be: tuple[str, ...]
    rests_on: tuple[str, ...] = Field(description="the facts and patterns the rule used")
    answers: tuple[str, ...] = Field(description="the person's own answers behind them")
    published_ratio: PublishedRatio | None
    cite: tuple[Citation, ...]
    status: Status


class SubSiteStanding(Part):
    """Where one part of a site stands."""

    sub_site: str
    label: str
    standing: Standing
    points: int


class SiteAssessment(Part):
    """One site: its standing, and the arguments of its best sub-site."""

    site: str
    label: str
    plain: str
    sub_site: str
    sub_site_label: str
    standing: Standing
    points: int
    relative_support: float = Field(description="10^(points/10), normalised over the sites; not a probability")
    commonness: Commonness
    in_favour: tuple[Argument, ...]
    against: tuple[Argument, ...]
    already_counted: tuple[Argument, ...] = Field(description="shown, not added: the theme has voted already")
    not_explained: tuple[str, ...] = Field(description="findings that speak for nothing here")
    sub_sites: tuple[SubSiteStanding, ...]


class ConditionFit(Part):
    """A condition that lives at a site in question: what fits, and what does not."""

    id: str
    name: str
    site: str
    points: int
    fits: tuple[str, ...]
    does_not_fit: tuple[str, ...]
    plain: str
    cause: tuple[Cause, ...]
    how_common: str
    confirmed_by: str
    care_team: tuple[str, ...]
    codes: tuple[Code, ...]
    status: Status


class SuggestedTest(Part):
    """A test to ask about: what it would settle, and when it is worth doing."""

    id: str
    test: str
    name: str
    order: Literal["first", "next", "later"]
    sites: tuple[str, ...]
    settles: str
    if_abnormal: str
    if_normal: str
    timing: str
    codes: tuple[Code, ...]
    status: Status


class Question(Part):
    """A finding still worth asking for, and why."""

    finding: str
    question: str
    help: str
    why: str
    safety: bool


Affects: TypeAlias = Literal["yes", "mostly", "partly", "perhaps", "hardly", "no"]
"""Whether a lesion would affect something, and how surely."""
AFFECTS: Mapping[Share | None, Affects] = MappingProxyType(
    {"main": "yes", "chief": "mostly", "part": "partly", "some": "perhaps", "minor": "hardly", None: "no"}
)
"""The same by the share that a lesion takes."""


class LesionSupport(Part):
    """What pain, a provocation or a mechanism says of a lesion."""

    strength: Strength
    because: str
    status: Status


class Lesion(Part):
    """A lesion at one place: what it would explain of one limb, and what speaks against it."""

    place: str
    side: Side
    label: str
    plain: str
    site: str = Field(description="the sub-site it belongs to")
    explains: tuple[str, ...]
    hardly: tuple[str, ...] = Field(description="explained only by minor supply")
    normal_though_supplied: tuple[str, ...] = Field(description="tested normal, and speaks against it")
    supported_by: tuple[LesionSupport, ...] = Field(description="what pain, a provocation or a mechanism adds")
    usual_cause: str
    cite: tuple[Citation, ...]
    status: Status


class LesionSet(Part):
    """Lesions that together explain what is lost in one limb: none of them could be left out."""

    lesions: tuple[Lesion, ...]
    points: int = Field(description="what speaks for and against them, in points")
    one_of_the_best: bool


class TableRow(Part):
    """A movement, area or reflex, what was found, and whether each explanation's lesions would affect it."""

    what: str
    found: Literal["lost", "normal", "not tested"]
    affects: tuple[Affects, ...]


class NextExamination(Part):
    """What to examine next, how, and what it would tell."""

    finding: str
    side: Side
    what: str
    question: str
    help: str
    tells: str


class FocalRegion(Part):
    """One limb on one side: the smallest sets of lesions that explain what is lost and that nothing contradicts."""

    limb: Limb
    side: Side
    lost: tuple[str, ...]
    normal: tuple[str, ...]
    explanations: tuple[LesionSet, ...] = Field(
        description="best first; last perhaps one of more lesions that fits better"
    )
    cannot_tell_apart: int = Field(description="how many, from the first on, cannot be told apart")
    left_over: tuple[str, ...] = Field(description="what they do not explain")
    if_partial: tuple[Lesion, ...] = Field(
        description="single lesions that would explain all but for what is normal or thinly explained"
    )
    table: tuple[TableRow, ...] = Field(description="a column for each explanation")
    next_examinations: tuple[NextExamination, ...]
    variants: tuple[str, ...] = Field(description="normal variants that could mislead here")


class Focal(Part):
    """Where lesions of roots, plexus or nerves would explain what is weak, numb or without its reflex."""

    regions: tuple[FocalRegion, ...]
    both_sides_alike: tuple[Limb, ...] = Field(description="limbs in which no lesion is sought for that reason")
    longest_fibres_first: bool
    midline: tuple[str, ...] = Field(description="one lesion in the midline would explain both legs")
    unplaced: tuple[str, ...] = Field(description="deficits whose side was not said though both sides are affected")


class RulebookStamp(Part):
    """Which knowledge answered."""

    version: str
    fingerprint: str


class Report(Part):
    """One consultation's result; field order is reading order."""

    case: Case
    notices: tuple[Notice, ...]
    urgency: Urgency
    red_flags: tuple[RedFlag, ...]
    localised: bool
    summary: str
    sites: tuple[SiteAssessment, ...] = Field(description="every site, best first")
    cannot_tell_apart: tuple[str, ...]
    focal: Focal | None = Field(description="which lesions of roots, plexus or nerves would explain the deficits")
    unexplained: tuple[str, ...] = Field(description="findings no leading site explains")
    conditions: tuple[ConditionFit, ...]
    investigations: tuple[SuggestedTest, ...]
    open_questions: tuple[Question, ...]
    silent: tuple[str, ...] = Field(description="findings given that no rule reads")
    trace: tuple[TraceStep, ...]
    drafts: int = Field(description="how many of the entries used rest on a draft")
    codes: dict[str, HpoTerm] = Field(description="HPO terms of the findings that were given or follow")
    rulebook: RulebookStamp
    recommendation: str = Field(min_length=1)

    @property
    def leading(self) -> tuple[SiteAssessment, ...]:
        """The leading sites, best first; empty when there is not enough to localise."""
        return tuple(site for site in self.sites if site.standing == "leading")
