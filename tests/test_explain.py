"""Reports in words, and any entry of the rulebook explained."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from small_limb import ANATOMY, SUPPLIES, limb_book
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
        **ANATOMY,
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


# Lesions, nerves, roots and what they supply


@pytest.fixture(scope="module")
def limb(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return limb_book(tmp_path_factory.mktemp("limb"))


def rows(written: str) -> list[tuple[str, ...]]:
    """The rows below the head of every table of a Markdown page."""
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in written.splitlines() if line[:1] == "|"
    ]
    heads = [n for n, row in enumerate(cells) if set(row) == {"---"}]
    return [row for n, row in enumerate(cells) if n not in heads and n + 1 not in heads]


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("high_strap", ["High strap (lesion site)"]), ("High Strap", ["High strap (lesion site)"]),
        ("strap", ["Strap nerve (places of a lesion)"]), ("strap nerve", ["Strap nerve (places of a lesion)"]),
        ("belt", ["Belt (lesion site)"]), ("the belt nerve", ["Belt (lesion site)"]),
        ("R5", ["R5 root (lesion site)"]), ("r5 root", ["R5 root (lesion site)"]),
        ("r5_root", ["R5 root (lesion site)"]),
        ("grip", ["Grip (movement)"]), ("holder", ["Grip (movement)"]), ("palm", ["Palm (skin area)"]),
        ("jerk", ["Jerk (reflex)"]), ("grip_lost", ["Grip lost (symptom)"]),
    ],
)  # fmt: skip
def test_lesions_and_supplies_are_found_by_what_they_go_by(limb: Rulebook, name: str, titles: list[str]) -> None:
    found = [line.removeprefix("## ") for line in explain(name, limb, "markdown").splitlines() if line[:3] == "## "]
    assert [title.replace("\\", "") for title in found] == titles


def test_a_lesion_site_says_what_a_lesion_there_takes_and_how_surely(limb: Rulebook) -> None:
    assert rows(explain("r5_root", limb, "markdown")) == [
        ("grip", "movement", "mostly", "R5 (R6)"),
        ("palm", "skin area", "partly", "R5"),
    ]
    by_r6 = explain("r6_root", limb, "markdown")
    assert [row[:3] for row in rows(by_r6)] == [("lift", "movement", "mostly"), ("jerk", "reflex", "mostly")]
    assert "Hardly, as little of it runs there: grip." in by_r6


def test_a_lesion_site_says_where_its_fibres_come_from(limb: Rulebook) -> None:
    high, low = (one_line(explain(name, limb)) for name in ("high_strap", "low_strap"))
    assert "Its fibres come straight from the roots: R5; a little R6." in high
    assert "Its fibres come this way: - roots: R5; a little R6 - high strap - low strap" in low


def test_a_lesion_site_is_told_from_its_neighbours(limb: Rulebook) -> None:
    high, low = (one_line(explain(name, limb)) for name in ("high_strap", "low_strap"))
    assert "low strap: would spare palm" in high
    assert "high strap: would take besides palm" in low
    assert "neighbours" not in explain("belt", limb)


def test_a_lesion_site_shows_cause_supports_and_sources(limb: Rulebook) -> None:
    belt = one_line(explain("belt", limb))
    for words in (
        "Plainly the belt. Usual cause: A blow on the belt.", "Belongs to: single part.", "lesion: common.",
        "- aches (for) A pinched belt aches. Source: A book. Read: page 1.",
        "About the place itself: - Source: A book. Read: page 1.",
    ):  # fmt: skip
        assert words in belt, words
    assert "carries (weakly for) [draft] Heavy bags wear the strap." in one_line(explain("low_strap", limb))


def test_a_named_nerve_lists_its_places_side_by_side(limb: Rulebook) -> None:
    written = explain("strap nerve", limb, "markdown")
    assert "- A. high strap (high_strap)" in written
    assert "- B. low strap (low_strap)" in written
    assert "| Would a lesion there affect it? | A | B |" in written
    assert rows(written) == [("grip", "yes", "yes"), ("palm", "yes", "no")]


def test_a_supply_says_roots_nerve_way_lesions_and_variants(limb: Rulebook) -> None:
    grip = one_line(explain("grip", limb))
    for words in (
        "Lost in: grip lost (grip_lost). Asked as: Is there grip lost?", "Muscles: gripper, holder.",
        "Roots: R5; a little R6.", "- low strap then high strap then the roots: R5; a little R6",
        "Normal variants: Some grip by the belt.", "Source: A book. Read: page 1.",
    ):  # fmt: skip
        assert words in grip, words
    assert rows(explain("grip", limb, "markdown")) == [
        ("R5 root", "mostly", "uncommon"), ("R6 root", "hardly", "uncommon"), ("high strap", "yes", "common"),
        ("low strap", "yes", "common"),
    ]  # fmt: skip


def test_a_draft_supply_is_marked_wherever_it_is_named(tmp_path: Path) -> None:
    book = limb_book(tmp_path, anatomy__supply=[{**SUPPLIES[0], "status": "draft", "cite": []}, *SUPPLIES[1:]])
    assert "palm [draft]" in explain("R5", book)
    assert "A draft: its source has not been checked." in explain("palm", book)
    assert "[draft]" not in explain("grip", book)


def test_the_page_of_a_deficit_has_its_nerve_and_roots(limb: Rulebook) -> None:
    lost = one_line(explain("grip_lost", limb))
    assert "What is lost: grip (grip), by gripper, holder - Nerve: low strap - Roots: R5; a little R6" in lost
    assert "Nerve and roots" not in explain("tires", limb)
    assert "for a lesion here: belt (belt_aches)" in one_line(explain("aches", limb))


def test_the_pages_and_the_report_use_the_same_words_for_how_surely(book: Rulebook) -> None:
    """What the table of a report says of a lesion, the page of its place says too."""
    answers = {"foot_drop": "right", "foot_inversion_weakness": "absent", "dorsal_foot_numbness": "right"}
    report = consult(Case(findings=answers), book)
    assert report.focal is not None
    (region,) = report.focal.regions
    seen = set()
    for column, explanation in enumerate(region.explanations):
        (lesion,) = explanation.lesions
        page = explain(lesion.place, book, "markdown")
        (hardly,) = re.findall("Hardly, as little of it runs there: (.*)", page) or [""]
        surely = {row[0].replace("\\[draft\\]", "").strip(): row[2] for row in rows(page)}
        for row in region.table:
            word = row.affects[column]
            seen.add(word)
            if word in ("no", "hardly"):
                assert row.what not in surely
                assert (row.what in hardly) == (word == "hardly")
            else:
                assert surely[row.what] == word
    assert {"yes", "partly", "mostly", "no"} <= seen


def test_the_way_of_a_built_in_supply_goes_by_every_step_to_its_roots(book: Rulebook) -> None:
    said = one_line(explain("ankle_reflex", book))
    steps = ["tibial nerve behind the knee", "then sciatic nerve", "then sacral plexus", "then the roots: S1"]
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    ulnar = explain("ulnar nerve", book)
    for place in (site for site in book.lesion_sites.values() if site.nerve == "ulnar"):
        assert f"{place.label} ({place.id})" in one_line(ulnar)


def test_every_lesion_site_and_supply_of_the_rulebook_has_a_page(book: Rulebook) -> None:
    for name in (*book.lesion_sites, *book.supply):
        written = explain(name, book, width=60)
        assert max(map(len, written.splitlines())) <= 60, name
        assert "Source:" in written or "A draft" in written, name
    assert {"lesion sites", "supplies"} <= explainable(book).keys()
