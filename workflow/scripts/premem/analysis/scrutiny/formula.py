"""Questions about the formula: which checkpoints and parts of it matter, and how little data it needs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from premem.analysis.regression.measures import r_squared
from premem.analysis.scrutiny.common import (
    STATISTICS,
    TUNED,
    Context,
    Floats,
    Points,
    Row,
    Uses,
    collect,
    drawn,
    errors,
    judged,
    missing,
    place,
    predict_held_out,
    predict_tuned,
)
from premem.scoring.scores import RunScores

Runs = Sequence[RunScores]

EARLY_EPOCHS = 3
"""Epochs that count as early."""
SAMPLES = (1, 2, 3, 5, 10, 20)
"""Numbers of answers per prompt that are tried."""
SAMPLE_DRAWS = 20
"""Random draws of each number of answers."""
FEWEST_CHECKPOINTS = 3
"""A run with fewer checkpoints says nothing about early ones."""
FRACTIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Position of an early checkpoint between the first (0) and the last (1) of a run."""


def points(runs: Runs, context: Context) -> Iterator[Row]:
    """Judge only some of the checkpoints, with their own p. A prediction still uses all checkpoints before it."""
    everything = place(runs, context.grid)
    sizes = np.array([run.size for run in runs])[everything.run]
    in_figure = np.array(
        [
            epoch in context.figure_epochs.get(size, (epoch,))
            for size, epoch in zip(sizes, everything.epoch, strict=True)
        ]
    )
    choices = {
        "all checkpoints": np.ones(len(sizes), dtype=bool),
        "those of the source's figure": in_figure & bool(context.figure_epochs),
        "the last of each run": everything.last,
        "after the first epoch": everything.epoch == 1,
        f"up to epoch {EARLY_EPOCHS}": everything.epoch <= EARLY_EPOCHS,
    }
    for variant, which in choices.items():
        if not which.any():
            what = "the study does not say which those are" if "figure" in variant else "there is no such checkpoint"
            yield Row(variant, "", note=what)
            continue
        chosen = everything.take(which)
        yield from judged(variant, chosen, context)
        of_train = judged(variant, chosen.predict_with(chosen.train), context, "no p", ("r_squared",))
        yield from (row._replace(statistic="r_squared_of_train_accuracy") for row in of_train)


def placebo(runs: Runs, context: Context) -> Iterator[Row]:
    """Give examples the perplexities of other examples of the run, and calibrate p anew.

    This keeps the distributions of accuracy and perplexity of each run, but not which example is memorized.
    """
    truth = place(runs, context.grid)
    true = _judge_placebo(truth)
    for statistic, value in true.items():
        yield Row("true perplexities", statistic, float(value), **truth.counts, note="p calibrated, not shuffled")
    shuffles: dict[str, tuple[int, Callable[[Floats, np.random.Generator], Floats]]] = {
        "whole histories shuffled": (100, lambda perplexity, random: random.permutation(perplexity, axis=1)),
        "each checkpoint shuffled": (50, lambda perplexity, random: random.permuted(perplexity, axis=1)),
    }
    for variant, (number, shuffle) in shuffles.items():
        random = context.random()
        draws = collect(
            _judge_placebo(
                place([replace(run, perplexity=shuffle(run.perplexity, random)) for run in runs], context.grid)
            )
            for _ in range(number)
        )
        note = f"{number} shuffles among the examples of each run, p calibrated anew; median and range"
        yield from drawn(variant, draws, truth, context, note)
        for statistic in ("r_squared", "r_squared_leave_one_run_out"):
            reached = draws[statistic] >= true[statistic]
            share = np.nan if np.isnan(true[statistic]) else float(reached.mean())
            note = f"share of {number} shuffles that reach the true {statistic}"
            yield Row(variant, f"share_reaching_{statistic}", share, **truth.counts, note=note)
            for position, value in enumerate(draws[statistic]):
                yield Row(f"{variant}, one by one", statistic, value, x=position, **truth.counts)


def _judge_placebo(points: Points) -> dict[str, Floats]:
    """Return R² and error with p tuned on the points, and R² with p calibrated without the run."""
    _, tuned = predict_tuned(points)
    held_out = r_squared(points.test, predict_held_out(points))
    return {**errors(points.test, tuned), "r_squared_leave_one_run_out": held_out}


def formula(runs: Runs, context: Context) -> Iterator[Row]:
    """Leave parts of the formula out; every variant has its own p."""

    def no_look_back(run: RunScores) -> NDArray[np.bool_]:
        return np.eye(len(run.checkpoint_epochs), dtype=bool)

    def first(run: RunScores) -> NDArray[np.bool_]:
        return np.arange(len(run.checkpoint_epochs)) == np.zeros((len(run.checkpoint_epochs), 1))

    def early(run: RunScores) -> NDArray[np.bool_]:
        return np.tri(len(run.checkpoint_epochs), dtype=bool) & (run.checkpoint_epochs <= EARLY_EPOCHS)

    forms: dict[str, tuple[Uses | None, bool]] = {
        "the definition": (None, True),
        "no look back (min alone)": (no_look_back, True),
        "no cap (max alone)": (None, False),
        "looks back at the first checkpoint only": (first, True),
        f"looks back at the first {EARLY_EPOCHS} epochs only": (early, True),
    }
    statistics = [name for name in STATISTICS if name != "mean_absolute_error_leave_one_run_out"]
    for variant, (use, capped) in forms.items():
        if use is early and any(run.checkpoint_epochs[0] > EARLY_EPOCHS for run in runs):
            yield Row(variant, "", note=f"a run has no checkpoint in its first {EARLY_EPOCHS} epochs")
            continue
        yield from judged(variant, place(runs, context.grid, use, capped), context, statistics=statistics)
    everything = place(runs, context.grid)
    at_first = np.concatenate([np.full(len(run.accuracy), run.accuracy[0].mean()) for run in runs])
    plain = {"train accuracy of the first checkpoint, throughout": at_first, "train accuracy": everything.train}
    for variant, predicted in plain.items():
        yield from judged(variant, everything.predict_with(predicted), context, "no p", statistics)


