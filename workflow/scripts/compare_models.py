"""Compare the models that have results on a dataset, as a table, a figure and a page."""

import json
import os
from pathlib import Path

import numpy as np

from premem.analysis.model_comparison import ModelResults, compare_models, models_page, plot_models
from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_csv, read_table, write_csv
from premem.config.analyses import Figures
from premem.config.statistics import Statistics
from premem.jobs.plan import count_weights
from premem.report.figures import save
from premem.scoring.scores import MEMORIZATION_COLUMNS


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
            p=json.loads(p.read_text(encoding="utf-8"))["threshold"],
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
        aside.write_text(models_page(dataset, compared, os.path.relpath(shown, out.parent)), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
