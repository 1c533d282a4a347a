"""Pages on curation, in Markdown: the comparison of strategies, and what was selected for a training set."""

import numpy as np
import pandas as pd

from premem.analysis.curation.collect import Collected
from premem.analysis.curation.strategies import STRATEGIES
from premem.config.curation import Collection, StrategyName
from premem.report.markdown import markdown_table
from premem.report.numbers import write_number

NAMES = {"threshold": "t", "share": "share of the hardest"}
"""Of the keys of ``collection`` that strategies read."""
SHOWN = 10
"""Examples that a page shows."""


def comparison_page(
    title: str, efficiency: pd.DataFrame, collected: pd.DataFrame, settings: Collection, calibrated: bool, image: str
) -> str:
    """Return the page of a comparison.

    Args:
        title: of the (model, dataset) pair.
        efficiency: see ``premem.analysis.curation.efficiency``.
        collected: strategy, seed, round, new_examples, selected, p, trained_on, fell_back, overlapping, repeated,
            other, difficulty; a row per round of collecting; p is missing where the strategy reads none.
        settings: of the strategies.
        calibrated: was p chosen by the study, and not given?
        image: link to the figure.
    """
    cells = efficiency.set_index(["strategy", "new_examples", "statistic"])

    def tell(strategy: str, number: int, statistic: str) -> str:
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
            *(tell(row.strategy, row.new_examples, name) for name in ("test_accuracy", "gain", "data_efficiency")),
        )
        for row in reached.itertuples()
        if row.strategy != "start"
    ]
    by_strategy = collected.groupby("strategy", sort=False)
    p = collected["p"].dropna().unique()
    seen = ", calibrated on the test accuracy of the runs that the seeds start from" if calibrated else ", as given"
    threshold = f"Memorized is what has a perplexity of at most p = {p[0]:.3f}{seen}. " if len(p) else ""
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
                f"Every seed starts from the same examples for all strategies (test accuracy {write_number(start, 3)}) "
                "and trains anew after each round, with about as many optimizer steps whatever the number of examples. "
                "Brackets hold t intervals over seeds. *Gain* is the test accuracy over that of as many i.i.d. "
                "examples, seed by seed. *Data efficiency* is how many i.i.d. examples reach the same test accuracy, "
                "per new example, on the line between the numbers that were trained on; its interval holds all numbers "
                "that a paired t test does not tell apart.",
                f"![Strategies]({image})",
                markdown_table(("collected like", "new examples", "test accuracy", "gain", "data efficiency"), rows),
                "## What was collected",
                f"{threshold}t = {settings.threshold:g}; the share that is hardest by a label or by IFD: "
                f"{settings.share:g}. New examples that share {settings.ngram} words in a row with a test question "
                f"were left out; of those that the seeds start from, {collected['overlap_of_start'].mean():.1%} do so.",
                markdown_table(
                    (
                        "collected like",
                        "source",
                        "training examples selected",
                        "difficulty of the new",
                        "rounds without a selection",
                        "left out: repeated",
                        "like a test question",
                        "other",
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
    p: float | None,
    overlap: float,
) -> str:
    """Return a page that says what was selected of a training set, and why.

    Args:
        title: of the page.
        examples: training examples with what the strategy read of them.
        collected: the new examples.
        strategy: its name.
        settings: of the strategy.
        p: the threshold of memorization, where the strategy read it.
        overlap: share of the training examples that overlap a test question.
    """
    known = STRATEGIES[strategy]
    share = collected.selected / len(examples)
    facts = {
        "strategy": f"{known.title}{f' ({known.source})' if known.source else ''}",
        **{NAMES[key]: f"{value:g}" for key, value in known.values_read(settings).items()},
        "threshold p": "not read" if p is None else f"{p:.3f}",
        "training examples selected": f"{collected.selected} of {len(examples)} ({share:.0%})",
        "new examples": str(len(collected.examples)),
        "left out": "; ".join(f"{number}: {why}" for why, number in collected.left_out.items()) or "none",
        f"{settings.ngram} words in a row as in a test question": f"{overlap:.1%} of the training examples, no new one",
    }
    if collected.fell_back:
        facts["note"] = "the strategy selected no example, so new ones were collected like all"
    scores = [name for name in ("premem_accuracy", "accuracy", "ifd", "difficulty") if name in examples]
    counts = collected.examples["resembles"].value_counts()
    chosen = examples.assign(new=examples["example_id"].map(counts).fillna(0).astype(int))
    chosen = chosen[collected.weights > 0].sort_values(["new", "example_id"], ascending=[False, True]).head(SHOWN)
    rows = [(row["example_id"], *(f"{row[name]:.2f}" for name in scores), row["new"]) for _, row in chosen.iterrows()]
    parts = [
        f"# {title}",
        markdown_table(("", ""), list(facts.items())),
        "## Training examples that most of the new ones are like",
        "With what is known of them" + (", and the mean over all that were selected." if scores else "."),
        markdown_table(("example", *scores, "new examples"), [*rows, *_means(examples, collected, scores)]),
        "## Some of the new examples",
    ]
    questions = dict(zip(examples["example_id"], examples["question"], strict=True))
    for row in collected.examples.head(SHOWN).itertuples():
        parts += [
            f"Like {row.resembles}:",
            _quote(questions[row.resembles]),
            "is:",
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
    """A text as it stands, whatever is in it."""
    return "\n".join(f"    {line}" for line in text.splitlines())
