"""Plot test accuracy against pre-memorization train accuracy, and against plain train accuracy."""

from pathlib import Path

from premem.base import cli
from premem.base.tables import read_csv
from premem.config.analyses import Figures
from premem.report.figures import plot_prediction
from premem.report.style import save


def main(points: Path, forecast: Path, regression: Path, settings: Figures, out: list[Path]) -> None:
    held_out = read_csv(forecast)[["run", "epoch", "holdout_accuracy"]]
    table = read_csv(points).merge(held_out, on=["run", "epoch"])
    save(plot_prediction(table, read_csv(regression), settings), out, settings.dpi)


if __name__ == "__main__":
    cli.run(main)
