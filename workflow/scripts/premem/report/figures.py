"""The figures of a (model, dataset) pair: prediction of test accuracy, training curves, choice of p, learning progress.

Every function returns a ``Figure``, drawn in the style of ``premem.report.style``.
"""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from premem.config.analyses import Figures
from premem.report.numbers import count, write_number
from premem.report.style import GUIDE, OTHER, PREDICTED, TEST, TRAIN, RunStyle, look, name_run, show_p, spaced
from premem.scoring.memorization import masked_accuracy

MOST_CURVES = 24
"""Runs that the training curves show."""
MOST_IMAGES = 16
"""Runs that the learning progress shows."""
COLUMNS = 4
"""Panels side by side."""
SOLVED = 0.5
"""An example counts as solved from this share of correct answers on."""


@look
def plot_prediction(
    points: pd.DataFrame, table: pd.DataFrame, figures: Figures, style: RunStyle | None = None
) -> Figure:
    """Plot test accuracy against pre-memorization train accuracy (left) and plain train accuracy (right).

    Where no test set has labels, accuracy on held-out training examples takes its place; where nothing is held out,
    pre-memorization train accuracy does.

    Args:
        points: one row per checkpoint: run, lr, epochs, size, seed, epoch, train_accuracy, predicted_test_accuracy,
            test_accuracy, and holdout_accuracy if there are held-out examples.
        table: from ``premem.analysis.regression.regression_table``.
        figures: gives the width.
        style: how runs look; by default it is made from ``points``.
    """
    style = style or RunStyle(points)
    figure = Figure(figsize=(figures.width, 0.5 * figures.width), layout="constrained")
    panels = {
        "premem_accuracy": ("predicted_test_accuracy", "pre-memorization train accuracy"),
        "train_accuracy": ("train_accuracy", "train accuracy"),
    }
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True)
    measured, title = _measured(points)
    top = np.nanmax(points[[measured, "train_accuracy", "predicted_test_accuracy"]].to_numpy()) + 0.04
    for ax, (predictor, (column, label)) in zip(axes, panels.items(), strict=True):
        (diagonal,) = ax.plot([0, top], [0, top], color=GUIDE, linewidth=1, zorder=0, label="y = x")
        for first, run in _each_run(points):
            ax.plot(run[column], run[measured], **style.of(first), linewidth=0.5)
        ax.set(xlabel=label, xlim=(-0.03, top), ylim=(-0.03, top), aspect="equal")
        ax.set_title(_describe(table, predictor), loc="left", fontsize=7)
    axes[0].set_ylabel(title)
    style.legend(figure, extra=[diagonal])
    return figure


@look
def plot_training_curves(points: pd.DataFrame, figures: Figures) -> Figure:
    """Plot train, test and predicted accuracy along the epochs, in a panel for each of the first 24 runs.

    Args:
        points: as for ``plot_prediction``.
        figures: gives the width.
    """
    runs = _each_run(points)
    figure = Figure(layout="constrained")
    axes = _subplots(figure, min(len(runs), MOST_CURVES), figures.width, height=1.3)
    quantities: dict[str, dict[str, Any]] = {
        "train_accuracy": {"label": "train", "color": TRAIN, "linestyle": "--", "marker": "s"},
        "predicted_test_accuracy": {
            "label": "pre-memorization train (predicts test)",
            "color": PREDICTED,
            "linestyle": "-",
            "marker": "^",
        },
        "test_accuracy": {"label": "test", "color": TEST, "linestyle": "-", "marker": "o"},
    }
    several_seeds = points["seed"].nunique() > 1
    if points["test_accuracy"].isna().all():
        quantities.pop("test_accuracy")
    if "holdout_accuracy" in points and points["holdout_accuracy"].notna().any():
        quantities["holdout_accuracy"] = {"label": "held out", "color": OTHER, "linestyle": ":", "marker": "d"}
    top = 1.06 * np.nanmax(points[list(quantities)].to_numpy())
    for ax, (first, run) in zip(axes, runs, strict=False):
        lines = [
            line
            for column, shown in quantities.items()
            for line in ax.plot(run["epoch"], run[column], linewidth=1, markersize=3, clip_on=False, **shown)
        ]
        ax.set_title(fill(name_run(first, several_seeds), 33), fontsize=7)
        ax.set(xlim=(0, 1.05 * run["epoch"].max()), ylim=(0, top or 1))
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    for number, ax in enumerate(axes):
        ax.tick_params(labelleft=number % COLUMNS == 0)
    figure.legend(handles=lines, loc="outside upper center", ncols=len(lines))
    figure.supylabel("accuracy", fontsize=8)
    figure.supxlabel("checkpoint (epoch)" + _hidden(len(runs), MOST_CURVES), fontsize=8)
    return figure


