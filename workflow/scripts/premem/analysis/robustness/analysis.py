"""How much accuracy is lost under perturbations, and what tells beforehand of which examples.

The table that all begins with, ``answers``, has a row per example × checkpoint × perturbation (and one unperturbed):

    run, epoch, example_id, premem_accuracy, train_accuracy, perplexity, perturbation, accuracy, n_samples
    difficulty      the dataset's own label, where it has any; NaN for an example that has none

``accuracy`` is of the answers sampled here; the predictors come from the memorization table, or are labels, and share
no answer with it. The *drop* is unperturbed minus perturbed accuracy. Two tables come out of it, with a row for every
number:

    bins        examples, perturbation, predictor, bin, low_edge, high_edge, mean, statistic, estimate, low, high,
                n_examples, n_runs
    regression  examples, perturbation, model, predictor, statistic, estimate, low, high, n_examples, n_runs, note

``examples`` is ``all`` or ``solved``: those of which every answer was right when the predictors were measured, as where
models have memorized. ``perturbation`` is a name or ``all``: the answers under all of them put together. A *model* is a
set of predictors. What it tells of the examples of a checkpoint is said in three ways, per standard deviation of a
predictor within checkpoints (of log perplexity), beside the other predictors of the model. Each has a constant for
every checkpoint, and errors clustered by example, since answers to the same question are alike in all runs:

- ``still_right``: logit P(perturbed answer is right) = checkpoint + b x, a logistic regression. What predicts accuracy
  predicts it under any prompt, so b says something of brittleness among examples that are solved alike.
- ``interaction``: logit P(answer is right) = cell + β x + δ x · perturbed, over unperturbed and perturbed answers, with
  a constant for each cell (checkpoint × perturbed or not). δ says how much more x tells of an answer once the prompt is
  perturbed: 0 if all examples lose the same odds, above 0 if those of low x lose more. (Unperturbed accuracy as a
  control would not do: of a few samples it is noisy, and x would be given credit for what the noise hides. As an
  outcome its noise does no harm.) Checkpoints at which either kind of answers is all right or all wrong tell nothing of
  odds lost, and are left out. A perturbation that makes answers hinge on other things flattens the slope of whatever
  predicts accuracy, so that a single δ is often below 0: what counts is δ of one predictor beside the others.
- ``drop_slope``: drop = checkpoint + b x, least squares, in units of accuracy; below 0 if examples of low x lose more.
  What is never solved has nothing to lose, so this too is about brittleness among examples that are solved alike.

**The prediction.** Without constants for checkpoints, logit P = a + b x + perturbed (c + d x) is fitted on all runs but
one and predicts the drop of each example of that run, P(unperturbed) − P(perturbed). Its correlation with the drop that
is found there says how well brittle examples of a new model are told from others. It is bounded well below 1, since the
drop that is found is a difference of a few samples.
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.linear_model import OLS

from premem.analysis.regression.bootstrap import FEWEST_RUNS, interval
from premem.analysis.robustness import ALL, PREDICTORS, UNPERTURBED
from premem.config.statistics import Statistics
from premem.scoring.memorization import premem_accuracy

Floats = NDArray[np.float64]

KEYS = ["run", "epoch", "example_id"]
MEASURED = ("premem_accuracy", "train_accuracy", "perplexity")
"""The predictors that every example has; difficulty is a label."""
MODELS: dict[str, dict[str, tuple[str, ...]]] = {
    "all": {
        **{name: (name,) for name in PREDICTORS},
        "premem_and_train_accuracy": ("premem_accuracy", "train_accuracy"),
        "perplexity_and_train_accuracy": ("perplexity", "train_accuracy"),
        "difficulty_and_train_accuracy": ("difficulty", "train_accuracy"),
        "together": MEASURED,
    },
    "solved": {
        "premem_accuracy": ("premem_accuracy",),
        "perplexity": ("perplexity",),
        "difficulty": ("difficulty",),
        "premem_and_perplexity": ("premem_accuracy", "perplexity"),
        "premem_and_difficulty": ("premem_accuracy", "difficulty"),
    },
}
"""Examples → model → its predictors. Train accuracy is the same for all solved examples. Models of difficulty see the
examples that have a label, and are left out where none has."""
SLOPES = ("still_right", "interaction", "drop_slope")
REFERENCE = "train_accuracy"
"""The model that the others are compared with: what is known without looking at memorization."""
LARGEST_COEFFICIENT = 20.0
"""Log-odds per standard deviation beyond this are those of a fit that has no finite solution."""
ROUNDING = 1e-9


def answers_table(
    accuracy: pd.DataFrame, memorization: pd.DataFrame, p: float, difficulty: "pd.Series[float] | None" = None
) -> pd.DataFrame:
    """Join the accuracies sampled here with the predictors of the same checkpoint.

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
    """Return the predictors that a table has columns of."""
    return [name for name in PREDICTORS if name in table]


