"""What the page says to the questions on the use of the forecast, and on the runs that carry the result."""

from collections.abc import Callable

from premem.analysis.scrutiny.answers import Answer
from premem.analysis.scrutiny.choice_of_p import NEAR, NEAR_BEST
from premem.analysis.scrutiny.rows import ERROR, HELD_OUT, R2, Rows
from premem.analysis.scrutiny.subsets_of_runs import BETTER_HALF, HALF_OF_BEST, WITHOUT_RATE
from premem.analysis.scrutiny.use import FORECAST, HOLDOUT, PREMEM

RUNS, CHECKPOINTS, WIDTH = "runs_covered", "checkpoints_covered", "mean_half_width"


def _coverage(rows: Rows, variants: list[str]) -> list[list[str]]:
    return [
        [variant, rows.percent(variant, RUNS), rows.percent(variant, CHECKPOINTS), rows.cell(variant, WIDTH, 3)]
        for variant in variants
    ]


def _forecast(rows: Rows) -> Answer:
    text = (
        f"Over {rows.size(FORECAST)}, the forecast has R² {rows.cell(FORECAST, R2)} and an error of "
        f"{rows.cell(FORECAST, ERROR, 3)}. Accuracy on held-out training examples alone has {rows.cell(HOLDOUT, R2)} "
        "and "
        f"{rows.cell(HOLDOUT, ERROR, 3)}, and premem accuracy alone, with p from the held-out examples, "
        f"{rows.cell(PREMEM, R2)} and {rows.cell(PREMEM, ERROR, 3)}. No test label was used."
    )
    variants = rows.variants(RUNS)
    if variants:
        text += (
            " The table says how many runs have all their test accuracies, and how many checkpoints have theirs, "
            "within "
            f"the intervals ({rows.find(variants[0], RUNS)['note']})."  # type: ignore[index]
        )
    header = ("intervals", "whole runs covered", "checkpoints covered", "mean half-width")
    return Answer(text, header if variants else (), _coverage(rows, variants))


def _intervals(rows: Rows) -> Answer:
    variants = rows.variants(RUNS)
    return Answer(
        "The interval of each run comes from how far the predictions of the other runs are from their test accuracies "
        f"({rows.find(variants[0], RUNS)['note']}). Single checkpoints as scores do not cover whole runs, since the "  # type: ignore[index]
        "checkpoints of a run err together.",
        ("score", "whole runs covered", "checkpoints covered", "mean half-width"),
        _coverage(rows, variants),
    )


def _regret(rows: Rows) -> Answer:
    lost = rows.table[rows.table["statistic"] == "regret"]
    lost = lost.assign(**lost["variant"].str.extract("(?P<scope>.*): (?P<rule>.*)"))
    scopes, rules = lost["scope"].unique(), lost["rule"].unique()
    least = []
    for scope in scopes:
        here = lost[lost["scope"] == scope].set_index("rule")["estimate"].round(3)
        least.append(f"{scope.capitalize()}: {', '.join(here.index[here == here.min()])} ({here.min():.3f})")
    return Answer(
        "Regret is the test accuracy of the best checkpoint minus that of the chosen one. These rules lose least. "
        f"{'. '.join(least)}. Brackets hold intervals over resampled runs; for sets of runs, ranges over random sets.",
        ("rule", *scopes),
        [(rule, *(rows.cell(f"{scope}: {rule}", "regret", 3) for scope in scopes)) for rule in rules],
    )


def _differences(rows: Rows) -> Answer:
    what = "difference_of_r_squared"
    said = "; ".join(f"{rows.cell(variant, what)}, {variant}" for variant in rows.variants(what))
    return Answer(
        f"R² of premem accuracy minus R² of train accuracy, each pair of values from the same resample of runs: {said}."
    )


def _groups(rows: Rows) -> Answer:
    largest = "runs of the largest size"
    text = f"With p from the other learning rates, R² is {rows.cell(WITHOUT_RATE, R2)}. "
    text += "".join(
        f"Over the {which} ({rows.size(which)}), it is {rows.cell(which, R2)}. "
        for which in (HALF_OF_BEST, BETTER_HALF)
        if rows.find(which, R2) is not None
    )
    if rows.find(largest, R2) is not None:
        text += (
            f"On {largest} alone ({rows.size(largest)}), it is {rows.cell(largest, R2)} for premem accuracy, "
            f"{rows.cell(largest, HELD_OUT)} with p calibrated without the run, and "
            f"{rows.cell(largest, 'r_squared_of_train_accuracy')} for train accuracy. "
        )
    text += "The table gives the bias by learning rate: the mean over runs of predicted − test accuracy."
    return Answer(
        text,
        ("learning rate", "bias", "checkpoints"),
        [
            (variant.removeprefix("lr "), rows.cell(variant, "bias", 3), rows.size(variant, "bias"))
            for variant in rows.variants("bias")
        ],
    )


def _transfer(rows: Rows) -> Answer:
    own, near = "p of this pair", rows.find(NEAR_BEST, "threshold")
    others = [variant for variant in rows.variants(ERROR) if variant != own]
    text = f"With its own p, tuned on these points, R² is {rows.cell(own, R2)}. "
    if near is not None:
        text += f"R² is within {NEAR} of its best for p from {near.low:.3f} to {near.high:.3f}. "
        values = rows.table[rows.table["statistic"] == "threshold"].set_index("variant")["estimate"]
        text += " ".join(
            f"The {name} {'lies' if near.low <= values[name] <= near.high else 'does not lie'} in this range."
            for name in others
        )
    return Answer(
        text,
        ("p", "its value", "R²", "error"),
        [
            (name, rows.cell(name, "threshold", 3), rows.cell(name, R2), rows.cell(name, ERROR, 3))
            for name in (own, *others)
        ],
    )


ANSWERS_ON_USE: dict[str, Callable[[Rows], Answer]] = {
    "forecast": _forecast,
    "intervals": _intervals,
    "regret": _regret,
    "differences": _differences,
    "groups": _groups,
    "transfer": _transfer,
}
