"""Which training examples to look at: one list over all runs of a pair, the likely wrong labels first.

Patterns of an example in a run that trained on it, at threshold p; an example counts as solved from half of its answers
on:

    memorized_while_wrong           memorized at the last checkpoint, where it is still not solved
    memorized_before_understood     memorized and solved at the last checkpoint, but not solved before it was memorized
    forgotten                       not memorized; solved at an earlier checkpoint, and no longer at the last one
    never_learned                   not memorized, and not solved at any checkpoint

Over all runs, ``disputed_label`` comes before these: of the answers that were given while the example was not
memorized, or was held out, one that is not the label is more frequent than the label by 0.3 of all answers or more.

Examples are ranked by mean accuracy over checkpoints and runs. As a measure of single examples it agreed better with
accuracy in runs that never saw the example than premem accuracy did (docs/findings.md).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from premem.scoring.memorization import masked_accuracy

SOLVED = 0.5
"""An example counts as solved from this share of correct answers on."""
DISPUTED = 0.3
"""How much larger the share of another answer must be than that of the label."""
OF_RUNS = 0.5
"""Share of the runs that trained on an example which must show a pattern."""
FEWEST_ANSWERS = 4
"""With fewer answers than this, they dispute no label."""
PATTERNS = {
    "disputed_label": "answers agree on another answer than the label, which may be wrong",
    "memorized_while_wrong": "memorized, and still answered wrongly; the label may be wrong",
    "memorized_before_understood": "memorized before it was understood",
    "forgotten": "learned and forgotten",
    "never_learned": "never learned",
}
"""Pattern → what it means, in a few words; the most urgent first."""
OF_RUN = [name for name in PATTERNS if name != "disputed_label"]


def fix_these(
    memorization: pd.DataFrame,
    p: float,
    answers: Iterable[tuple[str, pd.DataFrame]] = (),
    data: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the training examples with a pattern, the most urgent first.

    Args:
        memorization: of all runs (``premem.scoring.scores``).
        p: the threshold.
        answers: run → its graded answers to training prompts: epoch, example_id, grade, extracted. Runs are read one
            after the other, since their tables are large. There may be none.
        data: the prepared training set, if texts are at hand.

    Returns:
        example_id; pattern, the one of ``PATTERNS`` that most runs show, if at least half of them do; num_runs, how
        many runs trained on the example; a column for each pattern of a run, in how many runs it shows;
        mean_accuracy, over checkpoints and runs; unseen_accuracy, at the last checkpoints of runs that did not train
        on it; other_answer and
        other_answer_share (the most frequent answer that is not the label, of the answers given while it was not
        memorized or was held out); label_share, the label's share of these; and the columns of ``data``.
    """
    of_runs = [_of_run(table, p) for _, table in memorization.groupby("run", sort=True, observed=True)]
    stacked = pd.concat(of_runs)
    counts = stacked.groupby("example_id", sort=True)
    table = counts[OF_RUN].sum().astype(int)
    table.insert(0, "num_runs", counts.size())
    table["mean_accuracy"] = counts["mean_accuracy"].mean()
    last = memorization["epoch"] == memorization.groupby("run", observed=True)["epoch"].transform("max")
    unseen = memorization[last & ~memorization["trained_on"].astype(bool)]
    table["unseen_accuracy"] = unseen.groupby("example_id", observed=True)["accuracy"].mean()
    others = _other_answers(memorization, p, answers)
    table[["other_answer", "other_answer_share", "label_share"]] = others[["answer", "share", "label_share"]]
    lead = table["other_answer_share"] - table["label_share"]
    most = table[OF_RUN].max(axis=1) >= OF_RUNS * table["num_runs"]
    table["pattern"] = table[OF_RUN].idxmax(axis=1).where(most)
    table["pattern"] = table["pattern"].mask(lead >= DISPUTED, "disputed_label")
    table = table.assign(lead=lead)[table["pattern"].notna()].rename_axis("example_id").reset_index()
    urgency = table["pattern"].map({name: rank for rank, name in enumerate(PATTERNS)})
    of_disputed = table["lead"].where(table["pattern"] == "disputed_label", 0)
    order = np.lexsort((table["example_id"], table["mean_accuracy"], -of_disputed, urgency))
    columns = ["example_id", "pattern", "num_runs", *OF_RUN, "mean_accuracy", "unseen_accuracy"]
    table = table.iloc[order].reset_index(drop=True)[[*columns, "other_answer", "other_answer_share", "label_share"]]
    if data is not None:
        texts = data.drop(columns="subset_rank", errors="ignore")
        table = table.merge(texts, on="example_id", how="left", suffixes=("", "_in_dataset"))
    return table


