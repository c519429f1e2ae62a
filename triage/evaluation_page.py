"""An Evaluation as text, JSON, one self-contained HTML page, or a picture. The recommendation comes last."""

from __future__ import annotations

import html
import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_uppercase
from typing import Literal, TypeAlias

from triage.errors import Problem, TriageError
from triage.evaluate import ABSTAINED, NOTHING_MAY_LEAD, Confusion, Evaluation, Miss, RankedSite, Reason, Wrong
from triage.measures import Bin, Calibration, Estimate

Format: TypeAlias = Literal["text", "json", "html"]

_TITLE = "How often the rulebook finds the right place"
_WRONG: dict[Wrong, str] = {
    "site": "another site comes first",
    "should_abstain": "something leads although nothing may",
    "missed_emergency": "an emergency was not sent the same day",
    "false_alarm": "sent the same day without need",
    "urgency": "another urgency than any accepted",
}
_NAMED = 3
"""So many rows that could not be used are named in text; the rest is counted."""
_SUPPORT_NOTE = "Relative support is a comparison, not a probability; this is how far it could be read as one."


def render(evaluation: Evaluation, fmt: Format = "text", *, width: int = 100) -> str:
    """The figures, and every error with its reasons where they were asked for."""
    if fmt == "json":
        return evaluation.model_dump_json(indent=2) + "\n"
    return _as_html(evaluation) if fmt == "html" else _as_text(evaluation, width)


# What every form says


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "no such rows"
    interval = "too few groups for an interval"
    if estimate.low is not None and estimate.high is not None:
        interval = f"{estimate.low:.3f} to {estimate.high:.3f}"
    counts = f"{estimate.right} of {estimate.of}" if estimate.right is not None else f"over {estimate.of} rows"
    return f"{estimate.value:.3f}  ({interval}; {counts})"


def _size(e: Evaluation) -> list[str]:
    together = "all independent" if e.groups is None else f"in {e.groups} groups"
    return [
        *e.about,
        f"{e.rows} rows, of which {e.used} could be used; {e.with_site} name a right site, {together}.",
        f"triage {e.rulebook.version}, rulebook {e.rulebook.fingerprint[:12]}.",
    ]


def _how(e: Evaluation) -> str:
    if e.groups is None:
        return (
            f"95 % intervals: Wilson for shares; for the macro average a bootstrap of each site's rows (seed {e.seed})."
        )
    return (
        f"95 % intervals: a bootstrap that draws whole groups, site by site (seed {e.seed}; a site of one group adds "
        "no width); Wilson for urgency and abstention."
    )


def _accuracy(e: Evaluation) -> list[tuple[str, str]]:
    rows = [
        ("Top-1: the right site is ranked first", _estimate(e.top_1)),
        ("Top-2: it is among the first two", _estimate(e.top_2)),
        ("Macro average of top-1 over the sites", _estimate(e.macro)),
        ("Abstained: no site leads", f"{e.abstained} of {e.with_site}"),
        ("Top-1 among the answered", _estimate(e.answered)),
    ]
    if e.rightly_abstained is not None:
        rows.append(("Abstained where nothing may lead", _estimate(e.rightly_abstained)))
    return rows


def _urgency(e: Evaluation) -> list[tuple[str, str]]:
    rows = [
        ("Sensitivity: emergencies sent the same day", _estimate(e.sensitivity)),
        ("Specificity: the others not", _estimate(e.specificity)),
    ]
    if e.urgency_accepted is not None:
        rows.append(("Urgency among those accepted", _estimate(e.urgency_accepted)))
    return rows


def _calibration(c: Calibration) -> list[tuple[str, str]]:
    return [
        ("Expected calibration error", f"{c.expected_error:.3f}"),
        ("Brier score (0 best, 2 worst)", f"{c.brier:.3f}"),
        ("Log loss (natural logarithm)", f"{c.log_loss:.3f}"),
    ]


def _filled(calibration: Calibration) -> list[tuple[Bin, float, float]]:
    """The bins with rows, each with its mean support and the share that came true."""
    return [(b, b.support, b.right) for b in calibration.bins if b.support is not None and b.right is not None]


def _lost(e: Evaluation) -> int:
    return sum(unread.count for unread in e.unread)


def _silent(e: Evaluation) -> str:
    return f"Terms of the rows used that say nothing to this rulebook: {e.silent_terms}."


_SITES_HEAD = ("site", "rows", "groups", "top-1", "top-2")


