"""Plot train, test and predicted accuracy along training, a panel per run."""

from pathlib import Path

from premem.base import cli
from premem.base.tables import read_csv, read_table
from premem.config.analyses import Figures
from premem.report.figures import plot_training_curves
from premem.report.style import save


def main(points: Path, settings: Figures, out: list[Path], forecast: Path | None = None) -> None:
    table = read_csv(points) if points.suffix == ".csv" else read_table(points)
    if forecast:
        table = table.merge(read_csv(forecast)[["run", "epoch", "holdout_accuracy"]], on=["run", "epoch"])
    save(plot_training_curves(table, settings), out, settings.dpi)


if __name__ == "__main__":
    cli.run(main)
