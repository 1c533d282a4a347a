"""The page of the analysis of robustness, in Markdown; every number on it comes from the tables."""

from collections.abc import Mapping

import pandas as pd

from premem.analysis.robustness import ALL, PREDICTOR_SET_TITLES, PREDICTOR_SETS, PREDICTORS, REFERENCE
from premem.analysis.robustness.prediction import best_predictor_set
from premem.config.data import Perturbation
from premem.report.markdown import markdown_table
from premem.report.numbers import write_number

ACCURACIES = ("unperturbed", "perturbed", "drop", "kept")
BOTH = "premem_and_train_accuracy"


def robustness_page(
    title: str,
    perturbations: Mapping[str, Perturbation],
    bins: pd.DataFrame,
    regression: pd.DataFrame,
    images: Mapping[str, str],
) -> str:
    """Return the page.

    Args:
        title: of the (model, dataset) pair.
        perturbations: by name.
        bins: see ``premem.analysis.robustness.bins``.
        regression: see ``premem.analysis.robustness.regression``.
        images: examples (``all`` or ``solved``) → link to their figure.
    """
    every, solved = (_Rows(regression[regression["examples"] == examples]) for examples in PREDICTOR_SETS)
    names = [name for name in regression["perturbation"].unique() if name != ALL]
    known = {name: title for name, title in PREDICTORS.items() if name in set(regression["predictor_set"])}
    size = regression.iloc[0]
    parts = [
        f"# Robustness: {title}",
        f"Prompts of training examples were perturbed, and answers were sampled for {size.n_examples:.0f} pairs of "
        f"example and checkpoint, from {size.n_runs:.0f} runs. Unperturbed prompts were sampled again as well. No "
        "accuracy below therefore shares an answer with premem accuracy, train accuracy or perplexity, which were "
        "measured before. *Drop* is unperturbed minus perturbed accuracy, and *kept* is perturbed divided by "
        "unperturbed accuracy. Brackets hold intervals over resampled runs. The intervals of slopes come from errors "
        "clustered by example." + (" " + _of_labels(every, size.n_examples) if "difficulty" in known else ""),
        markdown_table(
            ("perturbation", "what it is", *ACCURACIES),
            [
                (
                    name,
                    _describe(perturbations[name]) if name in perturbations else "the answers under all of them",
                    *(every.tell(name, None, what) for what in ACCURACIES),
                )
                for name in [*names, ALL]
            ],
        ),
        "## Solved examples",
        "An example is solved if every answer was right when premem accuracy was measured, as for examples that a "
        "model has memorized. Which of them keep their accuracy?",
    ]
    if solved.table.empty:
        parts.append("No example was always answered correctly.")
    else:
        parts += [_verdict_on_solved(solved), f"![Solved examples]({images['solved']})", *_bins(bins, "solved")]
        parts += [
            "Slopes are per standard deviation within a checkpoint. *Still right* is the slope of the log-odds that a "
            "perturbed answer is right. It is above 0 if examples with a low value lose more. *Drop* is the slope of "
            "the accuracy lost. It is below 0 if examples with a low value lose more.",
            markdown_table(
                (
                    "perturbation",
                    *(f"{_SHORT.get(m, m)}: {what}" for m in _ON_SOLVED if m in known for what in _SLOPES.values()),
                ),
                [
                    (name, *(solved.tell(name, m, s, m) for m in _ON_SOLVED if m in known for s in _SLOPES))
                    for name in [ALL, *names]
                ],
            ),
        ]
    parts += [
        "## All examples",
        _verdict_on_all(every),
        f"![All examples]({images['all']})",
        *_bins(bins, "all"),
        "*Odds* says how much better a predictor predicts an answer once the prompt is perturbed, given the other "
        "predictors of its set. It is in log-odds per standard deviation within a checkpoint. It is 0 if all examples "
        "lose the same odds, and above 0 if examples with a low value lose more. A perturbation may make answers "
        "depend on other things, which flattens the slope of every predictor of accuracy. The value of one predictor "
        "given the others is therefore what counts. The *correlation* is that of predicted and measured drops in a run "
        "that the prediction was not fitted on, and a mean over runs. A measured drop is the difference of a few "
        "samples, which limits the correlation.",
        markdown_table(
            (
                "predictors",
                *(f"odds: {title}" for title in known.values()),
                "correlation",
                "difference from train accuracy",
            ),
            [
                (
                    PREDICTOR_SET_TITLES[name],
                    *(every.tell(ALL, name, "interaction", predictor) for predictor in known),
                    every.tell(ALL, name, "drop_correlation"),
                    every.tell(ALL, name, "ahead_of_train_accuracy"),
                )
                for name in PREDICTOR_SETS["all"]
                if name in set(regression["predictor_set"])
            ],
        ),
        markdown_table(
            ("perturbation", *(f"odds: {title}" for title in known.values()), "odds: premem given train accuracy"),
            [
                (
                    name,
                    *(every.tell(name, predictor, "interaction", predictor) for predictor in known),
                    every.tell(name, BOTH, "interaction", "premem_accuracy"),
                )
                for name in names
            ],
        ),
        "The accuracy that each example is predicted to lose (`predicted_drops.parquet` and the example reports) comes "
        "from the predictor set with the best correlation"
        + (" of all sets without labels" if "difficulty" in known else "")
        + f": {PREDICTOR_SET_TITLES[best_predictor_set(regression)]}. All other numbers are in `robustness.csv` and "
        "`robustness_bins.csv`.",
    ]
    if notes := sorted(set(regression["note"].dropna()) - {""}):
        parts.append("Where numbers are missing: " + "; ".join(notes) + ".")
    return "\n\n".join(parts) + "\n"