def _sites(e: Evaluation) -> list[list[str]]:
    return [
        [
            s.label,
            str(s.rows),
            "-" if s.groups is None else str(s.groups),
            f"{s.right_first} ({s.right_first / s.rows:.2f})",
            f"{s.right_in_two} ({s.right_in_two / s.rows:.2f})",
        ]
        for s in e.sites
    ]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _reasons(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{reason.says} ({reason.points:+d})" for reason in reasons)


def _error(miss: Miss) -> tuple[str, list[str]]:
    """A heading and the lines below it."""
    named = " or ".join(map(_words, filter(None, [miss.site, *miss.also_accept])))
    label = "nothing may lead" if miss.abstain else named or "no site named"
    head = f"{miss.id}{f' ({miss.group})' if miss.group else ''}: {label}"
    ranked = [f"{_words(site.sub_site)} {site.points:+d}" for site in (miss.first, miss.second) if site]
    lines = [
        f"wrong: {', '.join(_WRONG[wrong] for wrong in miss.wrong)}",
        f"first: {', then '.join(ranked)}{'' if miss.first.standing == 'leading' else ' (nothing leads)'}; "
        f"{_words(miss.urgency)}",
    ]
    if "site" in miss.wrong or "should_abstain" in miss.wrong:
        lines += _arguments(miss.first)
    if "site" in miss.wrong and miss.right:
        lines.append(f"right: {_words(miss.right.sub_site)} {miss.right.points:+d}, in place {miss.right.place}")
        lines += _arguments(miss.right)
    if {"missed_emergency", "false_alarm", "urgency"} & set(miss.wrong):
        lines.append(f"urgency because: {'; '.join(miss.urgency_because)}")
    if miss.unused:
        lines.append(f"said and not used by any rule: {', '.join(miss.unused)}")
    if miss.silent_terms:
        lines.append(f"terms that say nothing here: {len(miss.silent_terms)} ({', '.join(miss.silent_terms)})")
    return head, lines


def _arguments(site: RankedSite) -> Iterator[str]:
    for word, reasons in (("for", site.in_favour), ("against", site.against)):
        if reasons:
            yield f"  {word} {_words(site.site)}: {_reasons(reasons)}"


# Text


def _as_text(e: Evaluation, width: int) -> str:
    lines = [_TITLE, "=" * len(_TITLE)]
    for sentence in _size(e):
        lines += textwrap.wrap(sentence, width)

    def heading(text: str) -> None:
        lines.extend(["", text, "-" * len(text)])

    def pairs(rows: Sequence[tuple[str, str]]) -> None:
        lines.extend(f"  {name:44}{value}" for name, value in rows)

    if e.with_site or e.rightly_abstained:
        heading("Site")
        pairs(_accuracy(e))
        lines += textwrap.wrap(_how(e), width)
    if e.sites:
        heading("By site")
        lines += _columns([_SITES_HEAD, *_sites(e)])
    if e.confusion.rows:
        heading("Confusion: what leads")
        lines += _matrix(e.confusion)
        heading("Confusion: what is ranked first, leading or not")
        lines += _matrix(e.ranked_first)
    if e.sensitivity or e.specificity or e.urgency_accepted:
        heading("Urgency")
        pairs(_urgency(e))
    if e.calibration:
        heading("Calibration of relative support")
        lines += textwrap.wrap(_SUPPORT_NOTE, width)
        pairs(_calibration(e.calibration))
        bins = [
            [f"{b.low:.1f} to {b.high:.1f}", str(b.n), f"{support:.2f}", f"{right:.2f}"]
            for b, support, right in _filled(e.calibration)
        ]
        lines += _columns([("support", "rows", "mean", "right"), *bins])
    if e.errors:
        heading(f"Errors ({len(e.errors)})")
        for miss in e.errors:
            head, below = _error(miss)
            lines += textwrap.wrap(head, width, initial_indent="- ", subsequent_indent="  ")
            for line in below:
                inner = "      " if line.startswith("  ") else "    "
                lines += textwrap.wrap(line.strip(), width, initial_indent=inner, subsequent_indent=inner + "  ")
    if e.unread:
        heading(f"Rows that could not be used ({_lost(e)})")
        for unread in e.unread:
            more = f" and {len(unread.rows) - _NAMED} more" if len(unread.rows) > _NAMED else ""
            named = f" ({', '.join(unread.rows[:_NAMED])}{more})" if unread.rows else ""
            text = f"{unread.count}: {unread.reason}{named}"
            lines += textwrap.wrap(text, width, initial_indent="- ", subsequent_indent="  ")
    if e.silent_terms:
        lines += ["", *textwrap.wrap(_silent(e), width)]
    lines += ["", *textwrap.wrap(e.recommendation, width)]
    return "\n".join(lines) + "\n"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(c.rjust(w) if n else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]


def _matrix(confusion: Confusion) -> list[str]:
    """Letters stand for the answers, in the order of the legend beside the rows."""
    letters = {name: "-" if name == ABSTAINED else ascii_uppercase[n] for n, name in enumerate(confusion.answers)}
    head = ["label", *letters.values()]
    body = [
        [f"{letters.get(row, ' ')} {_words(row)}", *(str(count) if count else "." for count in counts)]
        for row, counts in confusion.rows.items()
    ]
    unlabelled = [name for name in confusion.answers if name not in confusion.rows]
    legend = ", ".join(f"{letters[name]} {_words(name)}" for name in unlabelled)
    return [*_columns([head, *body]), *([f"  ({legend})"] if legend else [])]


# HTML: inline SVG, greys only, every number written out


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}"
    "h1,h2{line-height:1.2}table{border-collapse:collapse;margin:.5rem 0}"
    "td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #bbb}"
    "td:first-child,th:first-child{text-align:left}"
    "svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif}.quiet{color:#555}"
)
_CELL = 46
_LEFT, _TOP = 190, 150


