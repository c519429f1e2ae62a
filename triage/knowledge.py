"""The shape of everything ``rules/`` may say. Nothing extra is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from triage.when import All, AnyOf, AtLeast, Condition, Is, Range, parse

Answer: TypeAlias = bool | int | float | str
"""One answer as a person or a file gives it; ``yes``/``no`` in YAML arrive as booleans."""
Given: TypeAlias = dict[str, Answer | list[Answer]]
"""Answers by finding name; a list of answers is a contradiction, kept on purpose."""

Kind: TypeAlias = Literal["symptom", "sign", "history", "investigation"]
Status: TypeAlias = Literal["draft", "sourced", "reviewed"]
Strength: TypeAlias = Literal["strongly_for", "for", "weakly_for", "weakly_against", "against", "strongly_against"]
UrgencyLevel: TypeAlias = Literal["emergency", "same_day", "within_two_weeks", "routine_appointment"]
Commonness: TypeAlias = Literal["common", "uncommon", "rare"]
Standing: TypeAlias = Literal["leading", "possible", "unlikely", "not_assessed"]
Part: TypeAlias = Literal["arm", "leg", "neck", "trunk", "face", "eyes", "bulbar", "breathing"]
Level: TypeAlias = Literal["proximal", "distal", "whole", "axial"]
Limb: TypeAlias = Literal["arm", "leg", "head"]
SupplyKind: TypeAlias = Literal["movement", "area", "reflex"]
Side: TypeAlias = Literal["left", "right", "unsaid"]
"""Of a deficit; one of the two, not said which, is a side of its own."""
LesionKind: TypeAlias = Literal["root", "trunk", "cord", "plexus", "nerve", "cauda_equina"]
Share: TypeAlias = Literal["main", "chief", "part", "some", "minor"]
"""How much of a supply a lesion takes: all; nearly all, as its one main root; a part; perhaps a part; hardly any."""
Measure: TypeAlias = Literal[
    "proximal", "distal", "proximal_only", "distal_only", "symmetric", "asymmetric", "one_limb", "confined_to_one_limb",
    "both_arms", "both_legs", "arms_and_legs", "one_side", "arms_only", "legs_only", "stocking", "stocking_and_glove",
    "axial", "both_eyes", "regions", "not_mentioned",
]  # fmt: skip
LesionMeasure: TypeAlias = Literal[
    "one_nerve", "one_root", "one_plexus_part", "no_single_nerve", "no_single_root", "no_single_plexus_part",
    "one_cranial_nerve", "several_nerves", "by_length", "lesions_needed",
]  # fmt: skip
Cause: TypeAlias = Literal[
    "genetic", "autoimmune", "toxic", "metabolic_nutritional", "inflammatory", "infectious", "injury", "degenerative",
    "compression", "vascular", "neoplastic", "unknown",
]  # fmt: skip
TestKind: TypeAlias = Literal[
    "examination", "emg", "nerve_conduction", "blood", "urine", "imaging", "biopsy", "genetic", "breathing", "csf",
    "cardiac", "eye", "autonomic", "other",
]  # fmt: skip
CaseTag: TypeAlias = Literal[
    "classical", "atypical", "early", "sparse", "mimic", "contradictory", "not_enough", "emergency"
]

LESION_MEASURES: frozenset[LesionMeasure] = frozenset(get_args(LesionMeasure))
URGENCIES: tuple[UrgencyLevel, ...] = ("routine_appointment", "within_two_weeks", "same_day", "emergency")
"""From least to most urgent."""


def write(condition: Condition) -> dict[str, Any]:
    """A condition as it is written in YAML."""
    if isinstance(condition, Is):
        test = condition.test
        if isinstance(test, Range):
            ends = {"at_least": test.at_least, "at_most": test.at_most}
            return {condition.name: {end: number for end, number in ends.items() if number is not None}}
        return {condition.name: test}
    parts = [write(part) for part in condition.parts]
    if isinstance(condition, All):
        return {"all": parts}
    return {"any": parts} if isinstance(condition, AnyOf) else {"at_least": {"n": condition.n, "of": parts}}


When = Annotated[
    Is | All | AnyOf | AtLeast,
    BeforeValidator(parse),
    PlainSerializer(write),
    WithJsonSchema({"type": "object", "minProperties": 1, "description": "all, any, at_least, or name: value"}),
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
SiteRef = Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_]+)?$")]


class Entry(BaseModel):
    """Base of every rules entry: frozen, and nothing unknown is let through."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Citation(Entry):
    """A place in a source."""

    source: str
    at: str


class Source(Entry):
    """A source, and honestly what of it was read."""

    id: Name
    title: str
    authors: str = ""
    published: str = ""
    url: str = ""
    doi: str = ""
    read: str


