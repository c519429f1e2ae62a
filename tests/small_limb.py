"""A limb small enough to work out by hand: two roots, one nerve at two places, and another nerve.

A lesion of the strap takes the grip and, further up, the palm; one of the belt takes the lift and its jerk. The grip is
carried by R5 and a little by R6, so that R5 explains it too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny import CITED, FINDINGS, Entry, evidence, finding, tiny_book

from triage.rulebook import Rulebook


def place(name: str, kind: str = "nerve", **more: Any) -> Entry:
    words = {"label": name.replace("_", " "), "plain": f"plainly the {name.replace('_', ' ')}", "limb": "arm"}
    plain = {"site": "nerve.single", "commonness": "common", "usual_cause": f"A blow on the {name}.", **CITED}
    return {"id": name, "kind": kind, **words, **plain, **more}


def supply(name: str, kind: str, at: str, main: str, minor: str = "", **more: Any) -> Entry:
    roots = {"main": [main], "minor": [minor] if minor else []}
    words = {"finding": f"{name}_lost", "label": name, "limb": "arm", "reach": 1, **CITED}
    return {"id": name, "kind": kind, "roots": roots, "by": [{"at": at}], **words, **more}


PLACES = [
    place("r5_root", "root", roots=["R5"], label="R5 root", commonness="uncommon"),
    place("r6_root", "root", roots=["R6"], label="R6 root", commonness="uncommon"),
    place("high_strap", nerve="strap", **{"from": []}),
    place("low_strap", nerve="strap", **{"from": ["high_strap"]}),
    place("belt", nerve="belt"),
]
SUPPLIES = [
    supply("palm", "area", "high_strap", "R5"),
    supply(
        "grip", "movement", "low_strap", "R5", "R6", muscles=["gripper", "holder"], variants="Some grip by the belt."
    ),
    supply("lift", "movement", "belt", "R6"),
    supply("jerk", "reflex", "belt", "R6"),
]
SUPPORTS = [
    {"id": "belt_aches", "for": ["belt"], "kind": "pain", "when": {"aches": "present"}, "strength": "for",
     "because": "A pinched belt aches.", **CITED},
    {"id": "straps_are_worn", "for": ["high_strap", "low_strap"], "kind": "mechanism", "when": {"carries": "present"},
     "strength": "weakly_for", "because": "Heavy bags wear the strap.", "status": "draft"},
]  # fmt: skip
DEFICITS = [finding(f"{entry['id']}_lost", sided=True, domain="sensation") for entry in SUPPLIES]
ANATOMY = {
    "findings": [*FINDINGS, *DEFICITS, finding("aches", sided=True), finding("carries")],
    "anatomy__lesion_sites": PLACES,
    "anatomy__supply": SUPPLIES,
    "anatomy__supports": SUPPORTS,
}  # fmt: skip


def limb_book(folder: Path, **files: object) -> Rulebook:
    """The small limb; the lost grip, palm and lift speak for the nerve, so that lesions are sought."""
    rules = [evidence(f"of_{name}", "nerve", "strongly_for", {f"{name}_lost": "present"}) for name in ("grip", "lift")]
    return tiny_book(folder, **{**ANATOMY, "evidence": rules, **files})
