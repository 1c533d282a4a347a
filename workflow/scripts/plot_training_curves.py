"""Plot train, test and predicted accuracy along training, a panel per run."""

from pathlib import Path

from premem import cli
from premem.figures import plot_training_curves, save
from premem.settings import Figures
from premem.tables import read_csv, read_table


def main(points: Path, settings: Figures, out: list[Path]) -> None:
    table = read_csv(points) if points.suffix == ".csv" else read_table(points)
    save(plot_training_curves(table, settings), out, settings.dpi)


if __name__ == "__main__":
    cli.run(main)
