"""Reports on the training examples of a run: a table and a page that say which examples were learned or memorized.

The table has a row per example, from the most to the least learned:

    example_id, premem_accuracy, train_accuracy, perplexity      at the last checkpoint
    early_accuracy     mean over the checkpoints of accuracy, counted as 0 where memorized; it says how early the
                       example was learned
    memorized_at       first checkpoint (epoch) with perplexity ≤ p; missing if there is none
    predicted_drop     accuracy that the example is predicted to lose under perturbations at the last checkpoint
                       (``premem.analysis.robustness``); only if the study has that analysis
    difficulty         the dataset's own label (``premem.data.difficulty``), missing if it holds no number;
                       only if the dataset has labels
    accuracy_epoch_3, perplexity_epoch_3, …                      accuracy and perplexity at each checkpoint
    question, solution, answer                                   and the further columns that the dataset keeps; absent
                                                                 for imported results

An example is *learned* if it was solved before it was memorized. Examples are sorted by premem_accuracy, then by
early_accuracy.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from premem.analysis.robustness import PREDICTOR_SET_TITLES
from premem.config.data import TRAIN
from premem.report.markdown import fenced, markdown_table
from premem.scoring.memorization import masked_accuracy, premem_accuracy
from premem.scoring.threshold import ChosenThreshold


def memorized_at(checkpoint_epochs: ArrayLike, perplexity: ArrayLike, p: float) -> NDArray[np.float64]:
    """Return the first epoch at which each example is memorized, NaN if it never is.

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
        data: the prepared training set, if texts are available.
        predicted_drops: by example_id, if they are predicted.
        difficulty: by example_id, if there are labels.
    """
    seen = memorization[memorization["trained_on"]]
    wide = seen.pivot(index="epoch", columns="example_id", values=["accuracy", "perplexity"]).sort_index()
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


def drops_of_run(drops: pd.DataFrame, run: str, epoch: int) -> tuple["pd.Series[float]", str]:
    """Return the predicted drops of a run by example_id, and what they are predicted from.

    Args:
        drops: run, epoch, example_id, predicted_drop, predictor_set (``premem.analysis.robustness.prediction``).
        run: name of the run.
        epoch: of the checkpoint.
    """
    here = drops[(drops["run"] == run) & (drops["epoch"] == epoch)]
    return here.set_index("example_id")["predicted_drop"], PREDICTOR_SET_TITLES[drops["predictor_set"].iloc[0]]


def answers_to_show(samples: pd.DataFrame, grades: pd.DataFrame, epoch: int, grader: str) -> pd.DataFrame:
    """Return split, example_id, sample, text, grade, extracted of the answers to the training prompts.

    Args:
        samples: of the checkpoint.
        grades: of the run.
        epoch: of the checkpoint.
        grader: the grader that counts.
    """
    keys = ["split", "example_id", "sample"]
    graded = grades[(grades["epoch"] == epoch) & (grades["split"] == TRAIN)]
    graded = graded.rename(columns={grader: "grade", f"{grader}_extracted": "extracted"})
    return samples[[*keys, "text"]].merge(graded[[*keys, "grade", "extracted"]], on=keys, validate="1:1")


def typical_samples(answers: pd.DataFrame) -> dict[str, str]:
    """Return a right and a wrong answer to a question, if there are any.

    Each is an answer with the most frequent final answer of its kind.

    Args:
        answers: a row per sample of one example: text, grade, extracted ("" if there is no final answer).

    Returns:
        heading (which says how many samples are right or wrong) → text.
    """
    shown = {}
    right = answers["grade"] == "correct"
    for kind, of_kind in (("right", answers[right]), ("wrong", answers[~right])):
        if len(of_kind):
            most = (
                of_kind["extracted"].value_counts(sort=True).index[0]
            )  # of several that are equally frequent, the first one
            text = str(of_kind.loc[of_kind["extracted"] == most, "text"].iloc[0])
            shown[f"A {kind} answer ({len(of_kind)} of {len(answers)} are)"] = text
    return shown


def examples_page(
    title: str,
    table: pd.DataFrame,
    answers: pd.DataFrame | None,
    chosen: ChosenThreshold,
    shown: int,
    predicted_from: str = "",
) -> str:
    """Return the page.

    Args:
        title: of the run.
        table: see the top of this module.
        answers: of the last checkpoint: example_id, text, grade, extracted; None if there are none.
        chosen: the threshold p.
        shown: how many of the most learned and of the least learned examples to show.
        predicted_from: what ``predicted_drop`` is predicted from, if the table has that column.
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
        f"There are {len(table)} examples. At some checkpoint, {known.sum()} of them were memorized (perplexity ≤ "
        f"{chosen.threshold:.4g}; {chosen.note}), and {(table['premem_accuracy'] > 0).sum()} were solved at least "
        "once while not yet memorized. The "
        f"mean premem accuracy is {table['premem_accuracy'].mean():.2f}. All examples are in "
        "`example_report.parquet`.",
        markdown_table(("epoch", "accuracy", "perplexity (geometric mean)", "memorized here first"), history),
    ]
    has_texts = "question" in table
    if not has_texts:
        parts.append(
            "These are imported results, which come without texts and checkpoints. Questions, targets and answers are "
            "therefore missing here. So is the accuracy that each example is predicted to lose under perturbations."
        )
    elif "predicted_drop" in table:
        parts.append(
            f"The accuracy that each example is predicted to lose under perturbations comes from {predicted_from}."
        )
    else:
        parts.append(
            "The accuracy that each example is predicted to lose under perturbations is not known here. Set "
            "`example_reports: {brittleness: true}` in the study, or add `robustness` to its `analyses`, to predict it "
            "for datasets with perturbations."
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
    """Return a line of facts about an example, and a table of its history."""
    facts = [f"premem accuracy {row['premem_accuracy']:.2f}"]
    never = pd.isna(row["memorized_at"])
    facts.append("never memorized" if never else f"memorized at epoch {row['memorized_at']}")
    if "predicted_drop" in row and not pd.isna(row["predicted_drop"]):
        facts.append(f"predicted to lose {row['predicted_drop']:.2f} of accuracy under perturbations")
    if "difficulty" in row and not pd.isna(row["difficulty"]):
        facts.append(f"difficulty {row['difficulty']:g}")
    lines = [
        (name, *(f"{row[f'{name}_epoch_{epoch}']:.{digits}f}" for epoch in epochs))
        for name, digits in (("accuracy", 2), ("perplexity", 3))
    ]
    return "; ".join(facts) + ".\n\n" + markdown_table(("epoch", *map(str, epochs)), lines)
