"""Shares, intervals and calibration against figures worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.measures import BINS, LEAST_SUPPORT, bootstrap, calibrate, wilson

Drawn = Mapping[tuple[int, ...], int]


def mean(drawn: Drawn) -> dict[str, float]:
    """The mean of all numbers in the groups drawn, and the mean of those above 2 where there are any."""
    numbers = [n for group, times in drawn.items() for n in group * times]
    large = [n for n in numbers if n > 2]
    return {"mean": sum(numbers) / len(numbers), **({"large": sum(large) / len(large)} if large else {})}


def test_wilson_gives_the_textbook_interval() -> None:
    # 8 of 10 with z = 1.96: (0.8 + 0.19208 -+ 1.96 * sqrt(0.016 + 0.009604)) / 1.38416
    estimate = wilson(8, 10)
    assert estimate is not None
    assert (estimate.value, estimate.right, estimate.of, estimate.method) == (0.8, 8, 10, "wilson")
    assert (estimate.low, estimate.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


def test_wilson_at_the_ends() -> None:
    none, every = wilson(0, 10), wilson(10, 10)
    assert none is not None
    assert every is not None
    assert (none.low, none.high) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert (every.low, every.high) == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert wilson(0, 0) is None


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_share_lies_in_its_interval(counts: tuple[int, int]) -> None:
    right, of = counts
    estimate = wilson(right, of)
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@given(st.lists(st.lists(st.integers(0, 5), min_size=1).map(tuple), min_size=2, max_size=8), st.integers())
def test_the_same_seed_gives_the_same_interval(groups: list[tuple[int, ...]], seed: int) -> None:
    first, second = (bootstrap([groups], mean, seed, rounds=50) for _ in range(2))
    assert first == second
    interval = first["mean"]
    assert interval is not None
    numbers = [n for group in groups for n in group]
    assert min(numbers) <= interval[0] <= interval[1] <= max(numbers)


def test_another_seed_draws_otherwise() -> None:
    groups = [(n,) for n in range(30)]
    assert bootstrap([groups], mean, 1, rounds=50) != bootstrap([groups], mean, 2, rounds=50)


def test_whole_groups_are_drawn() -> None:
    # Two groups that agree within: a draw holds one of them twice or both, so the mean is 0, 1/2 or 1.
    seen: set[float] = set()

    def watched(drawn: Drawn) -> dict[str, float]:
        seen.add(mean(drawn)["mean"])
        return mean(drawn)

    assert bootstrap([[(0, 0, 0), (1, 1, 1)]], watched, 7) == {"mean": (0.0, 1.0)}
    assert seen == {0.0, 0.5, 1.0}


def test_rows_in_few_groups_are_less_sure_than_rows_on_their_own() -> None:
    alone = bootstrap([[(n,) for n in [0, 1] * 50]], mean, 3)["mean"]
    grouped = bootstrap([[(0,) * 25, (1,) * 25] * 2], mean, 3)["mean"]
    assert alone is not None
    assert grouped is not None
    assert grouped[1] - grouped[0] > 2 * (alone[1] - alone[0])


def test_one_group_has_no_interval_and_a_figure_may_be_missing_from_a_draw() -> None:
    assert bootstrap([[(1, 3)]], mean, 1) == {"mean": None, "large": None}
    assert bootstrap([[(1,), (3,)]], mean, 1)["large"] == (3.0, 3.0)


def test_no_stratum_is_lost_in_a_draw() -> None:
    # One stratum is always 0, the other one of 2 and 4: the mean of three is from 4/3 to 8/3.
    assert bootstrap([[(0,)], [(2,), (4,)]], mean, 5)["mean"] == (pytest.approx(4 / 3), pytest.approx(8 / 3))
    assert bootstrap([[(0,)], [(2,)]], mean, 5)["mean"] is None


def test_calibration_by_hand() -> None:
    rows = [
        ({"a": 0.9, "b": 0.1}, "a", True),
        ({"a": 0.92, "b": 0.08}, "b", False),
        ({"b": 0.6, "a": 0.4}, "b", True),
        ({"b": 1.0, "a": 0.0}, "a", False),
    ]
    result = calibrate(rows)
    assert result is not None
    assert len(result.bins) == BINS
    last = result.bins[9]
    assert (last.n, last.support, last.right) == (3, pytest.approx(2.82 / 3), pytest.approx(1 / 3))
    assert (result.bins[6].n, result.bins[6].support, result.bins[6].right) == (1, 0.6, 1.0)
    assert {b.n for place, b in enumerate(result.bins) if place not in (6, 9)} == {0}
    assert result.expected_error == pytest.approx((3 * (2.82 / 3 - 1 / 3) + 0.4) / 4)
    assert result.brier == pytest.approx((0.01 + 0.01 + 2 * 0.92**2 + 2 * 0.4**2 + 2.0) / 4)
    logs = [math.log(0.9), math.log(0.08), math.log(0.6), math.log(LEAST_SUPPORT)]
    assert result.log_loss == pytest.approx(-sum(logs) / 4)
    assert calibrate([]) is None