class Sourced(Entry):
    """What carries citations and says how far they were checked."""

    cite: tuple[Citation, ...] = ()
    status: Status = "draft"

    @model_validator(mode="after")
    def _sourced_means_cited(self) -> Sourced:
        if self.status != "draft" and not self.cite:
            raise ValueError(f"status '{self.status}' needs a citation; without one it is a draft")
        return self


class Examples(Entry):
    """Small cases: ``fires`` must fire the entry, ``silent`` must not."""

    fires: tuple[Given, ...] = Field(min_length=1)
    silent: tuple[Given, ...] = Field(min_length=1)


class HpoTerm(Entry):
    """A term of the Human Phenotype Ontology."""

    id: str = Field(pattern=r"^HP:\d{7}$")
    label: str


_CODE_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "ORPHA": r"[1-9]\d{0,5}",
        "OMIM": r"[1-9]\d{5}",
        "MONDO": r"\d{7}",
        "ICD10": r"[A-Z]\d{2}(\.\d)?",
        "ICD10CM": r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?",
        "LOINC": r"[1-9]\d{0,6}-\d",
    }
)
"""The systems a code may come from, and the form of an id in each."""


class Code(Entry):
    """The same thing in a standard system: ``id`` as system, colon, id; ``label`` as the source prints it."""

    id: str
    label: str = Field(min_length=1)
    cite: Citation

    @model_validator(mode="after")
    def _id_has_the_form_of_its_system(self) -> Code:
        system, _, local = self.id.partition(":")
        if system not in _CODE_FORMS:
            systems = ", ".join(_CODE_FORMS)
            raise ValueError(f"'{self.id}' names no known system; begin with one of {systems} and a colon")
        if not re.fullmatch(_CODE_FORMS[system], local):
            raise ValueError(f"'{self.id}' does not have the form of an id of {system}")
        if system == "LOINC" and not _check_digit_holds(local):
            raise ValueError(f"the check digit of '{self.id}' does not fit; copy the id again from its source")
        return self


def _check_digit_holds(loinc: str) -> bool:
    """LOINC ids end in a mod 10 check digit: every second digit doubled, the digits of all added up."""
    digits = [int(character) for character in reversed(loinc.replace("-", ""))]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


class Term(HpoTerm):
    """What a term says here that is no finding's own: answers when it is observed, and answers when it is excluded.

    An empty ``present`` says on purpose that the term says nothing, whatever its more general terms say.
    """

    present: Given
    absent: Given = {}


class AgeRange(Entry):
    """From one age to another, in years; birth is 0."""

    at_least: float = Field(ge=0)
    at_most: float = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> AgeRange:
        if self.at_least > self.at_most:
            raise ValueError("at_least comes before at_most")
        return self


class Modifier(HpoTerm):
    """What a term says of the observation it is attached to, or of the whole illness when it stands by itself."""

    of: tuple[str, ...] = ()
    """The domains whose observations it may be attached to; left out: every symptom and sign."""
    side: Literal["left", "right", "both"] | None = None
    level: Literal["proximal", "distal", "axial"] | None = None
    onset: AgeRange | None = None
    """The age at which it began."""
    present: Given = {}
    """What it says of the illness."""


class Location(Entry):
    """Where a finding is, so that the distribution can be computed."""

    part: Part
    level: Level | None = None


class Computed(Entry):
    """How a finding is computed: from the locations, sides and domains of others, or from the lesions they need."""

    what: Measure | LesionMeasure
    of: tuple[str, ...]
    limb: Limb | None = None
    """For a measure of lesions: in this limb."""

    @model_validator(mode="after")
    def _limb_of_lesions(self) -> Computed:
        if self.limb and self.what not in LESION_MEASURES:
            raise ValueError("only a measure of lesions is of a limb")
        return self


class TakenAs(Entry):
    """What to take a finding as while it was not given and a condition holds: a number, ``present`` or ``absent``."""

    when: When
    value: float | Literal["present", "absent"]


class Finding(Entry):
    """Something that can be asked, seen or measured."""

    name: Name
    label: str
    kind: Kind
    domain: str
    question: str
    help: str
    value: Literal["presence", "number", "choice"] = "presence"
    sided: bool = False
    location: Location | None = None
    hpo: HpoTerm | None = None
    synonyms: tuple[str, ...] = ()
    implies: tuple[str | dict[str, str], ...] = ()
    excludes: tuple[dict[str, str], ...] = ()
    unit: str = ""
    min: float | None = None
    max: float | None = None
    not_above: str = ""
    """The name of a number this one can never exceed."""
    taken_as: tuple[TakenAs, ...] = ()
    choices: tuple[str, ...] = ()
    computed: Computed | None = None

    @model_validator(mode="after")
    def _value_has_its_fields(self) -> Finding:
        ends = (self.min, self.max)
        if self.value == "number" and (None in ends or self.min > self.max):  # type: ignore[operator]
            raise ValueError("a number needs min and max, the smaller first")
        if self.value != "number" and ends != (None, None):
            raise ValueError("only a number has min and max")
        if (self.value == "choice") != bool(self.choices):
            raise ValueError("a choice needs choices, and only a choice has them")
        return self


