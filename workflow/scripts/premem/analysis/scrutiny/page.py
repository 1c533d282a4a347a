"""The page of answers to the sceptics' questions, in Markdown: every number in it comes from the table."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from premem.analysis.scrutiny.common import END_OF_GRID
from premem.report.markdown import markdown_table
from premem.report.numbers import write_number

HEADINGS = {
    "points": "Does it hold for another choice of checkpoints?",
    "rule": "The authors' code compares log(log(perplexity)) ≥ τ: does that matter?",
    "threshold": "How much hangs on the exact p?",
    "calibration": "Is p only fitted to the points it is judged on?",
    "placebo": "Would the perplexities of other examples do as well?",
    "formula": "Does the formula need all its parts?",
    "labels": "If labels are needed to choose p, why not use their accuracy?",
    "unseen": "Can p be chosen without test labels?",
    "samples": "How many sampled answers per prompt does it take?",
    "checkpoints": "How many checkpoints does it take?",
    "early": "How early in training is the final test accuracy predicted?",
}
R2, HELD_OUT, ERROR = "r_squared", "r_squared_leave_one_run_out", "mean_absolute_error"
SHOWN_LABELS = (3, 10, 30, 100, 300, 1000)


class Answer(NamedTuple):
    """What the page says to a question: sentences, and a table unless it has no rows."""

    text: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


class _Rows:
    """The rows of one question."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.missing = table[table["statistic"].fillna("") == ""]
        self.table = table.drop(self.missing.index)

    def variants(self, statistic: str = R2) -> list[str]:
        """Return the variants that have this statistic, in order."""
        return list(self.table.loc[self.table["statistic"] == statistic, "variant"].unique())

    def find(self, variant: str, statistic: str, x: float | None = None) -> pd.Series | None:
        """Return a row, if there is one."""
        table = self.table
        found = table[(table["variant"] == variant) & (table["statistic"] == statistic)]
        found = found if x is None else found[found["x"] == x]
        return None if found.empty else found.iloc[0]

    def tell(self, variant: str, statistic: str, decimals: int = 2, x: float | None = None) -> str:
        """Return a number with its interval, such as ``0.94 [0.87, 0.97]``; a dash where there is no such row."""
        row = self.find(variant, statistic, x)
        if row is None:
            return "–"
        end = statistic == "threshold" and END_OF_GRID in str(row["note"])
        return write_number(row, decimals) + (" (end of the grid)" if end else "")

    def size(self, variant: str, statistic: str = R2) -> str:
        """Return how many checkpoints and runs a row is of."""
        row = self.find(variant, statistic)
        return "–" if row is None else f"{_count(row.n_points, 'checkpoint')} of {_count(row.n_runs, 'run')}"


