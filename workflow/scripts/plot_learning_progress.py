"""Plot accuracy and memorization of every training example along training, an image per run."""

from pathlib import Path

from premem.base import cli
from premem.base.tables import read_csv
from premem.config.analyses import Figures
from premem.report.figures import plot_learning_progress
from premem.report.style import name_run, save
from premem.scoring.stored import read_memorization
from premem.scoring.threshold import read_threshold


def main(memorization: Path, points: Path, threshold: Path, settings: Figures, out: list[Path]) -> None:
    runs = read_csv(points).drop_duplicates("run")
    several_seeds = runs["seed"].nunique() > 1
    scores = read_memorization(memorization)
    tables = dict(list(scores[scores["trained_on"]].groupby("run", sort=False)))
    titled = {name_run(run, several_seeds): tables[run.run] for run in runs.itertuples()}
    save(plot_learning_progress(titled, read_threshold(threshold).threshold, settings), out, settings.dpi)


if __name__ == "__main__":
    cli.run(main)
