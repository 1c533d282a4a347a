"""Where the graders agree and where they do not."""

import pandas as pd

from premem.scoring.grading import GRADERS

EXTRACTED = [f"{grader}_extracted" for grader in GRADERS]
ANSWER_COLUMNS = ["epoch", "example_id", "sample", *GRADERS, *EXTRACTED]


def count_cases(answers: pd.DataFrame) -> pd.DataFrame:
    """Count the answers for every combination of grades, the most frequent first.

    Args:
        answers: run and ``ANSWER_COLUMNS``, a row per sampled answer.

    Returns:
        A column per grader with its grade; answers (their number), share (of all answers); and run, epoch, example_id,
        sample and the extracted texts of one such answer.
    """
    answers = answers.astype(dict.fromkeys(GRADERS, str))
    cases = answers.groupby(list(GRADERS), sort=False)
    counted = cases.size().rename("answers").to_frame()
    counted["share"] = counted["answers"] / len(answers)
    first = cases[["run", "epoch", "example_id", "sample", *EXTRACTED]].first()
    return counted.join(first).sort_values("answers", ascending=False).reset_index()
