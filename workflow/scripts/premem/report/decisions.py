"""The upper part of a pair's summary: which checkpoint to use, which examples to look at, and what to do next."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from premem.report.markdown import markdown_table
from premem.report.numbers import count

BEST_RUNS = 5
ENOUGH_CHECKPOINTS = 3


def decisions(
    forecast: pd.DataFrame,
    patterns: Sequence[tuple[str, str, int]],
    source: str,
    coverage: float,
    no_interval: str,
    cautions: Sequence[str],
    tables: Mapping[str, str],
    collect: str,
) -> Iterator[str]:
    """Yield the parts of the page.

    Args:
        forecast: of every checkpoint, best first (``premem.analysis.forecast``).
        patterns: name, meaning and number of training examples of each pattern (``premem.analysis.fix_these``).
        source: how p was chosen, as a sentence.
        coverage: share of whole runs that intervals are meant to cover.
        no_interval: why forecasts have no interval, if they have none.
        cautions: reasons to doubt the numbers.
        tables: name of a table → link to it.
        collect: the command that collects new examples after a run, with {run} in it; empty where the dataset does not
            say where they come from.
    """
    yield "### Use this checkpoint"
    yield _best(forecast, source, coverage, no_interval)
    if cautions:
        yield "**Read this first.**\n\n" + "\n".join(f"- {caution}" for caution in cautions)
    yield "### The best runs"
    yield f"The best checkpoint of each of the {BEST_RUNS} best runs. All checkpoints: {tables['forecast']}."
    yield _best_runs(forecast)
    if forecast["test_accuracy"].notna().any():
        yield _largest_error(forecast)
    yield "### Look at these training examples"
    total = sum(number for _, _, number in patterns)
    if total:
        yield f"The list names {count(total, 'example')}, the most urgent first: {tables['fix_these']}."
        rows = [(f"`{name}`", meaning, number) for name, meaning, number in patterns]
        yield markdown_table(("pattern", "what it means", "examples"), rows)
    else:
        yield "No training example shows a pattern that asks for a look."
    yield "### Collect data like these"
    if collect:
        yield (
            "This command writes new examples that resemble those that the best run has not really learned. Add "
            "`--configfile` and your study file, unless that is `config.yaml`.\n\n"
            f"```console\n$ {collect.replace('{run}', forecast['run'].iloc[0])}\n```"
        )
    else:
        yield (
            "New examples should resemble those that the list names. premem can collect them, if the dataset says "
            "where they come from (`new_examples`)."
        )
    if better := list(_improvements(forecast, coverage)):
        yield "### What would make the forecast better"
        yield "\n".join(f"- {line}" for line in better)


def _best(forecast: pd.DataFrame, source: str, coverage: float, no_interval: str) -> str:
    first = forecast.iloc[0]
    where = f"`{first['checkpoint']}`"
    if pd.isna(first["checkpoint"]) or not first["checkpoint"]:
        where = "its results are imported, so its checkpoint lies elsewhere."
    elif str(first["checkpoint"]).startswith("deleted"):
        where = "It was deleted after it was evaluated; `checkpoints: {keep: all}` keeps checkpoints."
    told = f"**{first['run']}, after epoch {first['epoch']}**: {where}\n\n"
    told += f"Its test accuracy is forecast to be **{first['forecast']:.2f}**"
    if np.isnan(first["low"]):
        told += f", without an interval: {no_interval}. "
    else:
        told += (
            f" [{first['low']:.2f}, {first['high']:.2f}]. The intervals of all checkpoints of a run are meant to hold "
            f"together for {coverage:.0%} of runs. "
        )
    if forecast["holdout_accuracy"].notna().all():
        told += (
            f"The forecast joins premem accuracy, {first['predicted_test_accuracy']:.2f}, and the accuracy on "
            f"{count(int(first['n_holdout']), 'held-out training example')}, {first['holdout_accuracy']:.2f} "
            f"[{first['holdout_low']:.2f}, {first['holdout_high']:.2f}], weighted by precision. "
        )
    if not np.isnan(first["test_accuracy"]):
        told += f"Its measured test accuracy is {first['test_accuracy']:.2f}. "
    return told + source


def _best_runs(forecast: pd.DataFrame) -> str:
    best = forecast.drop_duplicates("run").head(BEST_RUNS)
    columns = {
        "forecast": "forecast",
        "holdout_accuracy": "held-out accuracy",
        "train_accuracy": "train accuracy",
        "share_memorized": "memorized",
        "test_accuracy": "test accuracy",
    }
    shown = {column: name for column, name in columns.items() if best[column].notna().any()}

    def write(row: pd.Series, column: str) -> str:
        if np.isnan(row[column]):
            return "–"
        interval = (
            f" [{row['low']:.2f}, {row['high']:.2f}]" if column == "forecast" and row["low"] == row["low"] else ""
        )
        return f"{row[column]:.2f}{interval}"

    rows = [(row["run"], row["epoch"], *(write(row, column) for column in shown)) for _, row in best.iterrows()]
    return markdown_table(("run", "epoch", *shown.values()), rows)


def _largest_error(forecast: pd.DataFrame) -> str:
    error = (forecast["forecast"] - forecast["test_accuracy"]).abs()
    worst = forecast.loc[error.idxmax()]
    best = forecast.loc[forecast["test_accuracy"].idxmax()]
    lost = best["test_accuracy"] - forecast["test_accuracy"].iloc[0]
    return (
        f"The largest error of a forecast is {error.max():.2f}: {worst['run']} after epoch {worst['epoch']} was "
        f"forecast to have {worst['forecast']:.2f} and has {worst['test_accuracy']:.2f}. Their mean error is "
        f"{error.mean():.3f}. The best checkpoint by test accuracy is {best['run']} after epoch {best['epoch']}, with "
        f"{best['test_accuracy']:.2f}. Choosing by the forecast loses {lost:.2f}, by premem accuracy "
        f"{_lost_by(forecast, 'predicted_test_accuracy'):.2f}, by train accuracy "
        f"{_lost_by(forecast, 'train_accuracy'):.2f}; `snakemake scrutiny` gives intervals and more rules."
    )


def _lost_by(forecast: pd.DataFrame, column: str) -> float:
    """Return the test accuracy lost by the checkpoint with the highest value; the mean of checkpoints that are "
    "equal."""
    chosen = forecast.loc[forecast[column] == forecast[column].max(), "test_accuracy"]
    return float(forecast["test_accuracy"].max() - chosen.mean())


def _improvements(forecast: pd.DataFrame, coverage: float) -> Iterator[str]:
    runs = forecast["run"].nunique()
    needed = int(np.ceil(round(coverage / (1 - coverage), 6)))
    if forecast["holdout_accuracy"].isna().any() and forecast["test_accuracy"].isna().all():
        yield "Hold out training examples (`holdout: 128`). They measure accuracy on new examples, without test labels."
    if runs < needed:
        yield (
            f"Train {count(needed - runs, 'more run')}: an interval that covers {coverage:.0%} of runs needs {needed}."
        )
    held = forecast["n_holdout"].max()
    if forecast["holdout_accuracy"].notna().all() and runs >= needed:
        half = float((forecast["holdout_high"] - forecast["holdout_low"]).median() / 2)
        yield (
            f"Hold out more examples: with {held}, their accuracy is known to ±{half:.2f}; four times as many halve "
            "that."
        )
    per_run = forecast.groupby("run").size().median()
    if per_run < ENOUGH_CHECKPOINTS:
        yield (
            f"Evaluate more checkpoints of each run (`checkpoints.every`). There are {per_run:g}, and premem "
            "accuracy needs "
            "those before examples are memorized."
        )
