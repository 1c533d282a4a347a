"""Predictors that read sampled answers to the test prompts, but not the labels."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from premem.config.data import HOLDOUT, TRAIN


def self_consistency(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the samples that give the majority answer, averaged over prompts (after Wang et al. 2023).

    Answers are equal if their texts are equal. A sample without an answer agrees with no other.

    Args:
        answers: one row per sample: epoch, split, example_id, extracted ("" if there is no answer).

    Returns:
        epoch, split, value (in [0, 1]); a row per checkpoint and split.
    """
    keys = ["epoch", "split", "example_id"]
    samples = answers.groupby(keys, observed=True).size()
    given = answers[answers["extracted"] != ""].groupby([*keys, "extracted"], observed=True).size()
    majority = given.groupby(keys, observed=True).max().reindex(samples.index, fill_value=0)
    share = (majority / samples).groupby(["epoch", "split"], observed=True).mean()
    return share.rename("value").reset_index()


def average_thresholded_confidence(confidence: ArrayLike, correct: ArrayLike, unlabelled: ArrayLike) -> float:
    """Predict accuracy as the share of unlabelled answers above a threshold of confidence (Garg et al. 2022).

    The threshold is chosen so that the share of labelled answers at or above it equals their accuracy. Garg et al. use
    labelled *validation* data and a classifier's confidence (its highest probability or negative entropy). Here the
    labelled answers are those to *training* prompts, since no labelled data are set aside. The confidence is the mean
    log-probability of a sampled answer's tokens at temperature 1. Memorized examples are answered with high confidence,
    so a threshold from training answers may not suit test answers.

    Args:
        confidence: of labelled answers, shape (answers,).
        correct: whether these answers are right, shape (answers,).
        unlabelled: confidence of the other answers, shape (other answers,).
    """
    confidence = np.sort(np.asarray(confidence, dtype=float))[::-1]
    above = int(np.sum(correct))
    threshold = confidence[above - 1] if above else np.inf
    return float((np.asarray(unlabelled, dtype=float) >= threshold).mean())


def atc_of_run(confidences: pd.DataFrame, grades: pd.DataFrame, grader: str) -> pd.DataFrame:
    """Return ``average_thresholded_confidence`` for every checkpoint and test set of a run.

    Args:
        confidences: epoch, split, example_id, sample, log_probability.
        grades: epoch, split, example_id, sample and the grader's column; only grades of training answers are read.
        grader: the grader that counts.

    Returns:
        epoch, split, value; a row per checkpoint and test set.
    """
    keys = ["epoch", "split", "example_id", "sample"]
    train = confidences[confidences["split"] == TRAIN].merge(
        grades.loc[grades["split"] == TRAIN, [*keys, grader]], on=keys, validate="1:1"
    )
    labelled = dict(list(train.groupby("epoch")))
    others = confidences[~confidences["split"].isin([TRAIN, HOLDOUT])]
    return pd.DataFrame(
        [
            {
                "epoch": epoch,
                "split": split,
                "value": average_thresholded_confidence(
                    labelled[epoch]["log_probability"], labelled[epoch][grader] == "correct", table["log_probability"]
                ),
            }
            for (epoch, split), table in others.groupby(["epoch", "split"], sort=False)
        ],
        columns=["epoch", "split", "value"],
    )