class LesionSite(Sourced):
    """A place on the way from the cord to muscle and skin where a lesion usually sits."""

    id: Name
    kind: LesionKind
    nerve: str = ""
    """The named nerve, the same at all its places; for a nerve only."""
    label: str
    plain: str
    limb: Limb
    site: SiteRef
    from_: tuple[str, ...] = Field(default=(), alias="from")
    """The places directly nearer to the cord that its fibres come through; none: straight from the roots."""
    roots: tuple[str, ...] = ()
    """Whose fibres run here; a nerve carries whatever its muscles and skin need."""
    commonness: Commonness
    usual_cause: str

    @property
    def in_midline(self) -> bool:
        """Whether a lesion here takes both sides."""
        return self.kind == "cauda_equina"

    @model_validator(mode="after")
    def _kind_has_its_fields(self) -> LesionSite:
        if (self.kind == "nerve") != bool(self.nerve):
            raise ValueError("a nerve says which named nerve it is, and only a nerve does")
        if (self.kind == "nerve") == bool(self.roots):
            raise ValueError("all but a nerve say which roots run there, and a nerve does not")
        return self


class Roots(Entry):
    """The roots that clearly carry something, and those that carry little of it or not in everybody."""

    main: tuple[str, ...] = ()
    minor: tuple[str, ...] = ()


class Branch(Entry):
    """The last place whose lesion still reaches a supply, and how much of the supply passes there."""

    at: str
    share: Literal["main", "part", "minor"] = "main"


class Supply(Sourced):
    """What a movement, a skin area or a reflex is supplied by."""

    id: Name
    kind: SupplyKind
    finding: str
    """Its presence is the deficit; its absence was tested normal."""
    label: str
    limb: Limb
    muscles: tuple[str, ...] = ()
    roots: Roots
    by: tuple[Branch, ...] = Field(min_length=1)
    often_spared_at: tuple[str, ...] = ()
    """Places it passes whose lesions often leave it alone all the same."""
    reach: int = Field(ge=0, le=6)
    """How far out: 6 toes, 5 foot and ankle, 4 shin, 3 knee and fingers, 2 hand, 1 forearm and thigh, 0 the rest."""
    variants: str = ""


class Support(Sourced):
    """What pain, a provocation or a mechanism adds for lesions at some places."""

    id: Name
    for_: tuple[str, ...] = Field(alias="for", min_length=1)
    kind: Literal["pain", "provocation", "mechanism"]
    when: When
    strength: Strength
    because: str

    @model_validator(mode="after")
    def _one_finding(self) -> Support:
        if not isinstance(self.when, Is):
            raise ValueError("a support asks for one finding")
        return self


class Pattern(Sourced):
    """What several findings amount to."""

    id: Name
    says: str
    when: When
    because: str
    could_also_be: tuple[str, ...] = ()
    examples: Examples


class PublishedRatio(Entry):
    """A likelihood ratio as the cited place prints it, with its interval where printed."""

    value: float
    low: float | None = None
    high: float | None = None


class Evidence(Sourced):
    """One argument for or against one site or sub-site."""

    id: Name
    says: str
    site: SiteRef
    theme: str
    strength: Strength
    when: When
    because: str
    could_also_be: tuple[str, ...] = ()
    published_ratio: PublishedRatio | None = None
    overlap: str = ""
    examples: Examples


class RedFlag(Sourced):
    """Something that cannot wait."""

    id: Name
    says: str
    urgency: UrgencyLevel
    action: str
    window: str
    when: When
    relevant_when: When | None = None
    if_not_known: Literal["raise", "ask"] = "ask"
    if_unsure: Literal["as_present", "ask", "ignore"] = "ask"
    because: str
    examples: Examples


class Test(Sourced):
    """A test: what it is, and what it is like."""

    id: Name
    name: str
    kind: TestKind
    plain: str
    clinical: str
    codes: tuple[Code, ...] = ()
    """Of the measurements it consists of."""


class Timing(Entry):
    """When a test is worth doing, counted in days from onset."""

    best_from_days: float = 0
    note: str = ""


class Investigation(Sourced):
    """Which test next, when, and what it would settle."""

    id: Name
    test: str
    for_: tuple[SiteRef, ...] = Field(alias="for", min_length=1)
    when: When
    order: Literal["first", "next", "later"]
    settles: str
    if_abnormal: str = ""
    if_normal: str = ""
    timing: Timing | None = None
    because: str
    examples: Examples


class HowCommon(Entry):
    """A word that orders, and a sentence that may carry a sourced figure."""

    word: Commonness
    says: str = ""


