"""Plot R² against the threshold p."""

from pathlib import Path

from premem import cli
from premem.figures import plot_threshold, save
from premem.settings import Figures
from premem.tables import read_csv


def main(calibration: Path, regression: Path, settings: Figures, out: list[Path]) -> None:
    save(plot_threshold(read_csv(calibration), read_csv(regression), settings), out, settings.dpi)


if __name__ == "__main__":
    cli.run(main)
