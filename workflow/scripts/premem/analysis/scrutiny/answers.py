"""What the page says to each question: sentences and a table."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from premem.analysis.scrutiny.rows import ERROR, HELD_OUT, R2, Rows
from premem.report.numbers import count, write_minus

SHOWN_LABELS = (3, 10, 30, 100, 300, 1000)
"""Numbers of labelled examples that the page shows; for each, the nearest one that was tried."""


class Answer(NamedTuple):
    """What the page says to a question: sentences, and a table if there are rows."""

    text: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def _points(rows: Rows) -> Answer:
    everything = "all checkpoints"
    return Answer(
        f"Over {rows.size(everything)}, R² is {rows.cell(everything, R2)} with p tuned on them. It is "
        f"{rows.cell(everything, HELD_OUT)} with p calibrated without the run that is judged. Every choice of "
        "checkpoints below has its own p, tuned on these checkpoints.",
        (
            "checkpoints judged",
            "number",
            "R², tuned",
            "R², p without the run",
            "p",
            "error, tuned",
            "R² of train accuracy",
        ),
        [
            (
                variant,
                rows.size(variant),
                rows.cell(variant, R2),
                rows.cell(variant, HELD_OUT),
                rows.cell(variant, "threshold", 3),
                rows.cell(variant, ERROR, 3),
                rows.cell(variant, "r_squared_of_train_accuracy"),
            )
            for variant in rows.variants(ERROR)
        ],
    )


def _rule(rows: Rows) -> Answer:
    at_p, on_grid, differ, change = (
        "at the study's p",
        "at any p of the grid",
        "entries_that_differ",
        "largest_change_of_r_squared",
    )
    of = rows.table["note"].iloc[0]
    largest = rows.table.loc[rows.table["statistic"] == change, "estimate"].max()
    return Answer(
        f"The rule of the authors' code and perplexity > p differ on {rows.cell(at_p, differ, 0)} entries at the "
        f"study's p, and on {rows.cell(on_grid, differ, 0)} at any p of the grid, {of}. Over the grid, R² changes by "
        f"at most {'an undefined amount' if pd.isna(largest) else f'{largest:.2g}'}.",
    )


def _threshold(rows: Rows) -> Answer:
    shifted, near = "study's p, shifted", rows.find("within 0.05 of the best R²", "threshold")
    text = f"At the study's p of {rows.cell(shifted, 'threshold', 4, 0)}, R² is {rows.cell(shifted, R2, x=0)}. "
    if near is not None:
        text += (
            f"On these points, R² is within 0.05 of its best for p from {near.low:.3f} to {near.high:.3f} (best: "
            f"{near.estimate:.4f}). "
        )
    shifts = rows.table.loc[(rows.table["variant"] == shifted) & (rows.table["statistic"] == R2), "x"]
    return Answer(
        text + "In the intervals p stays the same.",
        ("shift of log(log p)", "p", "R²", "error"),
        [
            (
                write_minus(f"{x:+g}") if x else "0",
                rows.cell(shifted, "threshold", 4, x),
                rows.cell(shifted, R2, x=x),
                rows.cell(shifted, ERROR, 3, x),
            )
            for x in shifts
        ],
    )


def _calibration(rows: Rows) -> Answer:
    text = (
        f"R² is {rows.cell('all runs', R2)} with p tuned on all points. It is {rows.cell('all runs', HELD_OUT)} with p "
        "from all runs except the one that is judged."
    )
    other, same = "other half of the questions", "same half of the questions"
    if rows.find(other, R2) is not None:
        text += (
            f" With p from a random half of the test questions, it is {rows.cell(other, R2)} on the other half and "
            f"{rows.cell(same, R2)} on the same half (median and range over draws)."
        )
    lines = [
        ("all runs (tuned)", "all runs", R2, ERROR, None),
        ("all runs except the one judged", "all runs", HELD_OUT, f"{ERROR}_leave_one_run_out", None),
        *(
            (f"{count(int(k), 'random run')}, judged on the others", "some runs", R2, ERROR, k)
            for k in rows.table.loc[(rows.table["variant"] == "some runs") & (rows.table["statistic"] == R2), "x"]
        ),
        *((name, name, R2, ERROR, None) for name in rows.variants() if name not in ("all runs", "some runs")),
    ]
    return Answer(
        text,
        ("p calibrated on", "R²", "error", "p"),
        [
            (
                name,
                rows.cell(variant, r2, x=x),
                rows.cell(variant, error, 3, x),
                "–" if r2 == HELD_OUT else rows.cell(variant, "threshold", 3, x),
            )
            for name, variant, r2, error, x in lines
        ],
    )


def _placebo(rows: Rows) -> Answer:
    true, shuffled = "true perplexities", [name for name in rows.variants(ERROR) if name.endswith("shuffled")]
    return Answer(
        "Perplexities were shuffled among the examples of each run, and p was calibrated anew. Shuffling keeps the "
        "distributions of accuracy and perplexity, but it loses which example is memorized. "
        + " ".join(
            f"With {name}, R² is {rows.cell(name, R2)}, compared to {rows.cell(true, R2)} with the true perplexities. "
            f"Of the shuffles, {rows.percent(name, f'share_reaching_{R2}')} reach the true R²."
            for name in shuffled
        ),
        ("perplexities", "R², tuned", "R², p without the run", "error, tuned", "share that reach the true R²"),
        [
            (
                name,
                rows.cell(name, R2),
                rows.cell(name, HELD_OUT),
                rows.cell(name, ERROR, 3),
                rows.percent(name, f"share_reaching_{R2}"),
            )
            for name in (true, *shuffled)
        ],
    )


def _formula(rows: Rows) -> Answer:
    definition = "the definition"
    text = f"With p tuned, R² of the definition is {rows.cell(definition, R2)}."
    r2 = rows.table[(rows.table["statistic"] == R2) & (rows.table["variant"] != definition)].dropna(subset="estimate")
    if not r2.empty:
        best, worst = (r2.loc[index, "variant"] for index in (r2["estimate"].idxmax(), r2["estimate"].idxmin()))
        text += (
            f" Each other predictor has its own p. The best of them is *{best}* with {rows.cell(best, R2)}, and the "
            f"worst is *{worst}* with {rows.cell(worst, R2)}."
        )
    return Answer(
        text,
        ("predictor", "R², tuned", "R², p without the run", "error, tuned", "p"),
        [
            (
                variant,
                rows.cell(variant, R2),
                rows.cell(variant, HELD_OUT),
                rows.cell(variant, ERROR, 3),
                rows.cell(variant, "threshold", 3),
            )
            for variant in rows.variants(ERROR)
        ],
    )


def _labels(rows: Rows) -> Answer:
    equal = "labels_of_equal_error"

    def labels(variant: str) -> str:
        row = rows.find(variant, equal)
        if row is None or pd.isna(row.estimate):
            return "an undefined number of"
        return ("more than " if "not enough" in row["note"] else "about ") + rows.cell(variant, equal, 0)

    tried = sorted(rows.table.loc[rows.table["variant"] == "labels used directly", "x"])
    shown = sorted({min(tried, key=lambda k: abs(k - number)) for number in SHOWN_LABELS if number <= max(tried)})
    return Answer(
        f"The mean absolute error of premem accuracy is {rows.cell('premem', ERROR, 3)} with p tuned on all test "
        f"labels. The mean accuracy of {labels('premem')} labelled examples has the same error. With p from the other "
        f"runs' test labels, the error is {rows.cell('premem', f'{ERROR}_leave_one_run_out', 3)}, which corresponds to "
        f"{labels('premem, p calibrated without the run')} labelled examples. If p is calibrated on the labelled "
        f"examples, both uses of them are equally good at {labels('premem, p from the same labels')} labelled "
        "examples. With fewer, calibrating p gives the smaller error. The comparison favours the direct use, since its "
        "examples are drawn from the test set itself. The error of premem accuracy also contains the sampling noise of "
        "that test set. Ranges in the table are over draws of labelled examples.",
        ("labelled examples", "error, used directly", "error, premem with p from them"),
        [
            (f"{k:.0f}", rows.cell("labels used directly", ERROR, 3, k), rows.cell("p from the labels", ERROR, 3, k))
            for k in shown
        ],
    )


def _unseen(rows: Rows) -> Answer:
    source = "p from unseen examples"
    tuned = "all runs, p tuned on test accuracy"
    return Answer(
        f"Training examples that runs did not train on ({rows.size(source, 'threshold')}) give p = "
        f"{rows.cell(source, 'threshold', 4)}. Tuned on test accuracy, p is {rows.cell(tuned, 'threshold', 4)}. R² on "
        f"the test accuracy of all runs is {rows.cell('all runs', R2)} with the first p and {rows.cell(tuned, R2)} "
        "with the second. The interval with the first p keeps that p. Where p comes from resampled runs or from one "
        "run alone, brackets hold the range over these choices.",
        ("judged on test accuracy", "R²", "error", "p"),
        [
            (variant, rows.cell(variant, R2), rows.cell(variant, ERROR, 3), rows.cell(variant, "threshold", 3))
            for variant in rows.variants(ERROR)
        ],
    )


def _samples(rows: Rows) -> Answer:
    anew = "p calibrated anew"
    numbers = sorted(rows.table["x"].unique())
    fewest, most = numbers[0], numbers[-1]
    return Answer(
        f"These are the runs with the most answers ({rows.size(anew)}), with p tuned anew. With "
        f"{count(int(fewest), 'answer')} per prompt, R² is {rows.cell(anew, R2, 3, fewest)} and the bias (mean of "
        f"predicted − test) is {rows.cell(anew, 'bias', 3, fewest)}. With all {most:.0f} answers, R² is "
        f"{rows.cell(anew, R2, 3, most)} and the bias is {rows.cell(anew, 'bias', 3, most)}. Ranges are over draws of "
        "answers.",
        ("answers", "R², p anew", "error, p anew", "bias, p anew", "bias, p of all answers"),
        [
            (
                f"{n:.0f}",
                rows.cell(anew, R2, 3, n),
                rows.cell(anew, ERROR, 3, n),
                rows.cell(anew, "bias", 3, n),
                rows.cell("p of all samples", "bias", 3, n),
            )
            for n in numbers
        ],
    )


def _checkpoints(rows: Rows) -> Answer:
    names = list(dict.fromkeys(variant.rpartition(", ")[0] for variant in rows.variants(ERROR)))
    of_study, anew = ({name: f"{name}, {how}" for name in names} for how in ("study's p", "p calibrated anew"))
    whole, alone = names[0], names[-1]
    return Answer(
        f"The last checkpoint of each run is judged ({rows.size(of_study[whole], ERROR)}). With {whole}, R² is "
        f"{rows.cell(of_study[whole], R2)} at the study's p and {rows.cell(anew[whole], R2)} with p tuned on these "
        f"points. With {alone}, it is {rows.cell(of_study[alone], R2)} and {rows.cell(anew[alone], R2)}.",
        (
            "checkpoints kept",
            "mean number",
            "R², study's p",
            "error, study's p",
            "R², p tuned",
            "R², p without the run",
        ),
        [
            (
                name,
                "–" if (row := rows.find(anew[name], ERROR)) is None else f"{row.x:.1f}",
                rows.cell(of_study[name], R2),
                rows.cell(of_study[name], ERROR, 3),
                rows.cell(anew[name], R2),
                rows.cell(anew[name], HELD_OUT),
            )
            for name in names
        ],
    )


def _early(rows: Rows) -> Answer:
    premem, test, train = "premem accuracy", "test accuracy so far", "train accuracy so far"
    fractions = sorted(rows.table["x"].unique())
    middle = fractions[len(fractions) // 2 - 1]
    compared = " ".join(
        f"{when}, it is {rows.cell(premem, ERROR, 3, x)} for premem accuracy and {rows.cell(test, ERROR, 3, x)} for "
        "test accuracy."
        for when, x in (("At the first checkpoint", fractions[0]), (f"At {middle:.0%} of the training", middle))
    )
    return Answer(
        "The final test accuracy of a run is predicted from an earlier checkpoint, by premem accuracy at the study's p "
        "or by the test accuracy measured at that checkpoint. The error is the mean absolute error over "
        f"{count(int(rows.table['n_runs'].iloc[0]), 'run')} with at least 3 checkpoints. {compared}",
        (
            "part of the training (nearest checkpoint)",
            "R², premem",
            "error, premem",
            "R², test so far",
            "error, test so far",
            "error, train",
        ),
        [
            (
                f"{x:.0%}",
                rows.cell(premem, R2, x=x),
                rows.cell(premem, ERROR, 3, x),
                rows.cell(test, R2, x=x),
                rows.cell(test, ERROR, 3, x),
                rows.cell(train, ERROR, 3, x),
            )
            for x in fractions
        ],
    )


ANSWERS: dict[str, Callable[[Rows], Answer]] = {
    "points": _points,
    "rule": _rule,
    "threshold": _threshold,
    "calibration": _calibration,
    "placebo": _placebo,
    "formula": _formula,
    "labels": _labels,
    "unseen": _unseen,
    "samples": _samples,
    "checkpoints": _checkpoints,
    "early": _early,
}
