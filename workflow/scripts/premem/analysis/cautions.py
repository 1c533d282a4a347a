"""Sentences that warn where the numbers of a pair mislead."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from premem.analysis.regression.measures import SMALLEST_VARIANCE, r_squared

FEW_RUNS, FEW_TESTS = 5, 100
LOW = 0.05
"""An accuracy up to this is taken for none, where the chance level is not known."""
APART = 0.15
"""Two values of R² that differ by more than this are said to differ."""


def cautions(points: pd.DataFrame, num_tests: int | None, chance: float | None = None) -> list[str]:
    """Return a sentence for each reason to doubt the numbers of a pair.

    Args:
        points: run, size, n (training examples), train_accuracy, predicted_test_accuracy, test_accuracy (NaN without
            labels); a row per checkpoint.
        num_tests: how many test examples have labels; None where none has.
        chance: accuracy of guessing, where the style of the answers has one.
    """
    return list(_cautions(points, num_tests, chance))


def _cautions(points: pd.DataFrame, num_tests: int | None, chance: float | None) -> Iterator[str]:
    runs = points["run"].nunique()
    if runs < FEW_RUNS:
        yield (
            f"There are only {runs} runs. Intervals over so few runs say little; the paper's figure has about ten."
            if runs > 1
            else "There is only one run, so nothing says how far the prediction holds for other runs."
        )
    best = points["train_accuracy"].max()
    if best <= (LOW if chance is None else chance):
        floor = "0" if chance is None else f"chance ({chance:.2f})"
        yield f"No checkpoint solves its own training examples: train accuracy is at most {best:.2f}, close to {floor}."
    test = points["test_accuracy"].to_numpy(dtype=float)
    if np.isnan(test).all():
        return
    if num_tests is not None and num_tests < FEW_TESTS:
        middle = float(np.median(test))
        interval = binomtest(round(middle * num_tests), num_tests).proportion_ci(0.95, "wilson")
        yield (
            f"The test set has {num_tests} examples, so that each test accuracy is uncertain itself: one of "
            f"{middle:.2f} has the 95% interval [{interval.low:.2f}, {interval.high:.2f}]."
        )
    if test.max() <= (LOW if chance is None else chance):
        floor = "0" if chance is None else f"chance, which is {chance:.2f}"
        yield f"Test accuracy is at most {test.max():.2f}, close to {floor}: there is nothing to predict."
    if np.var(test) <= SMALLEST_VARIANCE:
        yield "Test accuracy is the same at every checkpoint, so R² is undefined."
        return
    predicted = points["predicted_test_accuracy"].to_numpy(dtype=float)
    overall = float(r_squared(test, predicted))
    upper = test >= test.max() / 2
    of_upper = float(r_squared(test[upper], predicted[upper])) if upper.sum() > 2 else np.nan
    if of_upper < overall - APART:
        yield (
            f"Points near 0 carry R²: over the {upper.sum()} checkpoints with at least half of the best test accuracy "
            f"it is {_signed(of_upper)}, over all {len(test)} it is {_signed(overall)}."
        )
    largest = points["size"] == points.loc[points["n"].idxmax(), "size"]
    if points.loc[~largest, "run"].nunique() and points.loc[largest, "run"].nunique() > 1:
        for column, name in (("predicted_test_accuracy", "premem accuracy"), ("train_accuracy", "train accuracy")):
            value = points[column].to_numpy(dtype=float)
            of_all, of_largest = float(r_squared(test, value)), float(r_squared(test[largest], value[largest]))
            if abs(of_all - of_largest) > APART and max(of_all, of_largest) > 0:
                size, others = points.loc[largest, "size"].iloc[0], points.loc[~largest, "run"].nunique()
                yield (
                    f"The {others} runs on smaller subsets carry the R² of {name}: over the runs of size {size} alone "
                    f"it is {_signed(of_largest)}, over all runs {_signed(of_all)}."
                )


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\u2212")
