"""The scores of runs, trained here or imported: where every analysis begins.

Two tables hold them, both with any number of runs under each other:

    memorization    run, lr, epochs, size, seed, epoch, example_id, accuracy, n_samples, perplexity, trained_on
                    one row per example × checkpoint; ``trained_on`` is false for examples of the training set that this
                    run did not train on, which only some questions look at
    test_accuracy   run, epoch, test_set, example_id, accuracy, n_samples
                    one row per test example × checkpoint

``memorization`` may also hold ``more_samples`` and ``accuracy_of_more``: a larger sampling, where there is one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from premem.base.errors import UserError
from premem.scoring.memorization import predicted_over_thresholds, predicted_test_accuracy

Floats = NDArray[np.float64]

RUN_COLUMNS = ["run", "lr", "epochs", "size", "seed"]
"""What names a run of a (model, dataset) pair."""
MEMORIZATION_COLUMNS = [*RUN_COLUMNS, "epoch", "example_id", "accuracy", "n_samples", "perplexity", "trained_on"]
TEST_COLUMNS = ["run", "epoch", "test_set", "example_id", "accuracy", "n_samples"]


@dataclass(frozen=True)
class RunScores:
    """The scores of one run; arrays of shape (checkpoints, examples), checkpoints in the order of training."""

    run: str
    lr: str
    epochs: int
    size: str
    seed: int
    checkpoint_epochs: NDArray[np.int64]
    """Shape (checkpoints,)."""
    accuracy: Floats
    """Of the examples trained on."""
    perplexity: Floats
    """Of the examples trained on."""
    n_samples: NDArray[np.int64]
    """Answers that ``accuracy`` is the share of."""
    test_accuracy: Floats
    """Of each test example; one column of NaN where no test set has labels."""
    unseen_accuracy: Floats
    """Of training examples that the run did not train on; there may be none."""
    accuracy_of_more: Floats | None = None
    """As ``accuracy``, of a larger sample, where there is one at every checkpoint."""
    more_samples: NDArray[np.int64] | None = None
    """Answers that ``accuracy_of_more`` is the share of."""

    @property
    def mean_unseen_accuracy(self) -> Floats:
        """Shape (checkpoints,); NaN where there are no unseen examples."""
        if not self.unseen_accuracy.shape[1]:
            return np.full(len(self.checkpoint_epochs), np.nan)
        return self.unseen_accuracy.mean(axis=1)


def runs_of_tables(memorization: pd.DataFrame, tests: pd.DataFrame, test_set: str | None) -> list[RunScores]:
    """Return the runs in the order of the table.

    Args:
        memorization: see the top of this module.
        tests: as well.
        test_set: the test set to take; None where none has labels.

    Raises:
        UserError: if an example is missing at a checkpoint, or test accuracies at one.
    """
    tests = tests[tests["test_set"] == test_set]
    tests_by_run = dict(list(tests.groupby("run", sort=False, observed=True)))
    runs = []
    for name, table in memorization.groupby("run", sort=False, observed=True):
        seen = table["trained_on"].to_numpy(dtype=bool)
        trained = _pivot(table[seen], str(name), ["accuracy", "perplexity", "n_samples"])
        unseen = _pivot(table[~seen], str(name), ["accuracy"])
        test = _pivot(tests_by_run.get(name, tests[:0]), str(name), ["accuracy"])["accuracy"]
        epochs = trained["accuracy"].index
        if test_set is None:
            test = pd.DataFrame(np.nan, index=epochs, columns=[""])
        if not epochs.isin(test.index).all():
            epoch = epochs[~epochs.isin(test.index)][0]
            raise UserError(f"run {name}: there are no accuracies on test set {test_set} at epoch {epoch}")
        more = {}
        if "more_samples" in table and not table[seen]["more_samples"].isna().any():
            more = _pivot(table[seen], str(name), ["accuracy_of_more", "more_samples"])
        first = table.iloc[0]
        runs.append(
            RunScores(
                run=str(name),
                lr=str(first["lr"]),
                epochs=int(first["epochs"]),
                size=str(first["size"]),
                seed=int(first["seed"]),
                checkpoint_epochs=epochs.to_numpy(dtype=np.int64),
                accuracy=trained["accuracy"].to_numpy(dtype=float),
                perplexity=trained["perplexity"].to_numpy(dtype=float),
                n_samples=trained["n_samples"].to_numpy(dtype=np.int64),
                test_accuracy=test.loc[epochs].to_numpy(dtype=float),
                unseen_accuracy=unseen["accuracy"].reindex(epochs).to_numpy(dtype=float),
                accuracy_of_more=more["accuracy_of_more"].to_numpy(dtype=float) if more else None,
                more_samples=more["more_samples"].to_numpy(dtype=np.int64) if more else None,
            )
        )
    return runs


def _pivot(table: pd.DataFrame, run: str, columns: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Column → table of shape (epochs, examples)."""
    if table.empty:
        return {column: pd.DataFrame() for column in columns}
    wide = table.pivot(index="epoch", columns="example_id", values=list(columns))
    missing = wide.isna()
    if missing.to_numpy().any():
        epoch = missing.index[missing.any(axis=1)][0]
        column, example = missing.columns[missing.loc[epoch]][0]
        raise UserError(
            f"run {run}: example {example} has no {column} at epoch {epoch}; every checkpoint must hold every example, "
            "so delete that checkpoint's tables and run again"
        )
    return {column: wide[column] for column in columns}


def place_points(runs: Iterable[RunScores], p: float) -> pd.DataFrame:
    """Return a row per checkpoint: the run, epoch, train_accuracy, predicted_test_accuracy, test_accuracy, n.

    Args:
        runs: the scores.
        p: the threshold.
    """
    tables = [
        pd.DataFrame(
            {
                **{column: getattr(run, column) for column in RUN_COLUMNS},
                "epoch": run.checkpoint_epochs,
                "train_accuracy": run.accuracy.mean(axis=1),
                "predicted_test_accuracy": predicted_test_accuracy(run.accuracy, run.perplexity, p),
                "test_accuracy": run.test_accuracy.mean(axis=1),
                "n": run.accuracy.shape[1],
            }
        )
        for run in runs
    ]
    return pd.concat(tables, ignore_index=True)


def predict_over_grid(runs: Iterable[RunScores], thresholds: ArrayLike) -> pd.DataFrame:
    """Predict test accuracy at every checkpoint for every threshold.

    Returns:
        run, epoch, threshold, predicted_test_accuracy, test_accuracy, unseen_accuracy; a row per checkpoint and
        threshold.
    """
    thresholds = np.asarray(thresholds, dtype=float)
    tables = [
        pd.DataFrame(
            {
                "run": run.run,
                "epoch": np.repeat(run.checkpoint_epochs, thresholds.size),
                "threshold": np.tile(thresholds, len(run.checkpoint_epochs)),
                "predicted_test_accuracy": predicted_over_thresholds(run.accuracy, run.perplexity, thresholds).ravel(),
                "test_accuracy": np.repeat(run.test_accuracy.mean(axis=1), thresholds.size),
                "unseen_accuracy": np.repeat(run.mean_unseen_accuracy, thresholds.size),
            }
        )
        for run in runs
    ]
    return pd.concat(tables, ignore_index=True)
