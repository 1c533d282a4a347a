"""What all questions share: their context, the points that are judged, and the rows of an answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from premem.analysis.regression.bootstrap import judge
from premem.analysis.regression.calibration import best_index
from premem.analysis.regression.measures import mean_absolute_error, r_squared
from premem.config.statistics import Statistics
from premem.scoring.memorization import predicted_over_thresholds
from premem.scoring.scores import RunScores

Floats = NDArray[np.float64]
Uses = Callable[[RunScores], NDArray[np.bool_]]
"""Which earlier checkpoints each checkpoint of a run may use; see ``predicted_over_thresholds``."""

DRAWS = 200
"""Number of random draws for a median and a range."""
TUNED = "p tuned on these points"
END_OF_GRID = "at the end of the grid"


@dataclass(frozen=True)
class Context:
    """What a question needs to know apart from the runs."""

    threshold: float
    """The study's p."""
    fixed: bool
    """True if p was chosen without a look at the test accuracies."""
    grid: Floats
    """Values of p to calibrate with, ascending."""
    statistics: Statistics
    source: str = TUNED
    """Where p comes from, in a few words."""
    other_thresholds: Mapping[str, float] = field(default_factory=dict)
    """Name of another (model, dataset) pair → its p."""
    figure_epochs: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Size → epochs of the checkpoints in the figure of the publication; for other sizes it shows all checkpoints."""

    def random(self) -> np.random.Generator:
        """Return a new generator of random numbers, which is the same at every call."""
        return np.random.default_rng(self.statistics.seed)

    def range_of(self, values: ArrayLike) -> tuple[float, float, float]:
        """Return median, low and high of the defined draws; a share of ``confidence`` lies between low and high."""
        defined = np.asarray(values, dtype=float)
        defined = defined[~np.isnan(defined)]
        if not defined.size:
            return np.nan, np.nan, np.nan
        tail = (1 - self.statistics.confidence) / 2
        median, low, high = np.quantile(defined, [0.5, tail, 1 - tail])
        return float(median), float(low), float(high)


class Row(NamedTuple):
    """A row of the answer to a question."""

    variant: str
    statistic: str
    estimate: float = np.nan
    low: float = np.nan
    high: float = np.nan
    x: float = np.nan
    n_points: int = 0
    n_runs: int = 0
    note: str = ""


COLUMNS = ["question", "variant", "x", "statistic", "estimate", "low", "high", "n_points", "n_runs", "note"]


def as_table(question: str, rows: Iterable[Row]) -> pd.DataFrame:
    """Return the rows of a question as a table with the columns ``COLUMNS``."""
    return pd.DataFrame(list(rows), columns=list(Row._fields)).assign(question=question)[COLUMNS]


def missing(what: str) -> Row:
    """Return the row for a question that the data cannot answer."""
    return Row("", "", note=what)


# --- points -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Points:
    """Checkpoints to judge; arrays of shape (points,), ``predicted`` of shape (points, thresholds)."""

    run: NDArray[np.int64]
    """Position of the run in the list of runs."""
    epoch: NDArray[np.int64]
    last: NDArray[np.bool_]
    """True for the last checkpoint of a run."""
    test: Floats
    train: Floats
    predicted: Floats
    thresholds: Floats

    def take(self, which: NDArray) -> "Points":
        """Return some of the points, by mask or index."""
        arrays = {name: getattr(self, name)[which] for name in ("run", "epoch", "last", "test", "train", "predicted")}
        return replace(self, **arrays)

    def of_runs(self, runs: Iterable[int]) -> "Points":
        """Return the points of these runs."""
        return self.take(np.isin(self.run, list(runs)))

    def predict_with(self, predicted: ArrayLike, threshold: float = np.nan) -> "Points":
        """Return the points with a single prediction each; ``predicted`` has shape (points,)."""
        return replace(self, predicted=np.asarray(predicted)[:, None], thresholds=np.array([threshold]))

    @property
    def counts(self) -> dict[str, Any]:
        """Return the numbers of points and runs, by their names in ``Row``."""
        return {"n_points": len(self.run), "n_runs": len(np.unique(self.run))}


def place(runs: Sequence[RunScores], thresholds: ArrayLike, use: Uses | None = None, capped: bool = True) -> Points:
    """Return every checkpoint of the runs, with its predictions at the thresholds (ascending).

    ``use`` and ``capped`` are those of ``predicted_over_thresholds``.
    """
    thresholds = np.atleast_1d(np.asarray(thresholds, dtype=float))
    lengths = [len(run.checkpoint_epochs) for run in runs]
    predicted = [
        predicted_over_thresholds(run.accuracy, run.perplexity, thresholds, use(run) if use else None, capped)
        for run in runs
    ]
    return Points(
        run=np.repeat(np.arange(len(runs)), lengths),
        epoch=np.concatenate([run.checkpoint_epochs for run in runs]),
        last=np.concatenate([np.arange(length) == length - 1 for length in lengths]),
        test=np.concatenate([run.test_accuracy.mean(axis=1) for run in runs]),
        train=np.concatenate([run.accuracy.mean(axis=1) for run in runs]),
        predicted=np.concatenate(predicted),
        thresholds=thresholds,
    )


def of_largest_size(runs: Sequence[RunScores], points: Points) -> NDArray[np.bool_]:
    """Return which points are of runs of the size with the most training examples, shape (points,)."""
    largest = max(runs, key=lambda run: run.accuracy.shape[1]).size
    return np.array([run.size == largest for run in runs])[points.run]


def least_error(test: Floats, predicted: Floats) -> NDArray[np.intp]:
    """Return the index of the p with the least squared error, which is the best R².

    Unlike R², it is also defined for points with the same test accuracy.

    Args:
        test: shape (..., points); there may be several sets of test accuracies for the same points.
        predicted: shape (points, thresholds).
    """
    error = (predicted**2).sum(axis=0) - 2 * test @ predicted + (test**2).sum(axis=-1)[..., None]
    return best_index(-error)[0]


def predict_tuned(points: Points) -> tuple[float, Floats]:
    """Return the p with the least error on the points, and its predictions."""
    best = int(least_error(points.test, points.predicted))
    return float(points.thresholds[best]), points.predicted[:, best]


def predict_held_out(points: Points) -> Floats:
    """Predict each run with the p that has the least error on the other runs; NaN if there are none."""
    predicted = np.full(len(points.run), np.nan)
    for run in np.unique(points.run):
        held = points.run == run
        if not held.all():
            predicted[held] = points.predicted[held, int(least_error(points.test[~held], points.predicted[~held]))]
    return predicted


# --- rows ---------------------------------------------------------------------------------------------------------

STATISTICS = (
    "r_squared",
    "r_squared_leave_one_run_out",
    "mean_absolute_error",
    "mean_absolute_error_leave_one_run_out",
    "threshold",
)


def judged(
    variant: str,
    points: Points,
    context: Context,
    note: str = TUNED,
    statistics: Sequence[str] = STATISTICS,
    x: float = np.nan,
) -> Iterator[Row]:
    """Judge predictions about y = x, with intervals from resampled runs.

    Args:
        variant: name of the rows.
        points: if there are several thresholds, the best is taken, anew in every resample.
        context: gives the number of resamples.
        note: how p was chosen; rows with p calibrated without the run have their own note.
        statistics: which statistics to give, if they are defined.
        x: what the rows are plotted against.
    """
    table = judge(points.run, points.test, points.predicted, points.thresholds, context.statistics)
    for row in table[table["statistic"].isin(statistics)].itertuples():
        if row.statistic == "threshold" and np.isnan(points.thresholds).all():
            continue
        held_out = row.statistic.endswith("leave_one_run_out")
        notes = [row.note] if held_out else [note, row.note]
        if row.statistic == "threshold" and len(grid := points.thresholds) > 1 and row.estimate in (grid[0], grid[-1]):
            notes.append(END_OF_GRID)
        yield Row(
            variant,
            row.statistic,
            *(row.estimate, row.low, row.high),
            x=x,
            **points.counts,
            note="; ".join(part for part in notes if part),
        )


def drawn(
    variant: str, values: Mapping[str, ArrayLike], points: Points, context: Context, note: str, x: float = np.nan
) -> Iterator[Row]:
    """Give median and range of each statistic over random draws.

    Args:
        variant: name of the rows.
        values: statistic → shape (draws,); undefined draws are NaN, and the note says how many.
        points: the points that all draws were made from.
        context: gives the share of draws within the range.
        note: what was drawn.
        x: what the rows are plotted against.
    """
    for statistic, each in values.items():
        undefined = int(np.isnan(np.asarray(each, dtype=float)).sum())
        remark = f"{note}; undefined in {undefined}" if undefined else note
        median, low, high = context.range_of(each)
        if np.size(each) == 1:
            low = high = np.nan
        yield Row(variant, statistic, median, low, high, x=x, **points.counts, note=remark)


def errors(test: Floats, predicted: Floats) -> dict[str, Floats]:
    """Return R² and mean absolute error over the last axis."""
    return {"r_squared": r_squared(test, predicted), "mean_absolute_error": mean_absolute_error(test, predicted)}


def collect(draws: Iterable[Mapping[str, ArrayLike]]) -> dict[str, Floats]:
    """Turn a list of draws into statistic → shape (draws,)."""
    draws = list(draws)
    return {name: np.array([draw[name] for draw in draws], dtype=float) for name in draws[0]}