def _as_html(e: Evaluation) -> str:
    body = [f"<h1>{_TITLE}</h1>", *(f"<p>{_escape(sentence)}</p>" for sentence in _size(e))]
    if e.with_site or e.rightly_abstained:
        body += ["<h2>Site</h2>", _table((), _accuracy(e)), f'<p class="quiet">{_escape(_how(e))}</p>']
    if e.sites:
        body += ["<h2>By site</h2>", _table(_SITES_HEAD, _sites(e))]
    if e.confusion.rows:
        body += ["<h2>Confusion: what leads</h2>", _confusion_svg(e.confusion)]
        body += ["<h2>Confusion: what is ranked first, leading or not</h2>", _confusion_svg(e.ranked_first)]
        body.append('<p class="quiet">Rows are labels. Darker: a larger share of its row. Framed: as labelled.</p>')
    if e.sensitivity or e.specificity or e.urgency_accepted:
        body += ["<h2>Urgency</h2>", _table((), _urgency(e))]
    if e.calibration:
        body += ["<h2>Calibration of relative support</h2>", f"<p>{_SUPPORT_NOTE}</p>"]
        body += [_table((), _calibration(e.calibration)), _reliability_svg(e.calibration)]
    if e.errors:
        body.append(f"<h2>Errors ({len(e.errors)})</h2>")
        body += [_details(*_error(miss)) for miss in e.errors]
    if e.unread:
        body.append(f"<h2>Rows that could not be used ({_lost(e)})</h2>")
        body += [_details(f"{unread.count}: {unread.reason}", unread.rows) for unread in e.unread]
    if e.silent_terms:
        body.append(f"<p>{_silent(e)}</p>")
    body.append(f"<p><strong>{_escape(e.recommendation)}</strong></p>")
    head = f'<meta charset="utf-8"><title>{_TITLE}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{chr(10).join(body)}\n</body></html>\n'


