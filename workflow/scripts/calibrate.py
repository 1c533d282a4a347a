"""Predict test accuracy at every threshold p of the grid, for all runs of a pair."""

from pathlib import Path

from premem.analysis.regression.calibration import calibrate, threshold_grid
from premem.base import cli
from premem.base.tables import write_csv, write_table
from premem.config.statistics import Threshold
from premem.scoring.scores import predict_over_grid, runs_of_tables
from premem.scoring.stored import read_memorization, read_tests


def main(
    memorization: Path, tests: Path, settings: Threshold, test_set: str | None, curves: Path, calibration: Path
) -> None:
    runs = runs_of_tables(read_memorization(memorization), read_tests(tests), test_set)
    table = predict_over_grid(runs, threshold_grid(settings.grid))
    write_table(table, curves)
    write_csv(calibrate(table), calibration)


if __name__ == "__main__":
    cli.run(main)
