"""Predictors that need only the memorization table, or in addition the difficulty labels of the examples.

Accuracy and perplexity have shape (checkpoints, examples), with checkpoints in the order of training. The result has
shape (checkpoints,), and its value at a checkpoint depends only on that checkpoint and earlier ones.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.scoring.scores import RunScores

Floats = NDArray[np.float64]

LEARNED = 0.5
"""An example counts as learned from this share of right answers on."""


def train_loss(perplexity: Floats) -> Floats:
    """Return the mean log perplexity of the targets, in nats per token; each example has the same weight.

    It is measured after the epoch on all examples, unlike the loss that is logged during training.
    """
    return np.log(perplexity).mean(axis=1)


def forgetting_events(accuracy: Floats) -> Floats:
    """Return how often an example has been forgotten so far, averaged over examples (Toneva et al. 2019, section 2).

    Toneva et al. count an example as forgotten if it is classified correctly at one presentation and wrongly at the
    next. Here its accuracy must fall from at least ``LEARNED`` to below it between two checkpoints.
    """
    learned = accuracy >= LEARNED
    forgotten = np.zeros(accuracy.shape)
    forgotten[1:] = learned[:-1] & ~learned[1:]
    return forgotten.cumsum(axis=0).mean(axis=1)


def cartography(perplexity: Floats) -> tuple[Floats, Floats]:
    """Return confidence and variability so far, averaged over examples (Swayamdipta et al. 2020, section 2).

    Swayamdipta et al. define them as mean and standard deviation over epochs of the probability of the true label. Here
    they are over checkpoints, and the probability is the geometric mean over the target's tokens (1 / perplexity).
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
    """Predict the accuracy on each test example by that on the training examples of the same difficulty.

    If a run was not trained on a level of difficulty, the accuracy at the nearest level is used; if two are equally
    near, the easier one. Examples of unknown difficulty (NaN) are left out.

    Args:
        accuracy: of the training examples: run, epoch, example_id, accuracy.
        train: difficulty of the training examples by example_id.
        test: difficulty of the test examples.

    Returns:
        run, epoch, value (the mean over the test examples) and nearest (the levels for which the nearest was used).
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
