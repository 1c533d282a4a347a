"""Predictors that need the memorization table alone, or the difficulty labels of the examples beside it.

Functions of accuracy or perplexity of shape (checkpoints, examples), checkpoints in the order of training, return a
value per checkpoint, shape (checkpoints,), which knows that checkpoint and those before it.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.scoring.scores import RunScores

Floats = NDArray[np.float64]

LEARNED = 0.5
"""An example counts as learned from this share of right answers."""


def train_loss(perplexity: Floats) -> Floats:
    """Mean over the examples of the log perplexity of the target: nats per token, each example counted alike.

    It is measured after the epoch, on all examples, unlike the loss that training logs while the weights move.
    """
    return np.log(perplexity).mean(axis=1)


def forgetting_events(accuracy: Floats) -> Floats:
    """Mean number per example of the times it has been forgotten so far (Toneva et al. 2019, section 2).

    There an example is forgotten when it goes from classified right to wrong between two of its presentations; here
    when its accuracy falls from at least ``LEARNED`` to below it between two checkpoints.
    """
    learned = accuracy >= LEARNED
    forgotten = np.zeros(accuracy.shape)
    forgotten[1:] = learned[:-1] & ~learned[1:]
    return forgotten.cumsum(axis=0).mean(axis=1)


def cartography(perplexity: Floats) -> tuple[Floats, Floats]:
    """Mean over the examples of confidence and variability so far (Swayamdipta et al. 2020, section 2).

    There they are mean and standard deviation over the epochs of the probability of the true label; here of a target's
    token (the geometric mean over its tokens, which is 1 / perplexity), over the checkpoints.
    """
    probability = 1 / perplexity
    number = np.arange(1, len(probability) + 1)[:, None]
    mean = probability.cumsum(axis=0) / number
    variance = (probability**2).cumsum(axis=0) / number - mean**2
    return mean.mean(axis=1), np.sqrt(np.maximum(variance, 0)).mean(axis=1)


OF_RUN: dict[str, Callable[[RunScores], Floats]] = {
    "train_accuracy": lambda run: run.accuracy.mean(axis=1),
    "train_loss": lambda run: train_loss(run.perplexity),
    "perplexity": lambda run: run.perplexity.mean(axis=1),
    "forgetting": lambda run: forgetting_events(run.accuracy),
    "confidence": lambda run: cartography(run.perplexity)[0],
    "variability": lambda run: cartography(run.perplexity)[1],
}


def accuracy_by_difficulty(accuracy: pd.DataFrame, train: "pd.Series[float]", test: "pd.Series[float]") -> pd.DataFrame:
    """Predict each test example with the accuracy on the training examples that are as difficult.

    A level that a run has not trained on is given the nearest level's accuracy, the easier one's of two. Examples
    whose difficulty is not known (NaN) are left out.

    Args:
        accuracy: of the training examples: run, epoch, example_id, accuracy.
        train: difficulty by example_id, of the training examples.
        test: difficulty of the test examples.

    Returns:
        run, epoch, value (the mean over the test examples) and nearest (the levels that a nearest one stood in for).
    """
    levels = test.dropna().value_counts(normalize=True)
    known = accuracy.assign(level=accuracy["example_id"].map(train)).dropna(subset="level")
    rows = []
    for (run, epoch), of_level in known.groupby(["run", "epoch"], sort=False, observed=True):
        by_level = of_level.groupby("level")["accuracy"].mean()
        nearest = [min(by_level.index, key=lambda there: (abs(there - level), there)) for level in levels.index]
        rows.append(
            {
                "run": run,
                "epoch": epoch,
                "value": float(levels.to_numpy() @ by_level[nearest].to_numpy()) if len(levels) else np.nan,
                "nearest": [level for level in levels.index if level not in by_level.index],
            }
        )
    return pd.DataFrame(rows, columns=["run", "epoch", "value", "nearest"])
