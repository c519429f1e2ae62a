"""The commands."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_args

import typer

from triage._version import __version__
from triage.case import Case
from triage.consultation import consult
from triage.errors import CaseError, Problem, TriageError, did_you_mean
from triage.explain import render
from triage.glossary import UnknownNameError, explain, explainable
from triage.knowledge import Answer, CaseTag, Given, Strength, TeachingCase
from triage.report import Report
from triage.rulebook import Rulebook, load_rulebook

if TYPE_CHECKING:
    from triage import files

BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    help="From symptoms to their likely site, brain to muscle; always ends by sending you to a clinician.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Rules = Annotated[Path | None, typer.Option("--rules", help="A folder of rules to use instead of the built-in one.")]
Overlay = Annotated[
    list[Path] | None,
    typer.Option("--overlay", help="A folder of a few rule files laid over the rules; may be repeated."),
]


class OutputFormat(str, Enum):
    """How a report is written."""

    text = "text"
    markdown = "markdown"
    html = "html"
    json = "json"


class AssessFormat(str, Enum):
    """How an assessment is written: as a report, or the case itself as a phenopacket."""

    text = "text"
    markdown = "markdown"
    html = "html"
    json = "json"
    phenopacket = "phenopacket"


class PageFormat(str, Enum):
    """How an explanation is written."""

    text = "text"
    markdown = "markdown"


class EvaluationFormat(str, Enum):
    """How an evaluation is written."""

    text = "text"
    json = "json"
    html = "html"
    png = "png"


class SchemaOf(str, Enum):
    """What has a JSON Schema."""

    case = "case"
    report = "report"
    rules = "rules"


def main() -> None:
    """The console entry point: whatever goes wrong on the way in is told, never thrown at the person."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except SystemExit as end:
        if end.code and "pyarrow.csv" in sys.modules:
            _leave(int(end.code))
        raise


def _leave(status: int) -> NoReturn:
    """End at once: a thread of Arrow's that still reads ahead would hold the process up, or bring it down."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


def _fail(problems: tuple[Problem, ...] | list[Problem], what: str) -> NoReturn:
    count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
    typer.echo(f"{what} has {count}:", err=True)
    for problem in problems:
        typer.echo(f"  {problem}", err=True)
    raise typer.Exit(BAD_INPUT)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except TriageError as error:
        _fail(error.problems, what)


def _rulebook(rules: Path | None, overlay: list[Path] | None) -> Rulebook:
    with _told("The rulebook"):
        return load_rulebook(rules, overlay=overlay or ())


def _print(text: str) -> None:
    typer.echo(text, nl=not text.endswith("\n"), color=True)


def _print_json(text: str) -> None:
    """JSON is UTF-8 whatever the terminal speaks."""
    typer.echo(text.encode(), nl=False)


def _width() -> int:
    return max(40, min(100, shutil.get_terminal_size((80, 24)).columns))


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _show(report: Report, fmt: OutputFormat) -> None:
    text = render(report, fmt.value, width=_width(), colour=_colour())
    if fmt is OutputFormat.json:
        _print_json(text)
    else:
        _print(text)


@app.command()
def assess(
    case: Annotated[
        str | None, typer.Argument(help="A case or a phenopacket, in YAML or JSON; - reads standard input.")
    ] = None,
    finding: Annotated[
        list[str] | None,
        typer.Option(
            "--finding", "-f", help="A finding that is there: NAME, or NAME=VALUE (left, both, progressive, 3 ...)."
        ),
    ] = None,
    absent: Annotated[list[str] | None, typer.Option("--absent", "-a", help="A finding that is not there.")] = None,
    unsure: Annotated[
        list[str] | None, typer.Option("--unsure", "-u", help="A finding that was asked and is not known.")
    ] = None,
    age: Annotated[str | None, typer.Option(help="Age in years; 0.5 is six months.")] = None,
    sex: Annotated[str | None, typer.Option(help="female or male.")] = None,
    fmt: Annotated[
        AssessFormat,
        typer.Option("--format", help="How to write the report; phenopacket writes the case back instead."),
    ] = AssessFormat.text,
    rules: Rules = None,
    overlay: Overlay = None,
) -> None:
    """Localise one person's complaint: from a case file or phenopacket, from findings on the command line, or both."""
    stated = _stated(finding or [], absent or [], unsure or [], {"age": age, "sex": sex})
    if case is None and not stated:
        problem = Problem("name a case file, or at least one --finding; `triage explain` lists what can be named")
        _fail([problem], "The case")
    book = _rulebook(rules, overlay)
    with _told("The case"):
        given = _read_patient(case, book, stated) if case is not None else Case(findings=stated)
        if fmt is AssessFormat.phenopacket:
            _print_json(_phenopacket(given, book))
        else:
            _show(consult(given, book), OutputFormat(fmt.value))