def scrutiny_page(title: str, table: pd.DataFrame, images: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        title: of the (model, dataset) pair.
        table: from ``premem.analysis.scrutiny.scrutinize``.
        images: question → link to its figure, for those that have one.
    """
    parts = [
        f"# What sceptics ask: {title}",
        "Premem accuracy (pre-memorization train accuracy) is meant to predict test accuracy. R² is about y = x, "
        "*error* is the mean absolute error. *Tuned* means that p was chosen on the very points it is judged on. "
        "Brackets hold intervals over resampled runs, in which a tuned p is tuned anew, or ranges over random draws "
        "where draws are mentioned.",
    ]
    for question, heading in HEADINGS.items():
        parts.append(f"## {heading}")
        rows = _Rows(table[table["question"] == question])
        if not rows.table.empty:
            answer = ANSWERS[question](rows)
            parts.append(answer.text)
            if answer.rows:
                parts.append(markdown_table(answer.header, answer.rows))
            if question in images:
                parts.append(f"![{heading}]({images[question]})")
        if not rows.missing.empty:
            told = rows.missing[["variant", "note"]].fillna("")
            gaps = [f"{row.variant}: {row.note}" if row.variant else row.note for row in told.itertuples()]
            parts.append("Not answered: " + "; ".join(gaps) + ".")
    return "\n\n".join(parts) + "\n"


def _points(rows: _Rows) -> Answer:
    everything = "all checkpoints"
    return Answer(
        f"Over {rows.size(everything)}, R² is {rows.tell(everything, R2)} with p tuned on them and "
        f"{rows.tell(everything, HELD_OUT)} with p calibrated without the run that is judged; every choice below has a "
        "p of its own, tuned on its points.",
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
                rows.tell(variant, R2),
                rows.tell(variant, HELD_OUT),
                rows.tell(variant, "threshold", 3),
                rows.tell(variant, ERROR, 3),
                rows.tell(variant, "r_squared_of_train_accuracy"),
            )
            for variant in rows.variants(ERROR)
        ],
    )


def _rule(rows: _Rows) -> Answer:
    at_p, on_grid, differ, change = (
        "at the study's p",
        "at any p of the grid",
        "entries_that_differ",
        "largest_change_of_r_squared",
    )
    of = rows.table["note"].iloc[0]
    largest = rows.table.loc[rows.table["statistic"] == change, "estimate"].max()
    return Answer(
        f"That rule and perplexity > p differ on {rows.tell(at_p, differ, 0)} entries at the study's p and on "
        f"{rows.tell(on_grid, differ, 0)} at any p of the grid, {of}. R² changes by at most "
        f"{'an undefined amount' if pd.isna(largest) else f'{largest:.2g}'} over the grid.",
    )


def _threshold(rows: _Rows) -> Answer:
    shifted, near = "study's p, shifted", rows.find("within 0.05 of the best R²", "threshold")
    text = f"At the study's p of {rows.tell(shifted, 'threshold', 4, 0)} R² is {rows.tell(shifted, R2, x=0)}. "
    if near is not None:
        text += (
            f"R² is within 0.05 of its best, on these points, for p from {near.low:.3f} to {near.high:.3f} (best: "
            f"{near.estimate:.4f}). "
        )
    shifts = rows.table.loc[(rows.table["variant"] == shifted) & (rows.table["statistic"] == R2), "x"]
    return Answer(
        text + "The intervals keep p as it is.",
        ("shift of log(log p)", "p", "R²", "error"),
        [
            (
                f"{x:+g}".replace("-", "\u2212") if x else "0",
                rows.tell(shifted, "threshold", 4, x),
                rows.tell(shifted, R2, x=x),
                rows.tell(shifted, ERROR, 3, x),
            )
            for x in shifts
        ],
    )


def _calibration(rows: _Rows) -> Answer:
    text = (
        f"R² is {rows.tell('all runs', R2)} with p tuned on all points, and {rows.tell('all runs', HELD_OUT)} with p "
        f"from all runs but the one judged."
    )
    other, same = "other half of the questions", "same half of the questions"
    if rows.find(other, R2) is not None:
        text += (
            f" With p from a random half of the test questions it is {rows.tell(other, R2)} on the other half and "
            f"{rows.tell(same, R2)} on the same half (median and range over draws)."
        )
    lines = [
        ("all runs (tuned)", "all runs", R2, ERROR, None),
        ("all runs but the one judged", "all runs", HELD_OUT, f"{ERROR}_leave_one_run_out", None),
        *(
            (f"{_count(int(k), 'random run')}, judged on the others", "some runs", R2, ERROR, k)
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
                rows.tell(variant, r2, x=x),
                rows.tell(variant, error, 3, x),
                "–" if r2 == HELD_OUT else rows.tell(variant, "threshold", 3, x),
            )
            for name, variant, r2, error, x in lines
        ],
    )


def _placebo(rows: _Rows) -> Answer:
    true, shuffled = "true perplexities", [name for name in rows.variants(ERROR) if name.endswith("shuffled")]
    return Answer(
        "Perplexities were shuffled among the examples of each run, and p was calibrated anew. The distributions of "
        "accuracy and perplexity stay; which example is memorized is lost. "
        + " ".join(
            f"With {name} R² is {rows.tell(name, R2)}, against {rows.tell(true, R2)} with the true ones; "
            f"{_percent(rows.find(name, f'share_reaching_{R2}'))} of the shuffles reach the true R²."
            for name in shuffled
        ),
        ("perplexities", "R², tuned", "R², p without the run", "error, tuned", "share that reach the true R²"),
        [
            (
                name,
                rows.tell(name, R2),
                rows.tell(name, HELD_OUT),
                rows.tell(name, ERROR, 3),
                _percent(rows.find(name, f"share_reaching_{R2}")),
            )
            for name in (true, *shuffled)
        ],
    )


def _formula(rows: _Rows) -> Answer:
    definition = "the definition"
    text = f"R² of the definition is {rows.tell(definition, R2)}, tuned."
    r2 = rows.table[(rows.table["statistic"] == R2) & (rows.table["variant"] != definition)].dropna(subset="estimate")
    if not r2.empty:
        best, worst = (r2.loc[index, "variant"] for index in (r2["estimate"].idxmax(), r2["estimate"].idxmin()))
        text += (
            f" Of the other predictors, each with a p of its own, the best is *{best}* with {rows.tell(best, R2)} and "
            f"the worst *{worst}* with {rows.tell(worst, R2)}."
        )
    return Answer(
        text,
        ("predictor", "R², tuned", "R², p without the run", "error, tuned", "p"),
        [
            (
                variant,
                rows.tell(variant, R2),
                rows.tell(variant, HELD_OUT),
                rows.tell(variant, ERROR, 3),
                rows.tell(variant, "threshold", 3),
            )
            for variant in rows.variants(ERROR)
        ],
    )


def _labels(rows: _Rows) -> Answer:
    equal = "labels_of_equal_error"

    def labels(variant: str) -> str:
        row = rows.find(variant, equal)
        if row is None or pd.isna(row.estimate):
            return "an undefined number of"
        return ("more than " if "not enough" in row["note"] else "about ") + rows.tell(variant, equal, 0)

    tried = sorted(rows.table.loc[rows.table["variant"] == "labels used directly", "x"])
    shown = sorted({min(tried, key=lambda k: abs(k - number)) for number in SHOWN_LABELS if number <= max(tried)})
    return Answer(
        f"The mean absolute error of premem accuracy is {rows.tell('premem', ERROR, 3)} with p tuned on all test "
        f"labels and {rows.tell('premem', f'{ERROR}_leave_one_run_out', 3)} with p from the other runs' test labels. "
        f"The plain mean over {labels('premem')} and {labels('premem, p calibrated without the run')} labelled "
        "examples has the same error. With p calibrated from the same labelled examples, the two uses of them are "
        f"equal at {labels('premem, p from the same labels')}; with fewer, calibrating p gives the smaller error. "
        "Premem's error also holds the test set's own sampling noise, which the direct use is spared here: its "
        "examples are drawn from that test set. Ranges in the table are over draws of labelled examples.",
        ("labelled examples", "error, used directly", "error, premem with p from them"),
        [
            (f"{k:.0f}", rows.tell("labels used directly", ERROR, 3, k), rows.tell("p from the labels", ERROR, 3, k))
            for k in shown
        ],
    )


def _unseen(rows: _Rows) -> Answer:
    source = "p from unseen examples"
    tuned = "all runs, p tuned on test accuracy"
    return Answer(
        f"Training examples that smaller runs did not train on ({rows.size(source, 'threshold')}) give p = "
        f"{rows.tell(source, 'threshold', 4)}; tuned on test accuracy it is {rows.tell(tuned, 'threshold', 4)}. R² on "
        f"the test accuracy of all runs is {rows.tell('all runs', R2)} with the one and {rows.tell(tuned, R2)} with "
        "the other.",
        ("judged on test accuracy", "R²", "error"),
        [(variant, rows.tell(variant, R2), rows.tell(variant, ERROR, 3)) for variant in rows.variants(ERROR)],
    )


def _samples(rows: _Rows) -> Answer:
    anew = "p calibrated anew"
    numbers = sorted(rows.table["x"].unique())
    fewest, most = numbers[0], numbers[-1]
    return Answer(
        f"On the runs with the most answers ({rows.size(anew)}), with p tuned anew, {_count(int(fewest), 'answer')} "
        f"per prompt {'gives' if fewest == 1 else 'give'} R² {rows.tell(anew, R2, 3, fewest)} and all {most:.0f} give "
        f"{rows.tell(anew, R2, 3, most)}; the mean of predicted − test is {rows.tell(anew, 'bias', 3, fewest)} and "
        f"{rows.tell(anew, 'bias', 3, most)}. Ranges are over draws of answers.",
        ("answers", "R², p anew", "error, p anew", "bias, p anew", "bias, p of all answers"),
        [
            (
                f"{n:.0f}",
                rows.tell(anew, R2, 3, n),
                rows.tell(anew, ERROR, 3, n),
                rows.tell(anew, "bias", 3, n),
                rows.tell("p of all samples", "bias", 3, n),
            )
            for n in numbers
        ],
    )


def _checkpoints(rows: _Rows) -> Answer:
    names = list(dict.fromkeys(variant.rpartition(", ")[0] for variant in rows.variants(ERROR)))
    of_study, anew = ({name: f"{name}, {how}" for name in names} for how in ("study's p", "p calibrated anew"))
    whole, alone = names[0], names[-1]
    return Answer(
        f"Judged on the last checkpoint of each run ({rows.size(of_study[whole], ERROR)}). With {whole} R² is "
        f"{rows.tell(of_study[whole], R2)} at the study's p and {rows.tell(anew[whole], R2)} with p tuned on these "
        f"points; with {alone}, {rows.tell(of_study[alone], R2)} and {rows.tell(anew[alone], R2)}.",
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
                rows.tell(of_study[name], R2),
                rows.tell(of_study[name], ERROR, 3),
                rows.tell(anew[name], R2),
                rows.tell(anew[name], HELD_OUT),
            )
            for name in names
        ],
    )


def _early(rows: _Rows) -> Answer:
    premem, test, train = "premem accuracy", "test accuracy so far", "train accuracy so far"
    fractions = sorted(rows.table["x"].unique())
    middle = fractions[len(fractions) // 2 - 1]
    said = "; ".join(
        f"{when} {rows.tell(premem, ERROR, 3, x)} against {rows.tell(test, ERROR, 3, x)}"
        for when, x in (("at the first checkpoint", fractions[0]), (f"{middle:.0%} of the way", middle))
    )
    return Answer(
        f"Mean absolute error about the final test accuracy ({_count(int(rows.table['n_runs'].iloc[0]), 'run')} with "
        "at least 3 checkpoints) of premem accuracy, at the study's p, against the test accuracy measured at that "
        "checkpoint: "
        f"{said}.",
        (
            "way through the run (nearest checkpoint)",
            "R², premem",
            "error, premem",
            "R², test so far",
            "error, test so far",
            "error, train",
        ),
        [
            (
                f"{x:.0%}",
                rows.tell(premem, R2, x=x),
                rows.tell(premem, ERROR, 3, x),
                rows.tell(test, R2, x=x),
                rows.tell(test, ERROR, 3, x),
                rows.tell(train, ERROR, 3, x),
            )
            for x in fractions
        ],
    )


def _percent(row: pd.Series | None) -> str:
    return "–" if row is None or pd.isna(row.estimate) else f"{row.estimate:.0%}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


ANSWERS: dict[str, Callable[[_Rows], Answer]] = {
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
