"""List the training examples of a pair that are worth a look, over all its runs."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from premem.analysis.fix_these import fix_these
from premem.base import cli
from premem.base.tables import read_table, write_csv
from premem.config.data import HOLDOUT, TRAIN
from premem.scoring.stored import read_grades, read_memorization
from premem.scoring.threshold import read_threshold


def main(memorization: Path, threshold: Path, grades: list[Path], data: Path | None, grader: str, out: Path) -> None:
    table = fix_these(
        read_memorization(memorization),
        read_threshold(threshold).threshold,
        _answers(grades, grader),
        read_table(data, ["example_id"]) if data else None,
    )
    write_csv(table, out)


def _answers(grades: list[Path], grader: str) -> Iterator[tuple[str, pd.DataFrame]]:
    extracted = f"{grader}_extracted"
    for path in grades:
        table = read_grades(path, [grader], [extracted])
        of_train = table[table["split"].isin([TRAIN, HOLDOUT])].rename(
            columns={grader: "grade", extracted: "extracted"}
        )
        yield path.parent.name, of_train[["epoch", "example_id", "grade", "extracted"]]


if __name__ == "__main__":
    cli.run(main)
