"""Write the page and the figure of what perturbations do."""

import json
import os
from pathlib import Path

from premem import cli
from premem.figures import save
from premem.files import whole
from premem.robustness.figures import plot_bins
from premem.robustness.page import robustness_page
from premem.settings import Figures, Perturbation
from premem.tables import read_csv


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
    save(plot_bins(in_bins, settings), figures, settings.dpi)
    shown = min(figures, key=lambda path: path.suffix == ".pdf")  # a browser shows no PDF within a page
    with whole(out) as aside:
        aside.write_text(robustness_page(title, changes, in_bins, regressed, os.path.relpath(shown, out.parent)))


if __name__ == "__main__":
    cli.run(main)
