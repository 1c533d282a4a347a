"""Write the page and the figures of the comparison of predictors."""

from pathlib import Path

from premem.analysis.predictors.figures import plot_comparison, plot_test_sets
from premem.analysis.predictors.page import predictors_page
from premem.base import cli
from premem.base.files import write_text
from premem.base.tables import read_csv, read_table
from premem.config.analyses import Figures
from premem.report.markdown import link_to_figure
from premem.report.style import save


def main(values: Path, comparison: Path, title: str, settings: Figures, figures: list[Path], out: Path) -> None:
    table, points = read_csv(comparison), read_table(values)
    drawn = {
        "predictors": plot_comparison(table, settings),
        "test_sets": plot_test_sets(points, table, settings),
    }
    links = {}
    for name, figure in drawn.items():
        files = [path for path in figures if path.stem == name]
        save(figure, files, settings.dpi)
        links[name] = link_to_figure(files, out)
    write_text(predictors_page(title, points, table, links), out)


if __name__ == "__main__":
    cli.run(main)
