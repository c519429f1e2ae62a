"""A page of headings, paragraphs and lists, drawn as text, Markdown or HTML."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Look: TypeAlias = Literal["plain", "strong", "alarm", "good", "quiet"]


def capital(text: str) -> str:
    """A text with its first letter large, the rest as it is."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int = 2
    look: Look = "strong"


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    look: Look = "plain"


@dataclass(frozen=True, slots=True)
class Items:
    """A list; an item may have lines of its own below it."""

    items: tuple[tuple[str, tuple[str, ...]], ...]
    marker: str = "-"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under column heads; the first cell of a row names it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block: TypeAlias = Heading | Paragraph | Items | Table


@dataclass
class Page:
    """Blocks in reading order."""

    blocks: list[Block] = field(default_factory=list)

    def heading(self, text: str, level: int = 2, look: Look = "strong") -> None:
        self.blocks.append(Heading(text, level, look))

    def paragraph(self, text: str, look: Look = "plain") -> None:
        if text:
            self.blocks.append(Paragraph(" ".join(text.split()), look))

    def items(self, items: Iterable[str | tuple[str, Iterable[str]]], marker: str = "-") -> None:
        full = tuple((i, ()) if isinstance(i, str) else (i[0], tuple(filter(None, i[1]))) for i in items)
        if full:
            self.blocks.append(Items(full, marker))

    def table(self, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        if body := tuple(_cells(row) for row in rows):
            self.blocks.append(Table(_cells(head), body))


def _cells(row: Iterable[str]) -> tuple[str, ...]:
    """The cells of a row, each in one line."""
    return tuple(" ".join(cell.split()) for cell in row)


_COLOURS: dict[Look, str] = {"plain": "", "strong": "1", "alarm": "1;31", "good": "1;32", "quiet": "2"}


def as_text(page: Page, width: int = 80, *, colour: bool = False) -> str:
    """The page in characters, wrapped at ``width`` columns; colour only adds to what the words say."""
    lines: list[str] = []
    for block in page.blocks:
        if isinstance(block, Heading):
            if lines:
                lines.append("")
            title = block.text.upper() if block.level == 1 else block.text
            lines += [_paint(part, block.look, colour) for part in textwrap.wrap(title, width)]
            if block.level <= 2:
                lines.append(_paint("=-"[block.level - 1] * min(width, len(title)), block.look, colour))
        elif isinstance(block, Paragraph):
            lines += [_paint(part, block.look, colour) for part in textwrap.wrap(block.text, width)]
        elif isinstance(block, Table):
            lines += _columns(block, width)
        else:
            for text, below in block.items:
                indent = " " * (len(block.marker) + 3)
                lines += textwrap.wrap(text, width, initial_indent=f"  {block.marker} ", subsequent_indent=indent)
                for line in below:
                    lines += textwrap.wrap(line, width, initial_indent=indent + "  ", subsequent_indent=indent + "  ")
    return "\n".join(lines) + "\n"


def _columns(table: Table, width: int) -> list[str]:
    """A table in columns; where they do not fit, the first is wrapped, and in the last resort each row is a line."""
    widths = [max(map(len, cells)) for cells in zip(table.head, *table.rows, strict=True)]
    room = width - len("  ") - sum(len("  ") + other for other in widths[1:])
    if room < min(widths[0], _NARROW):
        return _lines(table, width)
    widths[0] = min(widths[0], room)
    lines = []
    for row in (table.head, *table.rows):
        # What is wrapped is indented, and so has less room.
        first, *more = textwrap.wrap(row[0], widths[0], subsequent_indent="  ") or [""]
        cells = [cell.ljust(w) for cell, w in zip((first, *row[1:]), widths, strict=True)]
        lines += ["  " + "  ".join(cells).rstrip(), *(f"  {part}" for part in more)]
        if row is table.head:
            lines.append("  " + "  ".join("-" * w for w in widths))
    return lines


def _lines(table: Table, width: int) -> list[str]:
    """A table row by row, each cell named by the head of its column."""
    lines = textwrap.wrap(table.head[0], width, initial_indent="  ", subsequent_indent="    ")
    for first, *others in table.rows:
        named = ", ".join(f"{head} {cell}" for head, cell in zip(table.head[1:], others, strict=True))
        row = f"{first}: {named}" if named else first
        lines += textwrap.wrap(row, width, initial_indent="  - ", subsequent_indent="    ")
    return lines


_NARROW = 14
"""Characters below which a first column is no longer read with ease."""


def _paint(text: str, look: Look, colour: bool) -> str:
    return f"\033[{_COLOURS[look]}m{text}\033[0m" if colour and _COLOURS[look] else text


def as_markdown(page: Page) -> str:
    """The page as Markdown; what the rules or a person wrote cannot turn into markup."""
    lines: list[str] = []
    for block in page.blocks:
        if lines:
            lines.append("")
        if isinstance(block, Heading):
            lines.append(f"{'#' * block.level} {_plain(block.text)}")
        elif isinstance(block, Paragraph):
            text = _plain(block.text)
            lines.append(f"**{text}**" if block.look in ("strong", "alarm") else text)
        elif isinstance(block, Table):
            lines += [_row(block.head), _row("---" for _ in block.head), *map(_row, block.rows)]
        else:
            for text, below in block.items:
                lines.append(f"- {_plain(text)}")
                lines += [f"  - {_plain(line)}" for line in below]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    return re.sub(r"([\\`*<>\[\]|#])", r"\\\1", text)


def as_html(page: Page, title: str) -> str:
    """The page as one self-contained HTML document that asks no other host for anything."""
    body: list[str] = []
    for block in page.blocks:
        if isinstance(block, Heading):
            body.append(f'<h{block.level} class="{block.look}">{html.escape(block.text)}</h{block.level}>')
        elif isinstance(block, Paragraph):
            body.append(f'<p class="{block.look}">{html.escape(block.text)}</p>')
        elif isinstance(block, Table):
            head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in block.head)
            rows = (
                f'<th scope="row">{html.escape(first)}</th>'
                + "".join(f"<td>{html.escape(cell)}</td>" for cell in others)
                for first, *others in block.rows
            )
            body.append(f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>")
        else:
            body.append("<ul>")
            for text, below in block.items:
                inner = "".join(f"<li>{html.escape(line)}</li>" for line in below)
                body.append(f"<li>{html.escape(text)}{f'<ul>{inner}</ul>' if inner else ''}</li>")
            body.append("</ul>")
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}"
        "table{border-collapse:collapse}td,th{text-align:left;padding:.1rem 1rem .1rem 0;vertical-align:top}"
        "tr{border-bottom:1px solid #ddd}th[scope=row]{font-weight:normal}"
        ".alarm{color:#a40000}.good{color:#1c6b2a}.quiet{color:#666}h1,h2{line-height:1.2}"
    )
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{chr(10).join(body)}\n</body></html>\n'
