"""Firings become points, points an order, and the order standings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import Entry, evidence, tiny_book

from triage import Case, consult
from triage.firing import Firing
from triage.ranking import Ranked, rank
from triage.report import Report, SiteAssessment
from triage.rulebook import Rulebook

TIRES: Entry = {"tires": "present"}


def report_of(folder: Path, *rules: Entry) -> Report:
    """The report on one finding that fires every one of these rules."""
    return consult(Case(findings={"tires": "present"}), tiny_book(folder, evidence=list(rules)))


def site_of(report: Report, name: str) -> SiteAssessment:
    return next(site for site in report.sites if site.site == name)


def rules_for(site: str, *strengths: str) -> list[Entry]:
    """One rule for each strength, each under a theme of its own."""
    themes = ("weakness_pattern", "sensation", "fatigability", "course")
    name = site.replace(".", "_")
    return [
        evidence(f"{name}_{theme}", site, strength, TIRES, theme=theme)
        for theme, strength in zip(themes, strengths, strict=False)
    ]


def test_one_theme_has_one_vote_for_and_one_against(tmp_path: Path) -> None:
    strengths = ("weakly_for", "strongly_for", "for", "against", "weakly_against")
    muscle = site_of(report_of(tmp_path, *(evidence(word, "muscle", word, TIRES) for word in strengths)), "muscle")
    assert [argument.id for argument in muscle.in_favour] == ["strongly_for"]
    assert [argument.id for argument in muscle.against] == ["against"]
    assert {argument.id for argument in muscle.already_counted} == {"weakly_for", "for", "weakly_against"}
    assert muscle.points == 10 - 7


def test_of_equal_arguments_the_one_written_first_counts(tmp_path: Path) -> None:
    muscle = site_of(report_of(tmp_path, *(evidence(name, "muscle", "for", TIRES) for name in ("b", "a"))), "muscle")
    assert [argument.id for argument in muscle.in_favour] == ["b"]
    assert [argument.id for argument in muscle.already_counted] == ["a"]


def test_themes_add_up(tmp_path: Path) -> None:
    muscle = site_of(
        report_of(tmp_path, *rules_for("muscle", "strongly_for", "for", "weakly_for", "weakly_against")), "muscle"
    )
    assert muscle.points == 10 + 7 + 3 - 3
    assert [argument.points for argument in muscle.in_favour] == [10, 7, 3]


def test_a_site_takes_its_best_sub_site_and_does_not_pool(tmp_path: Path) -> None:
    nerve = site_of(
        report_of(tmp_path, *rules_for("nerve.long", "for"), *rules_for("nerve.single", "for", "weakly_for")), "nerve"
    )
    assert (nerve.sub_site, nerve.points) == ("nerve.single", 10)
    assert {sub.sub_site: sub.points for sub in nerve.sub_sites} == {"nerve.single": 10, "nerve.long": 7}


def test_a_rule_for_a_site_counts_for_all_its_sub_sites(tmp_path: Path) -> None:
    shared = evidence("shared", "nerve", "for", TIRES, theme="sensation")
    nerve = site_of(report_of(tmp_path, shared, *rules_for("nerve.long", "weakly_for")), "nerve")
    assert {sub.sub_site: sub.points for sub in nerve.sub_sites} == {"nerve.long": 10, "nerve.single": 7}


def test_a_rule_for_a_site_and_one_for_its_part_share_the_vote_of_their_theme(tmp_path: Path) -> None:
    rules = (evidence("whole", "nerve", "for", TIRES), evidence("part", "nerve.long", "strongly_for", TIRES))
    nerve = site_of(report_of(tmp_path, *rules), "nerve")
    assert {sub.sub_site: sub.points for sub in nerve.sub_sites} == {"nerve.long": 10, "nerve.single": 7}


def test_commonness_breaks_ties_and_nothing_more(tmp_path: Path) -> None:
    tied = report_of(
        tmp_path / "tied", *(evidence(f"e_{site}", site, "for", TIRES) for site in ("joint", "nerve", "muscle"))
    )
    assert [site.site for site in tied.sites] == ["muscle", "nerve", "joint"]
    assert len({site.relative_support for site in tied.sites}) == 1
    rules = [*rules_for("joint", "for", "weakly_for"), evidence("e_muscle", "muscle", "for", TIRES)]
    assert report_of(tmp_path / "ahead", *rules).sites[0].site == "joint"


@pytest.mark.parametrize(
    ("strengths", "points", "standing"),
    [
        (("strongly_for",), 10, "leading"), (("for", "weakly_for"), 10, "leading"), (("for",), 7, "possible"),
        (("weakly_for",), 3, "possible"), (("for", "against"), 0, "not_assessed"), ((), 0, "not_assessed"),
        (("weakly_against",), -3, "unlikely"), (("against", "for", "weakly_against"), -3, "unlikely"),
        (("strongly_against",), -10, "unlikely"),
    ],
)  # fmt: skip
def test_points_give_a_standing(tmp_path: Path, strengths: tuple[str, ...], points: int, standing: str) -> None:
    report = report_of(tmp_path, *rules_for("muscle", *strengths))
    muscle = site_of(report, "muscle")
    assert (muscle.points, muscle.standing) == (points, standing)
    assert report.localised is (standing == "leading")
    assert report.summary.startswith("Not enough to localise") is (standing != "leading")


@pytest.mark.parametrize(
    ("second", "standing"),
    [(("strongly_for", "weakly_for", "weakly_for"), "leading"), (("strongly_for", "weakly_for"), "possible"),
     (("strongly_for",), "possible")],
)  # fmt: skip
def test_who_is_more_than_the_margin_behind_does_not_lead(
    tmp_path: Path, second: tuple[str, ...], standing: str
) -> None:
    rules = [*rules_for("muscle", "strongly_for", "strongly_for"), *rules_for("joint", *second)]
    report = report_of(tmp_path, *rules)
    assert (site_of(report, "muscle").standing, site_of(report, "joint").standing) == ("leading", standing)
    assert report.cannot_tell_apart == (("muscle", "joint") if standing == "leading" else ())
    assert report.summary.startswith("These sites cannot be told apart") is (standing == "leading")


def test_relative_support_is_a_likelihood_ratio_normalised_over_the_sites(tmp_path: Path) -> None:
    report = report_of(tmp_path, *rules_for("muscle", "strongly_for"))
    support = {site.site: site.relative_support for site in report.sites}
    assert support["muscle"] / support["joint"] == pytest.approx(10, rel=0.01)
    assert support["joint"] == support["nerve"]
    assert sum(support.values()) == pytest.approx(1, abs=0.001)


def test_what_no_counted_argument_rests_on_is_not_explained(tmp_path: Path) -> None:
    book = tiny_book(tmp_path, evidence=rules_for("muscle", "strongly_for"))
    report = consult(
        Case(findings={"tires": "present", "chokes": "present", "smokes": "present", "weakness": "absent"}), book
    )
    assert report.unexplained == ("chokes",)
    assert "smokes" in report.silent


EVERY = [
    evidence(f"{site.replace('.', '_')}_{theme}_{number}", site, strength, TIRES, theme=theme)
    for site in ("nerve", "nerve.long", "nerve.single", "muscle", "joint.knee")
    for theme in ("sensation", "course")
    for number, strength in enumerate(("strongly_for", "weakly_for", "for", "against", "weakly_against"))
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return tiny_book(tmp_path_factory.mktemp("every"), evidence=EVERY)


def ranked(book: Rulebook, names: list[str]) -> Ranked:
    return rank(book, [Firing("evidence", name, ()) for name in names])


@given(data=st.data())
def test_what_holds_of_any_ranking(whole: Rulebook, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(whole.evidence)), unique=True))
    result = ranked(whole, names)
    points = [score.points for score in result.sub_sites]
    assert points == sorted(points, reverse=True)
    assert {score.ref for score in result.sub_sites} == set(whole.sub_sites)
    for site, best in result.best.items():
        assert best.points == max(s.points for s in result.sub_sites if s.ref.startswith(f"{site}."))
    for score in result.sub_sites:
        assert score.points == sum(vote.points for vote in score.votes if vote.counted)
        slots = [(vote.rule.theme, vote.points > 0) for vote in score.votes]
        assert sum(vote.counted for vote in score.votes) == len(set(slots))
    shuffled = ranked(whole, data.draw(st.permutations(names)))
    assert {s.ref: s.points for s in shuffled.sub_sites} == {s.ref: s.points for s in result.sub_sites}
    assert shuffled.standings == result.standings


@given(data=st.data())
def test_one_more_argument_for_a_site_never_lowers_it(whole: Rulebook, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(whole.evidence)), unique=True))
    more = data.draw(st.sampled_from([name for name, rule in whole.evidence.items() if rule.strength.endswith("for")]))
    site = whole.evidence[more].site.partition(".")[0]
    assert (
        ranked(whole, [*names, more]).best[site].points
        >= ranked(whole, [n for n in names if n != more]).best[site].points
    )
