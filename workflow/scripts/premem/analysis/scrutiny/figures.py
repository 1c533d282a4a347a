"""Figures of the questions, from the table that ``premem.analysis.scrutiny`` returns.

A filled mark was tuned on the same points that it is judged on; an open mark was not.
"""

from collections.abc import Callable
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator

from premem.config.analyses import Figures
from premem.report.numbers import write_minus, write_number
from premem.report.style import GUIDE, OTHER, PREDICTED, TEST, TRAIN, look, show_p, spaced

LOWEST_R2 = -0.5
"""R² axes end here; lower values are written at the edge."""
R2, ERROR = "R² (y = x)", "mean absolute error"

TUNED, HELD_OUT, NO_P = "p tuned on these points", "p calibrated without them", "no p"
SERIES: dict[str, dict[str, Any]] = {
    TUNED: {"color": PREDICTED, "marker": "o"},
    HELD_OUT: {"color": PREDICTED, "marker": "o", "markerfacecolor": "white"},
    "study's p": {"color": PREDICTED, "marker": "D", "markerfacecolor": "white"},
    NO_P: {"color": TRAIN, "marker": "s"},
}
PLACES = {
    "r_squared": (R2, TUNED),
    "r_squared_leave_one_run_out": (R2, HELD_OUT),
    "r_squared_of_train_accuracy": (R2, NO_P),
    "mean_absolute_error": (ERROR, TUNED),
    "mean_absolute_error_leave_one_run_out": (ERROR, HELD_OUT),
}
"""Statistic → panel and series in which it is plotted."""


@look
def plot(question: str, table: pd.DataFrame, figures: Figures) -> Figure:
    """Plot the answer to a question, or say what is missing if there is none.

    Args:
        question: one of ``FIGURES``.
        table: from ``premem.analysis.scrutiny``; it may hold other questions too.
        figures: gives the width.
    """
    rows = table[table["question"] == question]
    figure = Figure(figsize=(figures.width, 0.42 * figures.width), layout="constrained")
    if rows["estimate"].notna().any():
        FIGURES[question](rows, figure)
    else:
        notes = "; ".join(rows["note"].dropna().unique())
        figure.set_size_inches(figures.width, 1)
        figure.text(0.5, 0.5, fill(f"No answer: {notes or 'no data'}", 90), ha="center", va="center")
    return figure


# --- dots with intervals --------------------------------------------------------------------------------------------


def _plot_points(rows: pd.DataFrame, figure: Figure) -> None:
    _plot_dots(_place(rows), figure)


def _plot_formula(rows: pd.DataFrame, figure: Figure) -> None:
    _plot_dots(_place(rows), figure)


def _plot_calibration(rows: pd.DataFrame, figure: Figure) -> None:
    marks = _place(rows)
    of_runs, of_all = marks["variant"] == "some runs", marks["variant"] == "all runs"
    marks.loc[~of_all & (marks["variant"] != "same half of the questions"), "series"] = HELD_OUT
    numbers = marks.loc[of_runs, "x"].astype(int)
    marks.loc[of_runs, "line"] = ["p from 1 run" if k == 1 else f"p from {k} runs" for k in numbers]
    marks.loc[of_all & (marks["series"] == HELD_OUT), "line"] = "p from all runs except the one judged"
    _plot_dots(marks, figure)


def _plot_unseen(rows: pd.DataFrame, figure: Figure) -> None:
    marks = _place(rows[rows["variant"] != "accuracy of unseen examples as the prediction"])
    from_unseen = ~marks["line"].str.contains("p tuned")
    marks.loc[from_unseen, "series"] = HELD_OUT
    marks.loc[from_unseen, "line"] += ", p from unseen training examples"
    _plot_dots(marks[marks["series"].eq(HELD_OUT) == from_unseen], figure)


def _plot_checkpoints(rows: pd.DataFrame, figure: Figure) -> None:
    marks = _place(rows)
    parts = marks["line"].str.rsplit(", ", n=1)
    marks["line"] = parts.str[0]
    marks.loc[parts.str[1] == "study's p", "series"] = "study's p"
    _plot_dots(marks, figure)


