"""Judge all predictors of generalization on all test sets of a pair."""

import json
from pathlib import Path

import pandas as pd

from premem.analysis.predictors.compare import compare
from premem.analysis.predictors.from_answers import atc_of_run, self_consistency
from premem.analysis.predictors.from_scores import accuracy_by_difficulty
from premem.analysis.regression import threshold_grid
from premem.base import cli
from premem.base.tables import read_table, write_csv, write_table
from premem.config.analyses import Predictors
from premem.config.data import TRAIN
from premem.config.statistics import Statistics, Threshold
from premem.data.difficulty import difficulty_of
from premem.scoring.scores import MEMORIZATION_COLUMNS, TEST_COLUMNS, runs_of_tables


def main(
    memorization: Path,
    tests: Path,
    threshold: Path,
    grades: list[Path],
    weights: list[Path],
    confidences: list[Path],
    data: list[Path],
    test_set: str,
    difficulty: list[str],
    grader: str,
    settings: Predictors,
    grid: Threshold,
    statistics: Statistics,
    values: Path,
    out: Path,
) -> None:
    memorized, tested = read_table(memorization, MEMORIZATION_COLUMNS), read_table(tests, TEST_COLUMNS)
    test_sets = sorted(tested["test_set"].unique(), key=lambda name: (name != test_set, name))
    found: list[pd.DataFrame] = []
    notes: dict[tuple[str, str], str] = {}

    if grades:
        columns = ["epoch", "split", "example_id", "sample", grader, f"{grader}_extracted"]
        graded = {path.parent.name: read_table(path, columns)[columns] for path in grades}
        for run, table in graded.items():
            given = table[table["split"] != TRAIN].rename(columns={f"{grader}_extracted": "extracted"})
            found.append(self_consistency(given).assign(run=run, predictor="self_consistency"))
        for path in confidences if "atc" in settings.names else []:
            run = path.parent.name
            found.append(atc_of_run(read_table(path), graded[run], grader).assign(run=run, predictor="atc"))
    if weights:
        same = "with one base model, the same as the distance in another unit"
        notes |= {("relative_distance", name): same for name in test_sets}
    found += [read_table(path, ["epoch", "predictor", "value"]).assign(run=path.parent.name) for path in weights]
    for label in difficulty if data else []:
        splits = {path.stem: read_table(path).set_index("example_id") for path in data}
        levels = {split: difficulty_of(table, label) for split, table in splits.items()}
        for name in test_sets:
            by_level = accuracy_by_difficulty(memorized[memorized["trained_on"]], levels[TRAIN], levels[name])
            found.append(by_level.assign(predictor="difficulty", split=name).drop(columns="nearest"))
            if nearest := sorted({level for row in by_level["nearest"] for level in row}):
                told = ", ".join(f"{level:g}" for level in nearest)
                notes["difficulty", name] = f"difficulty {told} not trained on: accuracy of the nearest"

    empty = pd.DataFrame(columns=["run", "epoch", "predictor", "split", "value"])
    of_test_set = pd.concat([empty, *found], ignore_index=True).rename(columns={"split": "test_set"})
    chosen = json.loads(threshold.read_text(encoding="utf-8"))
    placed, comparison = compare(
        {name: runs_of_tables(memorized, tested, name) for name in test_sets},
        settings.names,
        of_test_set,
        threshold_grid(grid.grid),
        chosen["threshold"],
        chosen["fixed"],
        statistics,
        notes,
    )
    write_table(placed, values)
    write_csv(comparison, out)


if __name__ == "__main__":
    cli.run(main)
