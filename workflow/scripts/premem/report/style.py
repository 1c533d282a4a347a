"""The visual style that all figures share: look, colours, how a run is drawn, how a figure is saved.

Colour shows the learning rate, the marker the number of epochs, line and filling the size of the training set. Black is
test accuracy, vermilion is pre-memorization train accuracy (the prediction), grey is plain train accuracy. Nothing here
touches matplotlib's global state.
"""

from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from premem.base.files import whole
from premem.report.numbers import count

LOOK: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,  # text stays text in an editor
    "svg.hashsalt": "premem",  # the same names inside the file at every run
}
look = matplotlib.rc_context(LOOK)
"""Decorator: the look holds while the function runs."""

TEST, PREDICTED, TRAIN = "#000000", "#D55E00", "#7F7F7F"
OTHER = "#0072B2"
"""A colour for what is none of these three."""
GUIDE = "#B0B0B0"
"""Colour of grids and reference lines."""
MARKERS = "osD^vP*X<>"
LINES = ("-", "--", ":", "-.")
FILLS = ("full", "none", "left", "top")
PALEST_RATE = 0.82
"""Learning rates use viridis up to this point, short of its pale yellow end."""


# --- saving ---------------------------------------------------------------------------------------------------------


@look
def save(figure: Figure, paths: Iterable[Path], dpi: int) -> None:
    """Write a figure to every path, in the format of its suffix; the same figure gives the same bytes.

    Args:
        figure: the figure.
        paths: files to write, whole or not at all.
        dpi: dots per inch of PNG files, and of images within other formats.
    """
    for path in paths:
        kind = path.suffix.removeprefix(".")
        dateless = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
        with whole(path) as aside:
            figure.savefig(aside, format=kind, dpi=dpi, metadata=dateless)


# --- how a run looks ------------------------------------------------------------------------------------------------


class RunStyle:
    """How each run looks in all figures of a (model, dataset) pair.

    With more than 10 numbers of epochs or 4 sizes, markers or fillings repeat. Runs that differ in the seed look alike.

    Args:
        runs: columns lr, epochs, size; one or more rows for each run of the pair. Sizes keep their order of first
            appearance.
    """

    def __init__(self, runs: pd.DataFrame) -> None:
        rates = sorted(runs["lr"].unique(), key=float)
        shades = matplotlib.colormaps["viridis"](np.linspace(0, PALEST_RATE, len(rates)))
        self.colours = dict(zip(rates, map(to_hex, shades), strict=True))
        self.markers = dict(zip(sorted(runs["epochs"].unique()), cycle(MARKERS), strict=False))
        self.sizes = dict(zip(runs["size"].unique(), cycle(zip(FILLS, LINES, strict=True)), strict=False))

    def of(self, run: Any) -> dict[str, Any]:
        """Return the keyword arguments of ``Axes.plot`` for a run (anything with attributes lr, epochs, size)."""
        filling, line = self.sizes[run.size]
        return {
            **_marker(self.markers[run.epochs], filling),
            "color": self.colours[run.lr],
            "linestyle": line,
        }

    def legend(self, figure: Figure, extra: Iterable[Line2D] = ()) -> None:
        """Name the learning rates, epochs and sizes to the right of the axes, below ``extra``."""
        gap = Line2D([], [], linestyle="none", label="")
        entries = [
            *extra,
            gap,
            *(Line2D([], [], color=colour, linewidth=4, label=f"lr {rate}") for rate, colour in self.colours.items()),
            gap,
            *(
                Line2D([], [], color=TEST, linestyle="none", label=count(number, "epoch"), **_marker(marker, "full"))
                for number, marker in self.markers.items()
            ),
            gap,
            *(
                Line2D([], [], color=TEST, linestyle=line, linewidth=0.8, label=f"size {name}", **_marker("o", filling))
                for name, (filling, line) in self.sizes.items()
            ),
        ]
        figure.legend(handles=entries, loc="outside right upper", handlelength=2.4, labelspacing=0.35)


def _marker(marker: str, filling: str) -> dict[str, Any]:
    size = {"*": 7, "D": 4.4, "s": 4.6}.get(marker, 5.2)  # so that all cover about the same area
    # A white rim keeps filled markers apart where they lie on each other.
    rim = {"mec": "white", "mew": 0.4} if filling == "full" else {"mew": 0.8}
    return {"marker": marker, "markersize": size, "fillstyle": filling, "markerfacecoloralt": "white", **rim}


def name_run(run: Any, seed: bool = False) -> str:
    """Return a run's title, such as ``lr 3e-3, 30 epochs, full``; with its seed if ``seed`` is true."""
    parts = [f"lr {run.lr}", count(run.epochs, "epoch"), str(run.size)]
    return ", ".join([*parts, f"seed {run.seed}"] if seed else parts)


# --- axes -----------------------------------------------------------------------------------------------------------

TICKS_OF_P = (1.001, 1.002, 1.005, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100)


def spaced(p: ArrayLike) -> NDArray[np.float64]:
    """Return log(log p), in which values of the threshold p are spaced on an axis."""
    return np.log(np.log(np.asarray(p, dtype=float)))


def show_p(ax: Axes, p: ArrayLike) -> None:
    """Make the x axis one of the threshold p, over the range of these values."""
    x = spaced(p)
    ticks = [tick for tick in TICKS_OF_P if x.min() <= spaced(tick) <= x.max()]
    ax.set_xlim(x.min(), x.max())
    ax.set_xticks(spaced(ticks), [f"{tick:g}" for tick in ticks])