def _read_patient(path: str, book: Rulebook, stated: Given) -> Case:
    from triage.reading.phenopackets import read_patient

    return read_patient(path, book, sys.stdin, stated)


def _phenopacket(case: Case, book: Rulebook) -> str:
    from triage.reading.phenopackets import to_phenopacket

    return json.dumps(to_phenopacket(case, book, datetime.now(timezone.utc)), ensure_ascii=False, indent=2) + "\n"


def _stated(present: list[str], absent: list[str], unsure: list[str], named: dict[str, str | None]) -> Given:
    """The answers on the command line; the same name twice is kept twice, so that a contradiction is seen."""
    stated: dict[str, list[Answer]] = {}
    for item in present:
        name, has_value, value = item.partition("=")
        stated.setdefault(name.strip(), []).append(value.strip() if has_value else "present")
    for names, answer in ((absent, "absent"), (unsure, "unsure")):
        for name in names:
            stated.setdefault(name.strip(), []).append(answer)
    for name, stated_value in named.items():
        if stated_value is not None:
            stated.setdefault(name, []).append(stated_value)
    return {name: answers if len(answers) > 1 else answers[0] for name, answers in stated.items()}


@app.command()
def cohort(
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN", help="Cases: .csv, .parquet, .jsonl, a folder of cases or phenopackets, or - for a stream."
        ),
    ],
    target: Annotated[str, typer.Argument(metavar="OUT", help="Answers: .csv, .parquet, .jsonl, or - for a stream.")],
    carry: Annotated[
        list[str] | None, typer.Option("--carry", help="A column to hand through unread; may be repeated.")
    ] = None,
    fired: Annotated[bool, typer.Option("--fired", help="Also list every rule that fired, row by row.")] = False,
    explain_rows: Annotated[
        list[int] | None,
        typer.Option("--explain", min=1, help="Also show the whole report of this row; may be repeated."),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rows go that cannot be read [default: OUT with .rejects.jsonl].")
    ] = None,
    rules: Rules = None,
    overlay: Overlay = None,
) -> None:
    """Localise many people at once: a row each, or a document each.

    Exit status: 0 where rows were answered, even if others were set aside, or where there were none; 2 where no row
    could be answered, a row to explain is not there, or the input or output failed; 130 if stopped.
    """
    with _extra("cohort"):
        from triage import files, sinks, sources
    book = _rulebook(rules, overlay)
    wanted = set(explain_rows or [])
    place = rejects or Path("rejects.jsonl" if target == "-" else f"{target}.rejects.jsonl")
    aside, summary = sinks.Rejects(place, wanted), files.Summary()
    explained: dict[int, Case | CaseError] = {}
    with _told("The cohort"), _how_far(summary):
        sinks.refuse_to_overwrite(source, target, place)
        given = sources.open_source(source, book, carry or (), sys.stdin.buffer)
        how = sinks.format_to_write(target, given)
        hidden = not sys.stderr.isatty() or not given.size
        with typer.progressbar(length=given.size, label="Answering", file=sys.stderr, hidden=hidden) as bar:

            def see(part: sources.Part) -> None:
                bar.update(given.done() - bar.pos)
                explained.update((row, part.case(part.numbers.index(row))) for row in wanted.intersection(part.numbers))

            def sink(schema: Any) -> sinks.Sink:
                return sinks.Sink(target, how, schema, sys.stdout.buffer)

            files.answer_all(given, sink, book, aside, fired=fired, see=see, summary=summary)
    # Reports and counts must not run into answers that are streamed out.
    aloud = partial(typer.echo, err=target == "-")
    for row in sorted(wanted):
        aloud(f"Row {row}\n")
        if row in aside.remembered:
            aloud("\n".join(("Set aside:", *(f"  {problem}" for problem in aside.remembered[row]), "")))
        elif isinstance(case := explained.get(row), Case):
            aloud(render(consult(case, book), "text", width=_width(), colour=_colour()))
        else:
            aloud(f"There is no such row; they are counted from 1 to {summary.rows + aside.count}.\n")
    aloud(files.summarise(summary, book, aside))
    if (aside.count and not summary.rows) or not wanted <= {*aside.remembered, *explained}:
        raise typer.Exit(BAD_INPUT)


