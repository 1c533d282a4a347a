"""Answer the questions that reviewers ask about a pair's results, as one table."""

from pathlib import Path

from premem.analysis.regression.calibration import threshold_grid
from premem.analysis.scrutiny import scrutinize
from premem.analysis.scrutiny.common import Context
from premem.base import cli
from premem.base.tables import write_csv
from premem.config.statistics import Statistics, Threshold
from premem.scoring.scores import runs_of_tables
from premem.scoring.stored import read_memorization, read_tests
from premem.scoring.threshold import read_threshold


def main(
    memorization: Path,
    tests: Path,
    threshold: Path,
    test_set: str,
    grid: Threshold,
    statistics: Statistics,
    other_thresholds: list[Path],
    figure_epochs: dict[str, list[int]],
    out: Path,
) -> None:
    runs = runs_of_tables(read_memorization(memorization), read_tests(tests), test_set)
    chosen = read_threshold(threshold)
    context = Context(
        threshold=chosen.threshold,
        fixed=chosen.fixed,
        source=chosen.note,
        grid=threshold_grid(grid.grid),
        statistics=statistics,
        other_thresholds={" on ".join(path.parts[-3:-1]): read_threshold(path).threshold for path in other_thresholds},
        figure_epochs=figure_epochs,
    )
    write_csv(scrutinize(runs, context), out)


if __name__ == "__main__":
    cli.run(main)
