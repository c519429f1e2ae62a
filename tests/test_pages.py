"""Tables as text, Markdown and HTML: within the width, in line, and never read as markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from triage.pages import Page, as_html, as_markdown, as_text

HEAD = ("Would it be weak?", "found", "A", "B")
ROWS = (
    ("closing the hand around the handle of a heavy bag", "lost", "partly", "no"),
    ("lifting", "normal", "yes", "hardly"),
)


def page(head: tuple[str, ...] = HEAD, rows: tuple[tuple[str, ...], ...] = ROWS) -> Page:
    drawn = Page()
    drawn.table(head, rows)
    return drawn


class Cells(HTMLParser):
    """The words of each cell, row by row, with what kind of cell it is."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str]]] = []
        self.inside = ""
        self.feed(written)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.inside = dict(attrs).get("scope") or tag
            self.rows[-1].append((self.inside, ""))

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] = (self.inside, self.rows[-1][-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = ""


def test_a_table_that_fits_stands_in_columns() -> None:
    assert as_text(page(), 80) == (
        "  Would it be weak?                                  found   A       B\n"
        "  -------------------------------------------------  ------  ------  ------\n"
        "  closing the hand around the handle of a heavy bag  lost    partly  no\n"
        "  lifting                                            normal  yes     hardly\n"
    )


def test_the_first_column_is_wrapped_and_the_others_stay_in_line() -> None:
    assert as_text(page(), 50) == (
        "  Would it be weak?         found   A       B\n"
        "  ------------------------  ------  ------  ------\n"
        "  closing the hand around   lost    partly  no\n"
        "    the handle of a heavy\n"
        "    bag\n"
        "  lifting                   normal  yes     hardly\n"
    )


def test_where_there_is_no_room_each_row_becomes_a_line_that_names_its_cells() -> None:
    assert as_text(page(), 36) == (
        "  Would it be weak?\n"
        "  - closing the hand around the\n"
        "    handle of a heavy bag: found\n"
        "    lost, A partly, B no\n"
        "  - lifting: found normal, A yes, B\n"
        "    hardly\n"
    )


@pytest.mark.parametrize("width", range(12, 90, 3))
def test_a_table_keeps_to_its_width_and_loses_no_word(width: int) -> None:
    written = as_text(page(), width)
    assert max(map(len, written.splitlines())) <= width
    said = "".join(re.sub(r"[^\w]", "", written))
    for words in (HEAD[0], *(row[0] for row in ROWS), "partly", "hardly", "normal"):
        assert all(re.sub(r"[^\w]", "", word) in said for word in words.split()), (words, width)


def test_a_table_of_one_column_needs_no_names() -> None:
    one = page(("Place",), (("wrist",), ("elbow",)))
    assert as_text(one, 40) == "  Place\n  -----\n  wrist\n  elbow\n"


def test_a_table_without_rows_is_not_drawn() -> None:
    assert page(rows=()).blocks == []


def test_rows_of_another_length_than_the_head_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        as_text(page(rows=(("lifting", "normal"),)))


def test_markdown_draws_a_table_with_a_rule_below_its_head() -> None:
    assert as_markdown(page()).splitlines() == [
        "| Would it be weak? | found | A | B |",
        "| --- | --- | --- | --- |",
        "| closing the hand around the handle of a heavy bag | lost | partly | no |",
        "| lifting | normal | yes | hardly |",
    ]


def test_html_names_the_cells_that_head_a_column_or_a_row() -> None:
    head, first, _ = Cells(as_html(page(), "A page")).rows
    assert head == [("col", words) for words in HEAD]
    assert first == [("row", ROWS[0][0]), ("td", "lost"), ("td", "partly"), ("td", "no")]


HOSTILE = "<script>a|b</script> *c*\n| d | [e](http://f) `g`"


@pytest.mark.parametrize("place", ["head", "first", "last"])
def test_nothing_in_a_cell_is_read_as_markup(place: str) -> None:
    head = ("What", HOSTILE if place == "head" else "found")
    row = (HOSTILE if place == "first" else "lifting", HOSTILE if place == "last" else "lost")
    drawn = page(head, (row,))
    lines = as_markdown(drawn).splitlines()
    assert len(lines) == 3, "a line break in a cell breaks no row"
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [3, 3, 3]
    assert not re.search(r"(?<!\\)[<*`\[]", "".join(lines))
    cells = Cells(as_html(drawn, "A page"))
    assert [len(cells_of_row) for cells_of_row in cells.rows] == [2, 2]
    assert sum(words == " ".join(HOSTILE.split()) for row in cells.rows for _, words in row) == 1
    assert "<script>" not in as_html(drawn, "A page")
