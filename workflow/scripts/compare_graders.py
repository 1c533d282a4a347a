"""Count where the graders agree and where they do not, with an answer for each case."""

from pathlib import Path

import pandas as pd

from premem import cli
from premem.scoring.grading import GRADERS
from premem.tables import read_table, write_csv


def main(grades: list[Path], out: Path) -> None:
    columns = ["epoch", "example_id", "sample", *GRADERS, *(f"{grader}_extracted" for grader in GRADERS)]
    tables = [read_table(path, columns)[columns].assign(run=path.parent.name) for path in grades]
    table = pd.concat(tables, ignore_index=True).astype(dict.fromkeys(GRADERS, str))
    cases = table.groupby(list(GRADERS), sort=False)
    counted = cases.size().rename("answers").to_frame()
    counted["share"] = counted["answers"] / len(table)
    first = cases[["run", "epoch", "example_id", "sample", *(f"{grader}_extracted" for grader in GRADERS)]].first()
    write_csv(counted.join(first).sort_values("answers", ascending=False).reset_index(), out)


if __name__ == "__main__":
    cli.run(main)
