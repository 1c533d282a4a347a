"""Compare strategies of collecting data, as tables, a figure and a page."""

import json
from pathlib import Path

import pandas as pd

from premem.analysis.curation.efficiency import compare_strategies
from premem.analysis.curation.figures import plot_strategies
from premem.analysis.curation.page import comparison_page
from premem.analysis.curation.rounds import accuracy_of_rounds, describe_round
from premem.base import cli
from premem.base.files import write_text
from premem.base.tables import read_made_by, read_table, write_csv
from premem.config.analyses import Figures
from premem.config.curation import Collection
from premem.config.statistics import Statistics, ThresholdSource
from premem.report.markdown import link_to_figure
from premem.report.style import save
from premem.scoring.stored import read_grades


def main(
    rounds: str,
    grades: list[Path],
    data: list[Path],
    test_set: str,
    grader: str,
    difficulty: str | None,
    title: str,
    collection: Collection,
    threshold: ThresholdSource,
    statistics: Statistics,
    settings: Figures,
    accuracy: Path,
    efficiency: Path,
    collected: Path,
    figures: list[Path],
    out: Path,
) -> None:
    trainings = json.loads(rounds)
    reached = accuracy_of_rounds(trainings, (read_grades(path, [grader]) for path in grades), test_set, grader)
    described = pd.DataFrame(
        describe_round(made, read_table(path, ["round"]), read_made_by(path), difficulty)
        for made, path in zip(trainings, data, strict=True)
        if made["round"]
    )
    compared = compare_strategies(reached, statistics.confidence)
    write_csv(reached, accuracy)
    write_csv(compared, efficiency)
    write_csv(described, collected)
    save(plot_strategies(compared, settings), figures, settings.dpi)
    image = link_to_figure(figures, out)
    write_text(comparison_page(title, compared, described, collection, threshold == "test", image), out)


if __name__ == "__main__":
    cli.run(main)