def _escape(text: str) -> str:
    return html.escape(text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Iterable[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{_escape(cell)}</{tag}>' for cell in cells)}</tr>"

    return f"<table>{line(head, 'th') if head else ''}{''.join(line(row, 'td') for row in rows)}</table>"


def _details(head: str, lines: Iterable[str]) -> str:
    inner = "".join(f"<li>{_escape(line.strip())}</li>" for line in lines)
    return f'<details open=""><summary>{_escape(head)}</summary><ul>{inner}</ul></details>'


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" {more}>{_escape(text)}</text>'


def _svg(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">'
        f"<title>{_escape(title)}</title>{''.join(parts)}</svg>"
    )


def _confusion_svg(confusion: Confusion) -> str:
    parts = []
    for column, answer in enumerate(confusion.answers):
        x = _LEFT + (column + 0.5) * _CELL
        parts.append(_text(x, _TOP - 8, _words(answer), f'transform="rotate(-45 {x:g} {_TOP - 8})"'))
    for line, (label, counts) in enumerate(confusion.rows.items()):
        y = _TOP + line * _CELL
        parts.append(_text(_LEFT - 8, y + _CELL / 2 + 5, _words(label), 'text-anchor="end"'))
        for column, (answer, count) in enumerate(zip(confusion.answers, counts, strict=True)):
            x, share = _LEFT + column * _CELL, count / sum(counts)
            expected = answer == label or (answer, label) == (ABSTAINED, NOTHING_MAY_LEAD)
            grey = round(255 * (1 - share))
            parts.append(
                f'<rect x="{x + 2}" y="{y + 2}" width="{_CELL - 4}" height="{_CELL - 4}" '
                f'fill="rgb({grey},{grey},{grey})" stroke="{"#000" if expected else "#bbb"}" '
                f'stroke-width="{3 if expected else 1}"/>'
            )
            ink = "#fff" if grey < 128 else "#000"
            if count:
                parts.append(_text(x + _CELL / 2, y + _CELL / 2 + 5, str(count), f'text-anchor="middle" fill="{ink}"'))
    width, height = _LEFT + len(confusion.answers) * _CELL + 100, _TOP + len(confusion.rows) * _CELL + 10
    return _svg(width, height, "Confusion matrix: labels in rows, answers in columns", parts)


def _reliability_svg(calibration: Calibration) -> str:
    """Mean support across, share right upwards; on the dashed line support keeps its word."""
    side, left, top = 320, 60, 20

    def at(support: float, right: float) -> tuple[float, float]:
        return left + side * support, top + side * (1 - right)

    parts = [f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="#000"/>']
    parts.append(
        f'<line x1="{left}" y1="{top + side}" x2="{left + side}" y2="{top}" stroke="#777" stroke-dasharray="5 5"/>'
    )
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = at(tick, tick)
        parts.append(_text(x, top + side + 18, f"{tick:g}", 'text-anchor="middle"'))
        parts.append(_text(left - 8, y + 4, f"{tick:g}", 'text-anchor="end"'))
    filled = _filled(calibration)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(support, right) for _, support, right in filled))
    parts.append(f'<polyline points="{line}" fill="none" stroke="#000" stroke-width="2"/>')
    for b, support, right in filled:
        x, y = at(support, right)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(_text(x + 8, y + 16, f"n={b.n}"))
    parts.append(_text(left + side / 2, top + side + 38, "relative support of the first site", 'text-anchor="middle"'))
    parts.append(
        _text(16, top + side / 2, "share right", f'text-anchor="middle" transform="rotate(-90 16 {top + side / 2})"')
    )
    return _svg(left + side + 60, top + side + 50, "Reliability: share right by relative support", parts)


# A picture


def draw(evaluation: Evaluation) -> bytes:
    """A PNG of the confusion matrix and the reliability curve, in greys.

    Raises:
        TriageError: matplotlib is not installed, or no row names a site.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        message = "a picture needs matplotlib: pip install 'triage[plot]'; --format html draws the same without it"
        raise TriageError([Problem(message)]) from None
    confusion, calibration = evaluation.confusion, evaluation.calibration
    if calibration is None:
        raise TriageError([Problem("there is nothing to draw: no row names a right site")])
    figure = Figure(figsize=(14, 6.5), layout="constrained")
    matrix, curve = figure.subplots(1, 2, width_ratios=(3, 2))
    shares = [[count / sum(counts) for count in counts] for counts in confusion.rows.values()]
    matrix.imshow(shares, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    matrix.set_xticks(range(len(confusion.answers)), map(_words, confusion.answers), rotation=45, ha="right")
    matrix.set_yticks(range(len(confusion.rows)), map(_words, confusion.rows))
    matrix.set(title="What leads, by label", ylabel="label")
    for y, counts in enumerate(confusion.rows.values()):
        for x, count in enumerate(counts):
            if count:
                ink = "white" if shares[y][x] > 0.5 else "black"
                matrix.text(x, y, str(count), ha="center", va="center", color=ink)
    filled = _filled(calibration)
    curve.plot([0, 1], [0, 1], "--", color="grey")
    curve.plot([support for _, support, _ in filled], [right for _, _, right in filled], "o-", color="black")
    for b, support, right in filled:
        curve.annotate(f"n={b.n}", (support, right), xytext=(6, -12), textcoords="offset points")
    curve.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="relative support of the first site", ylabel="share right")
    curve.set_title(f"Reliability (expected calibration error {calibration.expected_error:.3f})")
    figure.supxlabel("\n".join(textwrap.wrap(evaluation.recommendation, 150)), fontsize=9)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
