"""Compare strategies of collecting data, as tables, a figure and a page."""

import json
import os
from pathlib import Path

import pandas as pd

from premem.analysis.curation.collect import OVERLAPPING, REPEATED
from premem.analysis.curation.efficiency import compare_strategies
from premem.analysis.curation.figures import plot_strategies
from premem.analysis.curation.page import comparison_page
from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_made_by, read_table, write_csv
from premem.config.analyses import Figures
from premem.config.curation import Collection
from premem.config.statistics import Statistics, Threshold
from premem.data.difficulty import difficulty_of
from premem.report.figures import save


def main(
    rounds: str,
    grades: list[Path],
    data: list[Path],
    test_set: str,
    grader: str,
    difficulty: list[str],
    title: str,
    collection: Collection,
    threshold: Threshold,
    statistics: Statistics,
    settings: Figures,
    accuracy: Path,
    efficiency: Path,
    collected: Path,
    figures: list[Path],
    out: Path,
) -> None:
    reached, gathered = [], []
    for made, of_run, examples in zip(json.loads(rounds), grades, data, strict=True):
        table = read_table(of_run, ["split", grader])
        reached.append({**made, "test_accuracy": (table[grader][table["split"] == test_set] == "correct").mean()})
        if made["round"]:
            new = read_table(examples, ["round"])
            new = new[new["round"] == made["round"]]
            notes = read_made_by(examples)
            reasons = notes["left_out"]
            repeated = reasons.get(REPEATED, 0)
            overlapping = sum(count for reason, count in reasons.items() if reason.endswith(OVERLAPPING))
            gathered.append(
                {
                    **made,
                    **{name: notes[name] for name in ("selected", "p", "trained_on", "fell_back", "overlap_of_start")},
                    "repeated": repeated,
                    "overlapping": overlapping,
                    "other": sum(reasons.values()) - repeated - overlapping,
                    "difficulty": difficulty_of(new, difficulty[0]).mean() if difficulty else float("nan"),
                }
            )
    compared = compare_strategies(pd.DataFrame(reached), statistics.confidence)
    write_csv(pd.DataFrame(reached), accuracy)
    write_csv(compared, efficiency)
    write_csv(pd.DataFrame(gathered), collected)
    save(plot_strategies(compared, settings), figures, settings.dpi)
    shown = min(figures, key=lambda path: path.suffix == ".pdf")  # a browser shows no PDF within a page
    image = os.path.relpath(shown, out.parent)
    page = comparison_page(title, compared, pd.DataFrame(gathered), collection, threshold.value is None, image)
    with whole(out) as aside:
        aside.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
