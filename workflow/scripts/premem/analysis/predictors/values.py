"""Values of all predictors that need more than the scores, gathered from the tables that hold them."""

from collections.abc import Mapping, Sequence

import pandas as pd

from premem.analysis.predictors.from_answers import atc_of_run, self_consistency
from premem.analysis.predictors.from_scores import accuracy_by_difficulty
from premem.config.data import HOLDOUT, TRAIN
from premem.data.difficulty import difficulty_of

COLUMNS = ["run", "epoch", "predictor", "test_set", "value"]
Notes = dict[tuple[str, str], str]
"""(predictor, test set) → a remark on its values."""


def values_from_answers(
    grades: Mapping[str, pd.DataFrame], confidences: Mapping[str, pd.DataFrame], grader: str
) -> pd.DataFrame:
    """Return ``COLUMNS`` of the predictors that read sampled answers.

    Args:
        grades: run → graded answers: epoch, split, example_id, sample and the grader's columns.
        confidences: run → ``confidences`` of ``premem.analysis.predictors.measure``; empty if ``atc`` is not wanted.
        grader: the grader that counts.
    """
    found = [pd.DataFrame(columns=COLUMNS)]
    for run, table in grades.items():
        given = table[~table["split"].isin([TRAIN, HOLDOUT])].rename(columns={f"{grader}_extracted": "extracted"})
        found.append(self_consistency(given).assign(run=run, predictor="self_consistency"))
    for run, table in confidences.items():
        found.append(atc_of_run(table, grades[run], grader).assign(run=run, predictor="atc"))
    return pd.concat([table.rename(columns={"split": "test_set"}) for table in found], ignore_index=True)


def values_without_labels(from_answers: pd.DataFrame, labelled: Sequence[str]) -> pd.DataFrame:
    """Return the values on test sets without labels, as ``compare`` gives the others; test_accuracy is missing.

    Args:
        from_answers: from ``values_from_answers``.
        labelled: the test sets that have labels.
    """
    others = from_answers[~from_answers["test_set"].isin(labelled)]
    return others.assign(test_accuracy=float("nan"))


def values_from_weights(weights: Mapping[str, pd.DataFrame], test_sets: Sequence[str]) -> tuple[pd.DataFrame, Notes]:
    """Return ``COLUMNS`` of the predictors that read checkpoints, and remarks on them.

    Args:
        weights: run → epoch, predictor, value.
        test_sets: names.
    """
    tables = [table.assign(run=run) for run, table in weights.items()]
    same = "with one base model, the same as the distance in another unit"
    notes = {("relative_distance", name): same for name in test_sets if tables}
    return pd.concat([pd.DataFrame(columns=COLUMNS), *tables], ignore_index=True), notes


def values_from_labels(
    memorization: pd.DataFrame, splits: Mapping[str, pd.DataFrame], difficulty: str, test_sets: Sequence[str]
) -> tuple[pd.DataFrame, Notes]:
    """Return ``COLUMNS`` of the predictor that reads difficulty labels, and remarks on it.

    Args:
        memorization: see ``premem.scoring.scores``.
        splits: split → prepared examples.
        difficulty: what holds the labels (``premem.data.difficulty``).
        test_sets: names.
    """
    levels = {split: difficulty_of(table.set_index("example_id"), difficulty) for split, table in splits.items()}
    found: list[pd.DataFrame] = []
    notes: Notes = {}
    for name in test_sets:
        by_level = accuracy_by_difficulty(memorization[memorization["trained_on"]], levels[TRAIN], levels[name])
        found.append(by_level.assign(predictor="difficulty", test_set=name).drop(columns="nearest"))
        if nearest := sorted({level for row in by_level["nearest"] for level in row}):
            named = ", ".join(f"{level:g}" for level in nearest)
            notes["difficulty", name] = f"difficulty {named} not trained on: accuracy of the nearest"
    return pd.concat(found, ignore_index=True)[COLUMNS], notes
