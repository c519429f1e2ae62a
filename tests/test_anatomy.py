"""Territories follow from the wiring: what a lesion takes is what passes it, root by root and branch by branch."""

from __future__ import annotations

from typing import Any

import pytest

from triage.anatomy import MOST_SUPPLIES, Anatomy
from triage.knowledge import LesionSite, Share, Supply
from triage.rulebook import Rulebook


def place(name: str, kind: str = "nerve", **more: Any) -> LesionSite:
    words = {"label": name, "plain": name, "limb": "arm", "site": "plexus.brachial", "commonness": "rare"}
    nerve = {"nerve": name} if kind == "nerve" else {}
    return LesionSite.model_validate({"id": name, "kind": kind, **words, "usual_cause": "A blow.", **nerve, **more})


def supply(name: str, *by: str | dict[str, str], main: tuple[str, ...], kind: str = "movement", **more: Any) -> Supply:
    branches = [{"at": one} if isinstance(one, str) else one for one in by]
    roots = {"main": main, "minor": more.pop("minor", ())}
    words = {"kind": kind, "finding": f"{name}_lost", "label": name, "limb": "arm", "reach": 1}
    return Supply.model_validate({"id": name, **words, "roots": roots, "by": branches, **more})


def anatomy(*entries: LesionSite | Supply) -> Anatomy:
    places = {entry.id: entry for entry in entries if isinstance(entry, LesionSite)}
    return Anatomy(places, {entry.id: entry for entry in entries if isinstance(entry, Supply)})


ARM = (
    place("r5", "root", roots=["C5"]),
    place("r6", "root", roots=["C6"]),
    place("r7", "root", roots=["C7"]),
    place("upper", "trunk", roots=["C5", "C6"]),
    place("middle", "trunk", roots=["C7"]),
    place("behind", "cord", roots=["C5", "C6", "C7"], **{"from": ["upper", "middle"]}),
    place("high", **{"from": ["behind"]}),
    place("low", **{"from": ["high"]}),
    place("other", **{"from": ["upper"]}),
)


def taken(*supplies: Supply, more: tuple[LesionSite, ...] = ()) -> dict[tuple[str, str], Share]:
    return dict(anatomy(*ARM, *more, *supplies).shares)


def test_a_lesion_takes_what_leaves_at_or_beyond_it() -> None:
    shares = taken(supply("push", "high", main=("C7",)), supply("lift", "low", main=("C6",)))
    assert shares["high", "push"] == shares["high", "lift"] == shares["low", "lift"] == "main"
    assert ("low", "push") not in shares


def test_trunks_and_cords_take_the_fibres_of_their_roots() -> None:
    shares = taken(supply("push", "high", main=("C7",), minor=("C6",)), supply("lift", "low", main=("C6", "C7")))
    assert shares["middle", "push"] == "main"
    assert shares["upper", "push"] == "minor"
    assert shares["upper", "lift"] == shares["middle", "lift"] == "part"
    assert shares["behind", "lift"] == "main"


def test_a_root_never_takes_all() -> None:
    one, two = supply("push", "high", main=("C7",), minor=("C6",)), supply("lift", "low", main=("C6", "C7"))
    skin = supply("skin", "low", main=("C7",), kind="area")
    shares = taken(one, two, skin)
    assert shares["r7", "push"] == "chief"
    assert shares["r7", "lift"] == shares["r6", "lift"] == shares["r7", "skin"] == "part"
    assert shares["r6", "push"] == "minor"
    assert ("r5", "push") not in shares


def test_a_supply_by_two_branches_is_whole_again_where_they_meet() -> None:
    bend = supply("bend", {"at": "low", "share": "part"}, {"at": "other", "share": "part"}, main=("C5", "C6"))
    shares = taken(bend)
    assert shares["low", "bend"] == shares["other", "bend"] == shares["high", "bend"] == "part"
    assert shares["upper", "bend"] == "main"


def test_what_is_often_spared_counts_as_a_part() -> None:
    shares = taken(supply("lift", "low", main=("C6",), often_spared_at=["high"]))
    assert (shares["low", "lift"], shares["high", "lift"]) == ("main", "part")


