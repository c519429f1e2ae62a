"""GA4GH phenopackets (version 2) → cases, and cases → phenopackets, without loss of what is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, TextIO

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from triage._version import __version__
from triage.case import Case, Feature
from triage.errors import CaseError, Problem, did_you_mean
from triage.intake import add_answers, checked_case, find_finding, listed, observation_of, read_document, settle
from triage.knowledge import Answer, Finding, Given
from triage.reading.hpo import Observation, TermReader, read_terms, reader_of
from triage.reading.times import DAYS_IN_YEAR
from triage.rulebook import Rulebook
from triage.when import ABSENT, BOTH, PRESENT, SIDES, UNSURE, Value

OWN = "triage"
"""The prefix of our own codes: ``triage:<finding>``, and ``triage:<answer>`` for what has no place in HPO."""
UNNAMED = f"{OWN}:unnamed"
STORY = f"{OWN}:story"
NOT_GIVEN = "not_given"
SCHEMA_VERSION = "2.0"
BEFORE_BIRTH = "Antenatal onset"

# The shape, as far as it is read; see https://phenopacket-schema.readthedocs.io. Unknown fields are let through.


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", coerce_numbers_to_str=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data


class _Code(_Part):
    id: str = ""
    label: str = ""


class _Age(_Part):
    iso8601duration: str = ""


class _AgeRange(_Part):
    start: _Age = _Age()
    end: _Age = _Age()


class _Interval(_Part):
    start: datetime
    end: datetime


class _Time(_Part):
    age: _Age | None = None
    age_range: _AgeRange | None = None
    gestational_age: dict[str, Any] | None = None
    ontology_class: _Code | None = None
    timestamp: datetime | None = None
    interval: _Interval | None = None


class _Feature(_Part):
    type: _Code
    excluded: bool = Field(default=False, validation_alias=AliasChoices("excluded", "negated"))
    severity: _Code | None = None
    modifiers: tuple[_Code, ...] = ()
    onset: _Time | None = None
    resolution: _Time | None = None


class _Subject(_Part):
    id: str = ""
    date_of_birth: datetime | None = None
    time_at_last_encounter: _Time | None = None
    sex: str = ""


class _Quantity(_Part):
    value: float


class _MeasuredValue(_Part):
    quantity: _Quantity | None = None
    ontology_class: _Code | None = None


class _Measurement(_Part):
    assay: _Code = _Code()
    value: _MeasuredValue | None = None


class _Disease(_Part):
    excluded: bool = False
    onset: _Time | None = None


class _Reference(_Part):
    id: str = ""
    description: str = ""


class _MetaData(_Part):
    resources: tuple[dict[str, Any], ...] = ()
    updates: tuple[dict[str, Any], ...] = ()
    external_references: tuple[_Reference, ...] = ()


class _Packet(_Part):
    id: str = ""
    subject: _Subject = _Subject()
    phenotypic_features: tuple[_Feature, ...] = ()
    measurements: tuple[_Measurement, ...] = ()
    diseases: tuple[_Disease, ...] = ()
    meta_data: _MetaData = _MetaData()


# Reading


def is_phenopacket(document: Any) -> bool:
    """Whether a document is a phenopacket, or holds some: a family, a cohort, a list."""
    if isinstance(document, list):
        return bool(document) and is_phenopacket(document[0])
    known = {"phenotypicFeatures", "phenotypic_features", "subject", "phenopacket", "proband", "members"}
    return isinstance(document, Mapping) and not known.isdisjoint(document)


def packets_in(document: Any) -> list[Any]:
    """The patients' phenopackets in a document: itself, a family's proband, the members of a cohort or list."""
    if isinstance(document, list):
        return [packet for one in document for packet in packets_in(one)]
    if isinstance(document, Mapping):
        for wrapper in ("phenopacket", "proband", "members"):
            if wrapper in document:
                return packets_in(document[wrapper])
    return [document]


def from_phenopacket(document: Any, book: Rulebook, file: str = "") -> Case:
    """The case a phenopacket describes: answers, what they were read from, and the rest of it kept.

    Raises:
        CaseError: it is not shaped like a phenopacket, or names terms and times that cannot be read; all at once.
    """
    if not isinstance(document, Mapping):
        raise CaseError([Problem("should be a phenopacket: an object with subject and phenotypicFeatures", file)])
    raw = _camel(dict(document))
    try:
        packet = _Packet.model_validate(raw)
    except ValidationError as error:
        raise CaseError(_shape_problems(error, file)) from None
    try:
        return _Reading(packet, raw, book).case()
    except CaseError as error:
        raise CaseError([Problem(p.message, file, p.entry, p.field) for p in error.problems]) from None


_MAPS = ("fileAttributes", "individualToFileIdentifiers")


def _camel(data: Any) -> Any:
    """Field names as protocol buffers write them in JSON; both spellings are legal."""
    if isinstance(data, list):
        return [_camel(one) for one in data]
    if not isinstance(data, Mapping):
        return data
    return {(name := _camel_name(str(key))): value if name in _MAPS else _camel(value) for key, value in data.items()}


def _camel_name(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


_WANTED = {
    "missing": "is missing",
    "model_type": "should be an object, such as {}",
    "model_attributes_type": "should be an object, such as {}",
    "dict_type": "should be an object, such as {}",
    "tuple_type": "should be a list, such as []",
    "string_type": "should be text",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
}


def _shape_problems(error: ValidationError, file: str) -> list[Problem]:
    problems = []
    for detail in error.errors(include_url=False):
        steps = [str(step + 1) if isinstance(step, int) else _camel_name(step) for step in detail["loc"]]
        message = _WANTED.get(detail["type"])
        if message is None and detail["type"].startswith("datetime"):
            message = "should be a time, such as 2024-05-17T09:30:00Z"
        if steps[:1] == ["phenotypicFeatures"] and steps[-1] == "type" and detail["type"] == "missing":
            message = 'is missing; a feature names its term, such as {"id": "HP:0000508", "label": "Ptosis"}'
        problems.append(Problem(message or str(detail["msg"]), file, " ".join(steps)))
    return problems


class _Reading:
    """One phenopacket on its way to a case."""

    def __init__(self, packet: _Packet, raw: dict[str, Any], book: Rulebook) -> None:
        self.packet = packet
        self.raw = raw
        self.book = book
        self.reader = reader_of(book)
        self.stated: dict[str, list[Answer]] = {}
        """What our own codes say; it stands in place of what other codes were read as."""
        self.problems: list[Problem] = []
        self.born = packet.subject.date_of_birth
        self.seen = packet.subject.time_at_last_encounter

    def case(self) -> Case:
        sex = self._sex()
        features = [
            (raw, feature)
            for raw, feature in zip(
                self.raw.get("phenotypicFeatures") or (), self.packet.phenotypic_features, strict=True
            )
            if not self._states(feature)
        ]
        kept = self._kept(self._other_measurements())
        observations = [self._observation(feature, place) for place, (_, feature) in enumerate(features, 1)]
        age, _ = self._when(self.seen)
        onsets = [self._when(disease.onset)[0] for disease in self.packet.diseases if not disease.excluded]
        onset = onsets[0] if len(onsets) == 1 else ""
        if self.problems:
            raise CaseError(self.problems)
        read = read_terms(observations, self.book, age=age, onset=onset)
        answers: Given = dict(read.answers)
        if sex:
            answers["sex"] = sex
        for name, values in self.stated.items():
            answers.pop(name, None)
            if values != [NOT_GIVEN]:
                answers[name] = values if len(values) > 1 else values[0]
        years, sex_said = answers.get("age"), answers.get("sex")
        own = {"age": isinstance(years, float), "sex": isinstance(sex_said, str)}
        return Case(
            findings={name: answer for name, answer in answers.items() if not own.get(name)},
            age=years if isinstance(years, float) else None,
            sex=sex_said if isinstance(sex_said, str) else None,
            id=self.packet.id if self.packet.id not in ("", UNNAMED) else None,
            story=next((one.description for one in self.packet.meta_data.external_references if one.id == STORY), None),
            features=tuple(
                Feature(
                    id=feature.type.id, label=feature.type.label, excluded=feature.excluded, spoke_of=spoke, source=raw
                )
                for (raw, feature), spoke in zip(features, read.spoke_of, strict=True)
            ),
            notices=read.notices,
            kept=kept,
        )

    def _sex(self) -> str:
        word = self.packet.subject.sex.strip().upper()
        known = {"FEMALE": "female", "1": "female", "MALE": "male", "2": "male"}
        nothing = ("", "UNKNOWN_SEX", "0", "OTHER_SEX", "3")
        if word not in known and word not in nothing:
            near = did_you_mean(word, ("FEMALE", "MALE", "OTHER_SEX", "UNKNOWN_SEX"))
            message = f"'{word[:40]}' is none of FEMALE, MALE, OTHER_SEX, UNKNOWN_SEX.{near}"
            self.problems.append(Problem(message, entry="subject sex"))
        return known.get(word, "")

    def _observation(self, feature: _Feature, place: int) -> Observation:
        if not feature.type.id and not feature.type.label:
            message = 'names no term; give its id and label, such as {"id": "HP:0000508", "label": "Ptosis"}'
            self.problems.append(Problem(message, entry=f"phenotypicFeatures {place} type"))
        onset, days_ago = self._when(feature.onset)
        return Observation(
            term=feature.type.id or feature.type.label,
            label=feature.type.label,
            excluded=feature.excluded,
            resolved=feature.resolution is not None,
            modifiers=tuple(self._named(modifier) for modifier in feature.modifiers),
            severity=self._named(feature.severity) if feature.severity else "",
            onset=onset,
            days_ago=days_ago,
        )

    def _named(self, code: _Code) -> str:
        """An id the ontology has, or else the label."""
        known = self.reader.ontology.current(code.id) if code.id else None
        return code.id if known or not code.label else code.label

    def _when(self, time: _Time | None) -> tuple[str, float | None]:
        """A time as an age or onset term, or as days before the last encounter."""
        if time is None:
            return "", None
        if time.age:
            return time.age.iso8601duration, None
        if time.age_range:
            return f"{time.age_range.start.iso8601duration}/{time.age_range.end.iso8601duration}", None
        if time.gestational_age is not None:
            return BEFORE_BIRTH, None
        if time.ontology_class:
            return self._named(time.ontology_class), None
        start = time.timestamp or (time.interval.start if time.interval else None)
        end = time.timestamp or (time.interval.end if time.interval else None)
        if start is None or end is None:
            return "", None
        if self.born:
            first, last = _days(self.born, start), _days(self.born, end)
            return f"P{max(0, first)}D" if first == last else f"P{max(0, first)}D/P{max(0, last)}D", None
        if time.timestamp and self.seen and self.seen.timestamp and self.seen is not time:
            return "", max(0.0, float(_days(time.timestamp, self.seen.timestamp)))
        return "", None

    # Our own codes

    def _states(self, feature: _Feature) -> bool:
        """Whether a feature states a finding of ours, by its type or by a modifier beside a term."""
        for code in (feature.type, *feature.modifiers):
            finding = self._own_finding(code)
            if finding:
                sides = {m.side for one in feature.modifiers for m in self._modifiers(one) if m.side}
                here: Answer = PRESENT if not sides else sides.pop() if len(sides) == 1 else BOTH
                self.stated.setdefault(finding, []).append(ABSENT if feature.excluded else here)
                return True
        return False

    def _modifiers(self, code: _Code) -> Iterable[Any]:
        known = self.reader.ontology.current(code.id)
        return self.reader.modifiers(known) if known else ()

    def _own_finding(self, code: _Code) -> str:
        prefix, _, name = code.id.partition(":")
        return name if prefix == OWN and name in self.book.findings else ""

    def _other_measurements(self) -> list[Any]:
        """The measurements that are none of ours; ours are noted."""
        others = []
        for raw, measurement in zip(self.raw.get("measurements") or (), self.packet.measurements, strict=True):
            finding, value = self._own_finding(measurement.assay), measurement.value
            if finding and value and value.quantity:
                self.stated.setdefault(finding, []).append(value.quantity.value)
            elif finding and value and value.ontology_class:
                answer = value.ontology_class.id.removeprefix(f"{OWN}:")
                self.stated.setdefault(finding, []).append(answer)
            else:
                others.append(raw)
        return others

    def _kept(self, measurements: list[Any]) -> dict[str, Any]:
        """What the document holds besides: it is written back as it came."""
        kept = {k: v for k, v in self.raw.items() if k not in ("id", "phenotypicFeatures", "measurements") and v}
        if measurements:
            kept["measurements"] = measurements
        meta = dict(kept.pop("metaData", None) or {})
        for field, mark in (("externalReferences", {"id": STORY}), ("resources", {"namespacePrefix": OWN})):
            (key, own), *_ = mark.items()
            meta[field] = [one for one in meta.get(field) or () if one.get(key) != own]
        if any(meta.values()):
            kept["metaData"] = {key: value for key, value in meta.items() if value}
        return kept


def _days(start: datetime, end: datetime) -> int:
    return (_aware(end) - _aware(start)).days


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def read_patient(path: str, book: Rulebook, stdin: TextIO | None = None, more: Given | None = None) -> Case:
    """A case from a file of answers or a phenopacket, or from standard input for ``-``; ``more`` answers are added.

    Raises:
        CaseError: the file cannot be read, holds several patients, or answers that cannot be; all problems at once.
    """
    document, file = read_document(path, stdin)
    if not is_phenopacket(document):
        return checked_case(document, file, book, more)
    packets = packets_in(document)
    if len(packets) != 1:
        raise CaseError([Problem(f"holds {len(packets)} patients; assess takes one", file)])
    case = from_phenopacket(packets[0], book, file)
    case = add_answers(case, more) if more else case
    settle(case, book)
    return case


# Writing


def to_phenopacket(case: Case, book: Rulebook, created: datetime) -> dict[str, Any]:
    """A case as a phenopacket, from which the same answers are read again.

    What it was read from is written back as it came. Everything else stands as an HPO term where the finding has one,
    and under a code of our own where it has none, or where the term would say more than was said.

    Raises:
        CaseError: answers that cannot be.
    """
    return _Writing(case, book, created).packet()


class _Writing:
    def __init__(self, case: Case, book: Rulebook, created: datetime) -> None:
        self.case = case
        self.book = book
        self.reader: TermReader = reader_of(book)
        self.time = _aware(created).astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        self.said = settle(case, book).said
        self.measurements: list[Any] = []
        self.features = [feature.source or self._plain(feature) for feature in case.features]
        for name, answers in case.answers().items():
            if find_finding(name, book) is None:
                for answer in listed(answers):
                    self._term(name, str(answer).strip().lower())
        self.alone = not self.features
        """Whether our terms are the only ones: then a term that is there cannot be taken as more than it is."""
        self.subject = {"id": case.id or UNNAMED, **case.kept.get("subject", {})}

    def packet(self) -> dict[str, Any]:
        sex, age = self.said.get("sex"), self.said.get("age")
        if isinstance(sex, str) and sex != UNSURE:
            self.subject["sex"] = sex.upper()
        if isinstance(age, float) and self._read_back().get("age") != age:
            self.subject["timeAtLastEncounter"] = {"age": {"iso8601duration": _iso(age)}}
        known = self._read_back()
        for name, value in self.said.items():
            if known.get(name) != value:
                self._state(self.book.findings[name], value)
        for name in known.keys() - self.said.keys():
            self._measure(self.book.findings[name], NOT_GIVEN)
        return self._whole()

    def _read_back(self) -> Mapping[str, Value]:
        return settle(from_phenopacket(self._whole(), self.book), self.book).said

    def _whole(self) -> dict[str, Any]:
        kept = self.case.kept
        whole = {
            "id": self.case.id or UNNAMED,
            "subject": self.subject,
            "phenotypicFeatures": self.features,
            "measurements": [*kept.get("measurements", ()), *self.measurements],
            **{k: v for k, v in kept.items() if k not in ("subject", "measurements", "metaData")},
            "metaData": self._meta_data(),
        }
        return {key: value for key, value in whole.items() if value or key == "metaData"}

    def _meta_data(self) -> dict[str, Any]:
        kept = dict(self.case.kept.get("metaData", {}))
        writer = f"triage {__version__}"
        if kept.get("created"):
            kept["updates"] = [*kept.get("updates", ()), {"timestamp": self.time, "updatedBy": writer}]
        else:
            kept |= {"created": self.time, "createdBy": writer}
        others = [one for one in kept.get("resources", ()) if one.get("namespacePrefix") not in ("HP", OWN)]
        given = [one for one in kept.get("resources", ()) if one.get("namespacePrefix") == "HP"]
        kept["resources"] = [*(given or [self._hpo()]), self._own(), *others]
        kept["phenopacketSchemaVersion"] = SCHEMA_VERSION
        if self.case.story:
            kept["externalReferences"] = [
                *kept.get("externalReferences", ()),
                {"id": STORY, "description": self.case.story},
            ]
        return kept

    def _hpo(self) -> dict[str, str]:
        return {
            "id": "hp",
            "name": "Human Phenotype Ontology",
            "url": "http://purl.obolibrary.org/obo/hp.owl",
            "version": self.reader.ontology.release,
            "namespacePrefix": "HP",
            "iriPrefix": "http://purl.obolibrary.org/obo/HP_",
        }

    def _own(self) -> dict[str, str]:
        return {
            "id": OWN,
            "name": "Findings and answers of triage",
            "url": f"{OWN}:findings",
            "version": f"{__version__}+{self.book.fingerprint[:12]}",
            "namespacePrefix": OWN,
            "iriPrefix": f"{OWN}:",
        }

    @staticmethod
    def _plain(feature: Feature) -> dict[str, Any]:
        plain: dict[str, Any] = {"type": {"id": feature.id, "label": feature.label}}
        return {**plain, "excluded": True} if feature.excluded else plain

    def _term(self, name: str, answer: str) -> None:
        """Write a term that stands in a case by its HPO id or label."""
        code = self.reader.ontology.current(name) or name
        term = {"id": code, "label": self.reader.ontology.label(code)}
        observation = observation_of(name, answer)
        assert isinstance(observation, Observation)  # settled before
        if observation.unsure:
            self.measurements.append({"assay": term, "value": {"ontologyClass": _own_code(UNSURE)}})
            return
        feature: dict[str, Any] = {"type": term}
        if observation.excluded:
            feature["excluded"] = True
        if observation.side:
            feature["modifiers"] = self._side(observation.side)
        self.features.append(feature)

    def _side(self, side: str) -> list[dict[str, str]]:
        return [{"id": m.id, "label": m.label} for m in self.book.modifiers.values() if m.side == side][:1]

    def _state(self, finding: Finding, value: Value) -> None:
        values = sorted(value, key=str) if isinstance(value, frozenset) else [value]
        own = {"id": f"{OWN}:{finding.name}", "label": finding.label}
        for one in values:
            side = self._side(one) if one in SIDES else []
            if finding.value != "presence" or one == UNSURE or (one in SIDES and not side):
                self._measure(finding, one)
                continue
            feature: dict[str, Any] = {"type": own}
            if finding.hpo:
                feature["type"] = {"id": finding.hpo.id, "label": finding.hpo.label}
                # An excluded term excludes what lies below it, and an onset or course says more than the finding.
                more = one == ABSENT or self.reader.of_illness(finding.hpo.id)
                side = side if self.alone and len(values) == 1 and not more else [*side, own]
            if one == ABSENT:
                feature["excluded"] = True
            self.features.append({**feature, "modifiers": side} if side else feature)

    def _measure(self, finding: Finding, value: str | float) -> None:
        if isinstance(value, float):
            measured: dict[str, Any] = {"quantity": {"unit": _own_code(finding.unit or "number"), "value": value}}
        else:
            measured = {"ontologyClass": _own_code(value)}
        self.measurements.append({"assay": {"id": f"{OWN}:{finding.name}", "label": finding.label}, "value": measured})


def _own_code(word: str) -> dict[str, str]:
    return {"id": f"{OWN}:{word.replace(' ', '_')}", "label": word.replace("_", " ")}


def _iso(years: float) -> str:
    """An age as an ISO 8601 duration: in years and months where it comes out even, or else to the day."""
    whole, rest = int(years), years - int(years)
    months = round(rest * 12)
    if abs(rest * 12 - months) < 1e-6 and months < 12:
        return f"P{whole}Y{months}M" if whole and months else f"P{months}M" if months else f"P{whole}Y"
    days = round(rest * DAYS_IN_YEAR)
    return f"P{whole}Y{days}D" if whole else f"P{days}D"
