"""Forecast the test accuracy of every checkpoint of a pair, best first."""

from pathlib import Path

from premem.analysis.forecast import forecast_table
from premem.analysis.regression.calibration import leave_one_run_out
from premem.base import cli
from premem.base.tables import read_table, write_csv
from premem.config.statistics import Statistics
from premem.config.sweep import Checkpoints
from premem.scoring.scores import runs_of_tables
from premem.scoring.stored import read_memorization, read_tests
from premem.scoring.threshold import read_threshold

DELETED = "deleted; keep it with checkpoints.keep"


def main(
    memorization: Path,
    tests: Path,
    threshold: Path,
    curves: Path,
    test_set: str | None,
    statistics: Statistics,
    checkpoints: Checkpoints,
    folder: str | None,
    out: Path,
) -> None:
    runs = runs_of_tables(read_memorization(memorization), read_tests(tests), test_set)
    chosen = read_threshold(threshold)
    predicted = None
    if not chosen.fixed and len(runs) > 1:  # no run is forecast with a p that its own test labels helped to choose
        held_out = leave_one_run_out(read_table(curves)).set_index(["run", "epoch"])["predicted_without_run"]
        keys = [(run.run, epoch) for run in runs for epoch in run.checkpoint_epochs]
        found = held_out.loc[keys].to_numpy(dtype=float)
        predicted = None if (found != found).any() else found
    table = forecast_table(runs, chosen.threshold, statistics.coverage, predicted)
    table["checkpoint"] = [
        ""
        if folder is None
        else folder.format(run=row.run, epoch=row.epoch)
        if checkpoints.keeps(row.epoch, row.epochs)
        else DELETED
        for row in table.itertuples()
    ]
    write_csv(table, out)


if __name__ == "__main__":
    cli.run(main)
