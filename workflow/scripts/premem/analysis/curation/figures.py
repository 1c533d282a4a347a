"""The figure of a curation: i.i.d. collection is black and premem is vermilion."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from premem.analysis.curation.efficiency import IID
from premem.analysis.curation.strategies import STRATEGIES
from premem.config.analyses import Figures
from premem.config.curation import StrategyName
from premem.report.style import GUIDE, PREDICTED, TEST, look

COLOURS = {IID: TEST, "premem": PREDICTED}
OTHER_COLOURS = [matplotlib.colormaps["viridis"](x) for x in (0.1, 0.35, 0.6, 0.8)]
MARKERS = "osD^vP"


@look
def plot_strategies(efficiency: pd.DataFrame, figures: Figures) -> Figure:
    """Plot test accuracy against new examples (left) and data efficiency after the last round (right).

    Args:
        efficiency: see ``premem.analysis.curation.efficiency``.
        figures: gives the width.
    """
    accuracy = efficiency[efficiency["statistic"] == "test_accuracy"]
    begin = accuracy[accuracy["strategy"] == "start"]
    names = [name for name in STRATEGIES if (accuracy["strategy"] == name).any()]
    others = cycle(OTHER_COLOURS)
    colours = {name: COLOURS.get(name) or next(others) for name in names}
    figure = Figure(figsize=(figures.width, 0.42 * figures.width), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for position, name in enumerate(names):
        curve = pd.concat([begin, accuracy[accuracy["strategy"] == name].sort_values("new_examples")])
        shift = 0.008 * accuracy["new_examples"].max() * (position - len(names) / 2) * (curve["new_examples"] > 0)
        x = curve["new_examples"] + shift  # so that intervals do not cover each other
        left.plot(
            x,
            curve["estimate"],
            color=colours[name],
            marker=MARKERS[position],
            markersize=4,
            label=STRATEGIES[name].title,
        )
        left.vlines(x, curve["low"], curve["high"], color=colours[name], linewidth=0.8)
    left.set(xlabel="new examples", ylabel="test accuracy")
    left.legend(loc="lower right")
    _plot_efficiency(right, efficiency, colours)
    return figure


def _plot_efficiency(ax: Axes, efficiency: pd.DataFrame, colours: Mapping[StrategyName, Any]) -> None:
    """Draw a row per strategy; an arrow marks an open interval, or an estimate beyond the numbers tried."""
    rows = efficiency[efficiency["statistic"] == "data_efficiency"]
    rows = rows[rows["new_examples"] == rows["new_examples"].max()].set_index("strategy")
    names = [name for name in colours if name in rows.index]
    numbers = rows[["estimate", "low", "high"]].to_numpy(dtype=float)
    end = 1.15 * max([2.0, *numbers[np.isfinite(numbers)]])
    ax.axvline(1, color=GUIDE, linewidth=0.8)
    for y, name in enumerate(names):
        row, colour = rows.loc[name], colours[name]
        low, high = np.nan_to_num([row["low"], row["high"]], nan=row["estimate"], posinf=end)
        ax.hlines(y, low, high, color=colour, linewidth=0.8)
        if np.isinf(row["high"]) or np.isnan(row["estimate"]):
            ax.plot(end, y, marker=">", color=colour, markersize=4, clip_on=False)
        if not np.isnan(row["estimate"]):
            ax.plot(row["estimate"], y, marker=MARKERS[list(colours).index(name)], color=colour, markersize=4)
    ax.set_yticks(range(len(names)), [STRATEGIES[name].title for name in names])
    ax.set(xlim=(0, end), ylim=(len(names) - 0.5, -0.5), xlabel="data efficiency")
