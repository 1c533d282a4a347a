"""Plot R² against the threshold p."""

from pathlib import Path

from premem.base import cli
from premem.base.tables import read_csv
from premem.config.analyses import Figures
from premem.report.figures import plot_threshold
from premem.report.style import save


def main(calibration: Path, regression: Path, settings: Figures, out: list[Path]) -> None:
    save(plot_threshold(read_csv(calibration), read_csv(regression), settings), out, settings.dpi)


if __name__ == "__main__":
    cli.run(main)
