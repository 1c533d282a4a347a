"""Write the page that answers the questions of reviewers, with its figures."""

from pathlib import Path

from premem.analysis.scrutiny.figures import plot
from premem.analysis.scrutiny.page import scrutiny_page
from premem.base import cli
from premem.base.files import write_text
from premem.base.tables import read_csv
from premem.config.analyses import Figures
from premem.report.markdown import link_to_figure
from premem.report.style import save


def main(table: Path, title: str, settings: Figures, figures: list[Path], out: Path) -> None:
    answers = read_csv(table)
    paths: dict[str, list[Path]] = {}
    for path in figures:
        paths.setdefault(path.stem, []).append(path)
    for question, files in paths.items():
        save(plot(question, answers, settings), files, settings.dpi)
    links = {question: link_to_figure(files, out) for question, files in paths.items()}
    write_text(scrutiny_page(title, answers, links), out)


if __name__ == "__main__":
    cli.run(main)
