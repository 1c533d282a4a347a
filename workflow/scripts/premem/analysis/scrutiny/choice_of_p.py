"""Questions about p: how it is compared, how much depends on it, what it is tuned on, and what tuning it costs."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from premem.analysis.regression.bootstrap import FEWEST_RUNS
from premem.analysis.regression.calibration import NEAR
from premem.analysis.regression.measures import mean_absolute_error, r_squared
from premem.analysis.scrutiny.common import (
    DRAWS,
    Context,
    Floats,
    Points,
    Row,
    collect,
    drawn,
    errors,
    judged,
    least_error,
    missing,
    place,
    predict_held_out,
    predict_tuned,
)
from premem.scoring.memorization import predicted_over_thresholds
from premem.scoring.scores import RunScores

Runs = Sequence[RunScores]

NEAR_BEST = f"within {NEAR} of the best R²"
"""Name of the rows with the range of p that is near the best."""
RESAMPLED, ONE_RUN = "all runs, p from resampled runs", "all runs, p from one run alone"
SHIFTS = (-0.25, -0.1, 0.0, 0.1, 0.25)
"""Steps away from the study's p, in log(log p)."""
NUMBERS_OF_RUNS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
BANDS = 64
"""How many values of p are judged with intervals."""
LABEL_DRAWS = 1000
LABEL_RESAMPLES = 500


def rule(runs: Runs, context: Context) -> Iterator[Row]:
    """Compare perplexity > p with the rule of the authors' code, log(log(perplexity)) ≥ log(log(p)).

    The two can differ if a perplexity equals p, or by rounding of the logarithms. A perplexity of 1 counts as memorized
    under both, since its log log is −∞.
    """
    points = place(runs, context.grid)
    entries = sum(run.perplexity.size for run in runs)
    for variant, thresholds in {
        "at the study's p": np.array([context.threshold]),
        "at any p of the grid": context.grid,
    }.items():
        # The number of values of p below each perplexity, by the definition and by the authors' rule.
        kept = [np.searchsorted(thresholds, run.perplexity) for run in runs]
        kept_by_rule = [_count_kept(run.perplexity, thresholds) for run in runs]
        differ = sum(int((one != other).sum()) for one, other in zip(kept, kept_by_rule, strict=True))
        note = f"of {entries} entries (examples × checkpoints)"
        yield Row(variant, "entries_that_differ", differ, **points.counts, note=note)
        index = np.arange(thresholds.size)
        by_definition, by_rule = (
            np.concatenate(
                [predicted_over_thresholds(run.accuracy, kept, index) for run, kept in zip(runs, each, strict=True)]
            )
            for each in (kept, kept_by_rule)
        )
        change = np.abs(r_squared(points.test, by_rule.T) - r_squared(points.test, by_definition.T))
        largest = float(np.nanmax(change)) if not np.isnan(change).all() else np.nan
        yield Row(variant, "largest_change_of_r_squared", largest, **points.counts)


def _count_kept(perplexity: Floats, thresholds: Floats) -> NDArray[np.intp]:
    """Return for how many thresholds log(log(perplexity)) ≥ log(log(p)), computed in this way."""
    with np.errstate(divide="ignore", invalid="ignore"):  # if a perplexity is 1, or less by rounding
        level = np.nan_to_num(np.log(np.log(perplexity)), nan=-np.inf, neginf=-np.inf)
    return np.searchsorted(np.log(np.log(thresholds)), level, side="right")


def threshold(runs: Runs, context: Context) -> Iterator[Row]:
    """Judge every p of the grid, and values of p at small steps from the study's p."""
    points = place(runs, context.grid)
    statistics = ("r_squared", "mean_absolute_error")
    for index in np.unique(np.linspace(0, len(context.grid) - 1, BANDS).round().astype(int)):
        at_p = points.predict_with(points.predicted[:, index], context.grid[index])
        yield from judged("curve", at_p, context, "at this p", statistics, x=context.grid[index])
    yield from _near_best(points)
    source = context.source
    for shift in SHIFTS:
        p = float(np.exp(np.exp(np.log(np.log(context.threshold)) + shift)))
        note = f"{source}, then log(log p) shifted by {shift:+g}" if shift else source
        yield from judged("study's p, shifted", place(runs, p), context, note, (*statistics, "threshold"), x=shift)