def predictors_of(memorization: pd.DataFrame, p: float) -> pd.DataFrame:
    """Return run, epoch, example_id and ``MEASURED``, a row per example trained on × checkpoint."""
    tables = []
    for run, table in memorization[memorization["trained_on"]].groupby("run", sort=False, observed=True):
        wide = table.pivot(index="epoch", columns="example_id", values=["accuracy", "perplexity"])
        accuracy, perplexity = wide["accuracy"], wide["perplexity"]
        premem = pd.DataFrame(premem_accuracy(accuracy, perplexity, p), accuracy.index, accuracy.columns)
        found = {"premem_accuracy": premem, "train_accuracy": accuracy, "perplexity": perplexity}
        tables.append(pd.DataFrame({name: values.stack() for name, values in found.items()}).assign(run=run))
    return pd.concat(tables).reset_index()[[*KEYS, *MEASURED]]


def contrast(answers: pd.DataFrame, perturbation: str) -> pd.DataFrame:
    """Set perturbed beside unperturbed answers.

    Args:
        answers: see the top of this module.
        perturbation: a name, or ``all``.

    Returns:
        run, epoch, example_id, the predictors, right_before, n_before, right_after, n_after (numbers of answers).
    """
    right = answers.assign(right=(answers["accuracy"] * answers["n_samples"]).round())
    is_before = right["perturbation"] == UNPERTURBED
    is_after = ~is_before if perturbation == ALL else right["perturbation"] == perturbation
    columns = [*KEYS, *predictors_in(answers)]
    before = right[is_before].rename(columns={"right": "right_before", "n_samples": "n_before"})
    after = right[is_after].groupby(KEYS, as_index=False, observed=True)[["right", "n_samples"]].sum()
    after = after.rename(columns={"right": "right_after", "n_samples": "n_after"})
    return before[[*columns, "right_before", "n_before"]].merge(after, on=KEYS, validate="1:1")


# --- in bins --------------------------------------------------------------------------------------------------------


def bin_edges(values: ArrayLike, predictor: str, bins: int) -> Floats:
    """Return the edges: of equal width in [0, 1] for accuracies, of equal number for perplexities.

    For difficulty, halfway between labels: a bin for each label, or of about equal number if there are more than bins.
    """
    values = np.asarray(values, dtype=float)
    if predictor == "difficulty":
        labels = np.unique(values)
        begins = labels if len(labels) <= bins else np.quantile(values, np.arange(bins) / bins, method="lower")
        is_first = np.isin(labels[1:], begins)
        halfway = (labels[:-1] + labels[1:]) / 2
        return np.concatenate([labels[:1], halfway[is_first], labels[-1:]])
    if predictor != "perplexity":
        return np.linspace(0, 1, bins + 1)
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))


def bin_of(values: ArrayLike, edges: Floats) -> NDArray[np.intp]:
    """Return the bin of each value; an edge belongs to the bin above it, the last one to the last bin."""
    inner = edges[1:-1] - ROUNDING  # 3/5 belongs to the bin that begins at 0.6
    return np.searchsorted(inner, np.asarray(values, dtype=float), side="right")


def table_of_bins(answers: pd.DataFrame, bins: int, statistics: Statistics) -> pd.DataFrame:
    """Return unperturbed and perturbed accuracy, and the drop, in bins of every predictor (see the top of this module).

    ``kept`` is perturbed / unperturbed accuracy. Intervals resample whole runs.
    """
    rows: list[dict[str, object]] = []
    for examples, perturbation, table in _contrasts(answers):
        for _, (predictor, *more), known in _models(examples, table):
            if more:
                continue
            edges = bin_edges(known[predictor], predictor, bins)
            where = bin_of(known[predictor], edges)
            for number in range(len(edges) - 1):
                here = known[where == number]
                what = {
                    **{"examples": examples, "perturbation": perturbation, "predictor": predictor, "bin": number},
                    **{"low_edge": edges[number], "high_edge": edges[number + 1], "mean": here[predictor].mean()},
                    **{"n_examples": len(here), "n_runs": here["run"].nunique()},
                }
                rows += [{**what, **row} for row in _accuracies(here, statistics)]
    return pd.DataFrame(rows)


