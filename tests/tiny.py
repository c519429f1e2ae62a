"""A small rulebook of a test's own: complete, so that a test says exactly which rules there are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.rulebook import Rulebook, load_rulebook

Entry = dict[str, Any]

THEMES = ("weakness_pattern", "sensation", "fatigability", "course")
URGENCY_LEVELS = ("emergency", "same_day", "within_two_weeks", "routine_appointment")

SCALE: Entry = {
    "points": {"strongly_for": 10, "for": 7, "weakly_for": 3, "weakly_against": -3, "against": -7,
     "strongly_against": -10},
    "themes": {theme: theme.replace("_", " ").capitalize() for theme in THEMES},
    "domains": ["weakness", "sensation", "eyes", "course", "history"],
    "thresholds": {"leading": 10, "margin": 4, "possible": 1, "unlikely": -3},
    "focal": {
        "spared": {"main": "strongly_against", "chief": "against", "part": "weakly_against"},
        "spared_kind": {"main": "weakly_against"},
        "parts_at_most": "against",
        "minor": "against",
        "contradicted": -10,
        "margin": 4,
    },
    "not_excluded": {**{level: level for level in URGENCY_LEVELS}, "emergency": "same_day",
     "same_day": "within_two_weeks"},
    "unsure_for_same_day": 3,
    "unanswered": "within_two_weeks",
    "always_ask": ["weakness"],
    "nothing_known": "within_two_weeks",
    "condition_points": {"hallmark": 10, "expected": 3, "against": -7},
    "recommendation": {level: f"See a clinician: {level}." for level in URGENCY_LEVELS},
    "urgency_words": {level: level.replace("_", " ").capitalize() for level in URGENCY_LEVELS},
    "safety_net": "Go at once if breathing gets hard.",
    "time_since_onset": "days_since_onset",
}  # fmt: skip


def sub_site(commonness: str, label: str) -> Entry:
    return {"label": label, "commonness": commonness, "plain": f"Plainly the {label}.", "clinical": f"The {label}."}


def site(label: str, **sub_sites: str) -> Entry:
    """A site by the commonness of its sub-sites."""
    parts = {name: sub_site(commonness, f"{name} part") for name, commonness in sub_sites.items()}
    return {"label": label, "plain": f"Plainly {label}.", "clinical": f"{label}.", "sub_sites": parts}


SITES = {
    "nerve": site("Nerve", long="uncommon", single="uncommon"),
    "muscle": site("Muscle", hip="common"),
    "joint": site("Joint", knee="rare"),
}


def finding(name: str, **more: Any) -> Entry:
    words = name.replace("_", " ")
    plain = {"label": words, "kind": "symptom", "domain": "weakness", "question": f"Is there {words}?", "help": "Look."}
    return {"name": name, **plain, **more}


FINDINGS = [
    finding("weak_hand", sided=True, location={"part": "arm", "level": "distal"}, implies=["weakness"]),
    finding("weak_hip", sided=True, location={"part": "leg", "level": "proximal"}, implies=["weakness"]),
    finding("weakness"),
    finding("numb_foot", domain="sensation", sided=True, synonyms=["foot asleep"], hpo={"id": "HP:0003474",
     "label": "Numb"}),
    finding("droopy_lid", domain="eyes", sided=True),
    finding("tires", synonyms=["weaker by evening"]),
    finding("breathless"),
    finding("chokes"),
    finding("bladder"),
    finding("smokes", kind="history", domain="history"),
    finding("days_since_onset", kind="history", domain="course", value="number", unit="days", min=0, max=40000),
    finding("course", kind="history", domain="course", value="choice", choices=["progressive", "static"]),
]  # fmt: skip

SOURCES = [{"id": "book_1999", "title": "A book", "read": "all of it"}]
CITED = {"cite": [{"source": "book_1999", "at": "page 1"}], "status": "sourced"}
EXAMPLES = {"fires": [{"tires": "present"}], "silent": [{"tires": "absent"}]}


def pattern(name: str, when: Entry, **more: Any) -> Entry:
    plain = {"says": f"Pattern {name}", "because": "It is so.", "examples": EXAMPLES, **CITED}
    return {"id": name, "when": when, **plain, **more}


def evidence(name: str, site: str, strength: str, when: Entry, **more: Any) -> Entry:
    plain = {"says": f"Rule {name}", "theme": "weakness_pattern", "because": "It is so.", "examples": EXAMPLES, **CITED}
    return {"id": name, "site": site, "strength": strength, "when": when, **plain, **more}


def flag(name: str, when: Entry, urgency: str = "emergency", **more: Any) -> Entry:
    plain = {"says": f"Flag {name}", "action": "Go now.", "window": "Within hours", "because": "It is so."}
    return {"id": name, "when": when, "urgency": urgency, **plain, "examples": EXAMPLES, **CITED, **more}


def condition(name: str, lives_at: Sequence[str], expected: Sequence[Entry], **more: Any) -> Entry:
    plain = {
        "name": name.replace("_", " ").capitalize(), "cause": ["unknown"], "plain": "An illness.",
         "clinical": "A disease.",
        "typical_age": "any", "typical_course": "any", "confirmed_by": "a test", "care_team": ["neurologist"],
        "outlook": "It varies.", "how_common": {"word": "rare"},
    }  # fmt: skip
    return {"id": name, "lives_at": list(lives_at), "expected": list(expected), **plain, **CITED, **more}


def write_rules(folder: Path, **files: object) -> Path:
    """Rule files by name (``__`` is a folder), as data (JSON is YAML) or as text; gives the folder."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
        path.write_text(text, encoding="utf-8")
    return folder


def tiny_folder(folder: Path, **files: object) -> Path:
    """A complete small rulebook; a file named here stands in place of the usual one."""
    usual: Mapping[str, object] = {
        "scale": SCALE, "sites": {"sites": SITES}, "findings": FINDINGS, "sources": SOURCES,
    }  # fmt: skip
    return write_rules(folder, **{**usual, **files})


def tiny_book(folder: Path, **files: object) -> Rulebook:
    return load_rulebook(tiny_folder(folder, **files))
