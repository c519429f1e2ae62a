"""What an evaluation counts, held to figures worked out by hand over a small rulebook."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny import evidence, finding, flag, tiny_book, tiny_folder
from typer.testing import CliRunner, Result

from triage.case import Case, Feature
from triage.cli import app
from triage.evaluate import RECOMMENDATION, Evaluation, evaluate
from triage.labelled import Labelled, half, read_labelled
from triage.rulebook import Rulebook

RULES: dict[str, object] = {
    "evidence": [
        evidence("muscle_tires", "muscle", "strongly_for", {"tires": "present"}, theme="fatigability"),
        evidence("muscle_hip", "muscle", "weakly_for", {"weak_hip": "present"}),
        evidence("nerve_numb", "nerve.long", "strongly_for", {"numb_foot": "present"}, theme="sensation"),
        evidence("nerve_tires_not", "nerve", "weakly_against", {"tires": "present"}, theme="fatigability"),
        evidence("joint_chokes_not", "joint", "against", {"chokes": "present"}),
    ],
    "red_flags": [flag("breathing", {"breathless": "present"})],
}


@pytest.fixture
def tiny(tmp_path: Path) -> Rulebook:
    return tiny_book(tmp_path / "rules", **RULES)


def row(name: str, site: str | None, *present: str, silent: Sequence[str] = (), **more: Any) -> Labelled:
    features = tuple(Feature(id="HP:0000118", label=label) for label in silent)
    case = Case(id=name, findings=dict.fromkeys(present, "present"), features=features)
    return Labelled(name, "here", site=site, case=case, **more)


# Ranked: tires -> muscle +10, joint 0, nerve -3. numb_foot -> nerve +10, muscle 0 (common), joint 0 (rare).
# weak_hip -> muscle +3, nobody leads. Nothing at all -> muscle, nerve, joint by commonness, nobody leads.
ROWS = [
    row("a", "muscle", "tires", emergency=False, group="D1"),
    row("b", "muscle", "tires", "breathless", emergency=True, group="D1"),
    row("c", "nerve", "numb_foot", emergency=True, group="D2"),
    row("d", "nerve", "tires", "bladder", emergency=False, group="D3", silent=["fever", "rash"]),
    row("e", "joint", "tires", also_accept=("muscle",), group="D4"),
    row("f", "joint", "weak_hip", "breathless", emergency=False, group="D4"),
]


def measured(rows: Sequence[Labelled], book: Rulebook, **more: Any) -> Evaluation:
    return evaluate(rows, book, **more)


def test_top_1_top_2_and_the_macro_average(tiny: Rulebook) -> None:
    result = measured(ROWS, tiny)
    assert (result.rows, result.used, result.with_site, result.groups) == (6, 6, 6, 4)
    assert result.top_1 is not None
    assert result.top_2 is not None
    assert result.macro is not None
    # First: muscle, muscle, nerve, muscle, muscle, muscle; right are a, b, c and, as accepted, e.
    assert (result.top_1.value, result.top_1.right, result.top_1.of) == (pytest.approx(4 / 6), 4, 6)
    # Second: d has joint, f has nerve.
    assert (result.top_2.value, result.top_2.right) == (pytest.approx(4 / 6), 4)
    assert result.macro.value == pytest.approx((2 / 2 + 1 / 2 + 1 / 2) / 3)
    assert [(s.site, s.rows, s.groups, s.right_first, s.right_in_two) for s in result.sites] == [
        ("nerve", 2, 2, 1, 1), ("muscle", 2, 1, 2, 2), ("joint", 2, 1, 1, 1),
    ]  # fmt: skip


def test_confusion_tells_abstaining_from_being_wrong(tiny: Rulebook) -> None:
    result = measured(ROWS, tiny)
    assert result.confusion.answers == ("nerve", "muscle", "joint", "abstained")
    assert result.confusion.rows == {"nerve": (1, 1, 0, 0), "muscle": (0, 2, 0, 0), "joint": (0, 1, 0, 1)}
    assert result.ranked_first.answers == ("nerve", "muscle", "joint")
    assert result.ranked_first.rows == {"nerve": (1, 1, 0), "muscle": (0, 2, 0), "joint": (0, 2, 0)}
    assert result.abstained == 1
    assert result.answered is not None
    assert (result.answered.right, result.answered.of) == (4, 5)


def test_rows_where_nothing_may_lead_count_by_themselves(tiny: Rulebook) -> None:
    rows = [row("a", None, abstain=True), row("b", None, "tires", abstain=True), row("c", "muscle", "tires")]
    result = measured(rows, tiny)
    assert result.with_site == 1
    assert result.top_1 is not None
    assert (result.top_1.right, result.top_1.of, result.top_1.method) == (1, 1, "wilson")
    assert result.rightly_abstained is not None
    assert (result.rightly_abstained.right, result.rightly_abstained.of) == (1, 2)
    assert result.confusion.rows["nothing_may_lead"] == (0, 1, 0, 1)
    assert [(m.id, m.wrong) for m in result.errors] == [("b", ("should_abstain",))]


def test_sensitivity_and_specificity_with_wilsons_interval(tiny: Rulebook) -> None:
    result = measured(ROWS, tiny)
    assert result.sensitivity is not None
    assert result.specificity is not None
    # Emergencies: b is sent at once, c is not. Others: a and d are not, f is.
    assert (result.sensitivity.right, result.sensitivity.of) == (1, 2)
    assert (result.specificity.right, result.specificity.of) == (2, 3)
    assert result.specificity.method == "wilson"
    assert result.specificity.low == pytest.approx(0.2077, abs=1e-4)
    assert result.specificity.high == pytest.approx(0.9385, abs=1e-4)
    assert result.urgency_accepted is None
    accepted = [row("x", "muscle", "tires", urgency=("emergency",)), row("y", "muscle", urgency=("within_two_weeks",))]
    result = measured(accepted, tiny)
    assert result.urgency_accepted is not None
    assert (result.urgency_accepted.right, result.urgency_accepted.of) == (1, 2)
    assert [m.wrong for m in result.errors] == [("urgency",)]


def test_calibration_takes_support_as_it_is_reported(tiny: Rulebook) -> None:
    result = measured([ROWS[0], ROWS[3]], tiny)
    assert result.calibration is not None
    # 10, 0 and -3 points: 10, 1 and 0.501 of 11.501. One of two with support 0.8695 is right.
    (filled,) = [b for b in result.calibration.bins if b.n]
    assert (filled.low, filled.n, filled.right) == (0.8, 2, 0.5)
    assert filled.support == pytest.approx(0.8695, abs=1e-4)
    assert result.calibration.expected_error == pytest.approx(0.3695, abs=1e-4)
    squares = 0.1305**2 + 0.0869**2 + 0.0436**2, 0.8695**2 + 0.0869**2 + 0.9564**2
    assert result.calibration.brier == pytest.approx(sum(squares) / 2, abs=1e-3)


def test_an_error_says_what_spoke_for_the_wrong_and_for_the_right_site(tiny: Rulebook) -> None:
    errors = {m.id: m for m in measured(ROWS, tiny).errors}
    assert {name: m.wrong for name, m in errors.items()} == {
        "c": ("missed_emergency",), "d": ("site",), "f": ("site", "false_alarm"),
    }  # fmt: skip
    miss = errors["d"]
    assert (miss.site, miss.group, miss.first.site, miss.first.points) == ("nerve", "D3", "muscle", 10)
    assert [(r.id, r.points) for r in miss.first.in_favour] == [("muscle_tires", 10)]
    assert miss.second is not None
    assert (miss.second.site, miss.second.points) == ("joint", 0)
    assert miss.right is not None
    assert (miss.right.site, miss.right.place, miss.right.points, miss.right.in_favour) == ("nerve", 3, -3, ())
    assert [(r.id, r.points) for r in miss.right.against] == [("nerve_tires_not", -3)]
    assert miss.unused == ("bladder",)
    assert miss.silent_terms == ("fever", "rash")
    assert "Flag breathing" in errors["f"].urgency_because


def test_without_errors_no_single_row_is_explained(tiny: Rulebook) -> None:
    rows = [*(replace(r, id=f"person_{r.id}") for r in ROWS), Labelled("person_x", "line 9", unread="holds only text")]
    result = measured(rows, tiny, errors=False)
    assert result.errors == ()
    assert result.top_1 == measured(rows, tiny).top_1
    assert (result.unread[0].reason, result.unread[0].count) == ("holds only text", 1)
    assert "person_" in measured(rows, tiny).model_dump_json()
    assert "person_" not in result.model_dump_json()
    assert "line 9" not in result.model_dump_json()


def test_a_row_that_fails_is_listed_and_the_run_goes_on(tiny: Rulebook) -> None:
    unknown = Labelled("x", "line 2", site="muscle", case=Case(findings={"tyres": "present"}))
    text = Labelled("y", "line 3", site="muscle", unread="holds only text")
    seen: list[int] = []
    result = measured([ROWS[0], unknown, text, ROWS[2]], tiny, done=lambda: seen.append(1))
    assert (result.rows, result.used, len(seen)) == (4, 2, 4)
    assert [(u.count, u.rows) for u in result.unread] == [(1, ("x in line 2",)), (1, ("y in line 3",))]
    assert "Did you mean tires?" in result.unread[0].reason
    assert result.unread[1].reason == "holds only text"


def test_intervals_draw_groups_where_rows_have_them(tiny: Rulebook) -> None:
    alone = [row(f"r{n}", "muscle", "tires" if n % 2 else "numb_foot") for n in range(40)]
    grouped = [row(f"r{n}", "muscle", "tires" if n < 20 else "numb_foot", group=str(n // 10)) for n in range(40)]
    by_row, by_group = measured(alone, tiny).top_1, measured(grouped, tiny).top_1
    assert by_row is not None
    assert by_group is not None
    assert (by_row.value, by_row.method) == (0.5, "wilson")
    # Four groups, two of them right: a draw of four is right throughout one time in sixteen.
    assert (by_group.value, by_group.low, by_group.high, by_group.method) == (0.5, 0.0, 1.0, "bootstrap")


def test_the_same_rows_give_the_same_json_and_another_seed_other_intervals(tiny: Rulebook) -> None:
    many = [row(f"r{n}", "muscle", "tires" if n % 3 else "numb_foot", group=str(n % 7)) for n in range(30)]
    one, two, other = (measured(many, tiny, seed=seed).model_dump_json() for seed in (1, 1, 2))
    assert one == two
    assert json.loads(one)["top_1"]["low"] != json.loads(other)["top_1"]["low"]


def test_no_rows_no_figures(tiny: Rulebook) -> None:
    result = measured([], tiny)
    assert (result.top_1, result.macro, result.sensitivity, result.calibration, result.sites) == (None,) * 4 + ((),)
    assert result.recommendation


def test_the_recommendation_comes_last_and_predictions_stay_out(tiny: Rulebook) -> None:
    result = measured(ROWS, tiny)
    document = json.loads(result.model_dump_json())
    assert list(document)[-1] == "recommendation"
    assert "predictions" not in document
    assert [p.id for p in result.predictions] == [r.id for r in ROWS]
    first = result.predictions[0]
    assert (first.first, first.second, first.leading) == ("muscle", "joint", ("muscle",))
    assert list(first.points.items()) == [("muscle", 10), ("joint", 0), ("nerve", -3)]


# The command


def triage(*args: str | Path) -> Result:
    """A command run in this process; whatever it throws is thrown on."""
    result = CliRunner().invoke(app, ["evaluate", *map(str, args)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Some rows and the small rulebook's folder."""
    rows = [
        {"id": "a", "site": "muscle", "findings": {"tires": "present"}, "emergency": False, "disease": {"id": "D1"}},
        {"id": "b", "site": "nerve", "findings": {"tires": "present"}, "emergency": True, "disease": {"id": "D2"}},
        {"id": "c", "site": "nerve", "findings": {"numb_foot": "left"}, "disease": {"id": "D3"}},
        {"id": "d", "site": "joint", "text": "It hurts."},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path, tiny_folder(tmp_path / "rules", **RULES)


def test_the_command_prints_text_json_and_html(files: tuple[Path, Path]) -> None:
    rows, rules = files
    text, as_json, as_html = (triage(rows, "--rules", rules, "--format", fmt) for fmt in ("text", "json", "html"))
    assert [done.exit_code for done in (text, as_json, as_html)] == [0, 0, 0]
    assert "2 of 3" in text.stdout
    assert "1: holds only text" in text.stdout
    assert " ".join(text.stdout.split()).endswith(RECOMMENDATION)
    assert json.loads(as_json.stdout)["top_1"]["right"] == 2
    assert as_html.stdout.startswith("<!doctype html>")
    assert text.stderr == "", "no progress bar where nobody watches"


def test_the_command_leaves_out_errors_sites_and_halves(files: tuple[Path, Path]) -> None:
    rows, rules = files
    told = json.loads(triage(rows, "--rules", rules, "--format", "json", "--no-errors").stdout)
    assert (told["errors"], told["top_1"]["right"]) == ([], 2)
    nerve = json.loads(triage(rows, "--rules", rules, "--format", "json", "--sites", "nerve").stdout)
    assert (nerve["rows"], nerve["about"][-1]) == (2, "Only rows labelled nerve.")
    halves = [
        json.loads(triage(rows, "--rules", rules, "--format", "json", "--half", which, "--seed", "7").stdout)
        for which in "12"
    ]
    assert sum(part["rows"] for part in halves) == 4
    assert halves[0]["about"][-1] == "Half 1 of the groups, drawn with seed 7."
    assert halves[0]["seed"] == 7


def test_the_command_leaves_investigations_out(tmp_path: Path) -> None:
    findings = [finding("weakness"), finding("days_since_onset"), finding("tires", kind="investigation")]
    rule = evidence("muscle_tires", "muscle", "strongly_for", {"tires": "present"})
    rules = tiny_folder(tmp_path / "rules", findings=findings, evidence=[rule])
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps({"id": "a", "site": "muscle", "findings": {"tires": "yes"}}), encoding="utf-8")
    abstained = [
        json.loads(triage(rows, "--rules", rules, "--format", "json", *more).stdout)["abstained"]
        for more in ([], ["--without-investigations"])
    ]
    assert abstained == [0, 1]


