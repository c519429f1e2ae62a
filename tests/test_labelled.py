"""Labelled people are read from every form, and what cannot be used says why."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import finding, tiny_book

from triage.errors import TriageError
from triage.labelled import Labelled, half, of_sites, read_labelled, without_investigations
from triage.rulebook import Rulebook

ROW = {"id": "p1", "site": "muscle", "also_accept": ["nerve"], "emergency": True, "findings": {"tires": "present"}}


@pytest.fixture
def tiny(tmp_path: Path) -> Rulebook:
    return tiny_book(tmp_path / "rules")


def written(path: Path, *rows: object) -> Path:
    """JSON Lines of rows; a text is written as it is."""
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def one(row: object, book: Rulebook, folder: Path) -> Labelled:
    (labelled,) = read_labelled(written(folder / "one.jsonl", row), book)
    return labelled


def test_a_row_with_findings(tiny: Rulebook, tmp_path: Path) -> None:
    row = one({**ROW, "disease": {"id": "D:1", "label": "one"}, "age": 40, "sex": "female"}, tiny, tmp_path)
    assert (row.id, row.site, row.also_accept, row.emergency) == ("p1", "muscle", ("nerve",), True)
    assert (row.group, row.family, row.unread, row.abstain) == ("D:1", "D:1", "", False)
    assert row.case is not None
    assert (row.case.id, row.case.findings, row.case.age, row.case.sex) == ("p1", {"tires": "present"}, 40, "female")


def test_json_yaml_lines_and_a_folder_hold_the_same_rows(tiny: Rulebook, tmp_path: Path) -> None:
    other = {**ROW, "id": "p2"}
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps([ROW]), encoding="utf-8")
    (folder / "b.yaml").write_text("id: p2\nsite: muscle\nalso_accept: [nerve]\nemergency: yes\nfindings: {tires: yes}")
    (folder / "note.txt").write_text("not a row")
    lines = read_labelled(written(tmp_path / "rows.jsonl", ROW, "", other), tiny)
    assert [row.place for row in lines] == [f"{tmp_path}/rows.jsonl, line 1", f"{tmp_path}/rows.jsonl, line 3"]
    both = read_labelled(folder, tiny)
    assert [(row.id, row.site, row.emergency) for row in both] == [(row.id, row.site, row.emergency) for row in lines]


def test_own_cases_are_labelled_by_what_may_lead(book: Rulebook) -> None:
    rows = {row.id: row for row in read_labelled("cases", book)}
    cases = {case.id: case for case in book.cases()}
    assert rows.keys() == cases.keys()
    for name, case in cases.items():
        row, leading = rows[name], case.expect.leading
        assert {row.site, *row.also_accept} == {ref.partition(".")[0] for ref in leading or ()} or not leading
        assert row.abstain == (leading == ())
        assert row.urgency == case.expect.urgency
        pressing = [level in ("emergency", "same_day") for level in row.urgency]
        assert row.emergency is (None if len(set(pressing)) > 1 else pressing[0])
        assert row.case is not None
        assert row.case.findings == case.given


def test_a_teaching_case_in_a_file_is_read_as_one(book: Rulebook, tmp_path: Path) -> None:
    case = book.cases()[0]
    raw = case.model_dump(mode="json")
    row = one(raw, book, tmp_path)
    assert (row.id, row.urgency) == (case.id, case.expect.urgency)
    assert "teaches" in one({k: v for k, v in raw.items() if k != "teaches"}, book, tmp_path).unread


UNREAD: dict[str, tuple[object, str]] = {
    "text only": ({"id": "t", "site": "muscle", "lay_text": "My legs tire."}, "holds only text"),
    "nothing": ({"id": "t", "site": "muscle"}, "holds nothing to read"),
    "no label": ({"id": "t", "findings": {"tires": "present"}}, "--labels"),
    "no such site": ({**ROW, "site": "muscel"}, "Did you mean muscle?"),
    "no such site accepted": ({**ROW, "also_accept": ["nervus"]}, "there is no site 'nervus'"),
    "sites that are numbers": ({**ROW, "site": 3}, "the name of a site"),
    "accepts a word": ({**ROW, "also_accept": "nerve"}, "a list of such names"),
    "emergency in words": ({**ROW, "emergency": "perhaps"}, "true or false, not 'perhaps'"),
    "findings in a list": ({**ROW, "findings": ["tires"]}, "mapping such as"),
    "no mapping": ("[1, 2]", "should be a mapping"),
    "broken": ('{"id": "x"', "not valid"),
    "a key twice": ('{"id": "x", "id": "y"}', "stands twice"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_row_that_cannot_be_used_says_why(name: str, tiny: Rulebook, tmp_path: Path) -> None:
    raw, reason = UNREAD[name]
    rows = read_labelled(written(tmp_path / "rows.jsonl", ROW, raw, {**ROW, "id": "p3"}), tiny)
    assert [bool(row.unread) for row in rows] == [False, True, False]
    assert reason in rows[1].unread
    assert rows[1].case is None or not rows[1].site


def test_a_second_row_of_the_same_id_is_refused(tiny: Rulebook, tmp_path: Path) -> None:
    rows = read_labelled(written(tmp_path / "rows.jsonl", ROW, ROW), tiny)
    assert [row.unread for row in rows] == [
        "",
        f"its id stands already in {tmp_path}/rows.jsonl, line 1; ids are unique",
    ]


@pytest.mark.parametrize("head", ["", "id\tsite\talso_accept\temergency\tgroup\n"])
def test_labels_may_stand_apart(head: str, tiny: Rulebook, tmp_path: Path) -> None:
    rows = written(tmp_path / "rows.jsonl", {"id": "p1", "findings": {"tires": "present"}}, {**ROW, "id": "p2"})
    labels = tmp_path / "labels.tsv"
    more = "\tmuscle, joint\ttrue\tD:7" if head else ""
    labels.write_text(f"{head}p1\tnerve{more}\n", encoding="utf-8")
    first, second = read_labelled(rows, tiny, labels)
    assert (first.site, first.unread) == ("nerve", "")
    assert (first.also_accept, first.emergency, first.group) == (
        (("muscle", "joint"), True, "D:7") if head else ((), None, None)
    )
    assert second.site == "muscle"


def test_labels_in_json_lines_win_over_the_row(tiny: Rulebook, tmp_path: Path) -> None:
    labels = written(tmp_path / "labels.jsonl", {"id": "p1", "site": "joint"})
    (row,) = read_labelled(written(tmp_path / "rows.jsonl", ROW), tiny, labels)
    assert row.site == "joint"


@pytest.mark.parametrize(
    ("text", "reason"), [("p1\n", "needs an id and a site"), ("p1\tnerve\np1\tmuscle\n", "stands twice")]
)
def test_labels_that_cannot_be_read_are_refused(text: str, reason: str, tiny: Rulebook, tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text(text, encoding="utf-8")
    with pytest.raises(TriageError, match=reason):
        read_labelled(written(tmp_path / "rows.jsonl", ROW), tiny, labels)


def test_paths_that_hold_nothing_are_refused(tiny: Rulebook, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, reason in (
        (tmp_path / "missing.jsonl", "no such file"),
        (tmp_path / "missing.json", "no such file"),
        (empty, "holds no .jsonl"),
        (written(tmp_path / "blank.jsonl", ""), "holds no rows"),
    ):
        with pytest.raises(TriageError, match=reason):
            read_labelled(path, tiny)


def test_investigations_are_left_out_by_their_kind(tmp_path: Path) -> None:
    findings = [finding("weakness"), finding("tires"), finding("days_since_onset"),
                finding("test_positive", kind="investigation", synonyms=["the test"])]  # fmt: skip
    book = tiny_book(tmp_path / "rules", findings=findings)
    row = one({**ROW, "findings": {"tires": "present", "the test": "absent"}}, book, tmp_path)
    case = without_investigations(row, book).case
    assert case is not None
    assert case.findings == {"tires": "present"}
    wrong = without_investigations(one({**ROW, "findings": {"tyres": "present"}}, book, tmp_path), book)
    assert "Did you mean tires" in wrong.unread
    unread = Labelled("x", "here", unread="why")
    assert without_investigations(unread, book) is unread


# HPO terms

FEATURES = [
    {"id": "HP:0000508", "label": "Ptosis", "excluded": False},
    {"id": "HP:0003473", "label": "Fatigable weakness", "excluded": True},
    {"id": "HP:0000365", "label": "Hearing impairment", "excluded": True},
]


def test_a_row_of_terms_is_read_with_sex_and_age(book: Rulebook, tmp_path: Path) -> None:
    raw = {"id": "p", "site": "muscle", "features": FEATURES, "sex": "FEMALE", "age": "P40Y", "onset": None}
    row = one(raw, book, tmp_path)
    assert row.unread == ""
    assert row.case is not None
    assert row.case.findings["ptosis"] == "present"
    assert row.case.findings["fatigable_weakness"] == "absent"
    assert (row.case.sex, row.case.answers()["age"]) == ("female", 40)
    unknown = one({**raw, "sex": "UNKNOWN_SEX", "age": None}, book, tmp_path)
    assert unknown.case is not None
    assert (unknown.case.sex, "age" in unknown.case.answers()) == (None, False)


def test_terms_that_say_nothing_are_named(book: Rulebook, tmp_path: Path) -> None:
    # The root of all phenotypic abnormalities: too general to mean anything.
    raw = {"id": "p", "site": "muscle", "features": [*FEATURES[:1], {"id": "HP:0000118", "label": "Something"}]}
    assert one(raw, book, tmp_path).silent_terms == ("Something",)


PACKET = {
    "id": "packet_1",
    "subject": {"id": "x", "sex": "MALE", "timeAtLastEncounter": {"age": {"iso8601duration": "P12Y"}}},
    "phenotypicFeatures": [{"type": {"id": "HP:0000508", "label": "Ptosis"}}],
}


def test_phenopackets_are_rows_with_their_label_beside_or_apart(book: Rulebook, tmp_path: Path) -> None:
    inside = one({"id": "p", "site": "muscle", "disease": "OMIM:1", "phenopacket": PACKET}, book, tmp_path)
    folder = tmp_path / "packets"
    folder.mkdir()
    (folder / "packet_1.json").write_text(json.dumps(PACKET), encoding="utf-8")
    labels = tmp_path / "labels.tsv"
    labels.write_text("packet_1\tmuscle\n", encoding="utf-8")
    (apart,) = read_labelled(folder, book, labels)
    assert (inside.id, inside.site, inside.group) == ("p", "muscle", "OMIM:1")
    assert (apart.id, apart.site, apart.group) == ("packet_1", "muscle", None)
    assert inside.case is not None
    assert apart.case is not None
    assert inside.case.answers() == apart.case.answers()
    assert apart.case.findings["ptosis"] == "present"
    assert (apart.case.sex, apart.case.answers()["age"]) == ("male", 12)
    (unlabelled,) = read_labelled(folder, book)
    assert "--labels" in unlabelled.unread


def test_a_row_is_one_patient(book: Rulebook, tmp_path: Path) -> None:
    row = one({"id": "p", "site": "muscle", "members": [PACKET, PACKET]}, book, tmp_path)
    assert "holds 2 patients" in row.unread


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"features": "HP:0000508"}, "a list of terms"),
        ({"features": [{"excluded": True}]}, "a list of terms"),
        ({"features": [{"id": "HP:9999999"}]}, "HP:9999999"),
        ({"age": "forty"}, "forty"),
    ],
)
def test_terms_that_cannot_be_read_say_why(more: Any, reason: str, book: Rulebook, tmp_path: Path) -> None:
    row = one({"id": "p", "site": "muscle", "features": FEATURES, **more}, book, tmp_path)
    assert reason in row.unread
    assert row.case is None
    assert row.site == "muscle", "it is still dealt with its stratum"


# Halves

Groups = dict[str, tuple[str, int]]
GROUPS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4), st.tuples(st.sampled_from(["muscle", "nerve"]), st.integers(1, 4)),
    min_size=1, max_size=20,
)  # fmt: skip


def rows_of(groups: Groups) -> list[Labelled]:
    return [
        Labelled(f"{name}-{n}", "here", site=site, group=name)
        for name, (site, size) in groups.items()
        for n in range(size)
    ]


@given(GROUPS, st.integers(0, 99))
def test_two_halves_share_no_group_and_lose_no_row(groups: Groups, seed: int) -> None:
    rows = rows_of(groups)
    one, two = half(rows, 1, seed), half(rows, 2, seed)
    assert sorted(row.id for row in one + two) == sorted(row.id for row in rows)
    assert not {row.group for row in one} & {row.group for row in two}
    for site in ("muscle", "nerve"):
        sizes = [len({row.group for row in part if row.site == site}) for part in (one, two)]
        assert abs(sizes[0] - sizes[1]) <= 1, "each stratum is dealt evenly"
    shuffled = random.Random(1).sample(rows, len(rows))
    assert {row.id for row in half(shuffled, 1, seed)} == {row.id for row in one}, "the order of the file is nothing"


def test_the_deal_is_the_one_described() -> None:
    groups: Groups = {**{f"m{n}": ("muscle", 2) for n in range(5)}, **{f"n{n}": ("nerve", 1) for n in range(4)}}
    draw = random.Random(2026)
    muscle, nerve = [f"m{n}" for n in range(5)], [f"n{n}" for n in range(4)]
    draw.shuffle(muscle)
    draw.shuffle(nerve)
    assert {row.group for row in half(rows_of(groups), 1)} == set((muscle + nerve)[::2])
    assert {row.group for row in half(rows_of(groups), 2)} == set((muscle + nerve)[1::2])


def test_a_group_goes_by_its_commonest_label_and_a_row_without_group_by_itself() -> None:
    mixed = [Labelled(f"x{n}", "here", site=site, group="x") for n, site in enumerate(["nerve", "muscle", "muscle"])]
    alone = [Labelled(f"r{n}", "here", site="muscle") for n in range(3)]
    rows: list[Any] = [*mixed, *alone]
    dealt = Counter(len([row for row in half(rows, which) if row.site == "muscle"]) for which in (1, 2))
    # Four families in one stratum: two each, one of them the group with its two rows of muscle.
    assert dealt == Counter({3: 1, 2: 1})


def test_only_rows_of_known_sites_can_be_asked_for(tiny: Rulebook) -> None:
    rows = rows_of({"a": ("muscle", 1), "b": ("nerve", 2)})
    assert {row.site for row in of_sites(rows, ["nerve"], tiny)} == {"nerve"}
    with pytest.raises(TriageError, match="Did you mean nerve") as caught:
        of_sites(rows, ["nerves", "bone"], tiny)
    assert len(caught.value.problems) == 2
