"""Reports in words, and any entry of the rulebook explained."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tiny import CITED, Entry, condition, evidence, flag, pattern, tiny_book

from triage import Case, consult
from triage.explain import render
from triage.glossary import UnknownNameError, explain, explainable
from triage.knowledge import TeachingCase
from triage.pages import Page, as_html, as_markdown, as_text
from triage.report import Report
from triage.rulebook import Rulebook
from triage.teaching import as_case

TIRES: Entry = {"tires": "present"}
ADVICE: Entry = {
    "id": "try_it", "test": "squeeze", "for": ["muscle"], "when": {"muscle": "leading"}, "order": "first",
    "settles": "Whether it is the muscle.", "timing": {"best_from_days": 21, "note": "Not in the cold."},
    "because": "It is so.", "examples": {"fires": [{"muscle": "leading"}], "silent": [{"muscle": "possible"}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    """Each kind of entry once or twice, some of them drafts."""
    return tiny_book(
        tmp_path_factory.mktemp("small"),
        patterns=[
            pattern("evening", TIRES),
            pattern("guessed", {"droopy_lid": "present"}, cite=[], status="draft", says="A guess"),
        ],
        evidence=[
            evidence("tired_muscle", "muscle", "strongly_for", {"evening": "present"}, could_also_be=["laziness"]),
            evidence("weaker_muscle", "muscle", "for", TIRES),
            evidence("no_numbness", "muscle", "weakly_against", {"numb_foot": "present"}, theme="sensation"),
            evidence("drafted", "muscle", "for", TIRES, theme="course", cite=[], status="draft"),
            evidence("on_a_guess", "joint", "for", {"guessed": "present"}),
        ],
        red_flags=[flag("choking", {"chokes": "present", "weakness": "present"}, if_not_known="raise")],
        tests=[
            {
                "id": "squeeze",
                "name": "Squeeze test",
                "kind": "examination",
                "plain": "It pinches.",
                "clinical": "Grip.",
            }
        ],
        investigations=[ADVICE],
        conditions=[condition("sleepy_muscle", ["muscle"], [TIRES], synonyms=["lazy muscle"], status="draft", cite=[])],
        topics=[
            {"id": "what_next", "title": "What comes next?", "ask": ["what to expect"], "plain": "It varies.", **CITED}
        ],
    )


@pytest.fixture(scope="module")
def report(small: Rulebook) -> Report:
    answers = {
        "tires": "present",
        "numb_foot": "left",
        "chokes": "present",
        "droopy_lid": "both",
        "days_since_onset": 5,
    }
    return consult(Case(findings=answers), small)


def line_of(written: str, words: str) -> str:
    (line,) = (line for line in written.splitlines() if words in line)
    return line


def one_line(written: str) -> str:
    return " ".join(written.split())


# Reports


def test_a_report_says_why_why_not_and_what_is_left_over(report: Report) -> None:
    written = one_line(render(report, width=100))
    for said in (
        "Urgency: Same day", "Not excluded: Flag choking", "- Flag choking (not known: weakness)",
        "Most likely site: Muscle (hip part)", "Rule tired_muscle (strongly for, +10)", "because you said: tires",
        "the same finding also occurs in: laziness", "Against: - Rule no_numbness (weakly against, -3)",
        "Already counted under the same theme: = Rule weaker_muscle (+7)",
        "Not explained by this site: numb foot (left), droopy lid (both), chokes", "Joint (knee part): possible",
        "Sleepy muscle [draft]", "First: Squeeze test", "settles: Whether it is the muscle.",
        "Most telling from day 21 after onset. Now day 5: a normal result would not exclude anything yet.",
        "Is there weakness? (weakness)", "Go at once if breathing gets hard.",
    ):  # fmt: skip
        assert said.casefold() in written.casefold(), said
    order = [
        written.upper().index(words.upper())
        for words in ("Urgency:", "Where it may come from", "Tests", "What to do now")
    ]
    assert order == sorted(order)


def test_every_line_that_rests_on_a_draft_is_marked(report: Report) -> None:
    written = render(report, width=200)
    assert "[draft]" in line_of(written, "Rule drafted")
    assert "[draft]" in line_of(written, "Sleepy muscle")
    assert "[draft]" in line_of(written, "Squeeze test")
    assert "[draft]" not in line_of(written, "Rule tired_muscle")
    assert "[draft]" in line_of(written, "Rule on_a_guess"), "it rests on a pattern that is a draft"


def test_a_report_without_drafts_shows_no_mark(tmp_path: Path) -> None:
    book = tiny_book(tmp_path, evidence=[evidence("e", "muscle", "strongly_for", TIRES)])
    written = render(consult(Case(findings={"tires": "present"}), book))
    assert "draft" not in written


def test_a_contradiction_is_shown_with_what_becomes_of_it(small: Rulebook) -> None:
    written = one_line(render(consult(Case(findings={"tires": ["present", "absent"]}), small)))
    assert "both present and absent: tires" in written
    assert "correct one" in written


@pytest.mark.parametrize("width", [40, 60, 100])
def test_text_keeps_to_its_width(book: Rulebook, cases: tuple[TeachingCase, ...], width: int) -> None:
    for case in cases[::20]:
        written = render(consult(as_case(case), book), width=width)
        assert max(map(len, written.splitlines())) <= width, case.id


def test_colour_only_adds_to_the_words(report: Report) -> None:
    coloured = render(report, colour=True)
    assert "\033[" in coloured
    assert re.sub(r"\033\[[\d;]*m", "", coloured) == render(report) == render(report, colour=False)


@pytest.mark.parametrize("fmt", ["text", "markdown", "html", "json"])
def test_every_format_ends_with_the_recommendation(report: Report, fmt: str) -> None:
    written = render(report, fmt)  # type: ignore[arg-type]
    rest = written[written.rindex(report.recommendation) + len(report.recommendation) :]
    assert re.sub(r"</\w+>|[\s*\"}]", "", rest) == ""


HOSTILE = "<script>alert(1)</script> *very* [bad](http://x) <b>&"


def hostile_report(folder: Path) -> Report:
    rule = evidence("e", "muscle", "strongly_for", TIRES, says=HOSTILE, because=HOSTILE)
    return consult(Case(findings={"tires": "present"}, story=HOSTILE), tiny_book(folder, evidence=[rule]))


class Tags(HTMLParser):
    """Which tags a page holds, whether they are closed, and what they ask of other hosts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.open: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.links += [f"{name}={value}" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_escapes_the_rules_words_and_asks_no_other_host(tmp_path: Path) -> None:
    written = render(hostile_report(tmp_path), "html")
    tags = Tags(written)
    assert tags.names <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li"}
    assert (tags.open, tags.links) == ([], [])
    assert "&lt;script&gt;" in written
    assert not re.search(r"url\(|@import", written)


def test_html_is_well_formed_for_real_cases(book: Rulebook, cases: tuple[TeachingCase, ...]) -> None:
    for case in cases[::20]:
        tags = Tags(render(consult(as_case(case), book), "html"))
        assert (tags.open, tags.links) == ([], [])


def test_markdown_escapes_what_would_be_read_as_markup(tmp_path: Path) -> None:
    written = render(hostile_report(tmp_path), "markdown")
    assert "alert(1)" in written
    for raw in ("<script>", "<b>", " *very* ", "[bad](http"):
        assert raw not in written


def test_a_page_is_the_same_words_in_every_format() -> None:
    page = Page()
    page.heading("Top", level=1)
    page.heading("Deeper", level=3)
    page.paragraph("  several\n words ")
    page.paragraph("")
    page.paragraph("loud", "strong")
    page.items(["one", ("two", ["below", "", "further"])], marker="+")
    page.items([])
    assert (
        as_text(page, 40) == "TOP\n===\n\nDeeper\nseveral words\nloud\n  + one\n  + two\n      below\n      further\n"
    )
    assert (
        as_markdown(page)
        == "# Top\n\n### Deeper\n\nseveral words\n\n**loud**\n\n- one\n- two\n  - below\n  - further\n"
    )
    assert "<h1" in as_html(page, "A & B")
    assert "<title>A &amp; B</title>" in as_html(page, "A & B")


# Entries of the rulebook


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("numb_foot", ["Numb foot", "Is there numb foot?", "Also said: foot asleep", "HP:0003474", "no_numbness"]),
        ("Foot  ASLEEP", ["Name: numb_foot"]), ("HP:0003474", ["Name: numb_foot"]), ("hp:0003474", ["Name: numb_foot"]),
        ("tires", ["Used by:", "Pattern evening", "strongly for Muscle: Rule tired_muscle",
         "condition: Sleepy muscle"]),
        ("weak_hand", ["Implies: weakness"]), ("weakness", ["red flag: Flag choking"]),
        ("evening", ["Pattern evening", "When: tires", "Because: It is so.", "A book. Read: page 1.",
         "Rule tired_muscle"]),
        ("tired_muscle", ["Counts strongly for Muscle", "'Weakness pattern'", "occurs in: laziness", "A book"]),
        ("drafted", ["A draft"]), ("choking", ["Emergency: Go now.", "chokes and weakness"]),
        ("muscle", ["Plainly Muscle.", "Parts:", "Plainly the hip part.", "Rule tired_muscle", "Sleepy muscle"]),
        ("nerve.long", ["Plainly the long part."]), ("hip part", ["Plainly the hip part."]),
        ("squeeze", ["Squeeze test", "It pinches.", "Muscle: Whether it is the muscle."]),
        ("squeeze test", ["It pinches."]),
        ("try_it", ["Muscle is leading", "Settles: Whether it is the muscle."]),
        ("sleepy_muscle", ["An illness.", "A disease.", "Expected: tires", "Care team: neurologist", "It varies.",
         "A draft"]),
        ("lazy muscle", ["An illness."]), ("what_next", ["What comes next?", "It varies."]),
        ("What to expect?", ["What comes next?"]), ("what comes next", ["It varies."]),
        ("the squeeze", ["It pinches."]),
    ],
)  # fmt: skip
def test_each_kind_of_entry_is_explained_by_name_and_in_words(small: Rulebook, name: str, says: list[str]) -> None:
    written = one_line(explain(name, small, width=100))
    for words in says:
        assert words in written