def samples(runs: Runs, context: Context) -> Iterator[Row]:
    """Use fewer of the sampled answers of each prompt, in the runs with the most answers."""
    largest = [_largest_sample(run) for run in runs]
    fewest = [int(n.min()) for _, n in largest]
    most = max(fewest)
    if most < 2:
        yield missing("no run has more than one sampled answer per prompt")
        return
    chosen = [
        (run, np.rint(accuracy * n).astype(int), n)
        for run, (accuracy, n), number in zip(runs, largest, fewest, strict=True)
        if number == most
    ]
    random = context.random()
    whole = place([replace(run, accuracy=counts / n) for run, counts, n in chosen], context.grid)
    p_of_all, _ = predict_tuned(whole)
    for n in (*(n for n in SAMPLES if n < most), most):
        found: dict[str, list[dict[str, Floats | float]]] = {"p calibrated anew": [], "p of all samples": []}
        for _ in range(SAMPLE_DRAWS if n < most else 1):
            thinned = whole
            if n < most:
                accuracies = [random.hypergeometric(counts, of - counts, n) / n for _, counts, of in chosen]
                pairs = zip(chosen, accuracies, strict=True)
                thinned = place([replace(run, accuracy=accuracy) for (run, _, _), accuracy in pairs], context.grid)
            p, tuned = predict_tuned(thinned)
            at_p_of_all = thinned.predicted[:, np.searchsorted(thinned.thresholds, p_of_all)]
            for variant, threshold, predicted in (
                ("p calibrated anew", p, tuned),
                ("p of all samples", p_of_all, at_p_of_all),
            ):
                bias = float((predicted - thinned.test).mean())
                found[variant].append({**errors(thinned.test, predicted), "bias": bias, "threshold": threshold})
        how = f"{SAMPLE_DRAWS} draws of {n} answers of {most}" if n < most else f"all {most} answers"
        for variant, draws in found.items():
            yield from drawn(variant, collect(draws), whole, context, f"{how}; {TUNED}", x=n)


def _largest_sample(run: RunScores) -> tuple[Floats, NDArray[np.int64]]:
    """Return accuracy and number of answers from the largest sample of a run."""
    if run.accuracy_of_more is None or run.more_samples is None:
        return run.accuracy, run.n_samples
    return run.accuracy_of_more, run.more_samples


def checkpoints(runs: Runs, context: Context) -> Iterator[Row]:
    """Predict the last checkpoint of each run from fewer checkpoints."""
    statistics = [name for name in STATISTICS if name != "mean_absolute_error_leave_one_run_out"]
    choices: dict[str, Callable[[int], NDArray[np.intp]]] = {
        "every checkpoint": lambda n: np.arange(n),
        "every 2nd, back from the last": lambda n: np.arange(n)[::-2][::-1],
        "every 3rd, back from the last": lambda n: np.arange(n)[::-3][::-1],
        "first and last": lambda n: np.unique([0, n - 1]),
        "only the last": lambda n: np.array([n - 1]),
    }
    source = context.source if context.fixed else "the study's p, tuned on all checkpoints"
    for variant, choose in choices.items():
        kept = [_keep(run, choose(len(run.checkpoint_epochs))) for run in runs]
        number = float(np.mean([len(run.checkpoint_epochs) for run in kept]))
        for p, how, note in (
            (np.array([context.threshold]), "study's p", source),
            (context.grid, "p calibrated anew", TUNED),
        ):
            ends = place(kept, p)
            yield from judged(f"{variant}, {how}", ends.take(ends.last), context, note, statistics, x=number)


def _keep(run: RunScores, which: NDArray[np.intp]) -> RunScores:
    """Return the run with some of its checkpoints."""
    arrays = ("checkpoint_epochs", "accuracy", "perplexity", "n_samples", "test_accuracy")
    return replace(run, **{name: getattr(run, name)[which] for name in arrays})


def early(runs: Runs, context: Context) -> Iterator[Row]:
    """Predict the final test accuracy of a run from an early checkpoint."""
    long = [run for run in runs if len(run.checkpoint_epochs) >= FEWEST_CHECKPOINTS]
    if not long:
        yield missing(f"no run has {FEWEST_CHECKPOINTS} checkpoints")
        return
    everything = place(long, context.threshold)
    ends = everything.take(everything.last)
    source = context.source if context.fixed else "the study's p, tuned on all checkpoints, the final ones too"
    for fraction in FRACTIONS:
        positions = [
            np.flatnonzero(everything.run == number)[round(fraction * (len(run.checkpoint_epochs) - 1))]
            for number, run in enumerate(long)
        ]
        then = everything.take(np.array(positions))
        for variant, predicted, note in (
            ("premem accuracy", then.predicted[:, 0], source),
            ("test accuracy so far", then.test, "needs test labels"),
            ("train accuracy so far", then.train, "no p"),
        ):
            statistics = ("r_squared", "mean_absolute_error")
            yield from judged(variant, ends.predict_with(predicted), context, note, statistics, x=fraction)
