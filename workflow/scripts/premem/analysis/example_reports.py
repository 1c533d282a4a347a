"""What became of every training example of a run: the table and the page that a user acts on.

The table has a row per example, from the most to the least learned:

    example_id, premem_accuracy, train_accuracy, perplexity      at the last checkpoint
    early_accuracy     mean over the checkpoints of the accuracy, 0 where memorized: how early it was learned
    memorized_at       first checkpoint (epoch) with perplexity ≤ p; missing if there is none
    predicted_drop     accuracy that it is predicted to lose under perturbations at the last checkpoint
                       (``premem.analysis.robustness``); only where the study has that analysis
    difficulty         the dataset's own label (``premem.data.difficulty``), missing where it holds no number;
                       only where the dataset has labels
    accuracy_epoch_3, perplexity_epoch_3, …                      its history
    question, solution, answer                                   and the further columns that the dataset keeps; not
                                                                 of imported results

*Learned* means solved before it was memorized: by premem_accuracy, then by early_accuracy.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from premem.report.markdown import fenced, markdown_table
from premem.scoring.memorization import masked_accuracy, premem_accuracy


def memorized_at(checkpoint_epochs: ArrayLike, perplexity: ArrayLike, p: float) -> NDArray[np.float64]:
    """Return the first epoch at which each example is memorized, NaN for those that never are.

    Args:
        checkpoint_epochs: shape (checkpoints,), ascending.
        perplexity: shape (checkpoints, examples).
        p: the threshold; memorized means perplexity ≤ p.
    """
    memorized = np.asarray(perplexity) <= p
    first = np.asarray(checkpoint_epochs, dtype=float)[memorized.argmax(axis=0)]
    return np.where(memorized.any(axis=0), first, np.nan)


def examples_table(
    memorization: pd.DataFrame,
    p: float,
    data: pd.DataFrame | None = None,
    predicted_drops: "pd.Series[float] | None" = None,
    difficulty: "pd.Series[float] | None" = None,
) -> pd.DataFrame:
    """Return the table (see the top of this module).

    Args:
        memorization: of one run.
        p: the threshold.
        data: the prepared training set, if there are texts.
        predicted_drops: by example_id, if there are any.
        difficulty: by example_id, if there are labels.
    """
    wide = memorization.pivot(index="epoch", columns="example_id", values=["accuracy", "perplexity"]).sort_index()
    accuracy, perplexity = wide["accuracy"], wide["perplexity"]
    ids = accuracy.columns
    table = pd.DataFrame(
        {
            "premem_accuracy": premem_accuracy(accuracy, perplexity, p)[-1],
            "train_accuracy": accuracy.iloc[-1],
            "perplexity": perplexity.iloc[-1],
            "early_accuracy": masked_accuracy(accuracy, perplexity, p).mean(axis=0),
            "memorized_at": memorized_at(accuracy.index, perplexity, p),
        },
        index=ids,
    )
    table["memorized_at"] = table["memorized_at"].astype("Int64")
    if predicted_drops is not None:
        table["predicted_drop"] = predicted_drops.reindex(ids)
    if difficulty is not None:
        table["difficulty"] = difficulty.reindex(ids)
    for epoch in accuracy.index:
        table[f"accuracy_epoch_{epoch}"] = accuracy.loc[epoch]
        table[f"perplexity_epoch_{epoch}"] = perplexity.loc[epoch]
    if data is not None:
        columns = data.drop(columns="subset_rank", errors="ignore").set_index("example_id")
        table = table.join(columns, suffixes=("", "_in_dataset"))
    by = ["premem_accuracy", "early_accuracy"]
    table = table.rename_axis("example_id").reset_index()
    return table.sort_values(by, ascending=False, kind="stable", ignore_index=True)


def typical_samples(answers: pd.DataFrame) -> dict[str, str]:
    """Return a right and a wrong answer to a question, as far as there are any, with how many of the samples are so.

    Of the wrong ones, one with the final answer that most of them give.

    Args:
        answers: a row per sample of one example: text, grade, extracted ("" where there is no final answer).

    Returns:
        heading → text.
    """
    shown = {}
    right = answers["grade"] == "correct"
    for kind, of_kind in (("right", answers[right]), ("wrong", answers[~right])):
        if len(of_kind):
            most = of_kind["extracted"].value_counts(sort=True).index[0]  # of equals, the one that comes first
            text = str(of_kind.loc[of_kind["extracted"] == most, "text"].iloc[0])
            shown[f"A {kind} answer ({len(of_kind)} of {len(answers)} are)"] = text
    return shown


def examples_page(
    title: str, table: pd.DataFrame, answers: pd.DataFrame | None, p: float, shown: int, predicted_from: str = ""
) -> str:
    """Return the page.

    Args:
        title: of the run.
        table: see the top of this module.
        answers: of the last checkpoint: example_id, text, grade, extracted; if there are any.
        p: the threshold.
        shown: how many of the most and of the least learned examples to show.
        predicted_from: what ``predicted_drop`` is predicted from, if it is there.
    """
    epochs = [int(name.rpartition("_")[2]) for name in table if name.startswith("accuracy_epoch_")]
    known = table["memorized_at"].notna()
    history = [
        (
            str(epoch),
            f"{table[f'accuracy_epoch_{epoch}'].mean():.2f}",
            f"{np.exp(np.log(table[f'perplexity_epoch_{epoch}']).mean()):.3f}",
            str((known & (table["memorized_at"] == epoch)).sum()),
        )
        for epoch in epochs
    ]
    parts = [
        f"# Training examples: {title}",
        f"{len(table)} examples, of which {known.sum()} were memorized (perplexity ≤ {p:.4g}) at some checkpoint and "
        f"{(table['premem_accuracy'] > 0).sum()} solved at least once before; mean premem accuracy "
        f"{table['premem_accuracy'].mean():.2f}. All of them are in `example_report.parquet`.",
        markdown_table(("epoch", "accuracy", "perplexity (geometric mean)", "memorized here first"), history),
    ]
    has_texts = "question" in table
    if not has_texts:
        parts.append(
            "These results were imported and came without texts and checkpoints. Question, target and answers "
            "are missing here, and so is how much accuracy each is predicted to lose under perturbations."
        )
    elif "predicted_drop" in table:
        parts.append(f"The accuracy that each is predicted to lose under perturbations comes from {predicted_from}.")
    else:
        parts.append(
            "How much accuracy each is predicted to lose under perturbations is not known here: "
            "`example_reports: {brittleness: true}` in the study, or `robustness` among its `analyses`, adds it "
            "where the dataset has perturbations."
        )
    shown = min(shown, len(table))
    by_example = {} if answers is None else dict(list(answers.groupby("example_id")))
    for heading, rows in (
        (f"The {shown} most learned", table.head(shown)),
        (f"The {shown} least learned", table.tail(shown).iloc[::-1]),
    ):
        parts.append(f"## {heading}")
        for row in rows.to_dict("records"):
            parts += [f"### {row['example_id']}", _numbers(row, epochs)]
            texts = {"Question": row["question"], "Target": row["solution"]} if has_texts else {}
            texts |= typical_samples(by_example[row["example_id"]]) if row["example_id"] in by_example else {}
            for name, text in texts.items():
                parts += [f"{name}:", fenced(text)]
    return "\n\n".join(parts) + "\n"


def _numbers(row: dict, epochs: list[int]) -> str:
    """Return a line of what is known of an example, and its history."""
    said = [f"premem accuracy {row['premem_accuracy']:.2f}"]
    never = pd.isna(row["memorized_at"])
    said.append("never memorized" if never else f"memorized at epoch {row['memorized_at']}")
    if "predicted_drop" in row and not pd.isna(row["predicted_drop"]):
        said.append(f"predicted to lose {row['predicted_drop']:.2f} of accuracy under perturbations")
    if "difficulty" in row and not pd.isna(row["difficulty"]):
        said.append(f"difficulty {row['difficulty']:g}")
    lines = [
        (name, *(f"{row[f'{name}_epoch_{epoch}']:.{digits}f}" for epoch in epochs))
        for name, digits in (("accuracy", 2), ("perplexity", 3))
    ]
    return "; ".join(said) + ".\n\n" + markdown_table(("epoch", *map(str, epochs)), lines)
