"""Drawing new examples that resemble the training examples which a strategy selects."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.analysis.curation.overlap import Overlap, spelling
from premem.analysis.curation.strategies import STRATEGIES
from premem.analysis.curation.variants import Source
from premem.base.errors import UserError
from premem.config.curation import Collection, StrategyName
from premem.data.difficulty import difficulty_of
from premem.scoring.memorization import premem_accuracy

PATIENCE = 10
"""Consecutive passes over a source that may yield nothing new."""
REPEATED = "the question exists already"
OVERLAPPING = "consecutive words shared with a test question"


@dataclass(frozen=True)
class Collected:
    """New examples, and how they were collected."""

    examples: pd.DataFrame
    """question, solution, answer, further columns of the dataset, and ``resembles``, the example_id of the training
    example."""
    weights: NDArray[np.float64]
    """Weights that the strategy gave to the training examples, shape (training examples,)."""
    fell_back: bool
    """True if the strategy selected no training example, so that all were used."""
    left_out: dict[str, int]
    """Reason why new examples were left out → how many."""

    @property
    def selected(self) -> int:
        """Number of training examples that the new ones may resemble."""
        return int(np.count_nonzero(self.weights))


def describe_examples(
    examples: pd.DataFrame,
    memorization: pd.DataFrame | None = None,
    p: float | None = None,
    ifd: pd.DataFrame | None = None,
    difficulty: str | None = None,
) -> pd.DataFrame:
    """Add the columns that strategies read to the training examples.

    An example that the previous run left out has NaN.

    Args:
        examples: with example_id.
        memorization: of the previous run (``premem.scoring.scores``); adds the last accuracy and premem_accuracy.
        p: the threshold of memorization.
        ifd: example_id, ifd; adds ifd.
        difficulty: what holds the labels (``premem.data.difficulty``); adds difficulty.
    """
    described = examples.copy()
    if memorization is not None and p is not None:
        seen = memorization[memorization["trained_on"]]
        wide = seen.pivot(index="epoch", columns="example_id", values=["accuracy", "perplexity"]).sort_index()
        premem = premem_accuracy(wide["accuracy"], wide["perplexity"], p)[-1]
        described["accuracy"] = described["example_id"].map(wide["accuracy"].iloc[-1])
        described["premem_accuracy"] = described["example_id"].map(pd.Series(premem, index=wide["accuracy"].columns))
    if ifd is not None:
        described["ifd"] = described["example_id"].map(ifd.set_index("example_id")["ifd"])
    if difficulty is not None:
        described["difficulty"] = difficulty_of(examples, difficulty)
    return described


def weigh(
    examples: pd.DataFrame, strategy: StrategyName, settings: Collection, where: str
) -> tuple[NDArray[np.float64], bool]:
    """Return the weights of the training examples, and whether all are used because the strategy selects none.

    Raises:
        UserError: if the strategy selects none and ``settings.fallback`` is error.
    """
    weights = STRATEGIES[strategy].weigh(examples, settings).fillna(0).to_numpy(dtype=float)
    if weights.any():
        return weights, False
    if settings.fallback == "error":
        read = STRATEGIES[strategy].values_read(settings)
        values = ", ".join(f"collection.{key} is {value:g}" for key, value in read.items())
        raise UserError(
            f"{where}: {strategy} selects none of the {len(examples)} training examples{values and f' ({values})'}; "
            f"{'raise it, or ' if 'threshold' in read else ''}set collection.fallback: iid"
        )
    return np.ones(len(examples)), True


def collect(
    examples: pd.DataFrame,
    strategy: StrategyName,
    number: int,
    settings: Collection,
    source: Source,
    known: Iterable[str],
    tests: Iterable[str],
    seed: tuple[int, int],
    where: str,
) -> Collected:
    """Collect new examples like the training examples that a strategy selects.

    Training examples are drawn with replacement, with the strategy's weights, and the source gives a variant of each. A
    variant that repeats a question or overlaps a test question is left out, and another example is drawn.

    Args:
        examples: training examples with the columns that the strategy reads (``describe_examples``).
        strategy: name of the strategy.
        number: how many new examples to collect.
        settings: of the strategy.
        source: of new examples.
        known: questions that exist already.
        tests: questions of all test sets.
        seed: of the draw, and the round; both are the same for all strategies, so that chance affects them alike.
        where: key of the configuration, for messages.

    Raises:
        UserError: if no example is selected and that is an error, or if the source has too few examples.
    """
    weights, fell_back = weigh(examples, strategy, settings, where)
    left = weights.copy()
    seen, overlap = {spelling(question) for question in known}, Overlap(tests, settings.ngram)
    rng, left_out, fruitless = np.random.default_rng(seed), Counter[str](), 0
    found: list[dict[str, Any]] = []
    while len(found) < number:
        if not left.any() or fruitless == PATIENCE:
            why = "; ".join(f"{count} left out: {reason}" for reason, count in left_out.items())
            raising = "".join(f", or raise collection.{key}" for key in STRATEGIES[strategy].reads)
            raise UserError(
                f"{where}: {number} new examples wanted, {number - len(found)} of them are missing: the source has no "
                f"more like the {np.count_nonzero(weights)} selected training examples{f' ({why})' if why else ''}; "
                f"give a larger source, or collect fewer{raising}"
            )
        drawn = rng.choice(len(examples), size=number - len(found), p=left / left.sum())
        parents = examples.iloc[drawn]
        before = len(found)
        for row, parent, variant in zip(drawn, parents["example_id"], source.variants(parents), strict=True):
            if variant is None:
                left[row] = 0
            elif isinstance(variant, str):
                left_out[variant] += 1
            elif spelling(variant["question"]) in seen:
                left_out[REPEATED] += 1
            elif variant["question"] in overlap:
                left_out[f"{settings.ngram} {OVERLAPPING}"] += 1
            else:
                seen.add(spelling(variant["question"]))
                found.append({**variant, "resembles": parent})
        fruitless = fruitless + 1 if len(found) == before else 0
    return Collected(pd.DataFrame(found), weights, fell_back, dict(left_out))


def extend(
    previous: pd.DataFrame, collected: Collected, strategy: StrategyName, number: int, source: str
) -> pd.DataFrame:
    """Append new examples to a training set, as a dataset's table (``premem.data.preparation.prepare_split``).

    Every new example keeps its source, strategy and round (``number``), and which example it resembles. What was read
    from a file is text. It becomes numbers in a column that a generator gave numbers.

    Raises:
        UserError: if such a text is no number.
    """
    ids = [f"{strategy}-round{number}-{row:05d}" for row in range(len(collected.examples))]
    new = collected.examples.assign(example_id=ids, source=source, strategy=strategy, round=number)
    for column in previous.select_dtypes("number").columns.intersection(new.select_dtypes(exclude="number").columns):
        try:
            new[column] = new[column].astype(previous[column].dtype)
        except ValueError as error:
            raise UserError(f"new_examples: column {column} holds numbers in the training set ({error})") from None
    return pd.concat([previous, new], ignore_index=True).assign(subset_rank=range(len(previous) + len(new)))


def start(examples: pd.DataFrame, number: int, seed: int, where: str) -> pd.DataFrame:
    """Draw the examples that a seed starts from.

    Raises:
        UserError: if there are fewer than wanted.
    """
    if number > len(examples):
        raise UserError(f"{where}: {number} wanted, but there are {len(examples)} training examples; lower it")
    drawn = np.sort(np.random.default_rng([seed, 0]).permutation(len(examples))[:number])
    table = examples.iloc[drawn].reset_index(drop=True)
    return table.assign(source="start", strategy="", round=0, resembles="", subset_rank=range(number))