@contextmanager
def _how_far(summary: files.Summary) -> Iterator[None]:
    """Whatever stops a run, it is said how many rows it answered."""
    try:
        yield
    except CaseError as error:
        if not summary.rows:
            raise
        raise CaseError([*error.problems, Problem(f"{summary.rows:,} rows were answered before that")]) from None
    except KeyboardInterrupt:
        typer.echo(f"Stopped: {summary.rows:,} rows were answered; what was written can be read.", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """What needs an extra says so where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        _fail([Problem(f"needs {error.name}: install it with  pip install 'triage[{name}]'")], "The command")


@app.command()
def check(
    rules: Rules = None,
    overlay: Overlay = None,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Also delete and flip every rule and say which no case notices (slow).")
    ] = False,
) -> None:
    """Check a rulebook: shape, names, house rules, every example, every citation, every case."""
    from triage.check import check as check_rulebook

    book = _rulebook(rules, overlay)
    result = check_rulebook(book)
    for problem in result.problems:
        typer.echo(str(problem))
    for what, count in result.counts.items():
        typer.echo(f"{count:6} {what}{'   <- nothing to check' if not count else ''}")
    if mutate:
        with _told("The rulebook"):
            _mutate(book)
    if not result.passed:
        typer.echo(f"Failed: {len(result.problems)} problems.")
        raise typer.Exit(1)
    typer.echo(f"Passed: {sum(result.counts.values())} things checked. Rulebook {book.fingerprint[:12]}.")


def _mutate(book: Rulebook) -> None:
    from triage.effect import mutate

    mutants = list(mutate(book, book.cases()))
    for kind in ("evidence", "red_flag"):
        these = [m for m in mutants if m.kind == kind]
        survivors = [m for m in these if m.survives]
        undeleted = sum(not m.deleted for m in these)
        for mutant in survivors:
            typer.echo(f"no case notices: {mutant.kind} {mutant.rule}")
        typer.echo(
            f"{kind}: {len(survivors)} of {len(these)} survive deleting and flipping in every case; "
            f"{undeleted} survive deleting alone."
        )


@app.command()
def effect(
    rule: Annotated[str, typer.Argument(help="An evidence rule, pattern or red flag, by its id.")],
    strength: Annotated[
        str | None, typer.Option(help="Try this strength instead of taking the rule out, such as weakly_for.")
    ] = None,
    rules: Rules = None,
    overlay: Overlay = None,
) -> None:
    """Show which known cases move if a rule is taken out, or its strength changed."""
    from triage.effect import moves, with_strength, without

    book = _rulebook(rules, overlay)
    with _told("The request"):
        changed = without(rule, book) if strength is None else with_strength(rule, _strength(strength, book), book)
        cases = book.cases()
        found = list(moves(book, changed, cases))
    for move in found:
        before, after = move.before, move.after
        typer.echo(f"{move.case.id}: {move.case.title}")
        was, now = (f"{o.first[1]} ({o.standings[o.first[0]]})" for o in (before, after))
        typer.echo(f"  first: {was} -> {now}")
        if before.urgency != after.urgency:
            typer.echo(f"  urgency: {before.urgency} -> {after.urgency}")
        for message in move.newly_wrong:
            typer.echo(f"  now wrong: {message}")
        for message in move.newly_right:
            typer.echo(f"  now right: no longer '{message}'")
    what = f"at strength {strength}" if strength else "taken out"
    typer.echo(f"{rule} {what}: {len(found)} of {len(cases)} cases move.")


def _strength(word: str, book: Rulebook) -> Strength:
    for known in book.scale.points:
        if known == word:
            return known
    listed = ", ".join(book.scale.points)
    raise TriageError([Problem(f"'{word}' is not a strength: {listed}.{did_you_mean(word, book.scale.points)}")])


@app.command(name="explain")
def explain_command(
    name: Annotated[list[str] | None, typer.Argument(help="A name, or ordinary words.")] = None,
    fmt: Annotated[PageFormat, typer.Option("--format", help="How to write the explanation.")] = PageFormat.text,
    rules: Rules = None,
    overlay: Overlay = None,
) -> None:
    """Explain a finding, rule, site, test, condition, red flag, nerve, root or movement, or answer what people ask."""
    book = _rulebook(rules, overlay)
    if not name:
        for kind, names in explainable(book).items():
            typer.echo(f"{kind} ({len(names)}):")
            typer.echo("  " + ", ".join(names))
        return
    try:
        _print(explain(" ".join(name), book, fmt.value, width=_width()))
    except UnknownNameError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_INPUT) from None


cases_app = typer.Typer(help="The teaching cases.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(cases_app, name="cases")


def _cases(book: Rulebook) -> dict[str, TeachingCase]:
    with _told("The rulebook"):
        return {case.id: case for case in book.cases()}


def _case(name: str, book: Rulebook) -> TeachingCase:
    cases = _cases(book)
    if name not in cases:
        _fail(
            [Problem(f"there is no case '{name}'.{did_you_mean(name, cases)} `triage cases list` lists them")],
            "The request",
        )
    return cases[name]


@cases_app.command("list")
def list_cases(
    tag: Annotated[str | None, typer.Option(help="Only cases with this tag, such as mimic.")] = None,
    rules: Rules = None,
    overlay: Overlay = None,
) -> None:
    """List the teaching cases."""
    tags = get_args(CaseTag)
    if tag is not None and tag not in tags:
        _fail([Problem(f"there is no tag '{tag}': {', '.join(tags)}.{did_you_mean(tag, tags)}")], "The request")
    for case in _cases(_rulebook(rules, overlay)).values():
        if tag is None or tag in case.tags:
            typer.echo(f"{case.id:44} {case.title} [{', '.join(case.tags)}]")


@cases_app.command("show")
def show_case(name: str, rules: Rules = None, overlay: Overlay = None) -> None:
    """Show a teaching case: its story, what is given, what is expected, and what it teaches."""
    case = _case(name, _rulebook(rules, overlay))
    typer.echo(
        f"{case.title} [{', '.join(case.tags)}]\n\n{case.story.lay}\n\nIn clinical words: {case.story.clinical}\n"
    )
    typer.echo("Given: " + ", ".join(f"{k}={v}" for k, v in case.given.items()))
    typer.echo("Expected: " + json.dumps(case.expect.model_dump(exclude_defaults=True)))
    typer.echo("Never: " + json.dumps(case.never.model_dump(exclude_defaults=True)))
    typer.echo(f"\nTeaches: {case.teaches}\nOrigin: {case.origin}")
    for change in case.changed:
        typer.echo(f"Changed: {change}")


@cases_app.command("run")
def run_case(
    name: str,
    fmt: Annotated[OutputFormat, typer.Option("--format", help="How to write the report.")] = OutputFormat.text,
    rules: Rules = None,
    overlay: Overlay = None,
) -> None:
    """Run a teaching case through a consultation and say whether it came out as expected."""
    from triage.teaching import run

    book = _rulebook(rules, overlay)
    case = _case(name, book)
    with _told(f"The case {name}"):
        report, wrong = run(case, book)
    verdict = "as expected" if not wrong else "not as expected: " + "; ".join(wrong)
    typer.echo(f"{case.id}: {verdict}", err=True)
    _show(report, fmt)


@app.command()
def evaluate(
    data: Annotated[str, typer.Argument(help="JSON Lines, JSON, YAML, a folder of them, or: cases (our own).")],
    fmt: Annotated[EvaluationFormat, typer.Option("--format", help="How to write it.")] = EvaluationFormat.text,
    labels: Annotated[
        Path | None, typer.Option(help="Sites by id, for rows without one: a TSV (id, site) or JSON Lines.")
    ] = None,
    without_investigations: Annotated[
        bool, typer.Option("--without-investigations", help="Leave out the results of tests.")
    ] = False,
    half: Annotated[
        int | None, typer.Option(min=1, max=2, help="Only this half of the groups (diseases), by a seeded draw.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draw and of the intervals; 2026 if not given.")] = None,
    sites: Annotated[str | None, typer.Option(help="Only rows labelled so, as muscle,nerve_root.")] = None,
    errors: Annotated[bool, typer.Option("--errors/--no-errors", help="Explain every row that came out wrong.")] = True,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Also write what came out row by row, as JSON Lines, to compare two runs.")
    ] = None,
    rules: Rules = None,
    overlay: Overlay = None,
) -> None:
    """Measure the rulebook on people whose site is known."""
    from triage import evaluation_page, labelled
    from triage.evaluate import evaluate as measure

    if fmt is EvaluationFormat.png and output is None:
        _fail([Problem("a picture needs a file: --output FILE")], "The request")
    book = _rulebook(rules, overlay)
    draw = labelled.SEED if seed is None else seed
    own = "The rulebook's own teaching cases; its rules were written until these came out right."
    about = [own if data == labelled.OWN_CASES else f"From {data}."]
    with _told("The request"):
        rows = labelled.read_labelled(data, book, labels)
        if half is not None:
            rows = labelled.half(rows, half, draw)
            about.append(f"Half {half} of the groups, drawn with seed {draw}.")
        if sites is not None:
            rows = labelled.of_sites(rows, [site.strip() for site in sites.split(",")], book)
            about.append(f"Only rows labelled {sites}.")
        if without_investigations:
            rows = [labelled.without_investigations(row, book) for row in rows]
            about.append("Without the results of tests.")
    # Standard error is where a person looks while standard output goes to a file.
    with typer.progressbar(
        length=len(rows), label="Consulting", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        result = measure(rows, book, errors=errors, about=about, seed=draw, done=lambda: bar.update(1))
    with _told("The request"):
        if predictions is not None:
            _write(predictions, "".join(f"{p.model_dump_json()}\n" for p in result.predictions).encode())
        if fmt is EvaluationFormat.png:
            page = evaluation_page.draw(result)
        else:
            page = evaluation_page.render(result, fmt.value, width=_width()).encode()
        if output is not None:
            _write(output, page)
        elif fmt is EvaluationFormat.text:
            _print(page.decode())
        else:
            typer.echo(page, nl=False)
    if not result.used:
        typer.echo("No row could be used.", err=True)
        raise typer.Exit(BAD_INPUT)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise TriageError([Problem(f"cannot be written: {error.strerror}", str(path))]) from None


@app.command()
def schema(what: SchemaOf) -> None:
    """Print the JSON Schema of a case, a report, or the rules' entries."""
    from pydantic.json_schema import models_json_schema

    from triage.rulebook import entry_models

    if what is SchemaOf.rules:
        _, document = models_json_schema([(model, "validation") for model in entry_models()], title="triage rules")
    else:
        model: Any = Case if what is SchemaOf.case else Report
        document = model.model_json_schema()
    typer.echo(json.dumps(document, indent=2))


@app.command()
def version() -> None:
    """Print the version and the fingerprint of the built-in rules."""
    typer.echo(f"triage {__version__}, rulebook {_rulebook(None, None).fingerprint[:12]}")
