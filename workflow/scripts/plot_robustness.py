"""Write the page and the figures of the analysis of robustness."""

from pathlib import Path

from premem.analysis.robustness.figures import plot_bins
from premem.analysis.robustness.page import robustness_page
from premem.base import cli
from premem.base.files import write_text
from premem.base.tables import read_csv
from premem.config.analyses import Figures
from premem.config.data import Perturbation
from premem.report.markdown import link_to_figure
from premem.report.style import save


def main(
    bins: Path,
    regression: Path,
    title: str,
    perturbations: dict[str, Perturbation],
    settings: Figures,
    figures: list[Path],
    out: Path,
) -> None:
    in_bins, regressed = read_csv(bins), read_csv(regression)
    links = {}
    for examples, name in {"all": "robustness", "solved": "robustness_solved"}.items():
        files = [path for path in figures if path.stem == name]
        save(plot_bins(in_bins, examples, settings), files, settings.dpi)
        links[examples] = link_to_figure(files, out)
    write_text(robustness_page(title, perturbations, in_bins, regressed, links), out)


if __name__ == "__main__":
    cli.run(main)
