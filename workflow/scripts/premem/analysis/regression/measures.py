"""How far predictions lie from the line y = x: R², squared correlation, mean absolute error."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SMALLEST_VARIANCE = 1e-12
"""Accuracies that vary less than this (a standard deviation of 1e-6) count as constant."""


def r_squared(test: ArrayLike, predicted: ArrayLike) -> Floats:
    """Return R² about the line y = x, not about a fitted line, over the last axis.

    It is 1 − Σ(test − predicted)² / Σ(test − mean test)², and NaN where test accuracy does not vary.
    """
    test, predicted = np.asarray(test, dtype=float), np.asarray(predicted, dtype=float)
    spread = nan_if_constant(((test - test.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1), test.shape[-1])
    return 1 - ((test - predicted) ** 2).sum(axis=-1) / spread


def squared_correlation(test: ArrayLike, predicted: ArrayLike) -> Floats:
    """Return the square of Pearson's correlation over the last axis; NaN where one of the two does not vary."""
    test, predicted = np.asarray(test, dtype=float), np.asarray(predicted, dtype=float)
    y, x = test - test.mean(axis=-1, keepdims=True), predicted - predicted.mean(axis=-1, keepdims=True)
    n = x.shape[-1]
    return (x * y).sum(axis=-1) ** 2 / (
        nan_if_constant((y**2).sum(axis=-1), n) * nan_if_constant((x**2).sum(axis=-1), n)
    )


def mean_absolute_error(test: ArrayLike, predicted: ArrayLike) -> Floats:
    """Return the mean of |test − predicted| over the last axis."""
    return np.abs(np.asarray(test, dtype=float) - np.asarray(predicted, dtype=float)).mean(axis=-1)


def nan_if_constant(sum_of_squares: Floats, n: Floats | int) -> Floats:
    """Return a sum of squares about the mean, NaN where it is only rounding error of n constant values."""
    return np.where(sum_of_squares > SMALLEST_VARIANCE * np.maximum(n, 1), sum_of_squares, np.nan)
