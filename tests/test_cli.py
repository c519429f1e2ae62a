"""The commands, as a person at a console and a program in a pipe meet them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
import yaml
from tiny import Entry, evidence, flag, tiny_folder, write_rules
from typer.testing import CliRunner

from triage.cli import app
from triage.documents import MAX_BYTES, parse_document
from triage.knowledge import TeachingCase
from triage.rulebook import Rulebook

TIRES: Entry = {"tires": "present"}
CASE = "findings: {ptosis: left, diplopia: present, numbness: no}\nage: 34\nsex: female\n"


class Done:
    """What a command printed, and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


def triage(*args: str | Path, stdin: str | bytes = "") -> Done:
    """A command run in this process; whatever it throws is thrown on."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def process(*args: str | bytes | Path, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
    """A command run as a process of its own."""
    command = [sys.executable, "-m", "triage", *args]
    done = subprocess.run(command, input=stdin, capture_output=True, env={**os.environ, **(env or {})}, check=False)
    return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def schema(what: str) -> Entry:
    document: Entry = json.loads(triage("schema", what).out)
    jsonschema.Draft202012Validator.check_schema(document)
    return document


# assess


def test_assess_takes_the_options_of_a_first_consultation(book: Rulebook) -> None:
    options = (
        "--finding",
        "ptosis",
        "--finding",
        "diplopia",
        "--finding",
        "fatigable_weakness",
        "--absent",
        "numbness",
    )
    done = triage("assess", *options, "--age", "34", "--sex", "female")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("URGENCY")
    assert "Neuromuscular junction" in done.out
    assert any(" ".join(done.out.split()).endswith(words) for words in book.scale.recommendation.values())


def test_a_file_in_yaml_or_json_standard_input_and_options_say_the_same(tmp_path: Path) -> None:
    as_yaml = written(tmp_path / "case.yaml", CASE)
    as_json = written(tmp_path / "case.json", json.dumps(yaml.safe_load(CASE)))
    reports = [
        triage("assess", as_yaml, "--format", "json"),
        triage("assess", as_json, "--format", "json"),
        triage("assess", "-", "--format", "json", stdin=CASE),
        triage("assess", "-f", "ptosis=left", "-f", "diplopia", "-a", "numbness", "--age", "34", "--sex", "female",
         "--format", "json"),
    ]  # fmt: skip
    bodies = [{key: value for key, value in json.loads(done.out).items() if key != "case"} for done in reports]
    assert all(body == bodies[0] for body in bodies)
    assert {done.status for done in reports} == {0}


def test_options_add_to_a_file_and_a_contradiction_is_told(tmp_path: Path) -> None:
    case = written(tmp_path / "case.yaml", CASE)
    added = json.loads(triage("assess", case, "-f", "dysphagia", "-u", "orthopnea", "--format", "json").out)
    assert added["case"]["findings"].keys() >= {"ptosis", "dysphagia", "orthopnea"}
    for options in (("-a", "ptosis"), ("--age", "50"), ("-f", "sex=male")):
        told = json.loads(triage("assess", case, *options, "--format", "json").out)
        assert [notice["kind"] for notice in told["notices"]] == ["contradiction"], options


def test_a_value_may_follow_a_name() -> None:
    done = triage("assess", "-f", "course=progressive", "-f", "days_since_onset=3", "-f", "ptosis=left", "-f",
     "ptosis=right",
                  "--format", "json")  # fmt: skip
    findings = json.loads(done.out)["case"]["findings"]
    assert findings == {"course": "progressive", "days_since_onset": "3", "ptosis": ["left", "right"]}


@pytest.mark.parametrize("fmt", ["text", "markdown", "html", "json"])
def test_every_format_is_printed(fmt: str) -> None:
    done = triage("assess", "-f", "ptosis", "--format", fmt)
    assert done.status == 0
    assert done.out.startswith(
        {"text": "URGENCY", "markdown": "# Urgency", "html": "<!doctype html>", "json": "{"}[fmt]
    )


def test_json_is_valid_against_the_schema_and_ends_with_the_recommendation(
    cases: tuple[TeachingCase, ...], tmp_path: Path
) -> None:
    case_schema, report_schema = schema("case"), schema("report")
    for case in cases[::25]:
        document = {"findings": case.given, "id": case.id, "story": case.story.lay}
        jsonschema.validate(document, case_schema)
        done = triage(
            "assess", written(tmp_path / "case.json", json.dumps(document, ensure_ascii=False)), "--format", "json"
        )
        report = json.loads(done.out)
        jsonschema.validate(report, report_schema)
        assert list(report)[-1] == "recommendation"
        assert list(report_schema["required"]).index("recommendation") >= 0


@pytest.mark.parametrize("broken", [{"findings": {"ptosis": None}}, {"findings": [], "age": 3}, {"finding": {}}, []])
def test_the_case_schema_refuses_what_the_program_refuses(broken: object, tmp_path: Path) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema("case"))
    assert triage("assess", written(tmp_path / "case.json", json.dumps(broken))).status == 2


def test_the_rules_schema_holds_for_the_built_in_rules(book: Rulebook) -> None:
    document = schema("rules")
    for kind, model in (
        ("findings", "Finding"),
        ("evidence", "Evidence"),
        ("red_flags", "RedFlag"),
        ("patterns", "Pattern"),
    ):
        one = {"$ref": f"#/$defs/{model}", "$defs": document["$defs"]}
        for path in sorted((book.folders[0] / kind).glob("*.yaml"))[:2]:
            for entry in parse_document(path.read_bytes(), path.name)[:10]:
                jsonschema.validate(entry, one)


# Bad input

BAD = {
    "no case": ("", ["--finding"]),
    "unknown finding": ("findings: {ptosys: present}", ["ptosys", "Did you mean ptosis"]),
    "unknown hpo id": ("findings: {'HP:9999999': present}", ["HP:9999999"]),
    "age 300": ("findings: {}\nage: 300", ["age", "300", "between"]),
    "negative days": ("findings: {days_since_onset: -2}", ["days_since_onset", "-2", "between"]),
    "onset after worst": ("findings: {days_since_onset: 3, progression_days: 9}", ["progression_days", "correct one"]),
    "wrong type": ("findings: {ptosis: {side: left}}", ["findings.ptosis", "present, absent"]),
    "not a choice": ("findings: {course: progresive}", ["course", "Did you mean progressive"]),
    "no sides": ("findings: {fatigue: left}", ["fatigue", "has no side"]),
    "a list": ("- ptosis", ["mapping", "triage schema case"]),
    "a list of findings": ("findings: [ptosis, diplopia]", ["findings", "present"]),
    "a word": ("ptosis", ["mapping"]),
    "extra field": ("findings: {ptosis: left}\ncolour: red", ["colour", "unknown field"]),
    "empty file": ("# nothing\n", ["is empty", "findings:"]),
    "duplicate key": ("findings: {ptosis: left}\nfindings: {diplopia: present}", ["line 2", "stands twice"]),
    "yaml bomb": ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]", ["line 1", "anchor or alias"]),
    "deep nesting": ("[" * 5000, ["nested"]),
    "control characters": ("findings: {ptosis: \x01}", ["control characters"]),
    "tabs": ("findings:\n\tptosis: left", ["line 2"]),
    "tag": ("findings: !!python/name:os.system x", ["line 1", "tag"]),
    "two documents": ("findings: {}\n---\nfindings: {}", ["line 2"]),
    "broken json": ('{"findings": {"ptosis": "left"', ["line", "not valid"]),
    "endless word": ("findings: {ptosis: " + "x" * 50_000 + "}", ["ptosis", "is not an answer"]),
    "number without end": ("findings: {age: " + "9" * 500 + "}", ["age", "impossible"]),
    "nan": ("findings: {age: .nan}", ["age", "impossible"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_case_gets_a_short_message_with_place_and_remedy(name: str, tmp_path: Path) -> None:
    text, says = BAD[name]
    path = written(tmp_path / "case.yaml", text)
    done = triage("assess", path) if text else triage("assess")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("The case has a problem:\n")
    assert len(done.err.splitlines()) == 2
    assert len(done.err) < 400 + len(str(path))
    for words in says:
        assert words in done.err


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"\x89PNG\r\n\x1a\n\x00", "not text"), (b"a" * (MAX_BYTES + 1), "larger than 5 MB"),
    (b"\xff\xfea\x00", "not text"),
     (b"", "is empty")],
)  # fmt: skip
def test_bad_bytes_are_told_from_a_file_and_from_standard_input(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_bytes(data)
    for done, place in ((triage("assess", path), str(path)), (triage("assess", "-", stdin=data), "standard input")):
        assert (done.status, done.out) == (2, "")
        assert place in done.err
        assert says in done.err


def test_a_path_that_is_no_file_is_told(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path / "none.yaml", "check the path"),
        (tmp_path, "is a folder"),
        (tmp_path / ("x" * 300), "cannot be"),
    ):
        done = triage("assess", path)
        assert (done.status, says in done.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("-f", "ptosys"), "Did you mean ptosis"), (("-f", "ptosis=sideways"), "is not an answer"),
        (("-f", ""), "no finding"),
        (("-f", "ptosis="), "is not an answer"), (("--age", "old"), "is a number in years"),
        (("--age", "-5"), "impossible"),
        (("--age", "300"), "impossible"), (("--sex", "banana"), "female or male|female, male"),
        (("-f", "course"), "progressive"),
        (("-f", "days_since_onset=-3"), "impossible"), (("-a", "diplopio"), "Did you mean diplopia"),
        (("--format", "pdf", "-f", "ptosis"), "markdown"), (("--colour",), "--colour"),
    ],
)  # fmt: skip
def test_a_bad_option_is_told(options: tuple[str, ...], says: str) -> None:
    done = triage("assess", *options)
    assert (done.status, done.out) == (2, "")
    assert any(part in done.err for part in says.split("|")), done.err


def test_every_problem_of_a_case_is_told_at_once(tmp_path: Path) -> None:
    names = {"ptosys": "present", "age": 300, "fatigue": "left", "course": "sideways"}
    done = triage("assess", written(tmp_path / "case.yaml", json.dumps({"findings": names})), "-f", "diplopio")
    assert done.status == 2
    assert done.err.startswith("The case has 5 problems:")
    for name in (*names, "diplopio"):
        assert name in done.err
    shape = {"colour": "red", "findings": {"ptosys": "present", "days_since_onset": -1, "diplopia": None}}
    done = triage("assess", written(tmp_path / "case.yaml", json.dumps(shape)))
    for name in ("colour", "ptosys", "days_since_onset", "diplopia"):
        assert name in done.err


# Rulebooks of one's own


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    rules = [evidence("one", "muscel", "for", {"tirs": "present"})]
    return tiny_folder(tmp_path / "broken", evidence=rules, topics="- id: [")


@pytest.mark.parametrize(
    "command",
    [("assess", "-f", "tires"), ("check",), ("effect", "one"), ("explain", "tires"), ("cases", "list"),
    ("cases", "run", "a"),
     ("cases", "show", "a")],
    ids=" ".join,
)  # fmt: skip
def test_a_broken_rulebook_is_told_by_every_command(command: tuple[str, ...], broken: Path, tmp_path: Path) -> None:
    overlay = write_rules(tmp_path / "over", evidence=[evidence("one", "muscel", "for", {"ptosys": "present"})])
    for option, folder, says in (
        ("--rules", broken, "topics.yaml"), ("--overlay", overlay, "evidence.yaml: one: when"),
        ("--rules", tmp_path / "none", "no such folder"), ("--overlay", tmp_path / "none", "no such folder"),
    ):  # fmt: skip
        done = triage(*command, option, folder)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith("The rulebook has ")
        assert says in done.err


def test_check_names_what_breaks_a_house_rule_and_what_was_not_there(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, evidence=[evidence("lone", "muscle", "for", {"chokes": "present"})])
    done = triage("check", "--rules", folder)
    assert done.status == 1
    assert "evidence.yaml: lone: examples.fires 1: does not fire" in done.out
    assert "nothing to check" in done.out
    assert "Passed" not in done.out


def test_check_takes_an_overlay(tmp_path: Path) -> None:
    overlay = write_rules(tmp_path / "over", evidence=[evidence("over_rule", "muscle", "for", {"chokes": "present"})])
    done = triage("check", "--rules", small_rules(tmp_path / "rules"), "--overlay", overlay)
    assert done.status == 1
    assert "over_rule" in done.out


def test_an_overlay_changes_the_report(tmp_path: Path) -> None:
    flags = [flag("lid_alarm", {"ptosis": "present"})]
    overlay = write_rules(tmp_path, red_flags=flags, sources=[{"id": "book_1999", "title": "A book", "read": "all"}])
    done = triage("assess", "-f", "ptosis", "--overlay", overlay)
    assert done.status == 0
    assert "Flag lid_alarm" in done.out
    assert "Flag lid_alarm" not in triage("assess", "-f", "ptosis").out


def test_a_malformed_teaching_case_is_told_by_every_command_that_reads_cases(tmp_path: Path) -> None:
    bad = write_rules(tmp_path / "bad", cases__x=[{"id": "a_case", "title": "no more"}])
    rules = small_rules(tmp_path / "rules")
    for command in (("effect", "decides"), ("cases", "list"), ("cases", "show", "a_case"), ("cases", "run", "a_case")):
        done = triage(*command, "--rules", rules, "--overlay", bad)
        assert (done.status, done.out) == (2, "")
        assert "cases/x.yaml: a_case: given" in done.err
    checked = triage("check", "--rules", rules, "--overlay", bad)
    assert (checked.status, "cases/x.yaml: a_case: given" in checked.out) == (1, True)


def test_a_teaching_case_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    case = {
        "id": "a_case", "title": "A case", "tags": ["classical"], "story": {"lay": "I.", "clinical": "They."},
        "given": {"ptosys": "present"}, "expect": {"urgency": ["emergency"]}, "teaches": "x", "origin": "y",
    }  # fmt: skip
    overlay = write_rules(tmp_path / "over", cases__x=[case])
    rules = small_rules(tmp_path / "rules")
    for command in (("cases", "run", "a_case"), ("effect", "decides"), ("effect", "decides", "--strength", "for")):
        done = triage(*command, "--rules", rules, "--overlay", overlay)
        assert (done.status, "ptosys" in done.err) == (2, True)


# The other commands


def small_rules(folder: Path) -> Path:
    case = {
        "id": "tired", "title": "Tired", "tags": ["classical"], "story": {"lay": "I.", "clinical": "They."},
         "given": TIRES,
        "expect": {"leading": ["muscle"], "urgency": ["within_two_weeks"]}, "teaches": "That.", "origin": "here",
    }  # fmt: skip
    rules = [evidence("decides", "muscle", "strongly_for", TIRES), evidence("idle", "muscle", "weakly_for", TIRES)]
    return tiny_folder(
        folder, evidence=rules, cases__small=[case, {**case, "id": "missed", "expect": {"urgency": ["emergency"]}}]
    )


def test_effect_shows_which_cases_move(tmp_path: Path) -> None:
    rules = small_rules(tmp_path)
    done = triage("effect", "decides", "--rules", rules)
    assert done.status == 0
    assert "tired: Tired" in done.out
    assert "now wrong: muscle comes first but is only possible" in done.out
    assert "decides taken out: 2 of 2 cases move." in done.out
    assert "idle taken out: 0 of 2 cases move." in triage("effect", "idle", "--rules", rules).out
    assert "at strength for: 2 of 2" in triage("effect", "decides", "--strength", "for", "--rules", rules).out


@pytest.mark.parametrize(
    ("args", "says"),
    [(("decide",), "Did you mean decides"), (("decides", "--strength", "strongy_for"), "Did you mean strongly_for"),
     (("tires",), "no evidence rule, pattern or red flag")],
)  # fmt: skip
def test_effect_tells_what_it_cannot_do(tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    done = triage("effect", *args, "--rules", small_rules(tmp_path))
    assert (done.status, done.out) == (2, "")
    assert says in done.err


def test_cases_are_listed_shown_and_run(tmp_path: Path) -> None:
    rules = ("--rules", small_rules(tmp_path))
    listed = triage("cases", "list", *rules)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["tired", "missed"]
    shown = triage("cases", "show", "tired", *rules).out
    for words in ("Tired [classical]", "I.", "They.", "tires=present", '"muscle"', "Teaches: That.", "Origin: here"):
        assert words in shown
    ran = triage("cases", "run", "tired", *rules)
    assert (ran.status, ran.err) == (0, "tired: as expected\n")
    assert ran.out.startswith("URGENCY")
    assert "missed: not as expected: urgency is" in triage("cases", "run", "missed", *rules).err
    assert json.loads(triage("cases", "run", "tired", "--format", "json", *rules).out)["case"]["id"] == "tired"


def test_built_in_cases_are_listed_by_tag(cases: tuple[TeachingCase, ...]) -> None:
    assert len(triage("cases", "list").out.splitlines()) == len(cases)
    mimics = triage("cases", "list", "--tag", "mimic").out.splitlines()
    assert len(mimics) == sum("mimic" in case.tags for case in cases)


@pytest.mark.parametrize(
    ("args", "says"),
    [(("show", "tird"), "Did you mean tired"), (("run", "zzz"), "triage cases list"),
    (("list", "--tag", "mimik"), "mimic")],
)  # fmt: skip
def test_an_unknown_case_or_tag_is_told(tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    done = triage("cases", *args, "--rules", small_rules(tmp_path))
    assert (done.status, done.out) == (2, "")
    assert says in done.err


def test_explain_answers_names_and_words_and_lists_what_there_is() -> None:
    assert "ptosis" in triage("explain", "droopy", "eyelid").out
    assert triage("explain", "ptosis", "--format", "markdown").out.startswith("## ")
    listed = triage("explain").out
    assert "ptosis" in listed
    assert "neuromuscular_junction" in listed
    unknown = triage("explain", "ptosys")
    assert (unknown.status, unknown.out) == (2, "")
    assert "Did you mean ptosis" in unknown.err


def test_explain_does_not_pass_text_off_as_another_format() -> None:
    for fmt in ("json", "html"):
        done = triage("explain", "ptosis", "--format", fmt)
        assert done.status == 2 or done.out.startswith(("{", "<!doctype html>"))


def test_version_names_program_and_rulebook(book: Rulebook) -> None:
    assert book.fingerprint[:12] in triage("version").out


# Processes


def test_the_module_runs_as_a_process_and_reads_a_pipe() -> None:
    done = process("assess", "-", stdin=CASE.encode())
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("URGENCY")
    assert "\033" not in done.out


def test_bad_input_ends_a_process_with_two_and_no_traceback(tmp_path: Path) -> None:
    for args, stdin in (
        (("assess", "-f", "ptosys"), b""), (("assess", "-"), b"\xff\x00"), (("assess", "-"), b""),
        (("assess", "-f", b"\xff"), b""), (("assess", b"caf\xe9.yaml"), b""),
        (("check", "--rules", tmp_path / "none"), b""),
    ):  # fmt: skip
        done = process(*args, stdin=stdin)
        assert (done.status, done.out, "Traceback" in done.err) == (2, "", False), args
        assert done.err


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_closed_standard_input_is_told() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m triage assess - <&-', sys.executable], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_a_pipe_that_closes_early_is_not_an_error_to_look_at() -> None:
    for args in (("cases", "list"), ("explain",), ("assess", "-f", "ptosis", "--format", "json")):
        running = subprocess.Popen(
            [sys.executable, "-m", "triage", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        told = running.stderr.read().decode()
        running.stderr.close()
        running.wait()
        assert told == "", args


ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
BEYOND_ASCII = "findings: {ptosis: left}\nstory: Guillain-Barré, ≥ 3 Wochen\n".encode()


@pytest.mark.parametrize("env", [ASCII, {"PYTHONIOENCODING": "latin-1"}], ids=["ascii", "latin-1"])
def test_json_is_the_same_bytes_whatever_the_console_can_show(env: Mapping[str, str]) -> None:
    here = process("assess", "-", "--format", "json", stdin=BEYOND_ASCII, env={"PYTHONIOENCODING": "utf-8"})
    there = process("assess", "-", "--format", "json", stdin=BEYOND_ASCII, env=env)
    assert json.loads(here.out)["case"]["story"] == "Guillain-Barré, ≥ 3 Wochen"
    assert (there.status, there.err, there.out) == (0, "", here.out)


@pytest.mark.parametrize("env", [ASCII, {"PYTHONIOENCODING": "latin-1"}], ids=["ascii", "latin-1"])
def test_a_console_that_knows_few_letters_gets_whole_reports_and_messages(env: Mapping[str, str]) -> None:
    args = ("assess", "-f", "foot_sensory_disturbance=both", "-f", "generalised_areflexia", "-f", "leg_weakness=both")
    done = process(*args, env=env)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("URGENCY")
    unknown = process("assess", "-f", "Lähmung", env=env)
    assert (unknown.status, "Traceback" in unknown.err) == (2, False)


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal device")
@pytest.mark.parametrize(
    ("env", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["colour", "NO_COLOR", "dumb"],
)
def test_a_terminal_gets_colour_unless_it_asks_for_none(env: Mapping[str, str], coloured: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    command = [sys.executable, "-m", "triage", "assess", "-f", "ptosis"]
    running = subprocess.Popen(command, stdout=theirs, stdin=theirs, env={**clean, "TERM": "xterm", **env})
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # the other end has closed
        pass
    os.close(ours)
    assert running.wait() == 0
    assert b"URGENCY" in shown
    assert (b"\033[" in shown) is coloured
