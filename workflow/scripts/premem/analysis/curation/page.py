"""Pages on curation, in Markdown: the comparison of strategies, and what a strategy selected from a training set."""

import numpy as np
import pandas as pd

from premem.analysis.curation.collect import Collected
from premem.analysis.curation.strategies import STRATEGIES
from premem.config.curation import Collection, StrategyName
from premem.report.markdown import markdown_table
from premem.report.numbers import write_number
from premem.scoring.threshold import ChosenThreshold

NAMES = {"threshold": "t", "share": "share of the hardest"}
"""Key of ``collection`` that strategies read → name for readers."""
SHOWN = 10
"""How many examples a page shows."""


def comparison_page(
    title: str, efficiency: pd.DataFrame, collected: pd.DataFrame, settings: Collection, calibrated: bool, image: str
) -> str:
    """Return the page of a comparison.

    Args:
        title: of the (model, dataset) pair.
        efficiency: see ``premem.analysis.curation.efficiency``.
        collected: strategy, seed, round, new_examples, selected, p, trained_on, fell_back, overlap_of_start,
            overlapping, repeated, other, difficulty; a row per round of collecting. p is missing if the strategy does
            not read it.
        settings: of the strategies.
        calibrated: whether p was calibrated on test accuracies.
        image: link to the figure.
    """
    cells = efficiency.set_index(["strategy", "new_examples", "statistic"])

    def cell(strategy: str, number: int, statistic: str) -> str:
        key = (strategy, number, statistic)
        if key not in cells.index:
            return "–"
        row = cells.loc[key]
        if np.isnan(row["estimate"]):
            ends = f" [{row['low']:.2f}, ∞)" if np.isfinite(row["low"]) else ""
            return str(row["note"]).partition(":")[0] + ends
        return write_number(row, 3 if statistic != "data_efficiency" else 2).replace("inf]", "∞)")

    reached = efficiency[efficiency["statistic"] == "test_accuracy"]
    start = reached[reached["strategy"] == "start"].iloc[0]
    rows = [
        (
            STRATEGIES[row.strategy].title,
            row.new_examples,
            *(cell(row.strategy, row.new_examples, name) for name in ("test_accuracy", "gain", "data_efficiency")),
        )
        for row in reached.itertuples()
        if row.strategy != "start"
    ]
    by_strategy = collected.groupby("strategy", sort=False)
    p = collected["p"].dropna().unique()
    source = (
        ", calibrated on the test accuracy of the runs that the seeds start from"
        if calibrated
        else ", chosen without test accuracies"
    )
    threshold = f"An example is memorized if its perplexity is at most p = {p[0]:.3f}{source}. " if len(p) else ""
    shares = [
        (
            STRATEGIES[strategy].title,
            STRATEGIES[strategy].source or "–",
            f"{(table['selected'] / table['trained_on']).mean():.0%}",
            "–" if table["difficulty"].isna().all() else f"{table['difficulty'].mean():.2f}",
            f"{int(table['fell_back'].sum())} of {len(table)}",
            int(table["repeated"].sum()),
            int(table["overlapping"].sum()),
            int(table["other"].sum()),
        )
        for strategy, table in by_strategy
    ]
    return (
        "\n\n".join(
            [
                f"# Collecting data: {title}",
                "All strategies of a seed start from the same examples. The test accuracy is then "
                f"{write_number(start, 3)}. After each round a new model is trained, with about the same number of "
                "optimizer steps whatever the number of examples. Brackets hold t intervals over seeds. *Gain* is the "
                "test accuracy minus that of as many i.i.d. examples, compared seed by seed. *Data efficiency* is the "
                "number of i.i.d. examples that reach the same test accuracy, divided by the number of new examples. "
                "Between numbers of examples that were trained on, test accuracy is interpolated. The interval of data "
                "efficiency holds all numbers of i.i.d. examples that do not differ by a paired t test.",
                f"![Strategies]({image})",
                markdown_table(("collected like", "new examples", "test accuracy", "gain", "data efficiency"), rows),
                "## What was collected",
                f"{threshold}Strategies with a threshold select examples below t = {settings.threshold:g}. Strategies "
                f"with labels or IFD select the hardest share of {settings.share:g}. New examples that share "
                f"{settings.ngram} consecutive words with a test question were left out. Of the examples that the "
                f"seeds start from, {collected['overlap_of_start'].mean():.1%} share as many.",
                markdown_table(
                    (
                        "collected like",
                        "source",
                        "training examples selected",
                        "difficulty of new examples",
                        "rounds without a selection",
                        "left out: repeated",
                        "left out: like a test question",
                        "left out: other reasons",
                    ),
                    shares,
                ),
            ]
        )
        + "\n"
    )


