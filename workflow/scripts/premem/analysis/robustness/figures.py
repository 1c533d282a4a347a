"""The figure of accuracy with and without perturbations."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from premem.analysis.robustness import ALL, PREDICTORS
from premem.config.analyses import Figures
from premem.report.style import GUIDE, OTHER, TRAIN, look

FEW = 30
"""Bins with fewer examples than this have open marks."""
SERIES = {"unperturbed": (TRAIN, "s", "unperturbed"), "perturbed": (OTHER, "o", "perturbed")}


@look
def plot_bins(bins: pd.DataFrame, examples: str, figures: Figures) -> Figure:
    """Plot unperturbed and perturbed accuracy in bins, in a panel per perturbation and predictor.

    Args:
        bins: see ``premem.analysis.robustness.bins``.
        examples: which examples to show, ``all`` or ``solved``. If there are none, the figure says so.
        figures: gives the width.
    """
    names = [name for name in bins["perturbation"].unique() if name != ALL]
    bins = bins[bins["examples"] == examples]
    predictors = [name for name in PREDICTORS if name in set(bins["predictor"])]
    if not predictors:
        figure = Figure(figsize=(figures.width, 0.5))
        figure.text(0.5, 0.5, "no example was always answered correctly", ha="center", va="center")
        return figure
    width = figures.width if len(names) > 2 else figures.width * 0.4 * len(names)
    figure = Figure(figsize=(width, 1.55 * len(predictors) + 0.5), layout="constrained")
    axes = figure.subplots(len(predictors), len(names), sharey=True, sharex="row", squeeze=False)
    for row, predictor in zip(axes, predictors, strict=True):
        for ax, name in zip(row, names, strict=True):
            here = bins[(bins["perturbation"] == name) & (bins["predictor"] == predictor)]
            for statistic, (colour, marker, _) in SERIES.items():
                points = here[here["statistic"] == statistic].sort_values("bin")
                x, y = points["mean"].to_numpy(), points["estimate"].to_numpy()
                ax.vlines(x, points["low"], points["high"], color=colour, linewidth=1, alpha=0.6)
                ax.plot(x, y, color=colour, linewidth=1)
                filled = (points["n_examples"] >= FEW).to_numpy()
                for which, face in ((filled, colour), (~filled, "white")):
                    style = {"marker": marker, "markersize": 3.6, "linestyle": "none", "color": colour}
                    ax.plot(x[which], y[which], **style, markerfacecolor=face)
            ax.set_ylim(-0.03, 1.03)
            ax.grid(axis="y", color=GUIDE, linewidth=0.3)
            ax.set_axisbelow(True)
            ax.xaxis.set_major_locator(MaxNLocator(4))
            if ax in axes[0]:
                ax.set_title(name)
            ax.set_xlabel(PREDICTORS[predictor])
        row[0].set_ylabel("accuracy")
    handles = [
        axes[0][0].plot([], [], color=colour, marker=marker, markersize=3.6, linewidth=1, label=label)[0]
        for colour, marker, label in SERIES.values()
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
    return figure
