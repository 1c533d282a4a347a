"""Say how much accuracy training examples lose under perturbations, and what tells of which beforehand."""

import json
from pathlib import Path

import pandas as pd

from premem.analysis.robustness.analysis import answers_table, best_model, predict_drops, regress, table_of_bins
from premem.base import cli
from premem.base.tables import read_table, write_csv, write_table
from premem.config.statistics import Statistics
from premem.data.difficulty import difficulty_of
from premem.scoring.memorization import sampled_accuracy
from premem.scoring.scores import MEMORIZATION_COLUMNS


def main(
    grades: list[Path],
    memorization: Path,
    threshold: Path,
    data: list[Path],
    difficulty: list[str],
    grader: str,
    number_of_bins: int,
    statistics: Statistics,
    answers: Path,
    bins: Path,
    drops: Path,
    out: Path,
) -> None:
    columns = ["epoch", "split", "example_id", grader]
    accuracy = pd.concat(
        [sampled_accuracy(read_table(path, columns), grader).assign(run=path.parent.name) for path in grades]
    )
    memorized = read_table(memorization, MEMORIZATION_COLUMNS)
    p = json.loads(threshold.read_text(encoding="utf-8"))["threshold"]
    labels = None
    for path, label in zip(data, difficulty, strict=True):
        labels = difficulty_of(read_table(path).set_index("example_id"), label)
    table = answers_table(accuracy, memorized, p, labels)
    write_table(table, answers)
    write_csv(table_of_bins(table, number_of_bins, statistics), bins)
    regression = regress(table, statistics)
    model = best_model(regression)
    write_table(predict_drops(table, memorized, p, model).assign(model=model), drops)
    write_csv(regression, out)


if __name__ == "__main__":
    cli.run(main)