def _near_best(points: Points) -> Iterator[Row]:
    """Give the best p, and the range of p of which R² is near the best; nothing where R² is undefined."""
    r2 = r_squared(points.test, points.predicted.T)
    if np.isnan(r2).all():
        return
    best, _ = predict_tuned(points)
    near = points.thresholds[r2 >= np.nanmax(r2) - NEAR]
    note = "estimate: the best p; low and high: the least and the largest p of the grid that are as good"
    yield Row(NEAR_BEST, "threshold", *(best, near.min(), near.max()), **points.counts, note=note)


def calibration(runs: Runs, context: Context) -> Iterator[Row]:
    """Judge p on points that it was not calibrated on: other runs, other test questions."""
    points = place(runs, context.grid)
    yield from judged("all runs", points, context)
    for k in (k for k in NUMBERS_OF_RUNS if k <= len(runs) - FEWEST_RUNS):  # R² over fewer runs says little
        draws = collect(_judge_rest(points, chosen) for chosen in _choose_runs(len(runs), k, context))
        note = f"p calibrated on {k} run{'s'[: k > 1]}, judged on all others; median and range over draws"
        yield from drawn("some runs", draws, points, context, note, x=k)

    if len({run.test_accuracy.shape[1] for run in runs}) > 1:
        yield missing("runs were tested on different numbers of examples, so there are no common halves")
    elif (num_examples := runs[0].test_accuracy.shape[1]) < 2:
        yield missing("there are no two test examples to part")
    else:
        random = context.random()
        halves = np.zeros((DRAWS, num_examples))
        for half in halves:
            half[random.permutation(num_examples)[: num_examples // 2]] = 1
        by_example = np.concatenate([run.test_accuracy for run in runs])
        one = halves @ by_example.T / halves.sum(axis=1, keepdims=True)
        other = (1 - halves) @ by_example.T / (1 - halves).sum(axis=1, keepdims=True)
        predicted = points.predicted[:, least_error(one, points.predicted)].T
        note = "p calibrated on a random half of the test questions; median and range over draws"
        yield from drawn("other half of the questions", errors(other, predicted), points, context, note)
        yield from drawn("same half of the questions", errors(one, predicted), points, context, note)


def transfer(runs: Runs, context: Context) -> Iterator[Row]:
    """Judge the p of the study's other pairs, beside the range of p that fits this pair."""
    if not context.other_thresholds:
        yield missing("the study has no other pair")
        return
    points = place(runs, context.grid)
    yield from judged("p of this pair", points, context)
    yield from _near_best(points)
    for name, p in context.other_thresholds.items():
        statistics = ("r_squared", "mean_absolute_error", "threshold")
        yield from judged(f"p of {name}", place(runs, p), context, "p of another pair", statistics)


def _choose_runs(runs: int, k: int, context: Context) -> list[tuple[int, ...]]:
    """Return sets of k runs: all of them, or ``DRAWS`` at random if there are more."""
    if comb(runs, k) <= DRAWS:
        return list(combinations(range(runs), k))
    random = context.random()
    return [tuple(random.choice(runs, k, replace=False)) for _ in range(DRAWS)]


def _judge_rest(points: Points, runs: Sequence[int]) -> dict[str, Floats | float]:
    """Calibrate p on some runs and judge it on the others."""
    chosen = np.isin(points.run, runs)
    rest = points.take(~chosen)
    best = int(least_error(points.test[chosen], points.predicted[chosen]))
    return {**errors(rest.test, rest.predicted[:, best]), "threshold": points.thresholds[best]}


def unseen(runs: Runs, context: Context) -> Iterator[Row]:
    """Calibrate p on training examples that runs did not train on, and judge it on the test set."""
    points = place(runs, context.grid)
    nothing = np.full(max(len(run.accuracy) for run in runs), np.nan)
    target = np.concatenate(
        [run.unseen_accuracy.mean(axis=1) if run.unseen_accuracy.size else nothing[: len(run.accuracy)] for run in runs]
    )
    known = ~np.isnan(target)
    if not known.any():
        yield missing("no run has training examples that it did not train on")
        return
    best = int(least_error(target[known], points.predicted[known]))
    p = points.thresholds[best]
    calibrating = np.isin(points.run, points.run[known])
    yield Row(
        "p from unseen examples",
        "threshold",
        p,
        **points.take(known).counts,
        note="calibrated on the accuracy of training examples that these runs did not train on",
    )
    note = "p from unseen training examples, no test labels; not calibrated anew in the resamples"
    statistics = ("r_squared", "mean_absolute_error")
    at_p = points.predict_with(points.predicted[:, best], p)
    yield from judged("all runs", at_p, context, note, statistics)
    yield from _unseen_of_other_runs(points, target, context)
    if not calibrating.all():
        yield from judged("runs that p was not calibrated on", at_p.take(~calibrating), context, note, statistics)
    yield from judged("all runs, p tuned on test accuracy", points, context)
    if not calibrating.all():
        _, tuned = predict_tuned(points)
        yield from judged(
            "runs that p was not calibrated on, p tuned on test accuracy",
            points.predict_with(tuned).take(~calibrating),
            context,
            "p tuned on all runs, these included; not calibrated anew in the resamples",
            statistics,
        )
    direct = points.predict_with(target).take(known)
    note = "how far unseen training examples are from the test set"
    yield from judged("accuracy of unseen examples as the prediction", direct, context, note, statistics)


def _unseen_of_other_runs(points: Points, target: Floats, context: Context) -> Iterator[Row]:
    """Judge p on all runs, if others of them had had unseen examples.

    Args:
        points: of all runs.
        target: accuracy on unseen examples, shape (points,); NaN where a run has none.
        context: gives the seed.
    """
    known = np.unique(points.run[~np.isnan(target)])

    def judge_p_from(chosen: Sequence[int] | NDArray) -> dict[str, Floats]:
        at = np.concatenate([np.flatnonzero(points.run == run) for run in chosen])
        best = int(least_error(target[at], points.predicted[at]))
        return {**errors(points.test, points.predicted[:, best]), "threshold": points.thresholds[best]}

    if len(known) < 2:
        return
    random = context.random()
    for variant, sets, note in (
        (RESAMPLED, [random.choice(known, len(known)) for _ in range(DRAWS)], f"range over {DRAWS} resamples of them"),
        (ONE_RUN, [[run] for run in known], f"range over {len(known)} such runs"),
    ):
        draws = collect(judge_p_from(chosen) for chosen in sets)
        yield from drawn(variant, draws, points, context, f"runs with unseen examples; median and {note}")


def labels(runs: Runs, context: Context) -> Iterator[Row]:
    """Compare with the direct use of k labelled examples: which k gives the same mean absolute error?

    The labelled examples are drawn from the test set with replacement and are the same for all checkpoints. The error
    is about the accuracy on the whole test set.
    """
    if len({run.test_accuracy.shape[1] for run in runs}) > 1:
        yield missing("runs were tested on different numbers of examples, so no common ones can be drawn")
        return
    points, random = place(runs, context.grid), context.random()
    by_example = np.concatenate([run.test_accuracy for run in runs])
    num_examples = by_example.shape[1]
    numbers = np.unique(np.geomspace(1, num_examples, 20).round().astype(int))
    starts = np.concatenate([[0], numbers[:-1]])
    measured = np.empty((LABEL_DRAWS, len(numbers), len(points.test)))
    for draw in measured:  # for every k, the first k of a sequence are the labels
        sequence = by_example.T[random.integers(num_examples, size=num_examples)]
        draw[:] = np.add.reduceat(sequence, starts, axis=0).cumsum(axis=0) / numbers[:, None]
    predicted = points.predicted.T[least_error(measured, points.predicted)]
    note = f"mean and range over {LABEL_DRAWS} draws of k test examples"
    means = []
    for variant, values in (("labels used directly", measured), ("p from the labels", predicted)):
        error = np.abs(values - points.test)
        means.append(error.mean(axis=0))
        for k, each in zip(numbers, error.mean(axis=2).T, strict=True):
            _, low, high = context.range_of(each)
            yield Row(
                variant, "mean_absolute_error", float(each.mean()), low, high, float(k), **points.counts, note=note
            )
    direct, calibrated = means

    noise = "premem's error holds the test set's own sampling noise, that of the direct use does not"
    statistics = ("mean_absolute_error", "mean_absolute_error_leave_one_run_out")
    for row in judged("premem", points, context, statistics=statistics):
        yield row._replace(note=f"{row.note}; {noise}")
    resamples = np.array([_labels_of_equal_error(points, numbers, direct, calibrated)])
    if len(runs) >= FEWEST_RUNS:
        draws = random.integers(len(runs), size=(LABEL_RESAMPLES, len(runs)))
        of_run = [np.flatnonzero(points.run == run) for run in range(len(runs))]
        resamples = np.concatenate(
            [
                resamples,
                [
                    _labels_of_equal_error(points.take(index), numbers, direct[:, index], calibrated[:, index])
                    for index in (np.concatenate([of_run[run] for run in draw]) for draw in draws)
                ],
            ]
        )
    for column, (variant, how) in enumerate(
        {
            "premem": "p tuned on all test labels",
            "premem, p calibrated without the run": "p calibrated on the other runs' test labels",
            "premem, p from the same labels": "below so many labels, it is better to calibrate p with them",
        }.items()
    ):
        estimate, low, high = resamples[0, column], np.nan, np.nan
        if len(resamples) > 1:
            _, low, high = context.range_of(resamples[1:, column])
        end = f"; the {num_examples} test examples are not enough" if estimate == num_examples else ""
        yield Row(variant, "labels_of_equal_error", estimate, low, high, **points.counts, note=f"{how}{end}; {noise}")


def _labels_of_equal_error(points: Points, numbers: Floats, direct: Floats, calibrated: Floats) -> tuple[float, ...]:
    """Return how many labels, used directly, have the same error as premem accuracy.

    Args:
        points: the checkpoints; a resample may hold some of them several times.
        numbers: the numbers of labels tried, shape (numbers,).
        direct: mean absolute error of the labels used directly, shape (numbers, points).
        calibrated: the same for premem accuracy with p calibrated on the labels.

    Returns:
        The numbers for p tuned on all test labels, for p from the other runs, and for p from the same labels.
    """
    _, tuned = predict_tuned(points)
    held_out = predict_held_out(points)
    of_direct = direct.mean(axis=1)
    targets = (
        mean_absolute_error(points.test, tuned),
        mean_absolute_error(points.test, held_out),
        calibrated.mean(axis=1),
    )
    return tuple(_cross(numbers, of_direct, np.broadcast_to(target, of_direct.shape)) for target in targets)


def _cross(numbers: Floats, falling: Floats, target: Floats) -> float:
    """Return where ``falling`` first reaches ``target``, interpolated in logarithms; at most the last number tried."""
    if np.isnan(target).any():
        return np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.nan_to_num(np.log(falling) - np.log(target), nan=0.0)
    below = np.flatnonzero(gap <= 0)
    if not below.size:
        return float(numbers[-1])
    if (at := below[0]) == 0:
        return float(numbers[0])
    share = gap[at - 1] / (gap[at - 1] - gap[at])
    return float(np.exp(np.log(numbers[at - 1]) + share * np.log(numbers[at] / numbers[at - 1])))
