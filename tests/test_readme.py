"""What the README shows is what the program does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from triage.check import check_entries
from triage.cli import app
from triage.rulebook import Rulebook, load_rulebook

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_first_consultation_prints_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = next(block for block in blocks("sh") if "triage assess" in block).partition("&& triage ")[2]
    printed = CliRunner().invoke(app, shlex.split(command)).stdout
    assert blocks("text")[0] == printed


def test_the_lesions_shown_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = next(block for block in blocks("sh") if "foot_drop" in block).removeprefix("triage ")
    assert blocks("text")[1] in CliRunner().invoke(app, shlex.split(command)).stdout


def test_the_library_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_rules").mkdir()
    scope: dict[str, object] = {}
    exec(blocks("python")[0], scope)
    assert "recommendation" in type(scope["report"]).model_fields


def test_the_case_and_the_rule_shown_are_valid(tmp_path: Path, book: Rulebook) -> None:
    case, rule = blocks("yaml")
    (tmp_path / "case.yaml").write_text(case, encoding="utf-8")
    assert CliRunner().invoke(app, ["assess", str(tmp_path / "case.yaml")]).exit_code == 0
    evidence = tmp_path / "my_rules" / "evidence"
    evidence.mkdir(parents=True)
    (evidence / "muscle.yaml").write_text(rule, encoding="utf-8")
    problems = check_entries(load_rulebook(overlay=[tmp_path / "my_rules"])).problems
    assert not [p for p in problems if p.entry == "muscle_calf_pain_on_walking_uphill"], problems
