"""Pieces of Markdown pages."""

import os
import re
from collections.abc import Sequence
from pathlib import Path


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def fenced(text: str) -> str:
    """Return a text as a block of code, so that nothing in it is read as Markdown or HTML."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def link_to_figure(files: Sequence[Path], page: Path) -> str:
    """Return the path of a figure relative to the folder of a page.

    Args:
        files: the figure in every format. A browser shows no PDF within a page, so another format is taken if there is
            one.
        page: the page that shows it.
    """
    shown = min(files, key=lambda path: path.suffix == ".pdf")
    return os.path.relpath(shown, page.parent)
