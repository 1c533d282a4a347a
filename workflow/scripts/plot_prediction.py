"""Plot test accuracy against pre-memorization train accuracy, and against plain train accuracy."""

from pathlib import Path

from premem.base import cli
from premem.base.tables import read_csv
from premem.config.analyses import Figures
from premem.report.figures import plot_prediction
from premem.report.style import save


def main(points: Path, regression: Path, settings: Figures, out: list[Path]) -> None:
    save(plot_prediction(read_csv(points), read_csv(regression), settings), out, settings.dpi)


if __name__ == "__main__":
    cli.run(main)