@pytest.mark.parametrize(
    ("name", "says"),
    [("sqeeze test", "squeeze test"), ("numb foott", "numb foot"), ("zzzzzz", "You can ask for"),
    ("", "You can ask for"),
     ("???", "You can ask for")],
)  # fmt: skip
def test_what_is_not_there_gets_suggestions(small: Rulebook, name: str, says: str) -> None:
    with pytest.raises(UnknownNameError) as unknown:
        explain(name, small)
    assert says in str(unknown.value)
    assert f"'{name}'" in str(unknown.value)


def test_everything_listed_can_be_explained(small: Rulebook) -> None:
    for names in explainable(small).values():
        assert names
        for name in names:
            assert explain(name, small)


@pytest.mark.parametrize("width", [40, 80])
def test_every_kind_of_built_in_entry_is_explained_within_the_width(book: Rulebook, width: int) -> None:
    for kind, names in explainable(book).items():
        for name in names[:: max(1, len(names) // 8)]:
            written = explain(name, book, width=width)
            assert max(map(len, written.splitlines())) <= width, (kind, name)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("droopy eyelid", "ptosis"), ("double vision", "diplopia"), ("HP:0000508", "ptosis"),
        ("neuromuscular_junction", "Parts:"),
        ("myasthenia gravis", "Confirmed by"), ("what is the neuromuscular junction", "Parts:"),
        ("what to expect", "neuromuscular"), ("neuromuscular specialist", "neurologist"), ("most common", "common"),
        ("what is EMG like", "needle"), ("nerve conduction study", "pulse"),
    ],
)  # fmt: skip
def test_ordinary_words_find_what_people_ask(book: Rulebook, words: str, says: str) -> None:
    assert says.casefold() in one_line(explain(words, book)).casefold()


def test_a_source_of_every_sourced_entry_is_shown(book: Rulebook) -> None:
    tables: tuple[Callable[[Rulebook], object], ...] = (
        lambda b: b.red_flags,
        lambda b: b.evidence,
        lambda b: b.patterns,
    )
    for table in tables:
        entries = [entry for entry in table(book).values() if entry.cite]  # type: ignore[attr-defined]
        for entry in entries[:: max(1, len(entries) // 6)]:
            assert book.sources[entry.cite[0].source].title in one_line(explain(entry.id, book)), entry.id


def test_explanations_come_as_markdown_too(small: Rulebook) -> None:
    written = explain("muscle", small, "markdown")
    assert written.startswith("## Muscle")
    assert "\n- " in written
