"""The rounds of a curation as tables: the test accuracy after each, and what each collected."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from premem.analysis.curation.collect import OVERLAPPING, REPEATED
from premem.data.difficulty import difficulty_of

NOTES = ("selected", "p", "trained_on", "fell_back", "overlap_of_start")
"""What the metadata of a training set says about the last round."""


def accuracy_of_rounds(
    rounds: Iterable[Mapping[str, Any]], grades: Iterable[pd.DataFrame], test_set: str, grader: str
) -> pd.DataFrame:
    """Return strategy, seed, round, new_examples, test_accuracy; a row per training.

    Args:
        rounds: strategy, seed, round and new_examples of each training.
        grades: the graded answers of each training, with split and the grader's column.
        test_set: the split that counts.
        grader: the grader that counts.
    """
    return pd.DataFrame(
        {**made, "test_accuracy": (table[grader][table["split"] == test_set] == "correct").mean()}
        for made, table in zip(rounds, grades, strict=True)
    )


def describe_round(
    made: Mapping[str, Any], examples: pd.DataFrame, notes: Mapping[str, Any], difficulty: str | None
) -> dict[str, Any]:
    """Say what a round collected.

    Args:
        made: strategy, seed, round and new_examples.
        examples: the training set of the round, with ``round``.
        notes: the metadata of its table: ``NOTES`` and left_out.
        difficulty: what holds the labels (``premem.data.difficulty``), if the dataset has labels.

    Returns:
        ``made``, ``NOTES``, the numbers of new examples that were left out (repeated, overlapping, other), and the mean
        difficulty of the new examples, NaN without labels.
    """
    reasons = notes["left_out"]
    repeated = reasons.get(REPEATED, 0)
    overlapping = sum(count for reason, count in reasons.items() if reason.endswith(OVERLAPPING))
    new = examples[examples["round"] == made["round"]]
    return {
        **made,
        **{name: notes[name] for name in NOTES},
        "repeated": repeated,
        "overlapping": overlapping,
        "other": sum(reasons.values()) - repeated - overlapping,
        "difficulty": difficulty_of(new, difficulty).mean() if difficulty else float("nan"),
    }