def selection_page(
    title: str,
    examples: pd.DataFrame,
    collected: Collected,
    strategy: StrategyName,
    settings: Collection,
    chosen: ChosenThreshold | None,
    overlap: float,
) -> str:
    """Return a page that says what was selected from a training set, and why.

    Args:
        title: of the page.
        examples: training examples with the columns that the strategy read.
        collected: the new examples.
        strategy: name of the strategy.
        settings: of the strategy.
        chosen: the threshold p; None if the strategy does not read it.
        overlap: share of the training examples that overlap a test question.
    """
    known = STRATEGIES[strategy]
    share = collected.selected / len(examples)
    facts = {
        "strategy": f"{known.title}{f' ({known.source})' if known.source else ''}",
        **{NAMES[key]: f"{value:g}" for key, value in known.values_read(settings).items()},
        "threshold p": "not read" if chosen is None else f"{chosen.threshold:.3f} ({chosen.note})",
        "training examples selected": f"{collected.selected} of {len(examples)} ({share:.0%})",
        "new examples": str(len(collected.examples)),
        "left out": "; ".join(f"{number}: {why}" for why, number in collected.left_out.items()) or "none",
        f"{settings.ngram} consecutive words shared with a test question": f"{overlap:.1%} of the training examples, "
        "no new example",
    }
    if collected.fell_back:
        facts["note"] = "the strategy selected no example, so all training examples were used"
    scores = [name for name in ("premem_accuracy", "accuracy", "ifd", "difficulty") if name in examples]
    counts = collected.examples["resembles"].value_counts()
    shown = examples.assign(new=examples["example_id"].map(counts).fillna(0).astype(int))
    shown = shown[collected.weights > 0].sort_values(["new", "example_id"], ascending=[False, True]).head(SHOWN)
    rows = [(row["example_id"], *(f"{row[name]:.2f}" for name in scores), row["new"]) for _, row in shown.iterrows()]
    parts = [
        f"# {title}",
        markdown_table(("", ""), list(facts.items())),
        "## Training examples with the most new examples",
        "The last rows are means over all selected examples, and over all others."
        if scores
        else "They are sorted by their new examples.",
        markdown_table(("example", *scores, "new examples"), [*rows, *_means(examples, collected, scores)]),
        "## Some of the new examples",
    ]
    questions = dict(zip(examples["example_id"], examples["question"], strict=True))
    for row in collected.examples.head(SHOWN).itertuples():
        parts += [
            f"Training example {row.resembles}:",
            _quote(questions[row.resembles]),
            "A new example like it:",
            _quote(f"{row.question}\n{row.solution}"),
        ]
    return "\n\n".join(parts) + "\n"


def _means(examples: pd.DataFrame, collected: Collected, scores: list[str]) -> list[tuple[object, ...]]:
    if not scores:
        return []
    taken, others = examples[collected.weights > 0][scores], examples[collected.weights == 0][scores]
    rows = [("*mean, selected*", taken)] + ([("*mean, not selected*", others)] if len(others) else [])
    return [(name, *(f"{table[score].mean():.2f}" for score in scores), "") for name, table in rows]


def _quote(text: str) -> str:
    """Return a text as a block of code, so that nothing in it is read as Markdown."""
    return "\n".join(f"    {line}" for line in text.splitlines())