def test_a_whole_plexus_seldom_loses_all() -> None:
    net = place("net", "plexus", roots=["C5", "C6", "C7"])
    nerve = place("out", **{"from": ["net"]})
    assert taken(supply("lift", "out", main=("C6",)), more=(net, nerve))["net", "lift"] == "chief"


def test_of_many_roots_in_the_midline_some_are_taken() -> None:
    bundle = place("bundle", "cauda_equina", roots=["C5", "C6", "C7"])
    shares = taken(supply("lift", "low", main=("C6", "C7")), supply("far", "low", main=("C8",)), more=(bundle,))
    assert shares["bundle", "lift"] == "some"
    assert ("bundle", "far") not in shares


def test_masks_say_what_shares_say() -> None:
    built = anatomy(*ARM, supply("push", "high", main=("C7",)), supply("lift", "low", main=("C6",)))
    wiring = built.wiring["arm"]
    territory = wiring.territories["high"]
    assert [s.id for s in wiring.of(territory.main)] == ["push", "lift"]
    assert wiring.mask({"lift_lost"}) == 0b10
    assert [territory.share(bit) for bit in (0, 1, 2)] == ["main", "main", None]


@pytest.mark.parametrize(
    ("where", "takes", "leaves"),
    [
        (
            "radial_spiral_groove",
            {"wrist_extension", "finger_extension", "elbow_flexion_midprone"},
            {"elbow_extension"},
        ),
        ("posterior_interosseous", {"finger_extension"}, {"elbow_flexion_midprone", "dorsal_web_skin"}),
        ("median_wrist", {"thumb_abduction", "index_finger_skin"}, {"thenar_palm_skin", "index_tip_flexion"}),
        ("anterior_interosseous", {"thumb_tip_flexion", "index_tip_flexion"}, {"thumb_skin", "thumb_abduction"}),
        ("ulnar_wrist", {"finger_abduction", "little_finger_skin"}, {"ulnar_back_of_hand_skin"}),
        ("ulnar_elbow", {"ulnar_back_of_hand_skin", "little_finger_tip_flexion"}, {"medial_forearm_skin"}),
        ("lower_trunk", {"medial_forearm_skin", "finger_abduction", "thumb_abduction"}, {"elbow_extension"}),
        ("common_fibular", {"ankle_dorsiflexion", "foot_eversion", "dorsal_foot_skin"}, {"foot_inversion"}),
        ("l5_root", {"foot_inversion", "hip_abduction", "toe_extension"}, {"knee_extension", "hip_flexion"}),
        ("femoral_groin", {"knee_extension", "knee_reflex"}, {"hip_adduction", "foot_inversion"}),
        ("tibial_ankle", {"sole_skin"}, {"ankle_plantarflexion", "foot_inversion"}),
        ("facial_stylomastoid", {"brow_raising", "eye_closure"}, {"loss_of_taste"}),
    ],
)
def test_the_built_in_wiring_gives_the_textbook(book: Rulebook, where: str, takes: set[str], leaves: set[str]) -> None:
    shares = book.anatomy.shares
    well = {supply for (at, supply), share in shares.items() if at == where and share != "minor"}
    assert takes <= well
    assert not leaves & well


def test_the_built_in_anatomy_is_complete(book: Rulebook) -> None:
    kinds = [supply.kind for supply in book.supply.values()]
    assert kinds.count("movement") >= 45
    assert kinds.count("area") >= 42
    named = {site.nerve for site in book.lesion_sites.values() if site.nerve}
    assert len(named) >= 30
    roots = {root for site in book.lesion_sites.values() if site.kind == "root" for root in site.roots}
    assert {"C5", "C6", "C7", "C8", "T1", "L2", "L3", "L4", "L5", "S1", "S2"} <= roots
    assert all(len(wiring.supplies) <= MOST_SUPPLIES for wiring in book.anatomy.wiring.values())


def test_every_lesion_takes_something_and_every_supply_is_taken(book: Rulebook) -> None:
    taken_at = {place for (place, _), share in book.anatomy.shares.items() if share != "minor"}
    assert taken_at == set(book.lesion_sites)
    assert {supply for _, supply in book.anatomy.shares} == set(book.supply)
