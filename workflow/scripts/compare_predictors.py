"""Judge all predictors of generalization on all test sets of a pair."""

from pathlib import Path

import pandas as pd

from premem.analysis.predictors.compare import compare
from premem.analysis.predictors.values import (
    values_from_answers,
    values_from_labels,
    values_from_weights,
    values_without_labels,
)
from premem.analysis.regression.calibration import threshold_grid
from premem.base import cli
from premem.base.tables import read_table, write_csv, write_table
from premem.config.analyses import Predictors
from premem.config.statistics import Statistics, Threshold
from premem.scoring.scores import runs_of_tables
from premem.scoring.stored import read_grades, read_memorization, read_tests
from premem.scoring.threshold import read_threshold


def main(
    memorization: Path,
    tests: Path,
    threshold: Path,
    grades: list[Path],
    weights: list[Path],
    confidences: list[Path],
    data: list[Path],
    test_set: str | None,
    difficulty: str | None,
    grader: str,
    settings: Predictors,
    grid: Threshold,
    statistics: Statistics,
    values: Path,
    out: Path,
) -> None:
    memorized, tested = read_memorization(memorization), read_tests(tests)
    test_sets = sorted(tested["test_set"].unique(), key=lambda name: (name != test_set, name))
    graded = {path.parent.name: read_grades(path, [grader], [f"{grader}_extracted"]) for path in grades}
    confident = {path.parent.name: read_table(path) for path in confidences if "atc" in settings.names}
    weighed = {path.parent.name: read_table(path, ["epoch", "predictor", "value"]) for path in weights}
    of_weights, notes = values_from_weights(weighed, test_sets)
    from_answers = values_from_answers(graded, confident, grader)
    known = [from_answers, of_weights]
    if data and difficulty:
        of_labels, more = values_from_labels(
            memorized, {path.stem: read_table(path) for path in data}, difficulty, test_sets
        )
        known.append(of_labels)
        notes |= more
    placed, comparison = compare(
        {name: runs_of_tables(memorized, tested, name) for name in test_sets},
        settings.names,
        pd.concat(known, ignore_index=True),
        threshold_grid(grid.grid),
        read_threshold(threshold),
        statistics,
        notes,
    )
    write_table(pd.concat([placed, values_without_labels(from_answers, test_sets)], ignore_index=True), values)
    write_csv(comparison, out)


if __name__ == "__main__":
    cli.run(main)
