"""Write the page of answers to sceptics, with its figures."""

import os
from pathlib import Path

from premem.analysis.scrutiny.figures import plot
from premem.analysis.scrutiny.page import scrutiny_page
from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_csv
from premem.config.analyses import Figures
from premem.report.figures import save


def main(table: Path, title: str, settings: Figures, figures: list[Path], out: Path) -> None:
    answers = read_csv(table)
    paths: dict[str, list[Path]] = {}
    for path in figures:
        paths.setdefault(path.stem, []).append(path)
    links = {}
    for question, of_question in paths.items():
        save(plot(question, answers, settings), of_question, settings.dpi)
        shown = min(of_question, key=lambda path: path.suffix == ".pdf")  # a browser shows no PDF within a page
        links[question] = os.path.relpath(shown, out.parent)
    with whole(out) as aside:
        aside.write_text(scrutiny_page(title, answers, links), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