@look
def plot_threshold(calibration: pd.DataFrame, table: pd.DataFrame, figures: Figures) -> Figure:
    """Plot R² (y = x) against the threshold p, spaced in log(log p), with the p used and its interval.

    The axis ends at the lowest R², or 1.5 below the best one.

    Args:
        calibration: from ``premem.analysis.regression.calibrate``.
        table: from ``premem.analysis.regression.regression_table``.
        figures: gives the width.
    """
    figure = Figure(figsize=(figures.width, 0.42 * figures.width), layout="constrained")
    ax = figure.subplots()
    x = spaced(calibration["threshold"])
    judged = {"r_squared": ("test accuracy", PREDICTED, "-"), "r_squared_unseen": ("held-out accuracy", OTHER, ":")}
    curves = {column: calibration[column].to_numpy(dtype=float) for column in judged if column in calibration}
    curves = {column: r2 for column, r2 in curves.items() if not np.isnan(r2).all()}
    if not curves:  # an empty box would say nothing
        ax.axis("off")
        why = "R² is undefined at every p: there are no accuracies to compare with, or they never vary."
        ax.text(0.5, 0.5, fill(why, 60), ha="center", va="center", transform=ax.transAxes)
        return figure
    for column, r2 in curves.items():
        about, colour, line = judged[column]
        ax.plot(x, r2, color=colour, linestyle=line, label=f"pre-memorization train accuracy, about {about}")
    best = max(np.nanmax(r2) for r2 in curves.values())
    top = max(best + 0.08, 0.1)
    bottom = max(min(np.nanmin(r2) for r2 in curves.values()), best - 1.5) - 0.05

    used = _row(table, "premem_accuracy", "threshold")
    if not np.isnan(used.estimate):
        at = float(spaced(used.estimate))
        ax.axvline(at, color=TEST, linewidth=0.8)
        label = f"p used: {write_number(used, 3)}, {used.note.split(';')[0]}"
        if "r_squared" in set(table["statistic"]):
            reached = _row(table, "premem_accuracy", "r_squared")
            label = f"p used: {write_number(used, 3)}, R² {write_number(reached)}"
            ax.plot(at, reached.estimate, "o", color=TEST, markersize=4)
        ax.plot([], [], "o-", color=TEST, markersize=4, linewidth=0.8, label=label)
    if not np.isnan(used.low):
        ax.axvspan(float(spaced(used.low)), float(spaced(used.high)), color=TEST, alpha=0.12, linewidth=0)
    if "r_squared" in set(table["statistic"]):
        train = _row(table, "train_accuracy", "r_squared")
        if not np.isnan(train.estimate):
            below = " (below this axis)" if train.estimate < bottom else ""
            ax.axhline(
                train.estimate, color=TRAIN, linestyle="--", label=f"train accuracy: R² {write_number(train)}{below}"
            )
            top = max(top, min(train.estimate, 1) + 0.05)
    ax.set(xlabel="threshold p (perplexity at or below which an example counts as memorized)", ylabel="R² (y = x)")
    show_p(ax, calibration["threshold"])
    ax.set_ylim(bottom, top)
    figure.legend(loc="outside upper left")
    return figure


