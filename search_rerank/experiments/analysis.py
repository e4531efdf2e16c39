"""What an A/B test says: differences between two groups of shoppers, and whether to believe them.

Shoppers are what is drawn and what is independent; all that one did is one observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import DataError
from search_rerank.experiments.clustered import (
    Interval,
    interval,
    ratio_influence,
    two_sided_p,
)

MISMATCH = 0.001
"""p-value of the shoppers' numbers below which an experiment is broken (Fabijan et al. 2019)."""


@dataclass(frozen=True)
class Effect:
    """How far the treatment is above the control.

    Parameters
    ----------
    control, treatment
        The measure in both groups.
    difference
        Treatment minus control, with its interval.
    p
        Two-sided p-value of no difference.
    """

    control: float
    treatment: float
    difference: Interval
    p: float

    @property
    def relative(self) -> float:
        """The difference as a share of the control's measure; NaN where that is 0."""
        return self.difference.value / self.control if self.control else float("nan")


def difference_of_means(
    control: NDArray[np.floating], treatment: NDArray[np.floating], level: float = 0.95
) -> Effect:
    """Compare the means of one number a shopper, by Welch's test (1947).

    Parameters
    ----------
    control, treatment
        (m,) each, one number for each shopper.

    Raises
    ------
    DataError
        Where a group has fewer than two shoppers.
    """
    ones = (np.ones(len(control)), np.ones(len(treatment)))
    return difference_of_ratios((control, ones[0]), (treatment, ones[1]), level)


def difference_of_ratios(
    control: tuple[NDArray[np.floating], NDArray[np.floating]],
    treatment: tuple[NDArray[np.floating], NDArray[np.floating]],
    level: float = 0.95,
) -> Effect:
    """Compare ratios of sums, such as clicks a ranking, by the delta method.

    Rankings are not independent where shoppers make many; the ratio of two sums over shoppers is
    judged by how shoppers vary (Deng, Knoblich and Lu, KDD 2018). With ones below it is Welch's
    test of means.

    Parameters
    ----------
    control, treatment
        Numerator and denominator, (m,) each, a sum for each shopper.

    Raises
    ------
    DataError
        Where a group has fewer than two shoppers, or its denominator sums to 0.
    """
    values, variances, freedoms = [], [], []
    for name, (top, bottom) in (("control", control), ("treatment", treatment)):
        m = len(top)
        if m < 2 or len(bottom) != m:
            raise DataError(
                f"expected 2 shoppers or more in the {name} and as many numerators as "
                f"denominators, found {m} and {len(bottom)}: let the experiment go on"
            )
        value, influence = ratio_influence(
            np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
        )
        values.append(value)
        variances.append(m / (m - 1) * float(influence @ influence))
        freedoms.append(m - 1)
    difference, variance = values[1] - values[0], sum(variances)
    # Welch and Satterthwaite: the freedom of a sum of two variances that need not be equal.
    parts = sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    freedom = variance**2 / parts if parts else float("inf")
    error = variance**0.5
    return Effect(
        values[0],
        values[1],
        interval(difference, error, freedom, level),
        two_sided_p(difference, error, freedom),
    )


def adjusted(values: NDArray[np.floating], before: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return values with what the time before the experiment explains of them taken out (CUPED).

    Deng, Xu, Kohavi and Walker (WSDM 2013): ``values - theta (before - mean(before))`` has the
    same mean in both groups' difference and less variance. Theta is that of all shoppers together.

    Parameters
    ----------
    values, before
        (m,) each, for the shoppers of both groups: a number in the experiment, and one from
        before it, that the variants cannot have changed.
    """
    centred = before - before.mean()
    spread = float(centred @ centred)
    theta = float(centred @ (values - values.mean())) / spread if spread else 0.0
    return np.asarray(values - theta * centred, dtype=np.float64)


def sample_ratio_mismatch(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the p-value of so many shoppers in each variant, by the chi-square test.

    Below `MISMATCH`, something but chance keeps shoppers out of a variant, and no difference
    between them is to be believed.

    Raises
    ------
    DataError
        Where there are not as many shares as counts, or no shopper.
    """
    from scipy.stats import chisquare

    total = sum(counts)
    if len(counts) != len(shares) or total == 0:
        raise DataError(
            f"expected shoppers, counted for each of {len(shares)} variants, found {list(counts)}"
        )
    if len(counts) == 1:
        return 1.0
    expected = np.array(shares) / sum(shares) * total
    return float(chisquare(counts, expected).pvalue)


def needed(effect: float, variance: float, power: float = 0.8, level: float = 0.95) -> int:
    """Return how many observations show an effect with a power, two-sided, by the normal law.

    Parameters
    ----------
    effect
        The true mean, or difference of means.
    variance
        Of one observation. For two groups of equal size, counted together, it is twice the sum
        of the groups' variances.

    Raises
    ------
    DataError
        Where the effect is 0, which no number of observations shows.
    """
    from scipy.stats import norm

    if effect == 0:
        raise DataError("expected an effect other than 0: no experiment shows that there is none")
    z = float(norm.ppf((1 + level) / 2) + norm.ppf(power))
    return ceil(z**2 * variance / effect**2)