def _contrasts(answers: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield examples, perturbation and their contrast, for those of which there are any."""
    solved = answers[answers["train_accuracy"] > 1 - ROUNDING]
    for examples, found in (("all", answers), ("solved", solved)):
        for perturbation in [*(name for name in found["perturbation"].unique() if name != UNPERTURBED), ALL]:
            if len(found):
                yield examples, perturbation, contrast(found, perturbation)


def _models(examples: str, table: pd.DataFrame) -> Iterator[tuple[str, tuple[str, ...], pd.DataFrame]]:
    """Yield the models, each with its predictors and the rows of a contrast that have them, as far as there are any."""
    for model, names in MODELS[examples].items():
        known = table.dropna(subset=list(names)) if set(names) <= set(table) else table[:0]
        if len(known):
            yield model, names, known


def _accuracies(table: pd.DataFrame, statistics: Statistics) -> Iterator[dict[str, object]]:
    """Yield statistic, estimate, low, high of a contrast; nothing where there are no examples."""
    if table.empty:
        return
    share = {when: table[f"right_{when}"] / table[f"n_{when}"] for when in ("before", "after")}
    sums = pd.DataFrame({**share, "n": 1.0}).groupby(table["run"].to_numpy(), sort=True).sum()

    def estimate(weights: Floats) -> dict[str, Floats]:
        n = weights @ sums["n"].to_numpy()
        before, after = (weights @ sums[when].to_numpy() / n for when in ("before", "after"))
        with np.errstate(invalid="ignore", divide="ignore"):
            kept = np.where(before > 0, after / before, np.nan)
        return {"unperturbed": before, "perturbed": after, "drop": before - after, "kept": kept}

    found = estimate(np.ones((1, len(sums))))
    resampled = estimate(_draws(len(sums), statistics)) if len(sums) >= FEWEST_RUNS else {}
    for statistic, value in found.items():
        low, high, _ = interval(resampled.get(statistic), statistics.confidence)
        yield {"statistic": statistic, "estimate": float(value[0]), "low": low, "high": high}


def _draws(runs: int, statistics: Statistics) -> Floats:
    """How often each resample holds a run, shape (resamples, runs)."""
    random = np.random.default_rng(statistics.seed)
    return random.multinomial(runs, np.full(runs, 1 / runs), statistics.resamples).astype(float)


# --- regressions ----------------------------------------------------------------------------------------------------


def regress(answers: pd.DataFrame, statistics: Statistics) -> pd.DataFrame:
    """Return the regression table (see the top of this module). ``statistic`` is one of

    unperturbed, perturbed, drop, kept      over all examples, without a model; intervals resample runs
    still_right, interaction, drop_slope    see the top of this module; intervals from clustered errors
    drop_correlation                        of predicted with found drops within a run that was not fitted to, mean over
                                            runs; its interval resamples these runs
    ahead_of_train_accuracy                 how much it is above that of the model of train accuracy alone, on the same
                                            examples
    """
    rows: list[dict[str, object]] = []
    for examples, perturbation, table in _contrasts(answers):
        what = {"examples": examples, "perturbation": perturbation, "n_examples": len(table)}
        what |= {"n_runs": table["run"].nunique()}
        rows += [{**what, **row} for row in _accuracies(table, statistics)]
        models = list(_models(examples, table))
        correlations = {model: drop_correlations(known, names) for model, names, known in models}
        for model, names, known in models:
            of_model = {**what, "model": model, "n_examples": len(known), "n_runs": known["run"].nunique()}
            rows += [{**of_model, **row} for row in slopes(known, names, statistics.confidence)]
            compared = {"drop_correlation": correlations[model]}
            if model != REFERENCE and REFERENCE in correlations:
                reference = correlations[REFERENCE]
                if len(known) < len(table):  # compared on the same examples, where some have no label
                    reference = drop_correlations(known, MODELS[examples][REFERENCE])
                compared["ahead_of_train_accuracy"] = correlations[model] - reference
            for statistic, of_runs in compared.items():
                rows.append({**of_model, "statistic": statistic, **_mean_over_runs(of_runs, statistics)})
    columns = ["examples", "perturbation", "model", "predictor", "statistic", "estimate", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "n_examples", "n_runs", "note"])


def slopes(table: pd.DataFrame, predictors: Sequence[str], confidence: float) -> list[dict[str, object]]:
    """Fit the three regressions of slopes (see the top of this module).

    Args:
        table: a contrast.
        predictors: of the model, at the same time.
        confidence: of the intervals.

    Returns:
        predictor, statistic (of ``SLOPES``), estimate, low, high, note.
    """
    checkpoint = table.groupby(["run", "epoch"], observed=True).ngroup().to_numpy()
    example = pd.factorize(table["example_id"])[0]
    x = _within(checkpoint, _values(table, predictors))
    spread = x.std(axis=0)
    if (spread < ROUNDING).any():
        return _undefined(predictors, SLOPES, "the predictor does not vary within a checkpoint")
    z = x / spread
    if np.linalg.matrix_rank(z, tol=1e-6 * len(z) ** 0.5) < len(predictors):
        return _undefined(predictors, SLOPES, "the predictors of the model are the same but for their scale")

    right, n, is_perturbed = _stack(table)
    cell = 2 * np.tile(checkpoint, 2) + is_perturbed
    share = np.bincount(cell, right) / np.maximum(np.bincount(cell, n), 1)
    mixed = (share > 0) & (share < 1)
    twice = np.tile(z, (2, 1))
    found = []
    for statistic, terms, used in (
        ("still_right", twice, mixed[cell] & (is_perturbed == 1)),
        ("interaction", np.hstack([twice * is_perturbed[:, None], twice]), mixed[cell] & mixed[cell ^ 1]),
    ):
        if not used.any():
            found += _undefined(predictors, [statistic], "all answers of a checkpoint are right, or all wrong")
            continue
        cells = pd.get_dummies(cell[used]).to_numpy(dtype=float)
        fit = _fit(right[used], n[used], np.hstack([terms[used], cells]), np.tile(example, 2)[used])
        if fit is None:
            found += _undefined(predictors, [statistic], "the regression has no finite solution")
        else:
            found += _told(predictors, statistic, fit, confidence)
    if len(z) <= len(predictors) or np.ptp(example) == 0:
        return found + _undefined(predictors, ["drop_slope"], "too few examples")
    drop = _within(checkpoint, found_drop(table)[:, None])[:, 0]
    fit = OLS(drop, z).fit(cov_type="cluster", cov_kwds={"groups": example})
    return found + _told(predictors, "drop_slope", fit, confidence)


def _within(checkpoint: NDArray[np.intp], values: Floats) -> Floats:
    """Return the differences from the mean of the checkpoint; shape (rows, columns)."""
    return values - pd.DataFrame(values).groupby(checkpoint).transform("mean").to_numpy()


def _told(predictors: Sequence[str], statistic: str, fit: Any, confidence: float) -> list[dict[str, object]]:
    bounds = fit.conf_int(1 - confidence)
    return [
        {"predictor": name, "statistic": statistic, "estimate": fit.params[i], "low": low, "high": high}
        for i, (name, (low, high)) in enumerate(zip(predictors, bounds, strict=False))
    ]


def _undefined(predictors: Sequence[str], statistics: Sequence[str], why: str) -> list[dict[str, object]]:
    return [
        {"predictor": name, "statistic": statistic, "note": f"undefined: {why}"}
        for statistic in statistics
        for name in predictors
    ]


def found_drop(table: pd.DataFrame) -> Floats:
    """Return the drop of every row of a contrast."""
    drop = table["right_before"] / table["n_before"] - table["right_after"] / table["n_after"]
    return drop.to_numpy(dtype=float)


def _stack(table: pd.DataFrame) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return the right answers, all answers, and whether perturbed: unperturbed rows first, then the perturbed ones."""
    right, n = (np.concatenate([table[f"{kind}_before"], table[f"{kind}_after"]]) for kind in ("right", "n"))
    return right.astype(float), n.astype(float), np.repeat([0, 1], len(table))


def _values(table: pd.DataFrame, predictors: Sequence[str]) -> Floats:
    """Return the predictors, shape (rows, predictors); perplexity as its logarithm."""
    return np.column_stack(
        [np.log(table[name]) if name == "perplexity" else table[name].to_numpy(dtype=float) for name in predictors]
    )


def _fit(right: Floats, n: Floats, design: Floats, groups: NDArray | None = None) -> Any:
    """Fit a binomial regression, with errors clustered by group; None where there is no finite solution."""
    if len(design) <= design.shape[1] or (groups is not None and np.ptp(groups) == 0):
        return None
    model = GLM(np.column_stack([right, n - right]), design, family=Binomial())
    clustered = {} if groups is None else {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            fit = model.fit(**clustered)
    except (np.linalg.LinAlgError, ValueError):
        return None
    if not fit.converged or not np.isfinite(fit.params).all() or np.abs(fit.params).max() > LARGEST_COEFFICIENT:
        return None
    return fit


class DropModel:
    """Predicts how much accuracy an example loses: logit P = a + b x + perturbed (c + d x), fitted to a contrast.

    Args:
        table: the contrast.
        predictors: those of the model.
    """

    def __init__(self, table: pd.DataFrame, predictors: Sequence[str]) -> None:
        self.predictors = predictors
        x = _values(table, predictors)
        self.centre, self.scale = x.mean(axis=0), np.maximum(x.std(axis=0), ROUNDING)
        right, n, is_perturbed = _stack(table)
        design = np.vstack([self._design(x, 0), self._design(x, 1)])
        varies = all(0 < right[is_perturbed == arm].sum() < n[is_perturbed == arm].sum() for arm in (0, 1))
        fit = _fit(right, n, design) if varies else None
        self.coefficients: Floats | None = None if fit is None else fit.params

    def _design(self, x: Floats, is_perturbed: int) -> Floats:
        z = np.column_stack([np.ones(len(x)), (x - self.centre) / self.scale])
        return np.hstack([z, z * is_perturbed])

    def predict(self, table: pd.DataFrame) -> Floats:
        """Return the drop expected of every row; NaN where the model could not be fitted."""
        if self.coefficients is None:
            return np.full(len(table), np.nan)
        x = _values(table, self.predictors)
        before, after = (expit(self._design(x, arm) @ self.coefficients) for arm in (0, 1))
        return before - after


def drop_correlations(table: pd.DataFrame, predictors: Sequence[str]) -> "pd.Series[float]":
    """Correlate predicted with found drops within each run, of a model fitted on the other runs.

    Returns:
        run → correlation over its examples (and checkpoints): 0 where all are predicted to lose the same, NaN where all
        do, or the other runs cannot be fitted to.
    """
    found = found_drop(table)
    correlations = {}
    for run in sorted(table["run"].unique()):
        held = (table["run"] == run).to_numpy()
        here, predicted = found[held], np.full(held.sum(), np.nan)
        if not held.all():
            predicted = DropModel(table[~held], predictors).predict(table[held])
        if np.isnan(predicted).any() or here.std() < ROUNDING:
            correlations[run] = np.nan
        else:
            correlations[run] = 0.0 if predicted.std() < ROUNDING else float(np.corrcoef(predicted, here)[0, 1])
    return pd.Series(correlations, dtype=float)


def _mean_over_runs(of_runs: "pd.Series[float]", statistics: Statistics) -> dict[str, object]:
    values = of_runs.dropna().to_numpy()
    if not values.size:
        return {"note": "undefined: no other runs to fit to, or nothing varies"}
    resampled = None
    if values.size >= FEWEST_RUNS:
        draws = _draws(values.size, statistics)
        resampled = draws @ values / values.size
    low, high, note = interval(resampled, statistics.confidence)
    left_out = of_runs.size - values.size
    notes = [note, f"undefined in {left_out} of {of_runs.size} runs" if left_out else ""]
    return {"estimate": values.mean(), "low": low, "high": high, "note": "; ".join(filter(None, notes))}


def best_model(regression: pd.DataFrame) -> str:
    """Return the model with the best correlation of predicted with found drops, of all examples and perturbations.

    Of those that read no labels, since these may be missing, and every example is to have a prediction.
    """
    rows = regression.query("examples == 'all' and perturbation == @ALL and statistic == 'drop_correlation'")
    unlabelled = [model for model, names in MODELS["all"].items() if set(names) <= set(MEASURED)]
    known = rows[rows["model"].isin(unlabelled)].dropna(subset="estimate")
    return "together" if known.empty else str(known.loc[known["estimate"].idxmax(), "model"])


def predict_drops(answers: pd.DataFrame, memorization: pd.DataFrame, p: float, model: str) -> pd.DataFrame:
    """Predict for every example at every checkpoint how much accuracy it loses under the perturbations.

    Args:
        answers: see the top of this module; the model is fitted to all of them.
        memorization: see ``premem.scoring.scores``.
        p: the threshold.
        model: one of those of all examples.

    Returns:
        run, epoch, example_id, predicted_drop (NaN if the model could not be fitted).
    """
    fitted = DropModel(contrast(answers, ALL), MODELS["all"][model])
    where = predictors_of(memorization, p)
    return where[KEYS].assign(predicted_drop=fitted.predict(where))
