"""Which kind of channel numbers are of, and how they are normalised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from pamiq_ros.core.normalization import Channel, boxcox

Values = npt.NDArray[np.float64]

MOST_CATEGORIES = 16
FEWEST_PER_CATEGORY = 5
NEAR = 0.05
"""Largest distance of two distributions (Kolmogorov 1933) for one to be called the other."""

QUANTILES = 65
_EXPONENTS = np.linspace(-2.0, 2.0, 81)
_MOST_LOOKED_AT = 100_000


def channel_of(name: str, values: Values) -> Channel:
    """How a channel is normalised.

    Args:
        name: What it is.
        values: What was recorded of it; those that are not finite are left out.

    Raises:
        ValueError: There is nothing finite.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError(f"{name}: expected finite numbers, found none")
    if len(values) > _MOST_LOOKED_AT:
        values = values[:: len(values) // _MOST_LOOKED_AT + 1]
    distinct = np.unique(values)
    if len(distinct) == 1:
        return Channel(name, "constant", mean=float(distinct[0]))
    if len(distinct) == 2:
        return Channel(name, "binary", values=(float(distinct[0]), float(distinct[1])))
    if _is_categorical(distinct, len(values)):
        return Channel(name, "categorical", values=tuple(map(float, distinct)))
    return _continuous(name, values)


def _is_categorical(distinct: Values, count: int) -> bool:
    whole = bool((distinct == np.round(distinct)).all())
    return whole and len(distinct) <= MOST_CATEGORIES <= count // FEWEST_PER_CATEGORY


def _continuous(name: str, values: Values) -> Channel:
    mean, deviation = float(values.mean()), float(values.std())
    if _distance_to_normal(values) <= NEAR:
        return Channel(name, "normal", mean, deviation)
    low, high = float(values.min()), float(values.max())
    if _distance_to_uniform(values, low, high) <= NEAR:
        # A uniform distribution from -1 to 1 has this deviation times the square root of 3.
        return Channel(name, "bounded", (low + high) / 2.0, (high - low) / np.sqrt(12.0))
    shift = 0.01 * (high - low) - low if low <= 0.0 else 0.0
    exponent = _boxcox_exponent(values + shift)
    made = boxcox(torch.from_numpy(values + shift), exponent).numpy()
    if _distance_to_normal(made) <= NEAR:
        mean, deviation = float(made.mean()), float(made.std())
        return Channel(name, "boxcox", mean, deviation, exponent, shift)
    quantiles = np.quantile(values, np.linspace(0.0, 1.0, QUANTILES))
    return Channel(name, "quantile", mean, deviation, values=tuple(map(float, quantiles)))


def _distance_to_normal(values: Values) -> float:
    deviation = values.std()
    if not np.isfinite(deviation) or deviation <= 0.0:
        return 1.0
    scaled = torch.from_numpy((np.sort(values) - values.mean()) / deviation)
    return _distance(torch.special.ndtr(scaled).numpy())


def _distance_to_uniform(values: Values, low: float, high: float) -> float:
    return _distance((np.sort(values) - low) / (high - low))


def _distance(expected: Values) -> float:
    """The largest difference between two cumulative distributions, one of which is even."""
    even = np.arange(len(expected)) / len(expected)
    step = 1.0 / len(expected)
    return float(max(np.abs(expected - even).max(), np.abs(expected - even - step).max()))


def _boxcox_exponent(positive: Values) -> float:
    """The exponent that is most likely for values that are normal after it (Box & Cox 1964)."""
    logarithms = np.log(positive)

    def likelihood(exponent: float) -> float:
        made = boxcox(torch.from_numpy(positive), exponent).numpy()
        variance = made.var()
        if not np.isfinite(variance) or variance <= 0.0:
            return -np.inf
        return float(-0.5 * np.log(variance) + (exponent - 1.0) * logarithms.mean())

    return float(max(_EXPONENTS, key=likelihood))
