"""Predict test accuracy at every threshold p of the grid, for all runs of a pair."""

from pathlib import Path

from premem.analysis.regression.calibration import calibrate, threshold_grid
from premem.base import cli
from premem.base.tables import read_table, write_csv, write_table
from premem.config.statistics import Threshold
from premem.scoring.scores import MEMORIZATION_COLUMNS, TEST_COLUMNS, predict_over_grid, runs_of_tables


def main(memorization: Path, tests: Path, settings: Threshold, test_set: str, curves: Path, calibration: Path) -> None:
    runs = runs_of_tables(read_table(memorization, MEMORIZATION_COLUMNS), read_table(tests, TEST_COLUMNS), test_set)
    table = predict_over_grid(runs, threshold_grid(settings.grid))
    write_table(table, curves)
    write_csv(calibrate(table), calibration)


if __name__ == "__main__":
    cli.run(main)
