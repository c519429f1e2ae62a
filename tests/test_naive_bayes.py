"""The anchor of the benchmarks, held to a table and rows made up for it."""

from __future__ import annotations

import importlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from triage.rulebook import Rulebook

TABLE = """id\tlabel\tmuscle\tcentral\tkind
HP:0011804\tAbnormal muscle physiology\t0.9\t0.5\tsymptom_or_sign
HP:0001324\tMuscle weakness\t0.8\t0.2\tsymptom_or_sign
HP:0001347\tHyperreflexia\t0.0\t0.6\tsymptom_or_sign
HP:0003236\tElevated creatine kinase\t0.6\t0.0\tinvestigation
"""


@pytest.fixture
def naive_bayes(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    return importlib.import_module("naive_bayes")


@pytest.fixture
def anchor(naive_bayes: Any, tmp_path: Path, book: Rulebook) -> Any:
    path = tmp_path / "table.tsv"
    path.write_text(TABLE, encoding="utf-8")
    return naive_bayes.read_anchor(path, book, 0.01)


def terms(*present: str, excluded: tuple[str, ...] = ()) -> list[dict[str, object]]:
    return [{"id": t, "excluded": False} for t in present] + [{"id": t, "excluded": True} for t in excluded]


def test_a_term_counts_as_the_most_specific_known_at_or_above_it(anchor: Any) -> None:
    assert anchor.sites == ("muscle", "central")
    assert anchor.most_specific("HP:0001324") == {"HP:0001324"}
    # Proximal muscle weakness lies under muscle weakness, which lies under abnormal muscle physiology.
    assert anchor.most_specific("HP:0003701") == {"HP:0001324"}
    assert anchor.most_specific("HP:0000164") == set()


def test_the_likeliest_site_by_hand(anchor: Any) -> None:
    def first(features: object, *, investigations: bool = True, excluded: bool = True) -> str:
        return str(anchor.first(features, investigations=investigations, excluded=excluded))

    assert first(terms("HP:0001324")) == "muscle"
    assert first(terms("HP:0001324", "HP:0001347")) == "central"  # 0.8 * 0.01 < 0.2 * 0.6
    assert first(terms("HP:0001347", "HP:0003236")) == "muscle"  # 0.01 * 0.6 = 0.6 * 0.01: the earlier column
    assert first(terms("HP:0001347", "HP:0003236"), investigations=False) == "central"
    assert first(terms(excluded=("HP:0001324",))) == "central"  # 0.2 < 0.8
    assert first(terms(excluded=("HP:0001324",)), excluded=False) == "muscle"  # nothing known: the earlier column
    assert first(terms(excluded=("HP:0003701",))) == "muscle"  # no proximal weakness is not no weakness


def test_shares_and_paired_differences_by_hand(naive_bayes: Any) -> None:
    ways = ("one", "two", "anchor", "other")
    drawn = {
        ((("muscle", (True, True, False, False)), 3),): 1,
        ((("central", (False, True, True, False)), 1),): 2,
    }
    found = naive_bayes.shares_of(Counter(drawn), ways, ["muscle"])
    assert found["one/top-1"] == pytest.approx(3 / 5)
    assert found["one/macro"] == pytest.approx(1 / 2)
    assert found["one-anchor/top-1"] == pytest.approx(3 / 5 - 2 / 5)
    assert found["two-other/macro"] == pytest.approx(1)
    assert found["anchor/macro of sites with several diseases"] == 0


def test_it_prints_totals_and_no_row(
    naive_bayes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.tsv").write_text(TABLE, encoding="utf-8")
    features = {"muscle": terms("HP:0001324", "HP:0003236"), "central": terms("HP:0001347")}
    rows = [
        {"id": f"person_{n}", "site": site, "features": features[site], "disease": {"id": f"disease_{n // 2}"}}
        for n, site in enumerate(["muscle"] * 4 + ["central"] * 4)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["naive_bayes.py", str(path), str(tmp_path / "table.tsv")])
    naive_bayes.main()
    out = capsys.readouterr().out
    assert "8 rows of 4 diseases; 0 unreadable\nmuscle 4, central 4\n" in out
    assert "anchor" in out
    assert "1.000 (1.000 to 1.000)" in out
    assert "Without investigations" in out
    assert "person_" not in out
    assert "disease_" not in out
