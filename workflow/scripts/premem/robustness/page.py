"""The page of what perturbations do, in Markdown: every number in it comes from the tables."""

from collections.abc import Mapping

import pandas as pd

from premem.figures import write_number
from premem.robustness import ALL, PREDICTORS
from premem.robustness.analysis import MODELS, REFERENCE
from premem.settings import Perturbation
from premem.summary import markdown_table

MODEL_TITLES = {
    **PREDICTORS,
    "premem_and_train_accuracy": "train accuracy and premem accuracy",
    "perplexity_and_train_accuracy": "train accuracy and perplexity",
    "together": "all three",
}


def robustness_page(
    title: str, perturbations: Mapping[str, Perturbation], bins: pd.DataFrame, regression: pd.DataFrame, image: str
) -> str:
    """Return the page.

    Args:
        title: of the (model, dataset) pair.
        perturbations: by name.
        bins: see ``premem.robustness.analysis``.
        regression: as well.
        image: link to the figure.
    """
    rows = _Rows(regression)
    names = [name for name in regression["perturbation"].unique() if name != ALL]
    size = regression.iloc[0]
    parts = [
        f"# Robustness: {title}",
        f"Prompts of training examples were perturbed, and answers sampled at {size.n_examples:.0f} example × "
        f"checkpoints of {size.n_runs:.0f} runs. Unperturbed prompts were sampled anew beside them, so that no "
        "accuracy here shares an answer with premem accuracy, train accuracy or perplexity, which were measured "
        "before. Brackets hold intervals over resampled runs; those of log-odds come from errors clustered by example.",
        markdown_table(
            ("perturbation", "what it is", "unperturbed", "perturbed", "drop", "kept"),
            [
                (
                    name,
                    _describe(perturbations[name]) if name in perturbations else "their answers put together",
                    *(rows.tell(name, None, what) for what in ("unperturbed", "perturbed", "drop", "kept")),
                )
                for name in [*names, ALL]
            ],
        ),
        f"![Unperturbed and perturbed accuracy]({image})",
        "## Which examples lose accuracy?",
        "Answers under all perturbations put together, in bins; *kept* is perturbed / unperturbed accuracy.",
    ]
    for predictor, told in PREDICTORS.items():
        here = bins[(bins["perturbation"] == ALL) & (bins["predictor"] == predictor)]
        wide = {number: table.set_index("statistic") for number, table in here.groupby("bin")}
        lines = [
            (
                f"{table['low_edge'].iloc[0]:.3g} to {table['high_edge'].iloc[0]:.3g}",
                f"{table['n_examples'].iloc[0]:.0f}",
                *(write_number(table.loc[what]) for what in ("unperturbed", "perturbed", "drop", "kept")),
            )
            for table in wide.values()
        ]
        parts.append(markdown_table((told, "examples", "unperturbed", "perturbed", "drop", "kept"), lines))
    parts += [
        "## What tells beforehand?",
        _verdict(rows),
        "*Log-odds* is how much more a predictor tells of an answer once the prompt is perturbed, per standard "
        "deviation within a checkpoint, beside the others that are known: 0 if all examples lose the same odds, above "
        "0 if examples with a low value lose more. The *correlation* is of predicted with found drops of the examples "
        "of a run that the model was not fitted to, a mean over runs; the drop that is found is a difference of a few "
        "samples, which bounds it.",
    ]
    for name in [ALL, *names]:
        header = (
            "known",
            *(f"log-odds: {told}" for told in PREDICTORS.values()),
            "correlation",
            "ahead of train accuracy",
        )
        lines = [
            (
                MODEL_TITLES[model],
                *(rows.tell(name, model, "interaction", predictor) for predictor in PREDICTORS),
                rows.tell(name, model, "drop_correlation"),
                rows.tell(name, model, "ahead_of_train_accuracy"),
            )
            for model in MODELS
        ]
        parts += [f"### {'All perturbations' if name == ALL else name}", markdown_table(header, lines)]
    if notes := sorted(set(regression["note"].dropna()) - {""}):
        parts.append("Where numbers are missing: " + "; ".join(notes) + ".")
    return "\n\n".join(parts) + "\n"


class _Rows:
    """The regression table, to look numbers up in."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table.assign(model=table["model"].fillna(""), predictor=table["predictor"].fillna(""))

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
        return "–" if row is None else write_number(row)


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


def _verdict(rows: _Rows) -> str:
    """Say what intervals tell, of all perturbations together."""
    loses = {name: row for name in PREDICTORS if (row := rows.find(ALL, name, "interaction", name)) is not None}
    lines = []
    for name, row in loses.items():
        told = f"{PREDICTORS[name]} ({write_number(row)})"
        if row["low"] > 0:
            lines.append(f"Examples with a low {told} lose more of their odds.")
        elif row["high"] < 0:
            lines.append(f"Examples with a high {told} lose more of their odds.")
        else:
            lines.append(f"{told[0].upper()}{told[1:]} tells nothing of the odds lost, within its interval.")
    models = {name: row for name in MODELS if (row := rows.find(ALL, name, "drop_correlation")) is not None}
    if models:
        best = max(models, key=lambda name: models[name]["estimate"])
        lines.append(
            f"Drops of a run that was not fitted to are best predicted by {MODEL_TITLES[best]} (correlation "
            f"{write_number(models[best])})."
        )
        ahead = [
            MODEL_TITLES[name]
            for name in models
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
