"""A Report in words: why, why not, what is unknown, what would change it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from triage.pages import Look, Page, as_html, as_markdown, as_text, capital
from triage.report import Argument, FocalRegion, Lesion, LesionSet, Report, SiteAssessment, TableRow

Format: TypeAlias = Literal["text", "markdown", "html", "json"]

_TITLE = "Where might this come from? A localisation for discussion with a clinician"


def render(report: Report, fmt: Format = "text", *, width: int = 80, colour: bool = False) -> str:
    """The report in words. Whatever the format, the recommendation comes last."""
    if fmt == "json":
        return report.model_dump_json(indent=2) + "\n"
    page = _report_page(report)
    if fmt == "html":
        return as_html(page, _TITLE)
    return as_markdown(page) if fmt == "markdown" else as_text(page, width, colour=colour)


def _draft(status: str | None) -> str:
    return " [draft]" if status == "draft" else ""


def _join(words: Iterable[str]) -> str:
    return ", ".join(words)


def _report_page(report: Report) -> Page:
    page = Page()
    _urgency(page, report)
    if report.notices:
        page.heading("About your answers")
        page.items(notice.message for notice in report.notices)
    page.heading("Where it may come from")
    page.paragraph(report.summary, "strong")
    for site in report.leading:
        _site(page, site)
    _runners_up(page, report)
    _lesions(page, report)
    _conditions(page, report)
    _tests(page, report)
    _questions(page, report)
    _left_over(page, report)
    page.heading("Do not wait if")
    page.paragraph(report.urgency.safety_net)
    page.heading("What to do now", look=_alarm(report))
    page.paragraph(report.recommendation, "strong")
    return page


def _alarm(report: Report) -> Look:
    return "alarm" if report.urgency.level in ("emergency", "same_day") else "strong"


def _urgency(page: Page, report: Report) -> None:
    urgency = report.urgency
    window = "" if urgency.window == urgency.words else f" ({urgency.window.lower()})"
    page.heading(f"Urgency: {urgency.words}{window}", level=1, look=_alarm(report))
    for reason in urgency.reasons:
        page.paragraph(f"{reason}.".replace("..", "."))
    fired = [flag for flag in report.red_flags if flag.state == "fired"]
    page.items(
        (
            f"{flag.says}: {flag.action}{_draft(flag.status)}",
            [f"because of: {_join(flag.answers)}", flag.because],
        )
        for flag in fired
    )
    raised = [flag for flag in report.red_flags if flag.state == "not_excluded"]
    if raised:
        page.heading("Not excluded by what is known", level=3)
        page.items(f"{flag.says} (not known: {_join(flag.missing)})" for flag in raised[:8])
        if len(raised) > 8:
            page.paragraph(f"and {len(raised) - 8} more; the questions below would settle them.", "quiet")


def _argument(argument: Argument) -> tuple[str, list[str]]:
    strength = argument.strength.replace("_", " ")
    also = f"the same finding also occurs in: {_join(argument.could_also_be)}" if argument.could_also_be else ""
    return (
        f"{argument.says} ({strength}, {argument.points:+d}){_draft(argument.status)}",
        [f"because you said: {_join(argument.answers)}" if argument.answers else "", argument.because, also],
    )


def _short(argument: Argument) -> str:
    return f"{argument.says} ({argument.points:+d}){_draft(argument.status)}"


def _site(page: Page, site: SiteAssessment) -> None:
    page.heading(f"{site.label}: {site.sub_site_label}", level=3, look="good")
    page.paragraph(site.plain)
    page.paragraph(
        f"{site.points} points; relative support among the sites {site.relative_support:.0%} "
        f"(a comparison, not a probability); disease here is {site.commonness}.",
        "quiet",
    )
    for title, arguments in (("For:", site.in_favour), ("Against:", site.against)):
        if arguments:
            page.paragraph(title, "strong")
            page.items(map(_argument, arguments), marker="+" if title == "For:" else "-")
    if site.already_counted:
        page.paragraph("Already counted under the same theme:", "strong")
        page.items(map(_short, site.already_counted), marker="=")
    if site.not_explained:
        page.paragraph(f"Not explained by this site: {_join(site.not_explained)}.")


def _runners_up(page: Page, report: Report) -> None:
    others = [site for site in report.sites if site.standing in ("possible", "unlikely")]
    if not others:
        return
    page.heading("Why not the others" if report.localised else "What stands so far")
    page.items(
        (
            f"{site.label} ({site.sub_site_label}): {site.standing}, {site.points:+d} points",
            [
                f"for: {'; '.join(map(_short, site.in_favour[:3]))}" if site.in_favour else "",
                f"against: {'; '.join(map(_short, site.against[:3]))}" if site.against else "",
                f"would not explain: {_join(site.not_explained)}" if site.not_explained else "",
            ],
        )
        for site in others
    )


def _lesions(page: Page, report: Report) -> None:
    """The smallest sets of lesions, limb by limb, with the table and what to examine next."""
    focal = report.focal
    if focal is None or not (focal.regions or focal.midline or focal.longest_fibres_first):
        return
    page.heading("Which lesion of a root, plexus or nerve would explain it")
    page.paragraph(
        "This looks at weak movements, numb areas and lost reflexes alone; the sites above weigh everything.", "quiet"
    )
    if focal.both_sides_alike:
        same = f"The same on both sides ({_join(focal.both_sides_alike)}): a single lesion on each side is not sought."
        page.paragraph(same)
    if focal.longest_fibres_first:
        page.paragraph("The longest nerve fibres are affected first, both sides alike: a length-dependent neuropathy.")
    if focal.midline:
        page.paragraph(f"One lesion in the midline would explain both legs: {_join(focal.midline)}.")
    for region in focal.regions:
        _region(page, region)
    if focal.unplaced:
        page.paragraph(f"Left out, as it was not said on which side: {_join(focal.unplaced)}.")


def _region(page: Page, region: FocalRegion) -> None:
    side = "side not said" if region.side == "unsaid" else region.side
    page.heading(f"{region.limb.capitalize()} ({side})", level=3)
    page.paragraph(f"To be explained: {_join(region.lost)}.")
    page.paragraph(_how_told_apart(region), "strong")
    described: set[str] = set()
    page.items(
        (
            _lesion_set(explanation, letter, region, described)
            for explanation, letter in zip(region.explanations, _LETTERS, strict=False)
        ),
        marker="*",
    )
    if region.left_over:
        page.paragraph(f"Not explained: {_join(region.left_over)}.")
    page.items(
        (
            f"Only if partial: {lesion.label}",
            [
                f"normal though it supplies it: {_join(lesion.normal_though_supplied)}"
                if lesion.normal_though_supplied
                else "",
                f"by minor supply only: {_join(lesion.hardly)}" if lesion.hardly else "",
            ],
        )
        for lesion in region.if_partial
    )
    if rows := _telling_rows(region):
        head = ("Would a lesion there affect it?", "found", *_LETTERS[: len(region.explanations)])
        page.table(head, ((row.what, _FOUND[row.found], *row.affects) for row in rows))
    if region.next_examinations:
        page.paragraph("What to examine next:", "strong")
        page.items(
            (f"{capital(one.what)} ({one.finding})", [one.question, one.help, f"{one.tells}."])
            for one in region.next_examinations
        )
    if region.variants:
        page.paragraph("Normal variants that can mislead:", "strong")
        page.items(region.variants)


_LETTERS = "ABCDEFGH"
"""The names of explanations and of their columns."""
_FOUND = {"lost": "lost", "normal": "normal", "not tested": "?"}
"""What was found, as the table says it and in its order."""


def _how_told_apart(region: FocalRegion) -> str:
    shown, alike = len(region.explanations), region.cannot_tell_apart
    if not shown:
        return "No lesion explains this without what was tested normal speaking against it."
    if alike > shown:
        return f"{alike} explanations cannot be told apart by what is known; the {shown} likeliest:"
    if alike > 1:
        return f"{alike} explanations cannot be told apart by what is known; the likeliest first:"
    if any(len(other.lesions) > len(region.explanations[0].lesions) for other in region.explanations):
        return "The fewest lesions first:"
    return "The first fits best:" if shown > 1 else ""


def _telling_rows(region: FocalRegion) -> list[TableRow]:
    """What was lost, normal or not tested, in this order, without what is normal and hardly concerned.

    Nothing where one explanation stands alone and all its rows were named as lost.
    """
    rows = [row for row in region.table if row.found != "normal" or set(row.affects) - {"no", "hardly"}]
    alone = len(region.explanations) < 2 and all(row.found == "lost" for row in rows)
    return [] if alone or not region.explanations else sorted(rows, key=lambda row: list(_FOUND).index(row.found))


def _lesion_set(explanation: LesionSet, letter: str, region: FocalRegion, described: set[str]) -> tuple[str, list[str]]:
    """One explanation and the lines below it; a place that was described before is only named."""
    draft = _draft("draft" if any(lesion.status == "draft" for lesion in explanation.lesions) else None)
    more = len(explanation.lesions) > len(region.explanations[0].lesions)
    weighed = ["one lesion more, but a better fit"] if more else [] if explanation.one_of_the_best else ["less likely"]
    weighed += [f"{explanation.points:+d} points"] if explanation.points else []
    lines = []
    for lesion in explanation.lesions:
        if lesion.place in described:
            lines += [f"{lesion.label}: as above"] if len(explanation.lesions) > 1 else []
        else:
            lines += _lesion_lines(lesion, region, alone=len(explanation.lesions) == 1)
            described.add(lesion.place)
    named = " + ".join(lesion.label for lesion in explanation.lesions)
    return f"{letter}. {named}{draft}{f' ({_join(weighed)})' if weighed else ''}", lines


def _lesion_lines(lesion: Lesion, region: FocalRegion, alone: bool) -> Iterable[str]:
    explained = "all of it" if set(lesion.explains) == set(region.lost) else _join(lesion.explains)
    hardly = f"; by minor supply only {_join(lesion.hardly)}" if lesion.hardly else ""
    explains = f"explains {explained or 'nothing well'}{hardly}"
    yield from (lesion.plain, explains) if alone else (f"{lesion.label} ({lesion.plain}): {explains}",)
    if lesion.normal_though_supplied:
        yield f"against it, as normal: {_join(lesion.normal_though_supplied)}"
    for support in lesion.supported_by:
        side = "for" if support.strength.endswith("for") else "against"
        yield f"{side} it: {support.because}{_draft(support.status)}"
    yield f"usual cause: {lesion.usual_cause}"


def _conditions(page: Page, report: Report) -> None:
    if not report.conditions:
        return
    page.heading("Conditions that live there")
    page.paragraph("Not a diagnosis: these are what a clinician would keep in mind.", "quiet")
    page.items(
        (
            f"{fit.name}{_draft(fit.status)}",
            [
                f"fits: {_join(fit.fits)}",
                f"does not fit: {_join(fit.does_not_fit)}" if fit.does_not_fit else "",
                f"confirmed by: {fit.confirmed_by}",
                f"how common: {fit.how_common}",
            ],
        )
        for fit in report.conditions
    )


def _tests(page: Page, report: Report) -> None:
    if not report.investigations:
        return
    page.heading("Tests that would settle it")
    page.items(
        (
            f"{test.order.capitalize()}: {test.name}{_draft(test.status)}",
            [f"settles: {test.settles}", f"when: {test.timing}" if test.timing else ""],
        )
        for test in report.investigations
    )


def _questions(page: Page, report: Report) -> None:
    if not report.open_questions:
        return
    page.heading("Still worth asking")
    page.items(
        (f"{question.question} ({question.finding})", [question.why + ("" if question.safety else ".")])
        for question in report.open_questions
    )


def _left_over(page: Page, report: Report) -> None:
    if report.unexplained:
        page.heading("Not explained by the leading site")
        page.paragraph(f"{_join(report.unexplained)}. A second place may be affected, or something else is going on.")
    if report.silent:
        page.paragraph(f"No rule speaks about: {_join(report.silent)}.")
    if report.drafts:
        page.paragraph(f"{report.drafts} of the rules used are drafts whose sources have not been checked.", "quiet")
