"""Bring a run's grades and perplexities together: the memorization table, and the accuracy on every test set."""

from pathlib import Path

import pandas as pd

from premem import cli
from premem.memorization import memorization_table, sampled_accuracy
from premem.tables import read_table, write_table


def main(
    grades: list[Path], checkpoint_epochs: list[int], perplexity: Path, grader: str, memorization: Path, tests: Path
) -> None:
    graded = pd.concat(
        [
            read_table(path, ["split", "example_id", grader]).assign(epoch=epoch)
            for epoch, path in zip(checkpoint_epochs, grades, strict=True)
        ]
    )
    accuracy = sampled_accuracy(graded, grader)
    perplexities = read_table(perplexity, ["example_id", "epoch", "perplexity"])
    write_table(memorization_table(accuracy, perplexities), memorization)
    write_table(accuracy[accuracy["split"] != "train"].rename(columns={"split": "test_set"}), tests)


if __name__ == "__main__":
    cli.run(main)