def count_patterns(table: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Return name, meaning and number of examples of each pattern in a table of ``fix_these``, most urgent first."""
    found = table["pattern"].value_counts()
    return [(name, meaning, int(found.get(name, 0))) for name, meaning in PATTERNS.items()]


def _of_run(memorization: pd.DataFrame, p: float) -> pd.DataFrame:
    """Return by example_id which pattern a run shows, and its mean accuracy over the checkpoints."""
    seen = memorization[memorization["trained_on"].astype(bool)]
    wide = seen.pivot(index="epoch", columns="example_id", values=["accuracy", "perplexity"]).sort_index()
    accuracy, perplexity = wide["accuracy"].to_numpy(dtype=float), wide["perplexity"].to_numpy(dtype=float)
    memorized, solved = perplexity[-1] <= p, accuracy[-1] >= SOLVED
    understood = (masked_accuracy(accuracy, perplexity, p) >= SOLVED).any(axis=0)
    ever_solved = (accuracy >= SOLVED).any(axis=0)
    return pd.DataFrame(
        {
            "memorized_while_wrong": memorized & ~solved,
            "memorized_before_understood": memorized & solved & ~understood,
            "forgotten": ~memorized & ~solved & ever_solved,
            "never_learned": ~memorized & ~ever_solved,
            "mean_accuracy": accuracy.mean(axis=0),
        },
        index=wide["accuracy"].columns.rename("example_id"),
    )


def _other_answers(memorization: pd.DataFrame, p: float, answers: Iterable[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return by example_id the most frequent answer that is not the label, its share of all answers, and the label's.

    Only answers count that were given while the example was not memorized, or by a run that did not train on it.
    """
    right: list[pd.Series] = []
    wrong: list[pd.Series] = []
    keys: Sequence[str] = ["epoch", "example_id"]
    for run, table in answers:
        of_run = memorization[memorization["run"] == run]
        counted = of_run[~of_run["trained_on"].astype(bool) | (of_run["perplexity"] > p)]
        given = table.merge(counted[[*keys]], on=[*keys])
        right.append((given["grade"] == "correct").groupby(given["example_id"], observed=True).agg(["sum", "size"]))
        incorrect = given[given["grade"] == "incorrect"].astype({"extracted": str})
        wrong.append(incorrect.groupby(["example_id", "extracted"], observed=True).size())
    if not sum(map(len, wrong)):
        return pd.DataFrame({"answer": pd.Series(dtype=str)}).reindex(columns=["answer", "share", "label_share"])
    correct = pd.concat(right).groupby(level=0).sum()
    of_answer = pd.concat(wrong).groupby(level=[0, 1]).sum().rename("number").reset_index()
    most = of_answer.sort_values(["number", "extracted"], ascending=[False, True]).drop_duplicates("example_id")
    most = most.set_index("example_id").reindex(correct.index)
    found = pd.DataFrame(
        {
            "answer": most["extracted"],
            "share": most["number"].fillna(0) / correct["size"],
            "label_share": correct["sum"] / correct["size"],
        }
    )
    return found[correct["size"] >= FEWEST_ANSWERS]
