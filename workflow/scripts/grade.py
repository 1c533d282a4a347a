"""Grade the sampled answers of a run with every grader."""

from pathlib import Path

import pandas as pd

from premem import cli
from premem.scoring.grading import grade_answers, versions
from premem.tables import read_table, write_table


def main(
    samples: list[Path],
    checkpoint_epochs: list[int],
    data: list[Path],
    answers: str,
    time_limit: float,
    workers: int,
    out: Path,
) -> None:
    columns = ["split", "example_id", "sample", "text"]
    tables = [
        read_table(path, columns)[columns].assign(epoch=epoch)
        for epoch, path in zip(checkpoint_epochs, samples, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    references = pd.concat([read_table(path, ["example_id", "answer"]) for path in data])
    expected = table["example_id"].map(references.set_index("example_id")["answer"])
    grades = grade_answers(list(table["text"]), list(expected), answers, time_limit, workers)
    result = table[["epoch", "split", "example_id", "sample"]].copy()
    for grader, graded in grades.items():
        result[grader] = pd.Categorical([g.grade for g in graded], ["correct", "incorrect", "no_answer"])
        result[f"{grader}_extracted"] = [g.extracted for g in graded]
    write_table(result, out, graders=versions(answers))


if __name__ == "__main__":
    cli.run(main)
