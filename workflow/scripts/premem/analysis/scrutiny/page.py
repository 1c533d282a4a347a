"""The page of answers to the questions of reviewers, in Markdown; every number on it comes from the table."""

from collections.abc import Mapping

import pandas as pd

from premem.analysis.scrutiny.answers import ANSWERS
from premem.analysis.scrutiny.answers_on_use import ANSWERS_ON_USE
from premem.analysis.scrutiny.rows import Rows
from premem.report.markdown import markdown_table

HEADINGS = {
    "forecast": "Without any test label, how good is the forecast?",
    "intervals": "With the test labels of other runs, do intervals cover what they say?",
    "regret": "Which checkpoint does each rule choose, and what is lost?",
    "points": "Does the result hold for another choice of checkpoints?",
    "differences": "Is premem accuracy better than train accuracy?",
    "groups": "Which runs carry the result?",
    "rule": "Does the rule of the authors' code, log(log(perplexity)) ≥ τ, give other results?",
    "threshold": "How much depends on the exact p?",
    "calibration": "Is p only fitted to the points that it is judged on?",
    "transfer": "Does p carry over between the pairs of the study?",
    "placebo": "Would the perplexities of other examples work as well?",
    "formula": "Does the formula need all its parts?",
    "labels": "If labels are needed to choose p, why not use them directly?",
    "unseen": "Can p be chosen without test labels?",
    "samples": "How many sampled answers per prompt are needed?",
    "checkpoints": "How many checkpoints are needed?",
    "early": "How early in training can the final test accuracy be predicted?",
}


def scrutiny_page(title: str, table: pd.DataFrame, images: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        title: of the (model, dataset) pair.
        table: from ``premem.analysis.scrutiny.scrutinize``.
        images: question → link to its figure, if it has one.
    """
    parts = [
        f"# Questions that reviewers ask: {title}",
        "Premem accuracy (pre-memorization train accuracy) is meant to predict test accuracy. R² is about the line "
        "y = x, and *error* is the mean absolute error. *Tuned* means that p was chosen on the same points that it is "
        "judged on. Brackets hold intervals over resampled runs, and a tuned p is tuned anew in every resample. Where "
        "draws are mentioned, brackets hold ranges over random draws.",
    ]
    for question, heading in HEADINGS.items():
        parts.append(f"## {heading}")
        rows = Rows(table[table["question"] == question])
        if not rows.table.empty:
            answer = {**ANSWERS, **ANSWERS_ON_USE}[question](rows)
            parts.append(answer.text)
            if answer.rows:
                parts.append(markdown_table(answer.header, answer.rows))
            if question in images:
                parts.append(f"![{heading}]({images[question]})")
        if not rows.missing.empty:
            notes = rows.missing[["variant", "note"]].fillna("")
            gaps = [f"{row.variant}: {row.note}" if row.variant else row.note for row in notes.itertuples()]
            parts.append("Not answered: " + "; ".join(gaps) + ".")
    return "\n\n".join(parts) + "\n"
