"""The page of the comparison of predictors, in Markdown; every number on it comes from the tables."""

from collections.abc import Iterator, Mapping

import pandas as pd

from premem.analysis.predictors import PREDICTORS, READS
from premem.analysis.predictors.compare import LINEAR, PREMEM, STUDY_P
from premem.report.markdown import markdown_table
from premem.report.numbers import write_number

HEADER = (
    "predictor",
    "R² (y = x)",
    "R², linear map, in sample",
    "R², linear map from the other runs",
    "rank correlation",
    "behind premem",
)
STATISTICS = ("r_squared", "squared_correlation", LINEAR, "rank_correlation", "behind_premem")


def title_of(name: str) -> str:
    """Return the name of a predictor for readers."""
    return f"{PREDICTORS[PREMEM].title}, p of the study's test set" if name == STUDY_P else PREDICTORS[name].title


def order(comparison: pd.DataFrame) -> list[str]:
    """Return the predictors: premem accuracy first, then the others by R² on the first test set, the best first."""
    first = comparison[
        (comparison["test_set"] == comparison["test_set"].iloc[0]) & (comparison["statistic"] == LINEAR)
    ].sort_values("estimate", ascending=False, kind="stable")
    return list(dict.fromkeys([PREMEM, STUDY_P, *first["predictor"], *PREDICTORS]))


def predictors_page(title: str, values: pd.DataFrame, comparison: pd.DataFrame, images: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        title: of the (model, dataset) pair.
        values: see ``premem.analysis.predictors.compare``.
        comparison: as well.
        images: name of a figure → link to it.
    """
    if comparison.empty:
        return (
            "\n\n".join(
                [
                    f"# Predictors of generalization: {title}",
                    "No test set has labels, so predictors cannot be compared.",
                    *_without_labels(values),
                ]
            )
            + "\n"
        )
    judged = comparison[comparison["statistic"].notna()]
    test_sets = list(comparison["test_set"].unique())
    parts = [
        f"# Predictors of generalization: {title}",
        "This page compares how well each number predicts test accuracy over all checkpoints. R² about y = x is given "
        "for predictors that are accuracies themselves. A linear map turns any other predictor into an accuracy. It is "
        "fitted on the same points (in sample), or for each run on the other runs only. The p of premem accuracy is "
        "calibrated in the same two ways. *Behind premem* is the R² of premem accuracy minus that of the predictor, "
        "both with a linear map from the other runs. Brackets hold intervals over resampled runs; maps and p are "
        "fitted anew in every resample.",
        f"![R² of every predictor]({images['predictors']})",
    ]
    for test_set in test_sets:
        here = judged[judged["test_set"] == test_set]
        rows = [
            (title_of(name), *(_cell(here, name, statistic) for statistic in STATISTICS))
            for name in order(comparison)
            if (here["predictor"] == name).any()
        ]
        parts += [
            f"## Test set {test_set}",
            _verdict(here, values[values["test_set"] == test_set]),
            markdown_table(HEADER, rows),
        ]
        remarks = here[here["note"].fillna("").str.contains("not trained on|no value|in another unit")].drop_duplicates(
            "predictor"
        )
        if len(remarks):
            parts.append("; ".join(f"{title_of(row.predictor)}: {row.note}" for row in remarks.itertuples()) + ".")
    parts += _without_labels(values)
    parts += [
        "## Premem accuracy on other test sets",
        "The figure shows the accuracy on every test set against premem accuracy, with p calibrated on the first test "
        "set.",
        f"![Test sets]({images['test_sets']})",
        "## Sources, and missing predictors",
    ]
    missing = comparison[comparison["statistic"].isna()].drop_duplicates("predictor").set_index("predictor")["note"]
    lines = []
    for name, predictor in PREDICTORS.items():
        there = (
            "compared"
            if name in set(judged["predictor"])
            else f"missing: {missing[name]}"
            if name in missing
            else "not asked for (`predictors.names`)"
        )
        lines.append((predictor.title, predictor.source or "–", READS[predictor.needs], there))
    parts.append(markdown_table(("predictor", "source", "reads", ""), lines))
    return "\n\n".join(parts) + "\n"


def _without_labels(values: pd.DataFrame) -> Iterator[str]:
    """Yield a section for each test set without labels: what can be said of its accuracy, at each run's last "
    "checkpoint."""
    for test_set, here in values[values["test_accuracy"].isna()].groupby("test_set", sort=True):
        last = here[here["epoch"] == here.groupby("run")["epoch"].transform("max")]
        wide = last.pivot(index="run", columns="predictor", values="value").sort_index()
        yield f"## Test set {test_set}, without labels"
        yield "What is known without labels, at the last checkpoint of each run. Neither number was checked here."
        rows = [(run, *(f"{value:.3f}" for value in row)) for run, row in zip(wide.index, wide.to_numpy(), strict=True)]
        yield markdown_table(("run", *map(title_of, wide.columns)), rows)


def _cell(rows: pd.DataFrame, name: str, statistic: str) -> str:
    found = rows[(rows["predictor"] == name) & (rows["statistic"] == statistic)]
    return "–" if found.empty or found["estimate"].isna().all() else write_number(found.iloc[0])


def _verdict(rows: pd.DataFrame, values: pd.DataFrame) -> str:
    """Say which predictor is best on a test set, and which ones differ from premem accuracy beyond the interval."""
    linear = rows[rows["statistic"] == LINEAR].set_index("predictor")
    behind = rows[rows["statistic"] == "behind_premem"].set_index("predictor")
    if linear["estimate"].isna().all():
        return "R² is undefined: test accuracy does not vary."
    best = str(linear["estimate"].drop(STUDY_P, errors="ignore").idxmax())
    points, test = linear.iloc[0], values["test_accuracy"]
    named = f"{title_of(best)} (R² {write_number(linear.loc[best])})"
    text = (
        f"Over {points['n_points']:.0f} checkpoints of {points['n_runs']:.0f} runs test accuracy lies between "
        f"{test.min():.2f} and {test.max():.2f}. With a linear map from the other runs, "
    )
    if linear["low"][best] <= 0:
        return text + f"no predictor is shown to be better than the mean of test accuracy. The best is {named}."
    text += f"{named} predicts it best."
    behind = behind.drop(STUDY_P, errors="ignore")
    ahead = [str(name) for name in behind.index[behind["high"] < 0]]
    after = [str(name) for name in behind.index[behind["low"] > 0]]
    unclear = [str(name) for name in behind.index if name not in (*ahead, *after)]
    for what, names in (
        ("Better than premem accuracy, beyond the interval", ahead),
        ("Worse than premem accuracy, beyond the interval", after),
        ("Not distinguishable from premem accuracy", unclear),
    ):
        if names:
            text += f" {what}: {', '.join(title_of(name) for name in names)}."
    return text
