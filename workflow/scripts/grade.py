"""Grade the sampled answers of a run with every grader."""

from pathlib import Path

import pandas as pd

from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.scoring.grading import grade_answers, versions
from premem.scoring.stored import GRADE_VALUES, read_samples


def main(
    samples: list[Path],
    checkpoint_epochs: list[int],
    data: list[Path],
    answers: str,
    time_limit: float,
    workers: int,
    out: Path,
) -> None:
    table = read_samples(samples, checkpoint_epochs)
    # Ids of one's own may be the same in two sets. Perturbed prompts, whose splits are perturbations, have one set.
    references = {}
    for path in data:
        of_split = read_table(path, ["example_id", "answer"])
        references[path.stem] = dict(zip(of_split["example_id"], of_split["answer"], strict=True))
    only = next(iter(references.values()))
    expected = [references.get(split, only)[i] for split, i in zip(table["split"], table["example_id"], strict=True)]
    # Where no answer is known, only what the texts give as their answer is looked for.
    grades = grade_answers(list(table["text"]), [answer or None for answer in expected], answers, time_limit, workers)
    result = table[["epoch", "split", "example_id", "sample"]].copy()
    for grader, graded in grades.items():
        result[grader] = pd.Categorical([g.grade for g in graded], GRADE_VALUES)
        result[f"{grader}_extracted"] = [g.extracted for g in graded]
    write_table(result, out, graders=versions(answers))


if __name__ == "__main__":
    cli.run(main)
