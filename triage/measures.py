"""Shares with their intervals, resampling by group, and how well support keeps its word. Knows nothing of cases."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

ROUNDS = 2000
"""How often a bootstrap resamples."""
BINS = 10
"""How many equal steps of support a reliability curve has."""
LEAST_SUPPORT = 0.0001
"""Support is handed out in steps of this size; the logarithm of less is taken as the logarithm of this."""

_Z = NormalDist().inv_cdf(0.975)

G = TypeVar("G", bound=Hashable)


class Figure(BaseModel):
    """Base of everything measured: frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Figure):
    """A share with its 95 % interval."""

    value: float = Field(description="from 0 to 1; a difference of two shares from -1 to 1")
    low: float | None = Field(
        description="lower end of the 95 % interval; absent where no two groups can be told apart"
    )
    high: float | None
    right: int | None = Field(default=None, description="how many were right; absent for means of shares")
    of: int = Field(description="how many rows it is about")
    method: Literal["wilson", "bootstrap"]


def wilson(right: int, of: int) -> Estimate | None:
    """The share ``right / of`` with Wilson's 95 % interval for independent rows; nothing where there are no rows."""
    if not of:
        return None
    share, z2 = right / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    # At the very ends the formula gives 0 and 1 exactly, up to rounding.
    low = 0.0 if right == 0 else max(0.0, middle - reach)
    high = 1.0 if right == of else min(1.0, middle + reach)
    return Estimate(value=share, low=low, high=high, right=right, of=of, method="wilson")


def bootstrap(
    strata: Iterable[Sequence[G]],
    figures: Callable[[Mapping[G, int]], Mapping[str, float]],
    seed: int,
    rounds: int = ROUNDS,
) -> dict[str, tuple[float, float] | None]:
    """The 95 % percentile interval of each figure when whole groups are drawn again, with replacement.

    Args:
        strata: the groups, by what they hold; from each stratum as many are drawn as it has, so that none is lost. Two
            groups that hold the same may be equal.
        figures: the figures by name for groups taken so many times each; a figure that does not exist for a draw is
            left out, and that draw does not count for it.
        seed: the same strata in the same order, with the same seed, give the same intervals.

    A stratum of one group says nothing about how groups differ, and adds no width; where no stratum has two, the
    intervals are None.
    """
    strata = [list(stratum) for stratum in strata]
    whole = figures(Counter(group for stratum in strata for group in stratum))
    if all(len(stratum) < 2 for stratum in strata):
        return dict.fromkeys(whole)
    draw = random.Random(seed)
    drawn: dict[str, list[float]] = {name: [] for name in whole}
    for _ in range(rounds):
        again: Counter[G] = Counter()
        for stratum in strata:
            again.update(draw.choices(stratum, k=len(stratum)))
        for name, value in figures(again).items():
            drawn[name].append(value)
    return {
        name: (_quantile(sorted(values), 0.025), _quantile(sorted(values), 0.975)) if values else None
        for name, values in drawn.items()
    }


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


class Bin(Figure):
    """Rows whose first site had support between ``low`` and ``high``: what was claimed, and what came true."""

    low: float
    high: float
    n: int
    support: float | None = Field(description="mean support of the first site; absent where no row falls here")
    right: float | None = Field(description="share of these rows whose first site was right")


class Calibration(Figure):
    """How well relative support keeps its word, were it read as a probability."""

    bins: tuple[Bin, ...]
    expected_error: float = Field(description="expected calibration error: mean distance of support from share right")
    brier: float = Field(description="mean over rows of the squared errors summed over the sites; 0 is best, 2 worst")
    log_loss: float = Field(description="mean of -ln(support of the right site); support below 0.0001 counts as that")


def calibrate(supports: Sequence[tuple[Mapping[str, float], str, bool]]) -> Calibration | None:
    """Calibration of rows given as (support by site with the first site first, the right site, first site right)."""
    if not supports:
        return None
    binned: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    brier = log_loss = 0.0
    for by_site, right_site, first_is_right in supports:
        first = next(iter(by_site.values()))
        binned[min(int(first * BINS), BINS - 1)].append((first, first_is_right))
        brier += sum((support - (site == right_site)) ** 2 for site, support in by_site.items())
        log_loss -= math.log(max(by_site[right_site], LEAST_SUPPORT))
    bins = tuple(_bin(place, members) for place, members in enumerate(binned))
    distance = sum(b.n * abs(b.support - b.right) for b in bins if b.support is not None and b.right is not None)
    n = len(supports)
    return Calibration(bins=bins, expected_error=distance / n, brier=brier / n, log_loss=log_loss / n)


def _bin(place: int, members: Sequence[tuple[float, bool]]) -> Bin:
    n = len(members)
    return Bin(
        low=place / BINS,
        high=(place + 1) / BINS,
        n=n,
        support=sum(support for support, _ in members) / n if n else None,
        right=sum(right for _, right in members) / n if n else None,
    )