@look
def plot_learning_progress(memorization: Mapping[str, pd.DataFrame], p: float, figures: Figures) -> Figure:
    """Show accuracy and memorization of every training example, in an image for each of the first 16 runs.

    Each row is an example. On top are those that are solved soonest while not yet memorized (at least half of the
    answers right, perplexity above p). Below the line are those that never are.

    Args:
        memorization: title of a run → example_id, epoch, accuracy, perplexity.
        p: the threshold.
        figures: gives the width.
    """
    shown = dict(list(memorization.items())[:MOST_IMAGES])
    figure = Figure(layout="constrained")
    images, key = figure.subfigures(1, 2, squeeze=False, width_ratios=(6, 1))[0]
    axes = _subplots(images, len(shown), figures.width, height=1.75)
    for ax, (title, run) in zip(axes, shown.items(), strict=True):
        wide = run.pivot(index="epoch", columns="example_id", values=["accuracy", "perplexity"])
        accuracy, perplexity = wide["accuracy"].to_numpy(), wide["perplexity"].to_numpy()
        order, learned = _sort_examples(accuracy, perplexity, p)
        image = _average_rows(_colour(accuracy, perplexity <= p)[:, order].swapaxes(0, 1))
        ax.imshow(image, aspect="auto", interpolation="nearest", extent=(-0.5, len(wide) - 0.5, order.size, 0))
        if 0 < learned < order.size:
            ax.axhline(learned, color=TEST, linewidth=0.8)
        step = -(-len(wide) // 6)
        ax.set_xticks(range(0, len(wide), step), wide.index[::step])
        ax.set_yticks([0, order.size])
        ax.set_title(fill(title, 28), fontsize=7)
        ax.spines[:].set(visible=True, color=GUIDE)
    images.supylabel("training examples, soonest learned on top", fontsize=8)
    images.supxlabel("checkpoint (epoch)" + _hidden(len(memorization), MOST_IMAGES), fontsize=8)
    _draw_key(key, p)
    return figure


# --- parts ----------------------------------------------------------------------------------------------------------


def _subplots(figure: Figure | SubFigure, number: int, width: float, height: float) -> list[Axes]:
    """Return ``number`` axes in rows of up to 4, and set the size of the whole figure.

    Args:
        figure: a figure or a part of one.
        number: of axes.
        width: of the whole figure, in inches.
        height: of a row of 4 axes, in inches; a row of fewer axes is higher.
    """
    columns = min(number, COLUMNS)
    rows = -(-number // columns)
    height *= 1 + 0.25 * (COLUMNS - columns)
    figure.figure.set_size_inches(width, rows * height + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[number:]:
        ax.remove()
    return list(axes[:number])


def _each_run(points: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
    """Return each run's first row and its checkpoints in order; runs are in order of appearance."""
    runs = (run.sort_values("epoch") for _, run in points.groupby("run", sort=False))
    return [(next(run.itertuples()), run) for run in runs]


def _hidden(number: int, most: int) -> str:
    return f"\n(not shown: {count(number - most, 'more run')})" if number > most else ""


def _measured(points: pd.DataFrame) -> tuple[str, str]:
    """Return the column that predictions are compared with, and its title."""
    if points["test_accuracy"].notna().any():
        return "test_accuracy", "test accuracy"
    if "holdout_accuracy" in points and points["holdout_accuracy"].notna().any():
        return "holdout_accuracy", "accuracy on held-out training examples"
    return "predicted_test_accuracy", "pre-memorization train accuracy"


def _row(table: pd.DataFrame, predictor: str, statistic: str) -> pd.Series:
    return table[(table["predictor"] == predictor) & (table["statistic"] == statistic)].iloc[0]


def _describe(table: pd.DataFrame, predictor: str) -> str:
    """Return the lines above a panel: R², R² with each run held out, mean absolute error; p alone without labels."""
    if "r_squared" not in set(table["statistic"]):
        p = _row(table, "premem_accuracy", "threshold")
        return f"p = {p.estimate:.3f}, {p.note}" if predictor == "premem_accuracy" else "no test set has labels"
    r2, error = _row(table, predictor, "r_squared"), _row(table, predictor, "mean_absolute_error")
    lines = [f"R² (y = x) {write_number(r2)}"]
    last = f"mean absolute error {write_number(error, 3)}"
    if predictor == "premem_accuracy":
        p = _row(table, predictor, "threshold")
        lines = [f"{lines[0]}, {r2.note.split(';')[0]}"]
        if "r_squared_leave_one_run_out" in set(table["statistic"]):  # absent if p is fixed
            held_out = _row(table, predictor, "r_squared_leave_one_run_out")
            lines.append(f"R² {write_number(held_out)}, {held_out.note.split(';')[0]}")
        last += f", p = {p.estimate:.3f}" if np.isfinite(p.estimate) else ""
    return "\n".join([*lines, last])


def _sort_examples(accuracy: NDArray, perplexity: NDArray, p: float) -> tuple[NDArray[np.intp], int]:
    """Return an order of the examples, and how many were solved at some checkpoint while not yet memorized.

    Examples are sorted by the first such checkpoint, then by when they were memorized (the latest first), then by
    accuracy.

    Args:
        accuracy: shape (checkpoints, examples).
        perplexity: the same shape.
        p: the threshold.
    """
    solved = masked_accuracy(accuracy, perplexity, p) >= SOLVED
    learned_at, memorized_at = (
        np.where(what.any(axis=0), what.argmax(axis=0), len(what)) for what in (solved, perplexity <= p)
    )
    return np.lexsort((-accuracy.mean(axis=0), -memorized_at, learned_at)), int(solved.any(axis=0).sum())


def _average_rows(image: NDArray, most: int = 256) -> NDArray[np.float64]:
    """Average neighbouring rows, so that at most ``most`` rows are left."""
    starts = np.linspace(0, len(image), min(len(image), most), endpoint=False).astype(int)
    counts = np.diff([*starts, len(image)])
    return np.add.reduceat(image, starts, axis=0) / counts[:, None, None]


def _colour(accuracy: NDArray, memorized: NDArray) -> NDArray[np.float64]:
    """Return RGB colours, darker with higher accuracy; blue while not memorized, orange once memorized."""
    blue = matplotlib.colormaps["Blues"](0.9 * accuracy)[..., :3]
    orange = matplotlib.colormaps["Oranges"](0.15 + 0.75 * accuracy)[..., :3]
    return np.where(memorized[..., None], orange, blue)


def _draw_key(part: SubFigure, p: float) -> None:
    """Explain the colours of the learning progress, with a column for each hue and accuracy upwards."""
    ax = part.subplots()
    accuracy, memorized = np.meshgrid(np.linspace(0, 1, 101), [False, True], indexing="ij")
    ax.imshow(_colour(accuracy, memorized), origin="lower", interpolation="nearest", extent=(0, 2, 0, 1))
    ax.set_xticks([0.5, 1.5], ["no", "yes"])
    ax.set(aspect="auto", box_aspect=2)
    ax.set_ylabel("accuracy", fontsize=7)
    ax.set_xlabel("above line:\nsolved\nbefore\nmemorized", fontsize=7, labelpad=8)
    ax.set_title(f"memorized\n(perplexity\n≤ {p:.3f})", fontsize=7)
