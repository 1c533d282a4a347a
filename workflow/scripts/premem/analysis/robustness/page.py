"""The page of what perturbations do, in Markdown: every number in it comes from the tables."""

from collections.abc import Mapping

import pandas as pd

from premem.analysis.robustness import ALL, MODEL_TITLES, PREDICTORS
from premem.analysis.robustness.analysis import MODELS, REFERENCE, best_model
from premem.config.data import Perturbation
from premem.report.markdown import markdown_table
from premem.report.numbers import write_number

ACCURACIES = ("unperturbed", "perturbed", "drop", "kept")
BESIDE = "premem_and_train_accuracy"


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
        bins: see ``premem.analysis.robustness.analysis``.
        regression: as well.
        images: examples (``all``, ``solved``) → link to their figure.
    """
    every, solved = (_Rows(regression[regression["examples"] == examples]) for examples in MODELS)
    names = [name for name in regression["perturbation"].unique() if name != ALL]
    told = {name: title for name, title in PREDICTORS.items() if name in set(regression["model"])}
    size = regression.iloc[0]
    parts = [
        f"# Robustness: {title}",
        f"Prompts of training examples were perturbed, and answers sampled at {size.n_examples:.0f} example × "
        f"checkpoints of {size.n_runs:.0f} runs. Unperturbed prompts were sampled anew beside them, so that no "
        "accuracy below shares an answer with premem accuracy, train accuracy or perplexity, which were measured "
        "before. *Drop* is unperturbed minus perturbed accuracy, *kept* perturbed / unperturbed. Brackets hold "
        "intervals over resampled runs; those of slopes come from errors clustered by example."
        + (" " + _of_labels(every, size.n_examples) if "difficulty" in told else ""),
        markdown_table(
            ("perturbation", "what it is", *ACCURACIES),
            [
                (
                    name,
                    _describe(perturbations[name]) if name in perturbations else "their answers put together",
                    *(every.tell(name, None, what) for what in ACCURACIES),
                )
                for name in [*names, ALL]
            ],
        ),
        "## Examples that are solved alike",
        "Of these, every answer was right when premem accuracy was measured, as where models have memorized: which "
        "keep their accuracy?",
    ]
    if solved.table.empty:
        parts.append("No example was answered right every time.")
    else:
        parts += [_verdict_on_solved(solved), f"![Solved examples]({images['solved']})", *_bins(bins, "solved")]
        parts += [
            "Slopes are per standard deviation within a checkpoint. *Still right*: log-odds that a perturbed answer is "
            "right, above 0 if examples of a low value lose more. *Drop*: accuracy lost, below 0 if they do.",
            markdown_table(
                (
                    "perturbation",
                    *(f"{_SHORT.get(m, m)}: {what}" for m in _ON_SOLVED if m in told for what in _SLOPES.values()),
                ),
                [
                    (name, *(solved.tell(name, m, s, m) for m in _ON_SOLVED if m in told for s in _SLOPES))
                    for name in [ALL, *names]
                ],
            ),
        ]
    parts += [
        "## All examples",
        _verdict_on_all(every),
        f"![All examples]({images['all']})",
        *_bins(bins, "all"),
        "*Odds* is how much more a predictor tells of an answer once the prompt is perturbed, in log-odds per "
        "standard deviation within a checkpoint, beside the others that are known: 0 if all examples lose the same "
        "odds, above 0 if those of a low value lose more. A perturbation that makes answers hinge on other things "
        "flattens the slope of whatever predicts accuracy, so that what counts is one predictor beside the others. "
        "The *correlation* is of predicted with found drops of the examples of a run that was not fitted to, a mean "
        "over runs; the drop that is found is a difference of a few samples, which bounds it.",
        markdown_table(
            ("known", *(f"odds: {title}" for title in told.values()), "correlation", "ahead of train accuracy"),
            [
                (
                    MODEL_TITLES[model],
                    *(every.tell(ALL, model, "interaction", predictor) for predictor in told),
                    every.tell(ALL, model, "drop_correlation"),
                    every.tell(ALL, model, "ahead_of_train_accuracy"),
                )
                for model in MODELS["all"]
                if model in set(regression["model"])
            ],
        ),
        markdown_table(
            ("perturbation", *(f"odds: {title}" for title in told.values()), "odds: premem beside train accuracy"),
            [
                (
                    name,
                    *(every.tell(name, predictor, "interaction", predictor) for predictor in told),
                    every.tell(name, BESIDE, "interaction", "premem_accuracy"),
                )
                for name in names
            ],
        ),
        "The accuracy that each example is predicted to lose (`predicted_drops.parquet`, and the reports on examples) "
        f"comes from {MODEL_TITLES[best_model(regression)]}, the model with the best correlation"
        + (" of those that need no labels" if "difficulty" in told else "")
        + ". Everything else is in `robustness.csv` and `robustness_bins.csv`.",
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
        self.table = table.fillna({"model": "", "predictor": ""})

    def find(
        self, perturbation: str, model: str | None, statistic: str, predictor: str | None = None
    ) -> pd.Series | None:
        found = self.table[
            (self.table["perturbation"] == perturbation)
            & (self.table["model"] == (model or ""))
            & (self.table["statistic"] == statistic)
            & (self.table["predictor"] == (predictor or ""))
        ]
        return None if found.empty or found["estimate"].isna().all() else found.iloc[0]

    def tell(self, perturbation: str, model: str | None, statistic: str, predictor: str | None = None) -> str:
        row = self.find(perturbation, model, statistic, predictor)
        return "–" if row is None else write_number(row, 3 if statistic == "drop_slope" else 2)


def _of_labels(rows: _Rows, n_examples: float) -> str:
    """Say what difficulty is, and of how many it is known if not of all."""
    known = rows.table.loc[rows.table["model"] == "difficulty", "n_examples"].iloc[0]
    only = f", which {known:.0f} of them have" if known < n_examples else ""
    return f"*Difficulty* is the dataset's own label, the higher the harder{only}."


def _bins(bins: pd.DataFrame, examples: str) -> list[str]:
    """Return a table for each predictor, of all perturbations put together."""
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
    said = []
    if change.prompt is not None:
        said.append(f"prompt {_code(change.prompt)}")
    if change.answer_begins:
        said.append(f"answer begins {_code(change.answer_begins)}")
    return ", ".join(said)


def _code(text: str) -> str:
    """Return a template as code within a table."""
    shown = text.replace("\n", "⏎").replace("|", "\\|").replace("`", "'")
    return f"`{shown}`"


def _verdict_on_solved(rows: _Rows) -> str:
    size = rows.table.iloc[0]
    lines = [f"There are {size.n_examples:.0f} of them, in {size.n_runs:.0f} runs."]
    for name in _ON_SOLVED:
        if (row := rows.find(ALL, name, "drop_slope", name)) is not None:
            told = f"{PREDICTORS[name]} ({write_number(row, 3)} of accuracy per standard deviation)"
            said = _compare(told, -row["low"], -row["high"], "accuracy")
            lines.append(said[0].upper() + said[1:])
    return " ".join(lines)


def _verdict_on_all(rows: _Rows) -> str:
    lines = []
    if (row := rows.find(ALL, BESIDE, "interaction", "premem_accuracy")) is not None:
        told = f"premem accuracy ({write_number(row)} log-odds per standard deviation)"
        lines.append("Beside train accuracy: " + _compare(told, row["low"], row["high"], "of their odds"))
    found = {name: row for name in MODELS["all"] if (row := rows.find(ALL, name, "drop_correlation")) is not None}
    if found:
        best = max(found, key=lambda name: found[name]["estimate"])
        lines.append(
            f"Drops of a run that was not fitted to are best predicted from {MODEL_TITLES[best]} (correlation "
            f"{write_number(found[best])})."
        )
        ahead = [
            MODEL_TITLES[name]
            for name in found
            if name != REFERENCE
            and (row := rows.find(ALL, name, "ahead_of_train_accuracy")) is not None
            and row["low"] > 0
        ]
        lines.append(
            f"Ahead of train accuracy alone beyond the interval: {', '.join(ahead)}."
            if ahead
            else "Nothing is shown to be ahead of train accuracy alone."
        )
    return " ".join(lines) or "Nothing can be fitted: see the notes below."


def _compare(told: str, one: float, other: float, lost: str) -> str:
    """Say who loses more; both ends of the interval are above 0 where examples of a low value do."""
    if min(one, other) > 0:
        return f"examples with a low {told} lose more {lost}."
    if max(one, other) < 0:
        return f"examples with a high {told} lose more {lost}."
    return f"{told} does not tell, within its interval, which examples lose more {lost}."
