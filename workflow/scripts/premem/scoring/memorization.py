"""Pre-memorization train accuracy: Kang et al. 2025, section 4, as defined there.

Arrays have the shape (..., checkpoints, examples); checkpoints are in the order of training.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from premem.base.errors import UserError
from premem.config.data import HOLDOUT, TRAIN

Floats = NDArray[np.float64]


def perplexity(nll: ArrayLike, n_tokens: ArrayLike) -> Floats:
    """exp(nll / n_tokens); ``nll`` is −log f(y given x) summed over the n target tokens of y, in nats."""
    return np.exp(np.asarray(nll, dtype=float) / np.asarray(n_tokens, dtype=float))


def masked_accuracy(accuracy: ArrayLike, perplexity: ArrayLike, p: ArrayLike) -> Floats:
    """Accuracy where the example is not memorized (perplexity > p), 0 where it is.

    ``p`` broadcasts against the arrays, so that many thresholds can be tried at once.
    """
    return np.asarray(accuracy, dtype=float) * (np.asarray(perplexity) > np.asarray(p))


def premem_accuracy(accuracy: ArrayLike, perplexity: ArrayLike, p: ArrayLike) -> Floats:
    """min(max over m' ≤ m of masked_accuracy_m', accuracy_m) for every checkpoint m and example."""
    best_before = np.maximum.accumulate(masked_accuracy(accuracy, perplexity, p), axis=-2)
    return np.minimum(best_before, np.asarray(accuracy, dtype=float))


def predicted_test_accuracy(accuracy: ArrayLike, perplexity: ArrayLike, p: ArrayLike) -> Floats:
    """Mean of ``premem_accuracy`` over the examples; shape (..., checkpoints)."""
    return premem_accuracy(accuracy, perplexity, p).mean(axis=-1)


def predicted_over_thresholds(
    accuracy: ArrayLike,
    perplexity: ArrayLike,
    thresholds: ArrayLike,
    use: NDArray[np.bool_] | None = None,
    capped: bool = True,
) -> Floats:
    """Compute ``predicted_test_accuracy`` at many thresholds in one pass.

    As p falls, an example's value only rises, and only where p passes one of its perplexities. These rises are
    collected for all examples and summed from the largest p down.

    Args:
        accuracy: shape (checkpoints, examples).
        perplexity: as accuracy.
        thresholds: values of p, ascending.
        use: shape (checkpoints, checkpoints): may checkpoint m (row) look at checkpoint m' (column)? By default at
            itself and all before it, which is the definition.
        capped: take the minimum with the accuracy at m itself, which is the definition.

    Returns:
        Shape (checkpoints, thresholds).
    """
    accuracy, perplexity = np.asarray(accuracy, dtype=float), np.asarray(perplexity, dtype=float)
    thresholds = np.asarray(thresholds, dtype=float)
    checkpoints, examples = accuracy.shape
    use = np.tri(checkpoints, dtype=bool) if use is None else use
    predicted = np.empty((checkpoints, thresholds.size))
    passed = np.searchsorted(thresholds, perplexity)  # how many thresholds lie below each perplexity
    for m in range(checkpoints):
        order = np.argsort(-perplexity[use[m]], axis=0)
        value = np.take_along_axis(accuracy[use[m]], order, axis=0)
        if capped:
            value = np.minimum(value, accuracy[m])
        rises = np.diff(np.maximum.accumulate(value, axis=0), axis=0, prepend=0)
        counts = np.take_along_axis(passed[use[m]], order, axis=0)
        sums = np.bincount(counts.ravel(), weights=rises.ravel(), minlength=thresholds.size + 1)
        predicted[m] = sums[::-1].cumsum()[-2::-1] / examples
    return predicted


def sampled_accuracy(grades: pd.DataFrame, grader: str) -> pd.DataFrame:
    """Return the share of correct answers of each example at each checkpoint.

    Args:
        grades: one row per sampled answer: split, example_id, epoch and a column of grades named as the grader.

    Returns:
        One row per example × checkpoint: split, example_id, epoch, accuracy, n_samples.
    """
    correct = grades.assign(correct=grades[grader] == "correct")
    groups = correct.groupby(["split", "epoch", "example_id"], sort=True)["correct"]
    return groups.agg(accuracy="mean", n_samples="size").reset_index()


def memorization_table(
    accuracy: pd.DataFrame, perplexities: pd.DataFrame, grades_file: Path, perplexity_file: Path
) -> pd.DataFrame:
    """Join accuracy and perplexity of the training examples, of those held out as well.

    Args:
        accuracy: as ``sampled_accuracy`` returns it.
        perplexities: example_id, epoch, perplexity.
        grades_file, perplexity_file: where they were read; the messages name them.

    Raises:
        UserError: if an example has the one without the other.

    Returns:
        example_id, epoch, accuracy, n_samples, perplexity, trained_on.
    """
    train = accuracy[accuracy["split"].isin([TRAIN, HOLDOUT])]
    train = train.assign(trained_on=train["split"] == TRAIN).drop(columns="split")
    table = train.merge(perplexities[["example_id", "epoch", "perplexity"]], on=["example_id", "epoch"], how="outer")
    if len(bad := table[table["perplexity"].isna()]):
        raise UserError(
            f"{perplexity_file}: {len(bad)} training examples have no perplexity, such as {bad['example_id'].iloc[0]} "
            f"after epoch {bad['epoch'].iloc[0]}; delete the file and run again"
        )
    if len(bad := table[table["accuracy"].isna()]):
        epoch = bad["epoch"].iloc[0]
        samples_file = grades_file.parent / f"epoch-{epoch}" / "samples.parquet"
        raise UserError(
            f"{samples_file}: {len(bad)} training examples have no answers, such as {bad['example_id'].iloc[0]}; "
            f"delete the file and {grades_file}, and run again"
        )
    return table.astype({"trained_on": bool})