def test_files_are_written_and_predictions_can_be_paired(files: tuple[Path, Path], tmp_path: Path) -> None:
    rows, rules = files
    page, lines = tmp_path / "page.html", tmp_path / "predictions.jsonl"
    done = triage(rows, "--rules", rules, "--format", "html", "--output", page, "--predictions", lines)
    assert (done.exit_code, done.stdout) == (0, "")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    predictions = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert [(p["id"], p["right_first"]) for p in predictions] == [("a", True), ("b", False), ("c", True)]


def test_a_picture_goes_to_a_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs the extra 'plot'")
    rows, rules = files
    assert triage(rows, "--rules", rules, "--format", "png", "--output", tmp_path / "p.png").exit_code == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["missing.jsonl"], "no such file"),
        (["ROWS", "--sites", "muscel"], "Did you mean muscle"),
        (["ROWS", "--labels", "missing.tsv"], "no such file"),
        (["cases", "--labels", "missing.tsv"], "only for rows read from files"),
        (["ROWS", "--format", "png"], "--output FILE"),
        (["ROWS", "--half", "3"], "--half"),
        (["ROWS", "--output", "no/such/folder"], "cannot be written"),
    ],
)
def test_bad_requests_are_told_with_a_remedy(options: list[str], message: str, files: tuple[Path, Path]) -> None:
    rows, rules = files
    done = triage(*[rows if option == "ROWS" else option for option in options], "--rules", rules)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr) < 700


