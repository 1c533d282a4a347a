"""Measure how much accuracy training examples lose under perturbations, and which predictors tell this in advance."""

from pathlib import Path

import pandas as pd

from premem.analysis.robustness.answers import answers_table
from premem.analysis.robustness.bins import table_of_bins
from premem.analysis.robustness.prediction import best_predictor_set, predict_drops
from premem.analysis.robustness.regression import regress
from premem.base import cli
from premem.base.tables import read_table, write_csv, write_table
from premem.config.statistics import Statistics
from premem.data.difficulty import difficulty_of
from premem.scoring.memorization import sampled_accuracy
from premem.scoring.stored import read_grades, read_memorization
from premem.scoring.threshold import read_threshold


def main(
    grades: list[Path],
    memorization: Path,
    threshold: Path,
    data: Path | None,
    difficulty: str | None,
    grader: str,
    number_of_bins: int,
    statistics: Statistics,
    answers: Path,
    bins: Path,
    drops: Path,
    out: Path,
) -> None:
    accuracy = pd.concat(
        [sampled_accuracy(read_grades(path, [grader]), grader).assign(run=path.parent.name) for path in grades]
    )
    memorized = read_memorization(memorization)
    p = read_threshold(threshold).threshold
    labels = difficulty_of(read_table(data).set_index("example_id"), difficulty) if data and difficulty else None
    table = answers_table(accuracy, memorized, p, labels)
    write_table(table, answers)
    write_csv(table_of_bins(table, number_of_bins, statistics), bins)
    regression = regress(table, statistics)
    best = best_predictor_set(regression)
    write_table(predict_drops(table, memorized, p, best).assign(predictor_set=best), drops)
    write_csv(regression, out)


if __name__ == "__main__":
    cli.run(main)
