"""Write the page and the figures of what perturbations do."""

import json
import os
from pathlib import Path

from premem.analysis.robustness.figures import plot_bins
from premem.analysis.robustness.page import robustness_page
from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_csv
from premem.config.analyses import Figures
from premem.config.data import Perturbation
from premem.report.figures import save


def main(
    bins: Path,
    regression: Path,
    title: str,
    perturbations: str,
    settings: Figures,
    figures: list[Path],
    out: Path,
) -> None:
    in_bins, regressed = read_csv(bins), read_csv(regression)
    changes = {key: Perturbation.model_validate(value) for key, value in json.loads(perturbations).items()}
    links = {}
    for examples, name in {"all": "robustness", "solved": "robustness_solved"}.items():
        paths = [path for path in figures if path.stem == name]
        save(plot_bins(in_bins, examples, settings), paths, settings.dpi)
        shown = min(paths, key=lambda path: path.suffix == ".pdf")  # a browser shows no PDF within a page
        links[examples] = os.path.relpath(shown, out.parent)
    with whole(out) as aside:
        aside.write_text(robustness_page(title, changes, in_bins, regressed, links), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
