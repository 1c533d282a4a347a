"""Plot accuracy and memorization of every training example along training, an image per run."""

import json
from pathlib import Path

from premem import cli
from premem.figures import name_run, plot_learning_progress, save
from premem.settings import Figures
from premem.tables import read_csv, read_table


def main(memorization: list[Path], points: Path, threshold: Path, settings: Figures, out: list[Path]) -> None:
    runs = read_csv(points).drop_duplicates("run")
    several_seeds = runs["seed"].nunique() > 1
    titles = {run.run: name_run(run, several_seeds) for run in runs.itertuples()}
    tables = {titles[path.parent.name]: read_table(path) for path in memorization}
    p = json.loads(threshold.read_text())["threshold"]
    save(plot_learning_progress(tables, p, settings), out, settings.dpi)


if __name__ == "__main__":
    cli.run(main)