class ConditionProfile(Sourced):
    """One condition's profile."""

    id: Name
    name: str
    lives_at: tuple[SiteRef, ...] = Field(min_length=1)
    cause: tuple[Cause, ...] = Field(min_length=1)
    plain: str
    clinical: str
    typical_age: str
    typical_course: str
    hallmarks: tuple[When, ...] = ()
    expected: tuple[When, ...] = Field(min_length=1)
    against: tuple[When, ...] = ()
    confirmed_by: str
    care_team: tuple[str, ...] = Field(min_length=1)
    outlook: str
    how_common: HowCommon
    synonyms: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    """Of the same condition, neither broader nor narrower."""


class Topic(Sourced):
    """An answer to something people ask."""

    id: Name
    title: str
    ask: tuple[str, ...]
    plain: str
    clinical: str = ""


class SubSite(Entry):
    """Part of a site that is scored by itself."""

    label: str
    commonness: Commonness
    plain: str
    clinical: str


class Site(Entry):
    """A station on the path from brain to muscle, or where localisation ends outside it."""

    label: str
    plain: str
    clinical: str
    sub_sites: dict[str, SubSite] = Field(min_length=1)


class Thresholds(Entry):
    """From points to standings: all in points."""

    leading: float
    margin: float
    possible: float
    unlikely: float

    @model_validator(mode="after")
    def _one_above_the_other(self) -> Thresholds:
        if not self.leading >= self.possible > self.unlikely:
            raise ValueError("leading must be at least possible, and possible more than unlikely")
        return self


class FocalScale(Entry):
    """How lesions are weighed; words of strength."""

    spared: dict[Literal["main", "chief", "part"], Strength]
    """A movement, area or reflex that was tested normal, by the share of it that a lesion would take."""
    spared_kind: dict[Literal["main", "chief", "part"], Strength]
    """The same while nothing of its kind is lost: a lesion may take feeling before strength, or strength alone."""
    parts_at_most: Strength
    """Of each kind, all that was tested normal and of which the lesion would take but a part, together."""
    minor: Strength
    """A deficit that a lesion explains by minor supply only."""
    contradicted: float
    """In points: what was tested normal excludes a lesion from here down."""
    margin: float
    """In points: lesions no further apart cannot be told apart."""


class Scale(Entry):
    """The only place where words become numbers."""

    points: dict[Strength, int]
    themes: dict[str, str]
    domains: tuple[str, ...]
    thresholds: Thresholds
    focal: FocalScale
    not_excluded: dict[UrgencyLevel, UrgencyLevel]
    unsure_for_same_day: int
    unanswered: UrgencyLevel
    always_ask: tuple[str, ...]
    nothing_known: UrgencyLevel
    condition_points: dict[Literal["hallmark", "expected", "against"], int]
    recommendation: dict[UrgencyLevel, str]
    urgency_words: dict[UrgencyLevel, str]
    safety_net: str
    time_since_onset: str
    age_at_onset: str = ""

    @model_validator(mode="after")
    def _every_word_has_its_number(self) -> Scale:
        for field, words in {
            "points": get_args(Strength),
            "not_excluded": URGENCIES,
            "recommendation": URGENCIES,
            "urgency_words": URGENCIES,
            "condition_points": ("hallmark", "expected", "against"),
        }.items():
            if lacking := [word for word in words if word not in getattr(self, field)]:
                raise ValueError(f"{field} lacks {', '.join(lacking)}")
        return self


class Story(Entry):
    """The same consultation, told twice."""

    lay: str
    clinical: str


class Expectation(Entry):
    """What a fair examiner expects. ``leading`` left out: no opinion; empty: nothing may lead."""

    leading: tuple[SiteRef, ...] | None = None
    standing: dict[SiteRef, tuple[Standing, ...]] = {}
    urgency: tuple[UrgencyLevel, ...] = Field(min_length=1)
    lesions: tuple[tuple[str, ...], ...] = ()
    """Sets of lesions, any of which may be named first; each lesion as ``place:side``."""
    next_examination: tuple[str, ...] = ()
    """Findings, one of which must be among the first examinations proposed."""
    red_flags: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


class Never(Entry):
    """What must not be said."""

    leading: tuple[SiteRef, ...] = ()
    urgency: tuple[UrgencyLevel, ...] = ()
    conditions: tuple[str, ...] = ()
    lesions: tuple[str, ...] = ()
    """Lesions, as ``place:side``, that must not be part of a best explanation."""


class TeachingCase(Entry):
    """One whole consultation: given, expected, where it comes from."""

    id: Name
    title: str
    tags: tuple[CaseTag, ...] = Field(min_length=1)
    story: Story
    given: Given
    expect: Expectation
    never: Never = Never()
    teaches: str
    origin: str
    changed: tuple[str, ...] = ()
