"""Compare the models that have results on a dataset, as a table, a figure and a page."""

from pathlib import Path

import numpy as np

from premem.analysis.model_comparison import ModelResults, compare_models, models_page, plot_models
from premem.base import cli
from premem.base.files import write_text
from premem.base.tables import read_csv, write_csv
from premem.config.analyses import Figures
from premem.config.statistics import Statistics
from premem.jobs.plan import count_weights
from premem.report.markdown import link_to_figure
from premem.report.style import save
from premem.scoring.stored import read_memorization
from premem.scoring.threshold import read_threshold


def main(
    models: list[str],
    memorization: list[Path],
    points: list[Path],
    regression: list[Path],
    threshold: list[Path],
    bases: dict[str, Path],
    dataset: str,
    statistics: Statistics,
    settings: Figures,
    figures: list[Path],
    table: Path,
    out: Path,
) -> None:
    results = [
        ModelResults(
            name=name,
            weights=(count_weights(bases[name]) if name in bases else None) or np.nan,
            p=read_threshold(p).threshold,
            memorization=read_memorization(scores),
            points=read_csv(placed),
            regression=read_csv(judged),
        )
        for name, scores, placed, judged, p in zip(models, memorization, points, regression, threshold, strict=True)
    ]
    compared = compare_models(results, statistics)
    write_csv(compared, table)
    save(plot_models(compared, settings), figures, settings.dpi)
    write_text(models_page(dataset, compared, link_to_figure(figures, out)), out)


if __name__ == "__main__":
    cli.run(main)
