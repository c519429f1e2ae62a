"""YAML and JSON are read safely, and what is refused is told with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.documents import MAX_BYTES, DocumentError, parse_document, read_bytes


def read(text: str | bytes) -> object:
    return parse_document(text.encode() if isinstance(text, str) else text, "case.yaml")


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xfe\x00\x01", "not text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not text"),
        ("findings: {ptosis: present}".encode("utf-16"), "not text"),
        (b"PK\x03\x04\x00\x00", "control characters"),
        (b"a: \x01", "control characters"),
        pytest.param(BOMB, "line 1: uses an anchor or alias", id="bomb"),
        ("a: &x {b: c}\nd: *x", "anchor or alias"),
        ("a: *nobody", "line 1"),
        ("ptosis: left\ndiplopia: present\nptosis: absent", "line 3: the key 'ptosis' stands twice"),
        ('{"ptosis": "left", "ptosis": "absent"}', "stands twice"),
        ("1: a\n1: b", "stands twice"),
        ("[" * 100 + "]" * 100, "nested more than"),
        ('{"a":' * 100 + "1" + "}" * 100, "nested more than"),
        ("- " * 100 + "x", "nested more than"),
        ("".join(" " * n + "a:\n" for n in range(100)), "nested more than"),
        ("? [a, b]\n: c", "a key must be a single word"),
        ("? {a: b}\n: c", "a key must be a single word"),
        ("a:\n\tb: c", "line 2"),
        ("a: b\n---\nc: d", "line 2"),
        ("a: [b", "not valid YAML"),
        ("a: 'b", "not valid YAML"),
        ("a: !!binary aGVsbG8=", "the tag"),
        ("a: !!python/name:os.system x", "the tag"),
        ("a: !mine x", "the tag"),
        ("a: !!python/object/apply:os.system [ls]", "the tag"),
        ("a: !mine {b: c}", "the tag"),
        ("a: !!bool maybe", "the tag"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(data: str | bytes, says: str) -> None:
    with pytest.raises(DocumentError) as refused:
        read(data)
    assert str(refused.value).startswith("case.yaml")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "unit",
    ['b"- " * 100_000', 'b"? " * 100_000', '''b'["]", ' * 100_000''',
     '''b'["' + b"]" * 100_000 + b'", ' + b"[" * 100_000'''],
    ids=["dashes", "question marks", "brackets in strings", "closed in a string"],
)  # fmt: skip
def test_no_nesting_however_written_brings_the_process_down(unit: str) -> None:
    probe = f"""
from triage.documents import DocumentError, parse_document
try:
    parse_document({unit}, "case.yaml")
except DocumentError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.returncode
    assert done.stdout.startswith("case.yaml")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("null", None),
        ("\ufefffindings: {}", {"findings": {}}),
        ("a: yes\nb: No\nc: on\nd: false", {"a": True, "b": False, "c": True, "d": False}),
        ("a: 3\nb: 0.5\nc: -2\nd: 1_000\ne: ~", {"a": 3, "b": 0.5, "c": -2, "d": "1_000", "e": None}),
        ("a: 2024-01-31\nb: 2024-01-31 10:00:00", {"a": "2024-01-31", "b": "2024-01-31 10:00:00"}),
        ("a: '3'\nb: \"no\"", {"a": "3", "b": "no"}),
        ("a: .inf\nb: -.inf", {"a": float("inf"), "b": float("-inf")}),
        ("a: " + "9" * 400, {"a": float("inf")}),
        ('{\n\t"a": [\n\t\t"left"\n\t]\n}', {"a": ["left"]}),
        ('{"a": "b\\/c", "d": "\\u00e9"}', {"a": "b/c", "d": "é"}),
        ("a: Guillain-Barré", {"a": "Guillain-Barré"}),
    ],
)
def test_plain_values_arrive_as_they_were_written(text: str, data: object) -> None:
    assert read(text) == data


def test_json_with_an_escaped_emoji_is_read() -> None:
    document = {"story": "my eyelid droops \N{CRYING FACE}"}
    assert read(json.dumps(document)) == document


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.sampled_from(["left", "a b", "é"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4),
        max_leaves=12,
    )
)
def test_json_is_read_as_json(document: object) -> None:
    assert read(json.dumps(document)) == document
    assert read(json.dumps(document, indent="\t")) == document


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    refused = "x"
    try:
        parse_document(data, "x")
    except DocumentError as error:
        refused = str(error)
    assert refused.startswith("x")


def test_more_than_five_megabytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"a" * (MAX_BYTES + 1))
    with pytest.raises(DocumentError, match="larger than 5 MB"):
        read_bytes(huge)
    with pytest.raises(DocumentError, match="larger than 5 MB"):
        read(b"a" * (MAX_BYTES + 1))


def test_a_path_that_is_no_file_is_told(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "is a folder"),
        (tmp_path / ("x" * 300), "cannot"),
    ):
        with pytest.raises(DocumentError, match=says):
            read_bytes(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs an endless device")
def test_an_endless_file_is_not_read_to_its_end() -> None:
    probe = """
import resource
from pathlib import Path
from triage.documents import DocumentError, read_bytes
resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
try:
    read_bytes(Path("/dev/zero"))
except DocumentError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert "larger than" in done.stdout, done.stderr
