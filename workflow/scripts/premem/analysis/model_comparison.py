"""Comparing models on a dataset: how much each memorizes, and how well its test accuracy is predicted."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from premem.analysis.regression.bootstrap import FEWEST_RUNS, interval
from premem.config.analyses import Figures
from premem.config.statistics import Statistics
from premem.report.markdown import markdown_table
from premem.report.numbers import write_minus, write_number
from premem.report.style import GUIDE, PREDICTED, TEST, TRAIN, look

COLUMNS = ["model", "weights", "p", "n_runs", "n_points", "statistic", "estimate", "low", "high", "note"]
STATISTICS = {
    "test_accuracy": "best test accuracy",
    "memorized": "memorized at the end",
    "memorized_most": "memorized at the end, largest of all runs",
    "perplexity_least": "perplexity at the end, smallest of all runs",
    "gap": "train − test accuracy at the end",
    "gap_largest": "train − test accuracy at the end, largest of all runs",
    "premem_accuracy": "R² (y = x), premem accuracy",
    "premem_accuracy_held_out": "R² (y = x), premem accuracy, p from the other runs",
    "train_accuracy": "R² (y = x), train accuracy",
}
"""Statistic → name for readers."""
LOWEST_R2 = -1.0
"""R² axes end here; lower values are written at the edge."""


@dataclass(frozen=True)
class ModelResults:
    """The results of a model on the dataset."""

    name: str
    weights: float
    """Number of weights; NaN if it is not known."""
    p: float
    memorization: pd.DataFrame
    points: pd.DataFrame
    regression: pd.DataFrame


def compare_models(models: list[ModelResults], statistics: Statistics) -> pd.DataFrame:
    """Compare models, from the smallest to the largest.

    An example is memorized if its perplexity is at most the model's p. Shares and gaps are measured at the last
    checkpoint of each run. They are averaged over runs, with intervals over resampled runs, or the largest of all runs.

    Returns:
        The columns ``COLUMNS``; ``statistic`` is one of ``STATISTICS``.
    """
    rows: list[dict[str, object]] = []
    for model in sorted(models, key=lambda model: (np.isnan(model.weights), model.weights, model.name)):
        trained = model.memorization[model.memorization["trained_on"]]
        ends = trained[trained["epoch"] == trained.groupby("run", observed=True)["epoch"].transform("max")]
        memorized = (ends["perplexity"] <= model.p).groupby(ends["run"], observed=True).mean()
        perplexity = ends.groupby("run", observed=True)["perplexity"].mean()
        last = model.points.sort_values("epoch").groupby("run").last()
        gap = last["train_accuracy"] - last["test_accuracy"]
        found = {
            "test_accuracy": (model.points["test_accuracy"].max(), np.nan, np.nan, ""),
            "memorized": _mean_over_runs(memorized, statistics),
            "memorized_most": (memorized.max(), np.nan, np.nan, str(memorized.idxmax())),
            "perplexity_least": (perplexity.min(), np.nan, np.nan, str(perplexity.idxmin())),
            "gap": _mean_over_runs(gap, statistics),
            "gap_largest": (gap.max(), np.nan, np.nan, str(gap.idxmax())),
        }
        regression = model.regression.set_index(["predictor", "statistic"])
        for name, key in {
            "premem_accuracy": ("premem_accuracy", "r_squared"),
            "premem_accuracy_held_out": ("premem_accuracy", "r_squared_leave_one_run_out"),
            "train_accuracy": ("train_accuracy", "r_squared"),
        }.items():
            if key in regression.index:
                row = regression.loc[[key]].iloc[0]
                found[name] = (row["estimate"], row["low"], row["high"], row["note"])
        what = {"model": model.name, "weights": model.weights, "p": model.p}
        what |= {"n_runs": len(last), "n_points": len(model.points)}
        rows += [
            {**what, "statistic": name, **dict(zip(("estimate", "low", "high", "note"), values, strict=True))}
            for name, values in found.items()
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _mean_over_runs(of_run: "pd.Series[float]", statistics: Statistics) -> tuple[float, float, float, str]:
    values = of_run.sort_index().to_numpy(dtype=float)
    if len(values) < FEWEST_RUNS:
        return float(values.mean()), *interval(None, statistics.confidence)
    draws = np.random.default_rng(statistics.seed).integers(len(values), size=(statistics.resamples, len(values)))
    return float(values.mean()), *interval(values[draws].mean(axis=1), statistics.confidence)


def models_page(dataset: str, table: pd.DataFrame, image: str) -> str:
    """Return a Markdown page: a row per statistic, a column per model."""
    models = list(table["model"].unique())
    cells = table.set_index(["model", "statistic"])

    def cell(model: str, statistic: str) -> str:
        known = (model, statistic) in cells.index and not np.isnan(cells.loc[(model, statistic), "estimate"])
        return write_number(cells.loc[(model, statistic)]) if known else "–"

    first = table.drop_duplicates("model").set_index("model")
    rows = [
        ("weights", *(f"{first['weights'][m]:,.0f}" if first["weights"][m] > 0 else "unknown" for m in models)),
        ("checkpoints of runs", *(f"{first['n_points'][m]} of {first['n_runs'][m]}" for m in models)),
        ("p", *(f"{first['p'][m]:.3f}" for m in models)),
        ("where p comes from", *(str(cells.loc[(m, "premem_accuracy"), "note"]).split(";")[0] for m in models)),
        *((title, *(cell(model, name) for model in models)) for name, title in STATISTICS.items()),
    ]
    return (
        "\n\n".join(
            [
                f"# Models on {dataset}",
                "This page compares how much each model memorizes, and how well premem accuracy and train accuracy "
                "predict its test accuracy. An example is memorized if its perplexity is at most p, which is "
                "chosen for each model. Shares and gaps are measured at the last checkpoint of each run. Brackets "
                "hold intervals over resampled runs. If a model learns so little that its test accuracy hardly "
                "changes, there is nothing to predict, and p cannot be calibrated well. R² and the share memorized "
                "then say little, but the gap still does.",
                f"![Models]({image})",
                markdown_table(("", *models), rows),
            ]
        )
        + "\n"
    )


@look
def plot_models(table: pd.DataFrame, figures: Figures) -> Figure:
    """Plot memorization and gap (left) and R² (right) against the number of weights.

    If the size of a model is not known, the models are evenly spaced, in the order of the table.
    """
    figure = Figure(figsize=(figures.width, 0.42 * figures.width), layout="constrained")
    left, right = figure.subplots(1, 2)
    first = table.drop_duplicates("model")
    known = first["weights"].notna().all()
    x_of = dict(zip(first["model"], first["weights"] if known else range(len(first)), strict=True))
    for ax, series in (
        (
            left,
            {
                "memorized": ("memorized, mean of the runs", PREDICTED, "o"),
                "gap": ("train − test accuracy, mean of the runs", TRAIN, "s"),
                "test_accuracy": ("best test accuracy", TEST, "D"),
            },
        ),
        (
            right,
            {
                "premem_accuracy": ("premem accuracy", PREDICTED, "o"),
                "premem_accuracy_held_out": ("p from the other runs", PREDICTED, "o"),
                "train_accuracy": ("train accuracy", TRAIN, "s"),
            },
        ),
    ):
        for number, (name, (label, colour, marker)) in enumerate(series.items()):
            rows = table[(table["statistic"] == name) & table["estimate"].notna()]
            shift = 1 + 0.03 * (number - 1) if known else 1.0  # so that intervals do not cover each other
            x = rows["model"].map(x_of).astype(float) * shift + (0 if known else 0.06 * (number - 1))
            style = {"markerfacecolor": "white"} if name.endswith("held_out") else {}
            y = np.maximum(rows["estimate"], LOWEST_R2)
            ax.plot(x, y, marker=marker, color=colour, markersize=4, label=label, **style)
            ax.vlines(x, np.maximum(rows["low"], LOWEST_R2), np.maximum(rows["high"], LOWEST_R2), color=colour, lw=0.8)
            for at, value in zip(x, rows["estimate"], strict=True):
                if value < LOWEST_R2:
                    text = write_minus(f"{value:.1f}")
                    ax.annotate(text, (at, LOWEST_R2), (4, 3), textcoords="offset points", fontsize=6)
        if known:
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(NullLocator())
            ax.set_xticks(
                list(x_of.values()), [f"{x / 1e3:,.0f}k" if x < 1e6 else f"{x / 1e6:,.3g}M" for x in x_of.values()]
            )
        else:
            ax.set_xticks(list(x_of.values()), list(x_of))
        ax.set_xlabel("weights" if known else "model")
        ax.grid(axis="y", color=GUIDE, linewidth=0.3)
        ax.set_axisbelow(True)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    gaps = table.loc[table["statistic"] == "gap", ["estimate", "low"]].to_numpy()
    left.set(ylabel="share of the training set; accuracy", ylim=(np.nanmin([0.0, *gaps.flat]) - 0.02, 1.02))
    lowest = np.nanmin(
        [0.0, *table.loc[table["statistic"].isin(["premem_accuracy_held_out", "train_accuracy"]), "low"]]
    )
    ends = f"; the axis ends at {write_minus(f'{LOWEST_R2:g}')}" if lowest < LOWEST_R2 else ""
    right.set(ylabel=f"R² (y = x){ends}", ylim=(max(lowest - 0.05, LOWEST_R2), 1.03))
    return figure
