"""Answer what sceptics ask of a pair's results, as one table."""

import json
from pathlib import Path

from premem.analysis.regression import threshold_grid
from premem.analysis.scrutiny import scrutinize
from premem.analysis.scrutiny.common import Context
from premem.base import cli
from premem.base.tables import read_table, write_csv
from premem.config.statistics import Statistics, Threshold
from premem.scoring.scores import MEMORIZATION_COLUMNS, TEST_COLUMNS, runs_of_tables


def main(
    memorization: Path,
    tests: Path,
    threshold: Path,
    test_set: str,
    grid: Threshold,
    statistics: Statistics,
    other_thresholds: list[Path],
    figure_epochs: str,
    out: Path,
) -> None:
    runs = runs_of_tables(read_table(memorization, MEMORIZATION_COLUMNS), read_table(tests, TEST_COLUMNS), test_set)
    chosen = json.loads(threshold.read_text(encoding="utf-8"))
    context = Context(
        threshold=chosen["threshold"],
        fixed=chosen["fixed"],
        grid=threshold_grid(grid.grid),
        statistics=statistics,
        other_thresholds={
            " on ".join(path.parts[-3:-1]): json.loads(path.read_text(encoding="utf-8"))["threshold"]
            for path in other_thresholds
        },
        figure_epochs=json.loads(figure_epochs),
    )
    write_csv(scrutinize(runs, context), out)


if __name__ == "__main__":
    cli.run(main)
