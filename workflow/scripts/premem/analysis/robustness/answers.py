"""Perturbed and unperturbed accuracy of every example, next to its predictors.

``answers`` is the table that the analysis starts from. It has a row per example × checkpoint × perturbation, and one
for the unperturbed prompt:

    run, epoch, example_id, premem_accuracy, train_accuracy, perplexity, perturbation, accuracy, n_samples
    difficulty      the dataset's own label, if it has labels; NaN for an example without one

``accuracy`` is that of the answers sampled for this analysis. The predictors come from the memorization table or are
labels, so they share no answer with it. The *drop* is unperturbed minus perturbed accuracy.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.analysis.robustness import ALL, MEASURED, PREDICTOR_SETS, PREDICTORS, UNPERTURBED
from premem.scoring.memorization import premem_accuracy

Floats = NDArray[np.float64]

KEYS = ["run", "epoch", "example_id"]
ROUNDING = 1e-9
"""Differences smaller than this are due to rounding."""


def answers_table(
    accuracy: pd.DataFrame, memorization: pd.DataFrame, p: float, difficulty: "pd.Series[float] | None" = None
) -> pd.DataFrame:
    """Join the accuracies sampled for this analysis with the predictors of the same checkpoint.

    Args:
        accuracy: run, split (the perturbation), epoch, example_id, accuracy, n_samples.
        memorization: see ``premem.scoring.scores``.
        p: the threshold.
        difficulty: by example_id, if the dataset has labels.

    Returns:
        ``answers`` (see the top of this module).
    """
    found = accuracy.rename(columns={"split": "perturbation"})
    found = found.merge(predictors_of(memorization, p), on=KEYS, validate="m:1")
    if difficulty is not None:
        found["difficulty"] = found["example_id"].map(difficulty)
    return found[[*KEYS, *predictors_in(found), "perturbation", "accuracy", "n_samples"]]


def predictors_in(table: pd.DataFrame) -> list[str]:
    """Return the predictors for which a table has a column."""
    return [name for name in PREDICTORS if name in table]


def predictors_of(memorization: pd.DataFrame, p: float) -> pd.DataFrame:
    """Return run, epoch, example_id and ``MEASURED``; a row per checkpoint and example that the run trained on."""
    tables = []
    for run, table in memorization[memorization["trained_on"]].groupby("run", sort=False, observed=True):
        wide = table.pivot(index="epoch", columns="example_id", values=["accuracy", "perplexity"])
        accuracy, perplexity = wide["accuracy"], wide["perplexity"]
        premem = pd.DataFrame(premem_accuracy(accuracy, perplexity, p), accuracy.index, accuracy.columns)
        found = {"premem_accuracy": premem, "train_accuracy": accuracy, "perplexity": perplexity}
        tables.append(pd.DataFrame({name: values.stack() for name, values in found.items()}).assign(run=run))
    return pd.concat(tables).reset_index()[[*KEYS, *MEASURED]]


def contrast(answers: pd.DataFrame, perturbation: str) -> pd.DataFrame:
    """Set perturbed next to unperturbed answers.

    Args:
        answers: see the top of this module.
        perturbation: a name, or ``all``.

    Returns:
        run, epoch, example_id, the predictors, right_before, n_before, right_after, n_after. The last four are numbers
        of answers, without and with the perturbation.
    """
    right = answers.assign(right=(answers["accuracy"] * answers["n_samples"]).round())
    is_before = right["perturbation"] == UNPERTURBED
    is_after = ~is_before if perturbation == ALL else right["perturbation"] == perturbation
    columns = [*KEYS, *predictors_in(answers)]
    before = right[is_before].rename(columns={"right": "right_before", "n_samples": "n_before"})
    after = right[is_after].groupby(KEYS, as_index=False, observed=True)[["right", "n_samples"]].sum()
    after = after.rename(columns={"right": "right_after", "n_samples": "n_after"})
    return before[[*columns, "right_before", "n_before"]].merge(after, on=KEYS, validate="1:1")


def contrasts(answers: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield examples (``all`` or ``solved``), perturbation and their contrast, if there are any examples."""
    solved = answers[answers["train_accuracy"] > 1 - ROUNDING]
    for examples, found in (("all", answers), ("solved", solved)):
        for perturbation in [*(name for name in found["perturbation"].unique() if name != UNPERTURBED), ALL]:
            if len(found):
                yield examples, perturbation, contrast(found, perturbation)


def predictor_sets_of(examples: str, table: pd.DataFrame) -> Iterator[tuple[str, tuple[str, ...], pd.DataFrame]]:
    """Yield each predictor set with its predictors and the rows of a contrast that have them, if there are any rows."""
    for name, predictors in PREDICTOR_SETS[examples].items():
        known = table.dropna(subset=list(predictors)) if set(predictors) <= set(table) else table[:0]
        if len(known):
            yield name, predictors, known


def found_drop(table: pd.DataFrame) -> Floats:
    """Return the drop of every row of a contrast."""
    drop = table["right_before"] / table["n_before"] - table["right_after"] / table["n_after"]
    return drop.to_numpy(dtype=float)


def stack(table: pd.DataFrame) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return numbers of right answers, of all answers, and 1 if perturbed: the unperturbed rows, then the others."""
    right, n = (np.concatenate([table[f"{kind}_before"], table[f"{kind}_after"]]) for kind in ("right", "n"))
    return right.astype(float), n.astype(float), np.repeat([0, 1], len(table))


def values_of(table: pd.DataFrame, predictors: Sequence[str]) -> Floats:
    """Return the predictors, shape (rows, predictors); perplexity as its logarithm."""
    return np.column_stack(
        [np.log(table[name]) if name == "perplexity" else table[name].to_numpy(dtype=float) for name in predictors]
    )
