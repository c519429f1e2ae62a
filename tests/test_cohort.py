"""`triage cohort`, as a person at a console and a program in a pipe meet it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import tiny_folder
from typer.testing import CliRunner

pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")

import pyarrow.parquet as pa_parquet  # noqa: E402

from triage.cli import app  # noqa: E402

ROWS = "id,ptosis,note\n1,left,a\n2,purple,b\n3,left\n4,absent,c\n"
COMMAND = [sys.executable, "-m", "triage", "cohort"]
PARTS = "from triage import sources; sources._BLOCK = 1 << 14; from triage.cli import main; main()"
IN_PARTS = [sys.executable, "-c", PARTS, "cohort"]
"""The same, with little of a table read at a time."""


class Done:
    """What the command printed, and how it ended."""

    def __init__(self, status: int, out: bytes, err: bytes) -> None:
        self.status, self.binary = status, out
        self.out, self.err = out.decode(errors="replace"), err.decode(errors="replace")
        assert "Traceback" not in self.err, self.err


def cohort(*args: str | Path, stdin: bytes = b"") -> Done:
    """The command run in this process; whatever it throws is thrown on."""
    result = CliRunner().invoke(app, ["cohort", *map(str, args)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout_bytes, result.stderr_bytes)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def test_answers_rejects_and_counts(people: Path, tmp_path: Path) -> None:
    done = cohort(people, tmp_path / "answers.csv", "--carry", "note")
    assert done.status == 0, "rows set aside are told, and are no failure of the run"
    assert done.out.startswith("2 answered.")
    assert "2 could not be read; they are in" in done.out
    assert done.err == "", "no progress where there is no terminal"
    lines = (tmp_path / "answers.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [["1", '"1"', '"a"'], ["4", '"4"', '"c"']]
    assert lines[1].endswith('does not replace a clinician."')
    aside = [json.loads(line) for line in (tmp_path / "answers.csv.rejects.jsonl").read_text().splitlines()]
    assert [row["row"] for row in aside] == [2, 3]


def test_rows_are_explained_those_set_aside_with_the_reason_and_the_run_is_counted_all_the_same(
    people: Path, tmp_path: Path
) -> None:
    rows = [word for row in ("1", "2", "3") for word in ("--explain", row)]
    done = cohort(people, tmp_path / "a.jsonl", "--carry", "note", "--fired", *rows)
    assert done.status == 0
    one, two, three = (done.out.index(f"Row {row}\n") for row in (1, 2, 3))
    assert one < two < three < done.out.index("2 answered.")
    assert "URGENCY" in done.out[one:two]
    assert "What to do now" in done.out[one:two]
    assert "'purple' is not an answer" in done.out[two:three]
    assert "2 cells where the first line names 3 columns" in done.out[three:]
    answer = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert any(rule.startswith("evidence/") for rule in answer["fired"])
    assert list(answer)[-1] == "recommendation"


def test_a_row_that_is_not_there_is_told(people: Path, tmp_path: Path) -> None:
    done = cohort(people, tmp_path / "a.csv", "--carry", "note", "--explain", "99")
    assert done.status == 2
    assert "There is no such row; they are counted from 1 to 4." in done.out
    assert "2 answered." in done.out


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("nowhere.csv", "a.csv"), "there is no such file or folder"),
        (("people.csv", "a.csv"), "--carry note"),
        (("people.csv", "a.xyz", "--carry", "note"), "should end in .csv"),
        (("people.csv", "a.json", "--carry", "note"), "answers go to a file that ends in"),
        (("people.csv", ".", "--carry", "note"), "is a folder; answers go to a file"),
        (("people.csv", "no/a.csv", "--carry", "note", "--rejects", "r.jsonl"), "cannot be written: No such file"),
        (("people.csv", "a.csv", "--carry", "note", "--rejects", "no/r.jsonl"), "cannot be written"),
        (("people.csv", "people.csv", "--carry", "note"), "is read; write the answers to another file"),
        ((".", "a.jsonl"), "lies in the folder that is read"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_changed(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cohort(*args)
    assert done.status == 2
    assert told in done.err
    assert list(tmp_path.iterdir()) == [people]
    assert people.read_text() == ROWS


def test_a_run_in_which_no_row_could_be_answered_fails(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("ptosis\npurple\n")
    done = cohort(tmp_path / "people.csv", tmp_path / "a.csv")
    assert done.status == 2
    assert "No row was answered. Those that could not be read are in" in done.out
    (tmp_path / "people.csv").write_text("ptosis\n")
    assert cohort(tmp_path / "people.csv", tmp_path / "a.csv").status == 0, "no rows, nothing to answer"


def test_the_help_says_how_it_ends() -> None:
    assert "Exit status" in cohort("--help").out


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """A small rulebook: a process of its own reads it in no time."""
    return ["--rules", str(tiny_folder(tmp_path / "rules"))]


def test_streams_in_and_out_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sink = io.BytesIO()
    pa_parquet.write_table(pa.table({"id": ["a"], "ptosis": ["left"]}), sink)
    parquet, lines, table = sink.getvalue(), b'{"id": "a", "findings": {"ptosis": "left"}}\n', b"id,ptosis\na,left\n"
    assert json.loads(cohort("-", "-", stdin=lines).out)["id"] == "a"
    assert cohort("-", "-", stdin=table).out.splitlines()[1].startswith('1,"a",')
    done = cohort("-", "-", stdin=parquet)
    assert pa_parquet.read_table(io.BytesIO(done.binary)).column("id").to_pylist() == ["a"]
    assert done.err.startswith("1 answered."), "counts must not run into the answers"
    cohort("-", "a.parquet", stdin=table)
    assert pa_parquet.read_table("a.parquet").num_rows == 1
    cohort("-", "a.csv", "--rejects", "r.jsonl", stdin=b"ptosis\nleft\npurple\n")
    assert json.loads(Path("r.jsonl").read_text())["row"] == 2


def test_progress_shows_on_a_terminal(small: list[str], tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("weak_hand\nleft\n")
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    command = [*COMMAND, str(people), str(tmp_path / "a.csv"), *small]
    subprocess.run(command, stderr=slave, stdout=subprocess.DEVNULL, check=True)
    os.close(slave)
    assert b"Answering" in os.read(master, 10_000)
    os.close(master)


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize(
    ("ending", "head", "line"),
    [("jsonl", b"", b'{"findings": {"tires": "present"}}\n'), ("csv", b"tires,story\n", b"present,by evening\n")],
)
def test_ctrl_c_leaves_what_was_answered_and_says_how_much(
    small: list[str], tmp_path: Path, ending: str, head: bytes, line: bytes
) -> None:
    """Stopped while it waits for more of a stream that stays open."""
    target = tmp_path / f"a.{ending}"
    with subprocess.Popen(
        [*IN_PARTS, "-", str(target), *small], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        running.stdin.write(head + line * 5000)
        running.stdin.flush()
        began, size = time.monotonic(), -1
        while time.monotonic() - began < 20 and not 3_000 < target_size(target) == size:
            size = target_size(target)
            time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        assert ended(running) == 130
        told = running.stderr.read().decode()
    assert told.startswith("Stopped: ")
    assert len(told.splitlines()) == 1, told
    rows = int(told.split()[1].replace(",", ""))
    assert 0 < rows <= 5000
    written = target.read_bytes().splitlines()
    assert len(written) - (ending == "csv") == rows
    assert written[-1].endswith(b'"See a clinician: within_two_weeks."' + (b"}" if ending == "jsonl" else b""))


def ended(running: subprocess.Popen[bytes]) -> int:
    """How a process ends by itself, while its input stays open."""
    try:
        return running.wait(10)
    except subprocess.TimeoutExpired:
        running.kill()
        raise


def target_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told(small: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "-", "-", "--rejects", str(tmp_path / "r.jsonl"), *small],
            input=b"tires\npresent\n", stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert b"standard output: cannot be written: No space left" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_reader_that_goes_away_ends_the_run_quietly(small: list[str], tmp_path: Path, ending: str) -> None:
    """The writer at the other end stays: nothing may wait for more of it."""
    rows = {
        "csv": b"tires,story\n" + b"present,by evening\n" * 20_000,
        "jsonl": b'{"findings": {"tires": "present"}}\n' * 5000,
    }
    with subprocess.Popen(
        [*IN_PARTS, "-", "-", *small],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdin.write(rows[ending])
        running.stdin.flush()
        assert b"row" in running.stdout.readline()
        running.stdout.close()
        assert ended(running) == 1
        assert running.stderr.read() == b""


def test_a_missing_extra_is_named() -> None:
    for module in ("pyarrow", "numpy"):
        probe = f"import sys; sys.modules[{module!r}] = None; sys.argv = ['triage', 'cohort', 'a.csv', 'b.csv']; "
        probe += "from triage.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert f"needs {module}: install it with  pip install 'triage[cohort]'" in done.stderr
        assert "Traceback" not in done.stderr
