"""Where the graders agree and where they do not."""

import pandas as pd

from premem.scoring.grading import GRADERS


def graders_in(table: pd.DataFrame) -> list[str]:
    """Return the graders whose grades a table holds: ``original`` is missing in some styles."""
    return [grader for grader in GRADERS if grader in table]


def count_cases(answers: pd.DataFrame) -> pd.DataFrame:
    """Count the answers for every combination of grades, the most frequent first.

    Args:
        answers: run, epoch, example_id, sample, and each grader with what it extracted; a row per sampled answer.

    Returns:
        A column per grader with its grade; answers (their number), share (of all answers); and run, epoch, example_id,
        sample and the extracted texts of one such answer.
    """
    graders = graders_in(answers)
    answers = answers.astype(dict.fromkeys(graders, str))
    cases = answers.groupby(graders, sort=False)
    counted = cases.size().rename("answers").to_frame()
    counted["share"] = counted["answers"] / len(answers)
    first = cases[["run", "epoch", "example_id", "sample", *(f"{grader}_extracted" for grader in graders)]].first()
    return counted.join(first).sort_values("answers", ascending=False).reset_index()
