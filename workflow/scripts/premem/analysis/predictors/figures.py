"""Figures of the comparison of predictors.

A filled mark was fitted to the same points that it is judged on; an open mark was not.
"""

from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from premem.analysis.predictors.compare import LINEAR, PREMEM, STUDY_P
from premem.analysis.predictors.page import order, title_of
from premem.config.analyses import Figures
from premem.report.numbers import write_minus
from premem.report.style import GUIDE, PREDICTED, TEST, TRAIN, look

LOWEST_R2 = -0.5
"""R² axes end here; lower values are written at the edge."""
SERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "squared_correlation": ("linear map, in sample", {"marker": "o"}),
    LINEAR: ("linear map, from the other runs", {"marker": "o", "markerfacecolor": "white"}),
    "r_squared": ("as it is (y = x)", {"marker": "s", "markersize": 3.4}),
}


@look
def plot_comparison(comparison: pd.DataFrame, figures: Figures) -> Figure:
    """Plot R² of every predictor, in a panel per test set.

    Args:
        comparison: see ``premem.analysis.predictors.compare``.
        figures: gives the width.
    """
    if comparison.empty:
        return _nothing_to_compare(figures)
    shown = comparison[comparison["statistic"].isin(SERIES) & comparison["estimate"].notna()]
    names = [name for name in order(comparison) if name in set(shown["predictor"])]
    test_sets = list(comparison["test_set"].unique())
    figure = Figure(figsize=(figures.width, 0.9 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots(1, len(test_sets), sharey=True, squeeze=False)[0]
    for ax, test_set in zip(axes, test_sets, strict=True):
        here = shown[shown["test_set"] == test_set]
        start = max(min([0.0, *here["low"].dropna(), *here["estimate"]]) - 0.03, LOWEST_R2)
        for row in here.itertuples():
            offset = 0.24 * (list(SERIES).index(row.statistic) - 1)
            _draw_dot(ax, row, names.index(row.predictor) + offset, start)
        ax.axvline(0, color=GUIDE, linewidth=0.8)
        ax.set_title(f"test set: {test_set}", loc="left")
        ax.set_xlim(start, 1)
        ax.set_yticks(range(len(names)), [fill(title_of(name), 34) for name in names])
        ax.grid(axis="x", color=GUIDE, linewidth=0.3)
        ax.set_axisbelow(True)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    cut = any(ax.get_xlim()[0] == LOWEST_R2 for ax in axes)
    figure.supxlabel("R²" + (f"; the axis ends at {write_minus(f'{LOWEST_R2:g}')}" if cut else ""), fontsize=8)
    handles = [
        axes[0].plot([], [], linestyle="none", color=TEST, label=label, **{"markersize": 4.2, **style})[0]
        for label, style in SERIES.values()
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
    return figure


def _nothing_to_compare(figures: Figures) -> Figure:
    figure = Figure(figsize=(figures.width, 1), layout="constrained")
    figure.text(0.5, 0.5, "No test set has labels, so predictors cannot be compared.", ha="center", va="center")
    return figure


def _draw_dot(ax: Axes, row: Any, y: float, start: float) -> None:
    """Draw an estimate with its interval; an estimate below the axis is an arrow with its value."""
    colour = {PREMEM: PREDICTED, STUDY_P: PREDICTED}.get(row.predictor, TRAIN)
    ax.plot([max(row.low, start), max(row.high, start)], [y, y], color=colour, linewidth=0.9)
    if row.estimate < start:
        ax.plot(start, y, marker="<", color=colour, markersize=3.4, clip_on=False)
        text = _short(row.estimate)
        clear = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
        ax.annotate(text, (start, y), (5, 0), textcoords="offset points", va="center", fontsize=5.5, bbox=clear)
    else:
        style = {"markersize": 4.0, **SERIES[row.statistic][1]}
        ax.plot(row.estimate, y, linestyle="none", color=colour, clip_on=False, **style)


def _short(value: float) -> str:
    return write_minus(f"{value:.{2 if value > -10 else 0}f}")


@look
def plot_test_sets(values: pd.DataFrame, comparison: pd.DataFrame, figures: Figures) -> Figure:
    """Plot accuracy on every test set against premem accuracy at the study's p, and against train accuracy.

    Args:
        values: see ``premem.analysis.predictors.compare``.
        comparison: as well.
        figures: gives the width.
    """
    if comparison.empty:
        return _nothing_to_compare(figures)
    test_sets = list(comparison["test_set"].unique())
    values = values[values["test_set"].isin(test_sets)]
    kinds = {"premem accuracy": PREDICTED} | (
        {"train accuracy": TRAIN} if (values["predictor"] == "train_accuracy").any() else {}
    )
    side = figures.width / max(3, len(test_sets))
    size = (side * len(test_sets) + 0.1, (0.98 * side) * len(kinds) + 0.1)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(kinds), len(test_sets), sharex=True, sharey="col", squeeze=False)
    for column, test_set in enumerate(test_sets):
        of_set = set(values.loc[values["test_set"] == test_set, "predictor"])
        predictors = [STUDY_P if STUDY_P in of_set else PREMEM, "train_accuracy"]
        for ax, predictor, (kind, colour) in zip(axes[:, column], predictors, kinds.items(), strict=False):
            points = values[(values["test_set"] == test_set) & (values["predictor"] == predictor)]
            found = comparison[(comparison["test_set"] == test_set) & (comparison["predictor"] == predictor)]
            r2 = found.set_index("statistic")["estimate"]
            ax.plot([0, 1], [0, 1], color=GUIDE, linewidth=0.8)
            ax.plot(points["value"], points["test_accuracy"], "o", color=colour, markersize=3, alpha=0.8, mew=0)
            numbers = f"R² {_short(r2['r_squared'])}, linear map {_short(r2[LINEAR])}"
            ax.set_title(numbers, loc="left", fontsize=7)
            ax.set_xlim(-0.02, 1.02)
            if column == 0:
                ax.set_ylabel("test accuracy")
            ax.set_xlabel(kind)
        axes[0, column].set_title(f"{test_set}: {axes[0, column].get_title(loc='left')}", loc="left", fontsize=7)
        axes[0, column].set_ylim(0, max(1.05 * points["test_accuracy"].max(), 0.1))
    return figure
