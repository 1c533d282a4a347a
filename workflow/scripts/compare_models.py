"""Compare the models that have results on a dataset, as a table, a figure and a page."""

import json
import os
from pathlib import Path

import numpy as np

from premem import cli
from premem.across_models import ModelResults, compare_models, models_page, plot_models
from premem.figures import save
from premem.files import whole
from premem.plan import count_weights
from premem.scores import MEMORIZATION_COLUMNS
from premem.settings import Figures, Statistics
from premem.tables import read_csv, read_table, write_csv


def main(
    models: list[str],
    memorization: list[Path],
    points: list[Path],
    regression: list[Path],
    threshold: list[Path],
    bases: str,
    dataset: str,
    statistics: Statistics,
    settings: Figures,
    figures: list[Path],
    table: Path,
    out: Path,
) -> None:
    folders = json.loads(bases)
    results = [
        ModelResults(
            name=name,
            weights=(count_weights(Path(folders[name])) if name in folders else None) or np.nan,
            p=json.loads(p.read_text())["threshold"],
            memorization=read_table(scores, MEMORIZATION_COLUMNS),
            points=read_csv(placed),
            regression=read_csv(judged),
        )
        for name, scores, placed, judged, p in zip(models, memorization, points, regression, threshold, strict=True)
    ]
    compared = compare_models(results, statistics)
    write_csv(compared, table)
    save(plot_models(compared, settings), figures, settings.dpi)
    shown = min(figures, key=lambda path: path.suffix == ".pdf")  # a browser shows no PDF within a page
    with whole(out) as aside:
        aside.write_text(models_page(dataset, compared, os.path.relpath(shown, out.parent)))


if __name__ == "__main__":
    cli.run(main)
