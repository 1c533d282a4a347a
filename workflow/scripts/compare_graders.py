"""Count where the graders agree and where they do not, with an answer for each case."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from premem.base import cli
from premem.base.tables import write_csv
from premem.scoring.grader_agreement import count_cases
from premem.scoring.grading import GRADERS
from premem.scoring.stored import UNLABELLED, read_grades


def main(grades: list[Path], out: Path) -> None:
    there = set(pq.read_schema(grades[0]).names)
    graders = [grader for grader in GRADERS if grader in there]
    extracted = [f"{grader}_extracted" for grader in graders]
    tables = [read_grades(path, graders, extracted).assign(run=path.parent.name) for path in grades]
    answers = pd.concat(tables, ignore_index=True)
    write_csv(count_cases(answers[answers[graders[0]] != UNLABELLED]), out)


if __name__ == "__main__":
    cli.run(main)
