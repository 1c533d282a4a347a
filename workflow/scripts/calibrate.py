"""Predict test accuracy at every threshold p of the grid, for all runs of a pair."""

from pathlib import Path

import pandas as pd

from premem import cli
from premem.regression import calibrate, predict_over_grid, threshold_grid
from premem.settings import Threshold
from premem.tables import read_table, write_csv, write_table


def main(
    memorization: list[Path],
    tests: list[Path],
    settings: Threshold,
    test_set: str,
    curves: Path,
    calibration: Path,
) -> None:
    thresholds = threshold_grid(settings.grid)
    tables = []
    for scores, test in zip(memorization, tests, strict=True):
        predicted = predict_over_grid(read_table(scores, ["example_id", "epoch", "accuracy", "perplexity"]), thresholds)
        accuracy = read_table(test, ["test_set", "epoch", "accuracy"])
        accuracy = accuracy[accuracy["test_set"] == test_set].groupby("epoch")["accuracy"].mean()
        tables.append(predicted.assign(run=scores.parent.name, test_accuracy=predicted["epoch"].map(accuracy)))
    table = pd.concat(tables, ignore_index=True)
    write_table(table, curves)
    write_csv(calibrate(table), calibration)


if __name__ == "__main__":
    cli.run(main)
