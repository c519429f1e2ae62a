"""Files of many people: whatever stands in them, every row is answered or set aside, and nothing is lost."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")

import pyarrow.csv as pa_csv  # noqa: E402
import pyarrow.parquet as pa_parquet  # noqa: E402

from triage import files, sinks, sources  # noqa: E402
from triage.errors import CaseError  # noqa: E402
from triage.rulebook import Rulebook, load_rulebook  # noqa: E402
from triage.tables import consult_table  # noqa: E402

BOOK = load_rulebook()
PACKET = {
    "id": "packet",
    "subject": {"id": "somebody", "sex": "FEMALE"},
    "phenotypicFeatures": [{"type": {"id": "HP:0000508", "label": "Ptosis"}}],
}


class Done:
    """What came of a file: the answers, what was set aside, and the counts."""

    def __init__(self, answers: Path, rejects: Path, summary: files.Summary) -> None:
        self.summary = summary
        self.aside = [json.loads(line) for line in rejects.read_text().splitlines()] if rejects.exists() else []
        read: Callable[[], Any] = {
            ".csv": lambda: pa_csv.read_csv(answers),
            ".parquet": lambda: pa_parquet.read_table(answers),
            ".jsonl": lambda: pa.Table.from_pylist([json.loads(line) for line in answers.read_text().splitlines()]),
        }[answers.suffix]
        self.answers = read()

    @property
    def rows(self) -> list[int]:
        return self.answers.column("row").to_pylist() if self.answers.num_rows else []

    @property
    def aside_rows(self) -> list[int]:
        return [row["row"] for row in self.aside]


def answered(source: Path, to: str = ".jsonl", stdin: bytes | None = None, **options: Any) -> Done:
    """A file, or a stream, answered into a file beside it."""
    folder = source.parent / "out"
    folder.mkdir(exist_ok=True)
    target, rejects = folder / f"answers{to}", sinks.Rejects(folder / "rejects.jsonl")
    carry = options.pop("carry", ())
    path, stream = ("-", io.BytesIO(stdin)) if stdin is not None else (str(source), None)
    opened = sources.open_source(path, BOOK, carry, stream)
    how = sinks.format_to_write(str(target), opened)
    summary = files.answer_all(
        opened, lambda schema: sinks.Sink(str(target), how, schema, io.BytesIO()), BOOK, rejects, **options
    )
    return Done(target, rejects.path, summary)


def written(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def problems(call: Callable[[], object]) -> str:
    with pytest.raises(CaseError) as told:
        call()
    return str(told.value)


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_of_text_in_all_their_dialects(tmp_path: Path, delimiter: str, bom: str, end: str) -> None:
    rows = [["id", "ptosis", " age ", "story"], ["a", "left", "34", ""], ["b", "", "0.5", f'"says ""no""{end}twice"']]
    text = bom + "".join(delimiter.join(row) + end for row in rows)
    done = answered(written(tmp_path / "people.csv", text))
    assert (done.rows, done.aside) == ([1, 2], [])
    assert done.answers.column("id").to_pylist() == ["a", "b"]
    assert done.answers.column("story").to_pylist() == [None, f'says "no"{end}twice']
    expected = consult_table(pa.table({"ptosis": ["left", None], "age": [34.0, 0.5]}), BOOK)
    for name in ("urgency", "muscle_points", "red_flags", "recommendation"):
        assert done.answers.column(name).to_pylist() == expected.column(name).to_pylist()


def test_rows_are_counted_over_those_set_aside_and_these_can_be_repaired(tmp_path: Path) -> None:
    text = (
        'id,ptosis,age,note\n1,left,30,a\n2,purple,30,"b\nb"\n3,left\n\n4,left,30,c\n5,left,300,d\n'
        "6,left,30,e,f\n7,,,\n"
    )
    done = answered(written(tmp_path / "people.csv", text), carry=["note"])
    assert done.rows == [1, 4, 7]
    assert done.answers.column("id").to_pylist() == ["1", "4", "7"]
    assert done.answers.column("note").to_pylist() == ["a", "c", None]
    assert done.aside_rows == [2, 3, 5, 6]
    assert done.aside[0]["given"] == {"id": "2", "ptosis": "purple", "age": "30", "note": "b\nb"}
    assert "'purple' is not an answer" in done.aside[0]["problems"][0]
    assert done.aside[1]["text"] == "3,left"
    assert "2 cells where the first line names 4 columns" in done.aside[1]["problems"][0]
    assert "age: 300.0 is impossible" in done.aside[2]["problems"][0] or "300" in done.aside[2]["problems"][0]
    assert done.aside[3]["text"] == "6,left,30,e,f"


def test_rows_are_counted_right_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_BLOCK", 200)
    monkeypatch.setattr(sources, "_ROWS", 3)
    rng = random.Random(7)
    kinds = [rng.choice(["good", "good", "wrong", "short", "bytes"]) for _ in range(120)]
    lines = {"good": b"left", "wrong": b"purple", "short": b"left,,", "bytes": b"\xe9"}
    rows = [b"%d,%s\n" % (n, lines[kind]) for n, kind in enumerate(kinds, 1)]
    done = answered(written(tmp_path / "people.csv", b"id,ptosis\n" + b"".join(rows)))
    assert done.rows == [n for n, kind in enumerate(kinds, 1) if kind == "good"]
    assert done.answers.column("id").to_pylist() == list(map(str, done.rows))
    assert done.aside_rows == [n for n, kind in enumerate(kinds, 1) if kind != "good"], "in order, each once"


def test_bytes_that_are_no_text_set_their_row_aside_and_not_the_run(tmp_path: Path) -> None:
    text = b"id,ptosis,diplopia\nM\xfcller,left,\nok,left,\nx,l\xe9ft,\n\xff\nM\xc3\xbcller,left,present\n"
    done = answered(written(tmp_path / "people.csv", text))
    assert done.answers.column("id").to_pylist() == ["ok", "Müller"]
    assert done.aside_rows == [1, 3, 4]
    assert done.aside[0]["given"] == {"id": "M\\xfcller", "ptosis": "left"}
    assert "UTF-8" in done.aside[0]["problems"][0]
    assert done.aside[2]["text"] == "\\xff"


def test_a_quotation_mark_that_is_never_closed_swallows_no_row(tmp_path: Path) -> None:
    done = answered(written(tmp_path / "people.csv", 'ptosis,story\nleft,a\nleft,"b\nleft,c\nleft,d\n'))
    assert done.rows == [1]
    assert done.aside_rows == [2]
    assert done.aside[0]["given"]["story"] == "b\nleft,c\nleft,d\n"
    assert "never closed" in done.aside[0]["problems"][0]


def test_a_file_of_column_names_only_gives_a_file_of_column_names(tmp_path: Path) -> None:
    for text in ("ptosis", "ptosis\n", "ptosis\n\n\n"):
        for ending in (".csv", ".parquet", ".jsonl"):
            done = answered(written(tmp_path / "people.csv", text), ending)
            assert (done.summary.rows, done.answers.num_rows, done.aside) == (0, 0, [])
            if ending != ".jsonl":
                assert done.answers.column_names[0] == "row"
                assert done.answers.column_names[-1] == "recommendation"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no line of column names"),
        (b"\n\n", "no line of column names"),
        (b"ptosis,ptosis\nleft,left\n", "names columns twice: ptosis"),
        (b",ptosis\n0,left\n", "column 1 has no name"),
        (b"ptosi,wieght\nleft,3\n", "Did you mean ptosis"),
        ("ptosis\nleft\n".encode("utf-16"), "is no text (UTF-8)"),
        (b"PK\x03\x04\x00\x00\x08\x00", "is no text (UTF-8)"),
        (b"id\n1\n", "no column is a finding"),
        (b"ptosis,row\nleft,3\n", "--carry row"),
    ],
)
def test_a_table_that_cannot_be_one_is_told_before_anything_is_written(tmp_path: Path, data: bytes, told: str) -> None:
    source = written(tmp_path / "people.csv", data)
    assert told in problems(lambda: answered(source))
    assert not list((tmp_path / "out").iterdir())


def test_columns_to_carry_are_there_and_not_called_as_an_answer(tmp_path: Path) -> None:
    source = written(tmp_path / "people.csv", "ptosis,row,urgency,note\nleft,1,2,3\n")
    assert "Did you mean note" in problems(lambda: answered(source, carry=["row", "urgency", "nite"]))
    assert "urgency: is the name of a column" in problems(lambda: answered(source, carry=["row", "urgency", "note"]))
    source = written(tmp_path / "people.csv", "ptosis,row\nleft,1\n")
    assert "row: is the name of a column" in problems(lambda: answered(source, carry=["row"]))
    lines = written(tmp_path / "people.jsonl", json.dumps(PACKET))
    assert "no columns to carry" in problems(lambda: answered(lines, carry=["note"]))


# Documents


def test_lines_may_be_cases_and_phenopackets_and_broken(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": "case", "findings": {"ptosis": "left"}}),
        "",
        json.dumps(PACKET),
        "{broken",
        json.dumps({"findings": {"ptosi": "left"}}),
        "[]",
        json.dumps([{"id": "one", "findings": {"ptosis": "left"}}, {"id": "two", "findings": {"ptosis": 7}}]),
        '{"id": "\\ud800", "findings": {"ptosis": "left"}}',
        '{"findings": {"\\ud800": "left"}}',
        '{"findings": {"age": 1e999, "ptosis": NaN}}',
    ]
    source = written(tmp_path / "people.jsonl", "\ufeff" + "\n".join(lines) + "\n")
    for ending in (".jsonl", ".csv", ".parquet"):
        done = answered(source, ending)
        assert done.rows == [1, 2, 6, 8]
        assert done.answers.column("id").to_pylist() == ["case", "packet", "one", "\\ud800"]
        assert done.aside_rows == [3, 4, 5, 7, 9, 10]
        assert "line 4" in done.aside[0]["where"]
        assert done.aside[0]["text"] == "{broken"
        assert json.loads(done.aside[3]["text"]) == {"id": "two", "findings": {"ptosis": 7}}, "its own part alone"
        assert "Did you mean ptosis" in done.aside[1]["problems"][0]


def test_a_folder_gives_every_document_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "people"
    (folder / "inner").mkdir(parents=True)
    (folder / "not_a_file.json").mkdir()
    written(folder / "a.yaml", "id: a\nfindings: {ptosis: left}\n")
    written(folder / "B.JSON", json.dumps([PACKET, {**PACKET, "id": "second"}]))
    written(folder / "inner" / "c.jsonl", '{"id": "c", "findings": {"ptosis": "left"}}\n{\n')
    written(folder / "d.yml", b"\xff\xfe\x00")
    written(folder / "readme.txt", "not read")
    done = answered(folder)
    assert sorted(done.answers.column("id").to_pylist()) == ["a", "c", "packet", "second"]
    assert sorted(row["where"].removeprefix(f"{folder}/") for row in done.aside) == ["d.yml", "inner/c.jsonl, line 2"]


def test_a_file_may_hold_one_document_or_a_list(tmp_path: Path) -> None:
    one = answered(written(tmp_path / "one.json", json.dumps(PACKET, indent=2)))
    assert (one.rows, one.aside) == ([1], [])
    people = [{"id": str(n), "findings": {"ptosis": "left" if n else "purple"}} for n in range(3)]
    several = answered(written(tmp_path / "several.json", json.dumps(people, indent=2)))
    assert several.rows == [2, 3]
    assert several.aside_rows == [1]
    assert "patient 1" in several.aside[0]["where"]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    assert "holds no document" in problems(lambda: answered(tmp_path / "people"))


# Parquet


def test_parquet_is_read_in_parts_and_its_types_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_ROWS", 4)
    count = 11
    table = pa.table(
        {
            "id": pa.array(range(count)),
            "ptosis": pa.array(["purple" if n == 5 else "left" for n in range(count)]).dictionary_encode(),
            "age": pa.array([float("inf") if n == 8 else float(n) for n in range(count)]),
            "ward": pa.array([[n, None] for n in range(count)]),
            "kind": pa.array([n % 2 for n in range(count)]).dictionary_encode(),
            "weight": pa.array([float("nan")] * count),
            "nothing": pa.nulls(count),
        }
    )
    pa_parquet.write_table(table, tmp_path / "people.parquet")
    carry = ["ward", "kind", "weight", "nothing"]
    for ending in (".parquet", ".csv", ".jsonl"):
        done = answered(tmp_path / "people.parquet", ending, carry=carry)
        kept = [n for n in range(count) if n not in (5, 8)]
        assert done.rows == [n + 1 for n in kept]
        assert done.answers.column("id").to_pylist() == kept
        assert done.answers.column("kind").to_pylist() == [n % 2 for n in kept]
        assert done.aside_rows == [6, 9]
        assert done.aside[1]["given"]["age"] == "inf"
    assert answered(tmp_path / "people.parquet", carry=carry).answers.column("ward")[0].as_py() == [0, None]


def test_damaged_parquet_is_told_and_never_thrown(tmp_path: Path) -> None:
    pa_parquet.write_table(pa.table({"ptosis": ["left", "absent"] * 300}), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    rng = random.Random(3)
    damaged = [b"", b"PAR1", whole[:-5], whole[:40], b"ptosis\nleft\n"]
    for _ in range(40):
        flipped = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            flipped[rng.randrange(len(flipped))] = rng.randrange(256)
        damaged.append(bytes(flipped))
    refused = 0
    for data in damaged:
        try:
            answered(written(tmp_path / "people.parquet", data))
        except CaseError:
            refused += 1
    assert refused > 5


def test_what_was_read_before_the_damage_is_answered(tmp_path: Path) -> None:
    source = tmp_path / "people.parquet"
    story = [f"{n}" * 50 for n in range(4000)]
    table = pa.table({"ptosis": ["left"] * 4000, "story": story})
    pa_parquet.write_table(table, source, row_group_size=1000, compression="none", use_dictionary=False)
    data = bytearray(source.read_bytes())
    middle = len(data) * 3 // 4
    data[middle : middle + 20_000] = b"\xff" * 20_000
    source.write_bytes(data)
    summary = files.Summary()
    sources._ROWS, batch = 500, sources._ROWS
    try:
        told = problems(lambda: answered(source, ".csv", summary=summary))
    finally:
        sources._ROWS = batch
    assert "cannot be read as parquet" in told
    assert 0 < summary.rows < 4000
    assert (
        pa_csv.read_csv(
            tmp_path / "out" / "answers.csv", parse_options=pa_csv.ParseOptions(newlines_in_values=True)
        ).num_rows
        == summary.rows
    )


# Streams, endings, paths


def test_a_stream_is_known_by_its_beginning(tmp_path: Path) -> None:
    pa_parquet.write_table(pa.table({"ptosis": ["left"]}), tmp_path / "one.parquet")
    streams = {
        "parquet": (tmp_path / "one.parquet").read_bytes(),
        "jsonl": b'\xef\xbb\xbf{"findings": {"ptosis": "left"}}\n',
        "csv": b"ptosis\nleft\n",
    }
    for how, data in streams.items():
        assert sources.open_source("-", BOOK, (), io.BytesIO(data)).streams_as == how
        assert answered(tmp_path / "none", stdin=data).rows == [1]
    listed = json.dumps([{"findings": {"ptosis": "left"}}] * 2).encode()
    assert answered(tmp_path / "none", stdin=listed).rows == [1, 2]


@pytest.mark.parametrize(("path", "told"), [("x.cvs", "Did you mean .csv"), ("x.xlsx", ".csv, .parquet"), ("x", "end")])
def test_endings_say_how_a_file_is_written(path: str, told: str) -> None:
    assert told in problems(lambda: sources.format_of(path))


def test_nothing_is_written_over_what_is_read(tmp_path: Path) -> None:
    source = written(tmp_path / "people.csv", "ptosis\nleft\n")
    other, elsewhere = tmp_path / "answers.csv", tmp_path / "rejects.jsonl"
    link = tmp_path / "link.csv"
    link.symlink_to(source)
    refuse = sinks.refuse_to_overwrite
    refuse(str(source), str(other), elsewhere)
    refuse("-", "-", elsewhere)
    assert "is read" in problems(lambda: refuse(str(source), str(link), elsewhere))
    assert "is read" in problems(lambda: refuse(str(source), str(other), source))
    assert "name two files" in problems(lambda: refuse(str(source), str(other), other))
    assert "lies in the folder" in problems(lambda: refuse(str(tmp_path), str(tmp_path / "a.jsonl"), elsewhere))
    refuse(str(tmp_path), str(tmp_path / "a.csv"), tmp_path / "rejects.txt")
    assert "no folder" in problems(lambda: refuse(str(source), str(other), tmp_path / "no" / "rejects.jsonl"))


def test_what_an_earlier_run_set_aside_is_taken_away(tmp_path: Path) -> None:
    source = written(tmp_path / "people.csv", "ptosis\nleft\npurple\n")
    assert answered(source).aside_rows == [2]
    written(source, "ptosis\nleft\nright\n")
    assert answered(source).aside == []


def test_the_counts_are_those_of_the_answers(tmp_path: Path, book: Rulebook) -> None:
    rng = random.Random(11)
    names = ["ptosis", "diplopia", "orthopnea", "weakness", "sudden_onset", "numbness", "fatigable_weakness"]
    rows = [
        ",".join(rng.choice(["present", "absent", "", "x" if n % 9 == 0 else ""]) for _ in names) for n in range(90)
    ]
    done = answered(written(tmp_path / "people.csv", "\n".join([",".join(names), *rows]) + "\n"), fired=True)
    found = done.answers.to_pylist()
    assert done.summary.rows == len(found)
    assert len(found) + len(done.aside) == sum(bool(row.strip()) for row in rows)
    assert dict(done.summary.urgency) == _count(row["urgency"] for row in found)
    assert dict(done.summary.leading) == _count(row["first"] if row["leading"] else "" for row in found)
    assert dict(done.summary.red_flags) == _count(flag for row in found for flag in row["red_flags"])
    assert all(f"red_flag/{flag}" in row["fired"] for row in found for flag in row["red_flags"])
    aside = sinks.Rejects(tmp_path / "r.jsonl")
    text = files.summarise(done.summary, book, aside)
    assert text.startswith(f"{len(found)} answered.")
    for level, count in done.summary.urgency.items():
        assert f"{count:10,}  {count / len(found):6.1%}  {book.scale.urgency_words[level]}" in text  # type: ignore[index]


def _count(of: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in of:
        counts[one] = counts.get(one, 0) + 1
    return counts


# Anything at all


@given(st.binary(max_size=60) | st.text("pl\"',;\t\r\n|0\ud7ffé", max_size=60).map(str.encode))
@example(b'"')
@example(b"left\r\n\r\nleft")
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_in_a_table_are_thrown_back(tmp_path: Path, data: bytes) -> None:
    try:
        done = answered(written(tmp_path / "people.csv", b"ptosis,story\nleft,good\n" + data))
    except CaseError:
        return  # told, not thrown
    assert len({*done.rows, *done.aside_rows}) == len(done.rows) + len(done.aside)
    assert sorted(done.rows + done.aside_rows) == list(range(1, len(done.rows) + len(done.aside) + 1)), "none is lost"


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["left", "HP:0000508", ""])
KEYS = st.sampled_from(["findings", "ptosis", "age", "id", "subject", "phenotypicFeatures", "type"])
DOCUMENTS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=8)


@given(st.binary(max_size=60) | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
@example(b"[]")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_document_is_thrown_back(tmp_path: Path, data: bytes) -> None:
    good = b'{"findings": {"ptosis": "left"}}\n'
    done = answered(written(tmp_path / "people.jsonl", good + data + b"\n" + good))
    total = len(done.rows) + len(done.aside)
    assert sorted(done.rows + done.aside_rows) == list(range(1, total + 1)), "none is lost"
    assert done.rows[0] == 1
    assert done.rows[-1] == total
