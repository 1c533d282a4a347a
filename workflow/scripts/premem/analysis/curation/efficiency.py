"""Data efficiency of a strategy: how many i.i.d. examples reach the same test accuracy.

Each seed draws its start, its new examples and its order of training. These draws are the same for all strategies, so
strategies are compared seed by seed. Intervals are Student's t over seeds. There are two tables:

    accuracy    strategy, seed, round, new_examples, test_accuracy
                a row per training; round 0 is the start, which all strategies share
    efficiency  strategy, new_examples, statistic, estimate, low, high, n_seeds, note

``statistic`` is one of

    test_accuracy     mean over seeds
    gain              test accuracy minus that of as many i.i.d. examples, mean over seeds
    data_efficiency   number of i.i.d. examples that reach the same test accuracy, divided by ``new_examples``
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.weightstats import DescrStatsW

Floats = NDArray[np.float64]

IID = "iid"
COLUMNS = ["strategy", "new_examples", "statistic", "estimate", "low", "high", "n_seeds", "note"]
STEPS = 400
"""How many numbers of i.i.d. examples are tried, from none to the most that were collected."""


def compare_strategies(accuracy: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Compare every strategy with i.i.d. collection after each round.

    Args:
        accuracy: see the top of this module. I.i.d. collection is one of the strategies, and every seed has all rounds.
        confidence: of the intervals.

    Returns:
        efficiency (see the top of this module).
    """
    wide = accuracy.pivot_table(index="seed", columns=["strategy", "new_examples"], values="test_accuracy").sort_index()
    start = accuracy[accuracy["round"] == 0].set_index("seed")["test_accuracy"].sort_index()
    iid = pd.concat([start.rename(0), wide[IID]], axis=1).sort_index(axis=1)
    tried = np.linspace(0, max(iid.columns), STEPS + 1)
    curves = np.array([np.interp(tried, list(iid.columns), row) for row in iid.to_numpy()])  # (seeds, tried)
    rows = [("start", 0, "test_accuracy", *_accuracy(start.to_numpy(), confidence), len(start), "")]
    for strategy, number in wide.columns.drop("start", level="strategy"):
        reached = wide[(strategy, number)].to_numpy()
        rows.append((strategy, number, "test_accuracy", *_accuracy(reached, confidence), len(reached), ""))
        if strategy == IID:
            continue
        if number in iid.columns:
            gain = _mean(reached - iid[number].to_numpy(), confidence)
            rows.append((strategy, number, "gain", *gain, len(reached), ""))
        estimate, low, high, note = data_efficiency(reached, curves, tried / number, confidence)
        rows.append((strategy, number, "data_efficiency", estimate, low, high, len(reached), note))
    return pd.DataFrame(rows, columns=COLUMNS)


def data_efficiency(
    reached: Floats, iid: Floats, efficiency: Floats, confidence: float
) -> tuple[float, float, float, str]:
    """Return how many i.i.d. examples reach the same test accuracy, per new example of the strategy.

    The estimate is where the mean i.i.d. curve first reaches the strategy's mean test accuracy. The interval holds
    every number of i.i.d. examples whose test accuracy does not differ from the strategy's by a paired t test.

    Args:
        reached: test accuracy of the strategy, shape (seeds,).
        iid: interpolated test accuracy of i.i.d. collection, shape (seeds, numbers tried).
        efficiency: the numbers of i.i.d. examples tried, per new example of the strategy, ascending, shape (numbers
            tried,).
        confidence: of the interval.

    Returns:
        estimate, low, high, note. Nothing is known beyond the largest number tried. The estimate is then NaN or an end
        of the interval infinite, and the note says so. Low and high are NaN with a single seed.
    """
    gap = iid.mean(axis=0) - reached.mean()
    notes = []
    if (gap >= 0).any():
        last = int(np.argmax(gap >= 0))
        if last == 0:
            estimate = float(efficiency[0])
        else:  # on the line between two numbers tried
            share = -gap[last - 1] / (gap[last] - gap[last - 1])
            estimate = float(efficiency[last - 1] + share * (efficiency[last] - efficiency[last - 1]))
    else:
        estimate = float("nan")
        notes.append(f"more than {efficiency[-1]:.2g}: no number of i.i.d. examples that was tried reaches it")
    if len(reached) < 2:
        return estimate, float("nan"), float("nan"), "; ".join([*notes, "one seed"])
    lows, highs = _interval(iid - reached[:, None], confidence)
    alike = np.flatnonzero((lows <= 0) & (highs >= 0))
    if not alike.size:  # the interval lies between two numbers tried, or beyond the largest
        end = float("inf") if np.isnan(estimate) else estimate
        return estimate, end, end, "; ".join(notes)
    low = float(np.fmin(efficiency[alike[0]], estimate))  # the estimate may lie between two numbers tried
    is_open = alike[-1] == len(efficiency) - 1 or np.isnan(estimate)  # numbers larger than those tried are possible
    high = float("inf") if is_open else float(np.fmax(efficiency[alike[-1]], estimate))
    return estimate, low, high, "; ".join(notes)


def _mean(values: Floats, confidence: float) -> tuple[float, float, float]:
    """Return the mean with its t interval; low and high are NaN with fewer than two values."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    low, high = _interval(values, confidence)
    return mean, float(low), float(high)


def _accuracy(values: Floats, confidence: float) -> tuple[float, float, float]:
    """Return the same as ``_mean`` for accuracies, whose interval ends at 0 and 1."""
    mean, low, high = _mean(values, confidence)
    return mean, float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))


def _interval(values: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the t interval of the mean over the first axis."""
    mean, equal = np.mean(values, axis=0), np.ptp(values, axis=0) < 1e-12  # equal up to rounding
    with np.errstate(invalid="ignore"):
        low, high = DescrStatsW(values).tconfint_mean(alpha=1 - confidence)
    return np.where(equal, mean, low), np.where(equal, mean, high)
