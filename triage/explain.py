"""A Report in words: why, why not, what is unknown, what would change it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from triage.pages import Look, Page, as_html, as_markdown, as_text
from triage.report import Argument, FocalRegion, LesionSet, Report, SiteAssessment

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
        page.paragraph(f"It was not said on which side: {_join(focal.unplaced)}.")


def _region(page: Page, region: FocalRegion) -> None:
    side = "side not said" if region.side == "unsaid" else region.side
    page.heading(f"{region.limb.capitalize()} ({side})", level=3)
    many = region.cannot_tell_apart
    if many > 1:
        page.paragraph(f"{many} explanations cannot be told apart by what is known; the likeliest first:", "strong")
    page.items(map(_lesion_set, region.explanations, "ABCD"), marker="*")
    if not region.explanations:
        page.paragraph("No lesion explains this without what was tested normal speaking against it.", "strong")
    if region.left_over:
        page.paragraph(f"Not explained: {_join(region.left_over)}.")
    page.items(
        (f"Only if partial: {lesion.label}", [f"normal though it supplies it: {_join(lesion.normal_though_supplied)}"])
        for lesion in region.if_partial
    )
    letters = "ABCD"[: len(region.explanations)]
    if region.explanations and len(region.table) > 1:
        head = ("Would a lesion there affect it?", "found", *letters)
        page.table(head, ((row.what, row.found, *row.affects) for row in region.table))
    if region.next_examinations:
        page.paragraph("What to examine next:", "strong")
        page.items(
            (f"{one.what[:1].upper()}{one.what[1:]} ({one.finding})", [one.question, one.help, f"{one.tells}."])
            for one in region.next_examinations
        )
    page.items(f"Variant: {variant}" for variant in region.variants)


def _lesion_set(explanation: LesionSet, letter: str) -> tuple[str, list[str]]:
    named = " + ".join(lesion.label for lesion in explanation.lesions)
    draft = _draft("draft" if any(lesion.status == "draft" for lesion in explanation.lesions) else None)
    lines = []
    for lesion in explanation.lesions:
        only = f"{lesion.label}: " if len(explanation.lesions) > 1 else ""
        hardly = f"; by minor supply only {_join(lesion.hardly)}" if lesion.hardly else ""
        lines.append(f"{only}explains {_join(lesion.explains) or 'nothing well'}{hardly}")
        if lesion.normal_though_supplied:
            lines.append(f"{only}against it, as normal: {_join(lesion.normal_though_supplied)}")
        lines += [f"{only}for it: {why}" for why in lesion.supported_by]
        lines.append(f"usual cause: {lesion.usual_cause}")
    return f"{letter}. {named}{draft}" + ("" if explanation.points == 0 else f" ({explanation.points:+d})"), lines


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