_SLOPES = {"still_right": "still right", "drop_slope": "drop"}
_ON_SOLVED = ("premem_accuracy", "perplexity", "difficulty")
_SHORT = {"premem_accuracy": "premem"}


class _Rows:
    """A part of the regression table, to look numbers up in."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table.fillna({"predictor_set": "", "predictor": ""})

    def find(
        self, perturbation: str, predictor_set: str | None, statistic: str, predictor: str | None = None
    ) -> pd.Series | None:
        found = self.table[
            (self.table["perturbation"] == perturbation)
            & (self.table["predictor_set"] == (predictor_set or ""))
            & (self.table["statistic"] == statistic)
            & (self.table["predictor"] == (predictor or ""))
        ]
        return None if found.empty or found["estimate"].isna().all() else found.iloc[0]

    def tell(self, perturbation: str, predictor_set: str | None, statistic: str, predictor: str | None = None) -> str:
        row = self.find(perturbation, predictor_set, statistic, predictor)
        return "–" if row is None else write_number(row, 3 if statistic == "drop_slope" else 2)


def _of_labels(rows: _Rows, n_examples: float) -> str:
    """Say what difficulty is, and how many examples have a label if not all do."""
    known = rows.table.loc[rows.table["predictor_set"] == "difficulty", "n_examples"].iloc[0]
    only = f" {known:.0f} of the pairs have one." if known < n_examples else ""
    return f"*Difficulty* is the dataset's own label, and higher means harder.{only}"


def _bins(bins: pd.DataFrame, examples: str) -> list[str]:
    """Return a table for each predictor, over all perturbations together."""
    here = bins[(bins["examples"] == examples) & (bins["perturbation"] == ALL)]
    tables = []
    for predictor, of_predictor in here.groupby("predictor", sort=False):
        lines = [
            (
                f"{of_bin['low_edge'].iloc[0]:.3g} to {of_bin['high_edge'].iloc[0]:.3g}",
                f"{of_bin['n_examples'].iloc[0]:.0f}",
                *(write_number(of_bin.set_index("statistic").loc[what]) for what in ACCURACIES),
            )
            for _, of_bin in of_predictor.groupby("bin")
        ]
        tables.append(markdown_table((PREDICTORS[str(predictor)], "examples", *ACCURACIES), lines))
    return tables


def _describe(change: Perturbation) -> str:
    parts = []
    if change.prompt is not None:
        parts.append(f"prompt {_code(change.prompt)}")
    if change.answer_begins:
        parts.append(f"answer begins {_code(change.answer_begins)}")
    return ", ".join(parts)


def _code(text: str) -> str:
    """Return a template as code within a table."""
    shown = text.replace("\n", "⏎").replace("|", "\\|").replace("`", "'")
    return f"`{shown}`"


def _verdict_on_solved(rows: _Rows) -> str:
    size = rows.table.iloc[0]
    lines = [f"There are {size.n_examples:.0f} of them, in {size.n_runs:.0f} runs."]
    for name in _ON_SOLVED:
        if (row := rows.find(ALL, name, "drop_slope", name)) is not None:
            slope = f"{write_number(row, 3)} of accuracy per standard deviation"
            lines.append(_compare(PREDICTORS[name], slope, -row["low"], -row["high"], "accuracy"))
    return " ".join(lines)


def _verdict_on_all(rows: _Rows) -> str:
    lines = []
    if (row := rows.find(ALL, BOTH, "interaction", "premem_accuracy")) is not None:
        slope = f"{write_number(row)} log-odds per standard deviation, given train accuracy"
        lines.append(_compare("premem accuracy", slope, row["low"], row["high"], "of their odds"))
    found = {
        name: row for name in PREDICTOR_SETS["all"] if (row := rows.find(ALL, name, "drop_correlation")) is not None
    }
    if found:
        best = max(found, key=lambda name: found[name]["estimate"])
        lines.append(
            f"Drops are best predicted from {PREDICTOR_SET_TITLES[best]} (correlation {write_number(found[best])}, in "
            "runs that the prediction was not fitted on)."
        )
        ahead = [
            PREDICTOR_SET_TITLES[name]
            for name in found
            if name != REFERENCE
            and (row := rows.find(ALL, name, "ahead_of_train_accuracy")) is not None
            and row["low"] > 0
        ]
        lines.append(
            f"Better than train accuracy alone, beyond the interval: {'; '.join(ahead)}."
            if ahead
            else "No predictors are shown to be better than train accuracy alone."
        )
    return " ".join(lines) or "Nothing can be fitted: see the notes below."


def _compare(predictor: str, slope: str, one: float, other: float, lost: str) -> str:
    """Say which examples lose more.

    Args:
        predictor: its name for readers.
        slope: its slope with unit and interval.
        one, other: the ends of the interval, with a sign such that both are above 0 if examples with a low value lose
            more.
        lost: what is lost.
    """
    if min(one, other) > 0:
        return f"Examples with a low {predictor} lose more {lost} ({slope})."
    if max(one, other) < 0:
        return f"Examples with a high {predictor} lose more {lost} ({slope})."
    return f"The interval does not show whether examples with a low or a high {predictor} lose more {lost} ({slope})."
