"""Where new examples come from: a generator, a pool of rows, or a model that writes (``writer``)."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from premem.analysis.curation.overlap import spelling
from premem.analysis.curation.variants import Source, Variant
from premem.analysis.curation.writer import WriterSource
from premem.config.curation import NewExamples, Pool
from premem.config.data import Reading
from premem.config.hardware import SamplingHardware
from premem.data.arithmetic import generate_problem
from premem.data.preparation import read_examples


class Generator:
    """Generates a new story with the same sequence of operations (``premem.data.arithmetic``).

    Args:
        columns: of the new examples → the property of a generated problem.
        seed: of the stories.
    """

    def __init__(self, columns: dict[str, str], seed: str) -> None:
        self.columns = {"question": "question", "solution": "solution", "answer": "answer", **columns}
        self.random = Random(f"new stories {seed}")

    def variants(self, parents: pd.DataFrame) -> Sequence[Variant]:
        problems = (
            asdict(generate_problem(self.random, {}, skeleton=tuple(skeleton.split())))
            for skeleton in parents["skeleton"]
        )
        return [{column: problem[source] for column, source in self.columns.items()} for problem in problems]


class PoolSource:
    """Hands out the rows of a pool that resemble the given examples, each row once, in random order.

    Args:
        rows: question, solution, answer and ``resembles``, which holds the question or the example_id of a training
            example.
        examples: the training examples, with example_id and question.
        seed: of the order.
    """

    def __init__(self, rows: pd.DataFrame, examples: pd.DataFrame, seed: str) -> None:
        names = dict(zip(examples["question"].map(spelling), examples["example_id"], strict=True))
        names |= {spelling(example_id): example_id for example_id in examples["example_id"]}
        parents = rows["resembles"].astype(str).map(spelling).map(names)
        self.rows: dict[str, list[dict[str, Any]]] = {
            str(parent): of_parent.drop(columns="resembles").to_dict("records")
            for parent, of_parent in rows.groupby(parents)
        }
        random = Random(f"pool {seed}")
        for parent in sorted(self.rows):
            random.shuffle(self.rows[parent])

    def variants(self, parents: pd.DataFrame) -> Sequence[Variant]:
        queues = (self.rows.get(i, []) for i in parents["example_id"])
        return [queue.pop() if queue else None for queue in queues]


def read_pool(pool: Pool, settings: Reading, name: str) -> pd.DataFrame:
    """Read and check the rows of a pool.

    Args:
        pool: where the rows are.
        settings: of the dataset.
        name: of the dataset, for messages.

    Returns:
        question, solution, answer, ``resembles`` and the dataset's further columns.

    Raises:
        UserError: if the pool cannot be read, lacks a column, or has bad rows that are not to be dropped.
    """
    columns = {**(settings.columns if pool.columns is None else pool.columns), "resembles": pool.resembles}
    settings = settings.model_copy(
        update={"columns": columns, "id": None}
    )  # its rows are named when they are collected
    return read_examples(name, pool, "pool", pool, settings, f"datasets.{name}.new_examples.pool")[0]


def open_source(
    source: NewExamples,
    examples: pd.DataFrame,
    settings: Reading,
    pool: pd.DataFrame | None,
    model: Path | None,
    hardware: SamplingHardware,
    seed: str,
) -> Source:
    """Open the source that a dataset names.

    Args:
        source: which source it is.
        examples: the training examples that new ones should resemble.
        settings: how the dataset's examples are read.
        pool: rows of the pool (``read_pool``), if the source is one.
        model: folder of the model that writes, if the source is one.
        hardware: what the machine can take, for that model.
        seed: of everything random.
    """
    if source.generate:
        return Generator(settings.columns, seed)
    if source.pool:
        assert pool is not None
        return PoolSource(pool, examples, seed)
    assert source.write and model
    return WriterSource(model, source.write, settings.answers, hardware, seed)