def test_when_no_row_can_be_used_the_reasons_are_told(files: tuple[Path, Path]) -> None:
    rows, rules = files
    done = triage(rows, "--rules", rules, "--sites", "joint")
    assert done.exit_code == 2
    assert "holds only text" in done.stdout
    assert done.stderr == "No row could be used.\n"


def test_own_cases_are_all_right(book: Rulebook) -> None:
    told = json.loads(triage("cases", "--format", "json").stdout)
    assert told["used"] == len(book.cases())
    assert told["errors"] == []


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"id": "a", "site": "neuromuscular_junction", "findings": {"ptosis": "left", "fatigable_weakness": "yes"}}
    (tmp_path / "patients.jsonl").write_text(json.dumps(row), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n([^`]*read_labelled[^`]*)```", text)
    scope: dict[str, Any] = {}
    exec(example, scope)
    assert scope["measured"].top_1.value == 1


# Development data, where they are at hand: totals only

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


def shared(name: str) -> Path:
    if not (SHARED / name).is_file():
        pytest.skip(f"the development data are not here: {name}")
    return SHARED / name


def test_development_rows_are_read_and_grouped_by_disease(book: Rulebook) -> None:
    rows = read_labelled(shared("phenopackets_dev.jsonl"), book)
    assert len(rows) == 490
    assert len({row.family for row in rows}) == 51
    assert sum(row.case is not None for row in rows) >= 0.98 * len(rows)
    halves = half(rows, 1), half(rows, 2)
    assert sorted(len({row.family for row in part}) for part in halves) == [25, 26]


@pytest.mark.parametrize("name", ["vignettes_dev.jsonl", "exam_dev.jsonl"])
def test_rows_of_text_are_counted_as_such(name: str, book: Rulebook) -> None:
    rows = read_labelled(shared(name), book)
    assert rows
    assert all("holds only text" in row.unread for row in rows)
