"""Say how well test accuracy is predicted, with intervals over runs."""

from pathlib import Path

from premem.analysis.regression.calibration import leave_one_run_out
from premem.analysis.regression.ols import COLUMNS, ols_summary
from premem.analysis.regression.table import regression_table
from premem.base import cli
from premem.base.files import write_text
from premem.base.tables import read_table, write_csv
from premem.config.statistics import Statistics
from premem.scoring.scores import place_points, runs_of_tables
from premem.scoring.stored import read_memorization, read_tests
from premem.scoring.threshold import read_threshold


def main(
    memorization: Path,
    tests: Path,
    curves: Path,
    threshold: Path,
    test_set: str | None,
    settings: Statistics,
    points: Path,
    regression: Path,
    ols: Path,
) -> None:
    runs = runs_of_tables(read_memorization(memorization), read_tests(tests), test_set)
    chosen, curve = read_threshold(threshold), read_table(curves)
    table = place_points(runs, chosen.threshold)
    held_out = table if chosen.fixed else table.merge(leave_one_run_out(curve), on=["run", "epoch"], how="left")
    write_csv(held_out, points)
    write_csv(regression_table(table, curve, settings, chosen), regression)
    write_text("\n\n".join(ols_summary(table, predictor) for predictor in COLUMNS) + "\n", ols)


if __name__ == "__main__":
    cli.run(main)
