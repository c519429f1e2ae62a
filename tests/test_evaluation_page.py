"""An evaluation is shown whole in every form, without help from elsewhere, and ends where all reports end."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tiny import evidence, flag, tiny_book

from triage.case import Case, Feature
from triage.errors import TriageError
from triage.evaluate import RECOMMENDATION, Evaluation, evaluate
from triage.evaluation_page import Format, draw, render
from triage.labelled import Labelled


@pytest.fixture
def measured(tmp_path: Path) -> Evaluation:
    book = tiny_book(
        tmp_path / "rules",
        evidence=[
            evidence("muscle_tires", "muscle", "strongly_for", {"tires": "present"}, says="Tiring <is> muscle & all"),
            evidence("nerve_numb", "nerve", "weakly_for", {"numb_foot": "present"}, theme="sensation"),
        ],
        red_flags=[flag("breathing", {"breathless": "present"})],
    )

    def row(name: str, site: str | None, *present: str, silent: str = "", **more: object) -> Labelled:
        features = (Feature(id="HP:0000118", label=silent),) if silent else ()
        case = Case(findings=dict.fromkeys(present, "present"), features=features)
        return Labelled(name, "here", site=site, case=case, **more)  # type: ignore[arg-type]

    rows = [
        row("right_one", "muscle", "tires", emergency=False),
        row("wrong_one", "nerve", "tires", "numb_foot", "smokes", emergency=False, silent="Rash"),
        row("quiet_one", None, abstain=True),
        Labelled("lost_one", "rows.jsonl, line 4", site="nerve", unread="holds <only> text"),
    ]
    return evaluate(rows, book, about=["Three & one."])


def as_words(page: str) -> str:
    return " ".join(page.split())


def test_text_shows_every_figure_and_explains_the_error(measured: Evaluation) -> None:
    text = render(measured, "text", width=100)
    assert "4 rows, of which 3 could be used; 2 name a right site, all independent." in text
    assert re.search(r"Top-1.*0\.500  \(0\.095 to 0\.905; 1 of 2\)", text)
    assert re.search(r"Specificity.*1\.000  \(0\.342 to 1\.000; 2 of 2\)", text)
    assert re.search(r"Sensitivity.*no such rows", text)
    assert re.search(r"label +A +B +C +-\n +A nerve +\. +1 +\. +\.\n +B muscle +\. +1 +\. +\.\n", text)
    assert re.search(r"nothing may lead +\. +\. +\. +1\n", text)
    words = as_words(text)
    assert "- wrong_one: nerve wrong: another site comes first first: muscle.hip +10, then nerve.long +3" in words
    assert "for muscle: Tiring <is> muscle & all (+10)" in words
    assert "for nerve: Rule nerve_numb (+3)" in words
    assert "said and not used by any rule: smokes" in words
    assert "terms that say nothing here: 1 (Rash)" in words
    assert "1: holds <only> text (lost_one in rows.jsonl, line 4)" in words


@pytest.mark.parametrize("width", [40, 100])
def test_prose_keeps_to_the_width(measured: Evaluation, width: int) -> None:
    prose = render(measured, "text", width=width).partition("Errors (")[2].splitlines()
    assert len(prose) > 10
    assert max(map(len, prose)) <= width


def test_html_is_well_formed_and_asks_no_other_host(measured: Evaluation) -> None:
    page = render(measured, "html")
    body = page[page.index("<body>") : page.index("</body>") + len("</body>")]
    tree = ElementTree.fromstring(body)
    assert not re.search(r"<script|<link|<img|@import|url\(|src=", page)
    assert "://" not in page
    pictures = [part for part in tree.iter() if part.tag.endswith("svg")]
    assert len(pictures) == 3, "two confusion matrices and the reliability curve"
    assert {"1"} <= {part.text for part in pictures[0].iter() if part.tag.endswith("text")}
    assert "wrong_one: nerve" in page
    assert "Tiring &lt;is&gt; muscle &amp; all" in page


def test_html_needs_no_colour(measured: Evaluation) -> None:
    page = render(measured, "html")
    for red, green, blue in re.findall(r"rgb\((\d+),(\d+),(\d+)\)", page):
        assert red == green == blue
    for colour in re.findall(r"#([0-9a-f]{3})\b", page):
        assert len(set(colour)) == 1, colour


@pytest.mark.parametrize("fmt", ["text", "json", "html"])
def test_the_recommendation_is_the_last_thing(measured: Evaluation, fmt: Format) -> None:
    page = as_words(re.sub(r"<[^>]*>", " ", render(measured, fmt)) if fmt == "html" else render(measured, fmt))
    assert page.rstrip(' "}').endswith(RECOMMENDATION.rstrip('"'))
    assert "not a medical device" in RECOMMENDATION


def test_json_reads_back(measured: Evaluation) -> None:
    document = json.loads(render(measured, "json"))
    assert document["top_1"]["right"] == 1
    assert Evaluation.model_validate({**document, "predictions": []}).confusion == measured.confusion


def test_the_picture_is_a_png(measured: Evaluation) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs the extra 'plot'")
    pyplot = "matplotlib.pyplot" in sys.modules
    picture = draw(measured)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) > 10_000
    assert ("matplotlib.pyplot" in sys.modules) == pyplot, "no global state is touched"


def test_without_matplotlib_the_way_to_it_is_told(measured: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(TriageError, match=r"pip install 'triage\[plot\]'"):
        draw(measured)


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs the extra 'plot'")
    nothing = evaluate([], tiny_book(tmp_path / "rules"))
    with pytest.raises(TriageError, match="nothing to draw"):
        draw(nothing)
    assert as_words(render(nothing)).endswith(RECOMMENDATION)
    assert "<svg" not in render(nothing, "html")
