"""Questions about what carries the result: which runs, which learning rates, which accuracies?"""

from collections.abc import Iterator, Sequence

import numpy as np

from premem.analysis.regression.bootstrap import FEWEST_RUNS
from premem.analysis.regression.difference import differences_of_r_squared
from premem.analysis.scrutiny.common import (
    Context,
    Floats,
    Points,
    Row,
    judged,
    least_error,
    of_largest_size,
    place,
    predict_held_out,
    predict_tuned,
)
from premem.scoring.scores import RunScores

Runs = Sequence[RunScores]

ERRORS = ("r_squared", "mean_absolute_error")
WITHOUT_RATE = "p without the learning rate that is judged"
HALF_OF_BEST = "checkpoints with at least half of the best test accuracy"
BETTER_HALF = "better half of the checkpoints, by test accuracy"


def differences(runs: Runs, context: Context) -> Iterator[Row]:
    """Give R² of premem accuracy minus that of train accuracy, resample by resample of whole runs."""
    points = place(runs, context.grid)
    table = differences_of_r_squared(
        points.run, points.test, points.predicted, points.train, points.thresholds, context.statistics
    )
    for variant, row in zip(("p tuned", "p calibrated without the run"), table.itertuples(), strict=True):
        values = (row.estimate, row.low, row.high)
        yield Row(variant, "difference_of_r_squared", *values, **points.counts, note=row.note)


def groups(runs: Runs, context: Context) -> Iterator[Row]:
    """Judge learning rates that p has not seen, high accuracies alone, and runs of the largest size alone."""
    points = place(runs, context.grid)
    rates = np.array([run.lr for run in runs])[points.run]
    if len(np.unique(rates)) > 1:
        predicted = _leave_out(points, rates)
        at_p = points.predict_with(predicted)
        note = "p calibrated on the other learning rates; not calibrated anew in the resamples"
        yield from judged(WITHOUT_RATE, at_p, context, note, ERRORS)
    else:
        yield Row(WITHOUT_RATE, "", note="all runs have one learning rate")
    predicted = predict_held_out(points) if len(runs) > 1 else predict_tuned(points)[1]
    note = "p calibrated without the run, on all checkpoints"
    for variant, which in (
        (HALF_OF_BEST, points.test >= points.test.max() / 2),
        (BETTER_HALF, points.test >= np.median(points.test)),
    ):
        if which.sum() > 2:
            at_p = points.take(which).predict_with(predicted[which])
            yield from judged(variant, at_p, context, note, ERRORS)
    largest = of_largest_size(runs, points)
    if 1 < len(np.unique(points.run[largest])) < len(runs):
        chosen = points.take(largest)
        yield from judged("runs of the largest size", chosen, context)
        train = chosen.predict_with(chosen.train)
        of_train = judged("runs of the largest size", train, context, "no p", ("r_squared",))
        yield from (row._replace(statistic="r_squared_of_train_accuracy") for row in of_train)
    for rate in sorted(np.unique(rates), key=float):
        of_rate = rates == rate
        residual = (predicted - points.test)[of_rate]
        by_run = np.array([residual[points.run[of_rate] == run].mean() for run in np.unique(points.run[of_rate])])
        low = high = np.nan
        if len(by_run) >= FEWEST_RUNS:
            draws = context.random().choice(by_run, (context.statistics.resamples, len(by_run))).mean(axis=1)
            _, low, high = context.range_of(draws)
        here = points.take(of_rate)
        note = "mean over runs of predicted − test accuracy; p calibrated without the run"
        yield Row(f"lr {rate}", "bias", float(by_run.mean()), low, high, **here.counts, note=note)


def _leave_out(points: Points, group: Floats) -> Floats:
    """Predict each group with the p that has the least error on the other groups."""
    predicted = np.empty(len(group))
    for name in np.unique(group):
        held = group == name
        predicted[held] = points.predicted[held, int(least_error(points.test[~held], points.predicted[~held]))]
    return predicted
