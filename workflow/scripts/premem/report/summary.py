"""The summary page of a study, in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from premem.report.markdown import markdown_table
from premem.report.numbers import write_number
from premem.scoring.grading import GRADERS

STATISTICS = {
    "r_squared": "R² (y = x)",
    "r_squared_leave_one_run_out": "R² (y = x), each run with a p calibrated without it",
    "difference_of_r_squared": "R² minus that of train accuracy",
    "difference_of_r_squared_leave_one_run_out": "the same, each run with a p calibrated without it",
    "squared_correlation": "squared correlation",
    "mean_absolute_error": "mean absolute error",
    "mean_absolute_error_leave_one_run_out": "mean absolute error, each run with a p calibrated without it",
    "ols_slope": "slope of test accuracy on the predictor",
    "ols_intercept": "intercept",
    "threshold": "threshold p",
}
FINE = {"mean_absolute_error", "mean_absolute_error_leave_one_run_out", "threshold"}
"""Statistics that are shown with three decimals."""


@dataclass(frozen=True)
class PairResults:
    """The results of a (model, dataset) pair."""

    folder: Path
    """Relative to the study's results; it ends in ``{model}/{dataset}``."""
    regression: pd.DataFrame
    points: pd.DataFrame
    graders: pd.DataFrame | None
    """Counts of grades; None for imported results, which were graded before."""
    decisions: Sequence[str] = ()
    """The upper part (``premem.report.decisions``)."""
    source: str = ""
    """Where p comes from, as a sentence."""

    @property
    def labelled(self) -> bool:
        """Is test accuracy known?"""
        return bool(self.points["test_accuracy"].notna().any())

    def estimate(self, predictor: str, statistic: str) -> str:
        """Return an estimate with its interval, such as ``0.94 [0.87, 0.97]``; a dash if there is none."""
        table = self.regression
        row = table[(table["predictor"] == predictor) & (table["statistic"] == statistic)]
        if row.empty or row["estimate"].isna().all():
            return "–"
        return write_number(row.iloc[0], 3 if statistic in FINE else 2)

    @property
    def title(self) -> str:
        """``{model} on {dataset}``."""
        return " on ".join(self.folder.parts[-2:])


def summary_lines(pairs: Sequence[PairResults]) -> list[str]:
    """Return a line per pair: how well pre-memorization train accuracy and train accuracy predict test accuracy."""
    return [_line(pair) for pair in pairs]


def _line(pair: PairResults) -> str:
    number = f"{len(pair.points)} checkpoints of {pair.points['run'].nunique()} runs"
    p = f"p = {pair.estimate('premem_accuracy', 'threshold')}"
    if not pair.labelled:
        forecast = pair.points["predicted_test_accuracy"]
        return (
            f"{pair.title}: {number}; no test set has labels; pre-memorization train accuracy "
            f"{forecast.min():.2f}–{forecast.max():.2f}; {p}"
        )
    held_out = pair.estimate("premem_accuracy", "r_squared_leave_one_run_out")
    test = pair.points["test_accuracy"]
    return (
        f"{pair.title}: R² (y = x) over {number}: pre-memorization train accuracy "
        f"{pair.estimate('premem_accuracy', 'r_squared')}, "
        + (f"with p calibrated on other runs {held_out}; " if held_out != "–" else "")
        + f"train accuracy {pair.estimate('train_accuracy', 'r_squared')}; {p}; test accuracy "
        f"{test.min():.2f}–{test.max():.2f}"
    )


def summary_page(
    study: str,
    pairs: Sequence[PairResults],
    left_out: Mapping[str, int],
    runs_left_out: Mapping[str, str],
    image_format: str,
    runs_doubted: Mapping[str, str] = {},
) -> str:
    """Return the page.

    Args:
        study: name of the study.
        pairs: results of its (model, dataset) pairs.
        left_out: table → how many examples were left out of it.
        runs_left_out: imported run → why it was left out.
        image_format: format of the figures on the page, such as ``png``.
        runs_doubted: imported run → why it is doubtful which examples it was trained on.
    """
    parts = [
        f"# {study}",
        "Which checkpoint solves new problems best, and which training examples has it not really learned? The study "
        "answers from the training set.",
        "**Premem accuracy**, short for pre-memorization train accuracy, is the share of training answers that were "
        "right before their example was memorized. An example counts as memorized once the perplexity of its solution "
        "is at most **p**, a number that is chosen for each model and dataset.",
    ]
    for pair, line in zip(pairs, summary_lines(pairs), strict=True):
        parts += [f"## {pair.title}", *pair.decisions]
        if pair.labelled:
            parts += [
                "### How well test accuracy is predicted",
                f"Brackets hold intervals over resampled runs. {pair.source}",
                line + ".",
                markdown_table(
                    ("", "pre-memorization train accuracy", "train accuracy"),
                    [
                        (name, pair.estimate("premem_accuracy", key), pair.estimate("train_accuracy", key))
                        for key, name in STATISTICS.items()
                        if "leave_one_run_out" not in key or pair.estimate("premem_accuracy", key) != "–"
                    ],
                ),
            ]
        else:
            parts.append("### Figures and tables")
        parts += [
            f"![accuracy against both predictors]({pair.folder / 'figures' / 'prediction'}.{image_format})",
            "Further figures: "
            + ", ".join(
                f"[{text}]({pair.folder / 'figures' / name}.{image_format})"
                for text, name in {
                    "accuracy along training": "training_curves",
                    "R² against p": "threshold",
                    "every example along training": "learning_progress",
                }.items()
            )
            + f". Tables: [forecast]({pair.folder / 'forecast.csv'}), [training examples to look at]"
            f"({pair.folder / 'fix_these.csv'}), [points]({pair.folder / 'points.csv'}), [regression]"
            f"({pair.folder / 'regression.csv'})"
            + (f", [graders]({pair.folder / 'graders.csv'})." if pair.graders is not None else "."),
        ]
        if pair.graders is not None:
            parts.append(_graders(pair.graders))
    if dropped := {table: number for table, number in left_out.items() if number}:
        parts += ["## Examples left out", markdown_table(("table", "number of examples"), list(dropped.items()))]
    if runs_left_out:
        parts += ["## Runs left out", markdown_table(("run", "why"), list(runs_left_out.items()))]
    if runs_doubted:
        heading = "## Runs of which it is doubtful what they were trained on"
        parts += [heading, markdown_table(("run", "why"), list(runs_doubted.items()))]
    return "\n\n".join(parts) + "\n"


def _graders(cases: pd.DataFrame) -> str:
    graders = [grader for grader in GRADERS if grader in cases]
    agree = cases[graders].nunique(axis=1) == 1
    differ = cases["share"][~agree].sum()
    accuracy = ", ".join(f"{grader} {cases['share'][cases[grader] == 'correct'].sum():.3f}" for grader in graders)
    return f"Share of answers graded correct, over all checkpoints: {accuracy}. The graders differ on {differ:.2%}."
