"""Join a run's grades and perplexities: the memorization table, and the accuracy on every test set."""

from pathlib import Path

from premem.base import cli
from premem.base.tables import write_table
from premem.config.data import HOLDOUT, TRAIN
from premem.config.runs import Run
from premem.scoring.memorization import memorization_table, sampled_accuracy
from premem.scoring.scores import MEMORIZATION_COLUMNS, RUN_COLUMNS, TEST_COLUMNS
from premem.scoring.stored import UNLABELLED, read_grades, read_perplexity


def main(
    run: Run,
    grades: Path,
    perplexity: Path,
    grader: str,
    memorization: Path,
    tests: Path,
) -> None:
    graded = read_grades(grades, [grader])
    labelled = graded[graded[grader] != UNLABELLED]
    accuracy = sampled_accuracy(labelled, grader)
    table = memorization_table(accuracy, read_perplexity(perplexity), grades, perplexity)
    named = {"run": run.name} | {name: getattr(run, name) for name in RUN_COLUMNS if name != "run"}
    write_table(table.assign(**named)[MEMORIZATION_COLUMNS], memorization)
    test = accuracy[~accuracy["split"].isin([TRAIN, HOLDOUT])].rename(columns={"split": "test_set"})
    write_table(test.assign(run=run.name)[TEST_COLUMNS], tests)


if __name__ == "__main__":
    cli.run(main)