def _place(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are plotted as dots, with columns panel, series and line."""
    marks = rows[rows["statistic"].isin(PLACES) & rows["estimate"].notna()].copy()
    marks[["panel", "series"]] = [PLACES[statistic] for statistic in marks["statistic"]]
    marks.loc[marks["note"].fillna("").str.startswith("no p"), "series"] = NO_P
    marks["line"] = marks["variant"]
    return marks


def _plot_dots(marks: pd.DataFrame, figure: Figure) -> None:
    """Draw a panel per quantity, a line per variant from the top down, a dot with an interval per series."""
    lines = list(marks["line"].unique())
    series = [name for name in SERIES if (marks["series"] == name).any()]
    of_line: dict[Any, list[str]] = {
        line: [name for name in series if name in set(rows["series"])] for line, rows in marks.groupby("line")
    }
    figure.set_size_inches(figure.get_figwidth(), 0.75 + max(0.19 * len(series), 0.24) * len(lines))
    axes = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08})
    gap = 0.62 / len(series)
    for ax, panel in zip(axes, (R2, ERROR), strict=True):
        here = marks[marks["panel"] == panel]
        lowest, highest = here[["estimate", "low"]].min().min(), here[["estimate", "high"]].max().max()
        start = max(np.fmin(lowest, 0.9) - 0.03, LOWEST_R2) if panel == R2 else 0.0
        for row in here.itertuples():
            style, neighbours = SERIES[row.series], of_line[row.line]
            y = lines.index(row.line) + (neighbours.index(row.series) - (len(neighbours) - 1) / 2) * gap
            ax.plot([max(row.low, start), max(row.high, start)], [y, y], color=style["color"], linewidth=1)
            if row.estimate < start:
                ax.plot(start, y, marker="<", color=style["color"], markersize=4, clip_on=False)
                text = write_minus(f"{row.estimate:.1f}")
                clear = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # it covers the line of the interval
                ax.annotate(text, (start, y), (6, 0), textcoords="offset points", va="center", fontsize=7, bbox=clear)
            else:
                ax.plot(row.estimate, y, linestyle="none", markersize=4.2, clip_on=False, **style)
        below = panel == R2 and lowest < start
        ax.set_xlabel(panel + (f"; the axis ends at {write_minus(f'{start:g}')}" if below else ""))
        ax.set_xlim(start, 1.0 if panel == R2 else 1.05 * highest if highest > 0 else 1.0)
        ax.set_yticks(range(len(lines)), [fill(line, 36) for line in lines])
        ax.grid(axis="x", color=GUIDE, linewidth=0.3)
        ax.set_axisbelow(True)
    axes[0].set_ylim(len(lines) - 0.5, -0.5)
    axes[1].tick_params(labelleft=False)
    handles = [axes[0].plot([], [], linestyle="none", markersize=4.2, label=name, **SERIES[name])[0] for name in series]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(series))


# --- curves ---------------------------------------------------------------------------------------------------------


def _plot_threshold(rows: pd.DataFrame, figure: Figure) -> None:
    axes = figure.subplots(1, 2)
    near = rows[rows["variant"].str.startswith("within")]
    used = rows[(rows["x"] == 0) & (rows["statistic"] == "threshold")]["estimate"]
    for ax, (statistic, label) in zip(axes, {"r_squared": R2, "mean_absolute_error": ERROR}.items(), strict=True):
        curve = rows[(rows["variant"] == "curve") & (rows["statistic"] == statistic)]
        _plot_curve(ax, curve.assign(x=spaced(curve["x"])), {"color": PREDICTED})
        for row in near.itertuples():
            ax.axvspan(float(spaced(row.low)), float(spaced(row.high)), color=TEST, alpha=0.12, linewidth=0)
        for p in used:
            ax.axvline(float(spaced(p)), color=TEST, linewidth=0.8)
            ax.set_title(f"line: the study's p, {p:.3f}", loc="left", fontsize=7)
        show_p(ax, curve["x"])
        ax.set(xlabel="threshold p", ylabel=label)
        if statistic == "r_squared":
            _limit(ax, curve)
        else:
            ax.set_ylim(bottom=0)
    for row in near.itertuples():
        axes[1].set_title(
            f"grey: R² within 0.05 of the best, p {row.low:.3f} to {row.high:.3f}", loc="left", fontsize=7
        )


def _plot_placebo(rows: pd.DataFrame, figure: Figure) -> None:
    axes = figure.subplots(1, 2, sharey=True)
    titles = {"r_squared": "p tuned on these points", "r_squared_leave_one_run_out": "p calibrated without the run"}
    for ax, (statistic, title) in zip(axes, titles.items(), strict=True):
        here = rows[rows["statistic"] == statistic]
        true = here.loc[here["variant"] == "true perplexities", "estimate"].iloc[0]
        each = here[here["variant"].str.endswith("one by one") & here["estimate"].notna()]
        start = max(np.nanmin([*each["estimate"], true, 0.9]) - 0.02, LOWEST_R2)
        bins = np.linspace(start, 1, 60)
        for (variant, draws), colour in zip(each.groupby("variant", sort=False), (OTHER, TRAIN), strict=False):
            values = np.clip(draws["estimate"], start, None)
            shares = np.full(len(values), 1 / len(values))
            ax.hist(values, bins, weights=shares, color=colour, alpha=0.65, label=variant.split(",")[0])
        ax.axvline(true, color=PREDICTED, linewidth=1.6, label="true perplexities")
        below = each["estimate"].min() < start
        ax.set(xlabel=R2 + (" (lower values are in the first bar)" if below else ""), xlim=(start, 1))
        ax.set_title(title, loc="left", fontsize=7)
    axes[0].set_ylabel("share of shuffles")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)


def _plot_labels(rows: pd.DataFrame, figure: Figure) -> None:
    ax = figure.subplots()
    curves = {
        "labels used directly": {"color": TEST, "label": "labels used directly: their mean accuracy"},
        "p from the labels": {"color": PREDICTED, "label": "premem, p calibrated with these labels"},
    }
    for variant, style in curves.items():
        _plot_curve(ax, rows[(rows["variant"] == variant) & (rows["estimate"] > 0)], style)
    lines = {
        "mean_absolute_error": ("--", "premem, p tuned on all test labels"),
        "mean_absolute_error_leave_one_run_out": (":", "premem, p calibrated on the other runs"),
    }
    for row in rows[(rows["variant"] == "premem") & rows["statistic"].isin(lines)].itertuples():
        line, label = lines[row.statistic]
        ax.axhline(row.estimate, color=PREDICTED, linestyle=line, linewidth=1, label=f"{label}: {write_number(row, 3)}")
    ax.set(xscale="log", yscale="log", xlabel="labelled examples k", ylabel=ERROR)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside upper left", ncols=2)


def _plot_samples(rows: pd.DataFrame, figure: Figure) -> None:
    panels = {"r_squared": R2, "mean_absolute_error": ERROR, "bias": "bias (mean of predicted − test)"}
    axes = figure.subplots(1, len(panels))
    for ax, (statistic, label) in zip(axes, panels.items(), strict=True):
        here = rows[(rows["statistic"] == statistic) & rows["estimate"].notna()]
        for variant, style in {
            "p calibrated anew": {"color": PREDICTED, "marker": "o"},
            "p of all samples": {"color": PREDICTED, "marker": "o", "markerfacecolor": "white", "linestyle": "--"},
        }.items():
            _plot_curve(ax, here[here["variant"] == variant], {**style, "markersize": 3.5, "label": variant})
        ax.set(xscale="log", xlabel="sampled answers per prompt", ylabel=label)
        ax.set_xticks(sorted(here["x"].unique()), [f"{n:g}" for n in sorted(here["x"].unique())])
        ax.xaxis.set_minor_locator(NullLocator())
        if statistic == "bias":
            ax.axhline(0, color=GUIDE, linewidth=0.8, zorder=0)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)


def _plot_early(rows: pd.DataFrame, figure: Figure) -> None:
    axes = figure.subplots(1, 2)
    styles = {
        "premem accuracy": {"color": PREDICTED, "marker": "^", "label": "premem accuracy at that checkpoint"},
        "test accuracy so far": {"color": TEST, "marker": "o", "label": "test accuracy at that checkpoint"},
        "train accuracy so far": {"color": TRAIN, "marker": "s", "linestyle": "--", "label": "train accuracy"},
    }
    for ax, (statistic, label) in zip(axes, {"r_squared": R2, "mean_absolute_error": ERROR}.items(), strict=True):
        here = rows[rows["statistic"] == statistic]
        for number, (variant, style) in enumerate(styles.items()):
            shown = here[here["variant"] == variant]
            x = shown["x"] + 0.012 * (number - 1)  # so that intervals do not cover each other
            ax.plot(x, shown["estimate"], markersize=4, **style)
            ax.vlines(x, shown["low"], shown["high"], color=style["color"], linewidth=0.8)
        ax.set(xlabel="checkpoint (0: first of the run, 1: last)", ylabel=label)
        if statistic == "r_squared":
            _limit(ax, here)
        else:
            ax.set_ylim(bottom=0)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)


def _plot_curve(ax: Axes, rows: pd.DataFrame, style: dict[str, Any]) -> None:
    """Draw estimates against x, with a band from low to high."""
    ax.plot(rows["x"], rows["estimate"], **style)
    ax.fill_between(rows["x"], rows["low"], rows["high"], color=style["color"], alpha=0.15, linewidth=0)


def _limit(ax: Axes, rows: pd.DataFrame) -> None:
    """End an R² axis at ``LOWEST_R2``, and say so if values lie below."""
    lowest = rows[["estimate", "low"]].min().min()
    ax.set_ylim(max(np.fmin(lowest, 0.9) - 0.05, LOWEST_R2), 1.03)
    if lowest < LOWEST_R2:
        ax.set_ylabel(f"{R2}; the axis ends at {write_minus(f'{LOWEST_R2:g}')}")
    ax.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))


FIGURES: dict[str, Callable[[pd.DataFrame, Figure], None]] = {
    "points": _plot_points,
    "threshold": _plot_threshold,
    "calibration": _plot_calibration,
    "placebo": _plot_placebo,
    "formula": _plot_formula,
    "labels": _plot_labels,
    "unseen": _plot_unseen,
    "samples": _plot_samples,
    "checkpoints": _plot_checkpoints,
    "early": _plot_early,
}
"""The questions that have a figure."""
