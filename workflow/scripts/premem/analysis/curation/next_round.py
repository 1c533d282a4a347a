"""One round of collecting: from a training set and what is known about it to a larger training set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from premem.analysis.curation.collect import Collected, collect, extend
from premem.analysis.curation.overlap import Overlap
from premem.analysis.curation.sources import open_source
from premem.config.curation import Collection, NewExamples, StrategyName
from premem.config.data import Reading
from premem.config.hardware import SamplingHardware


@dataclass(frozen=True)
class Extended:
    """A training set with the new examples of a round."""

    examples: pd.DataFrame
    collected: Collected
    overlap_of_start: float
    """Share of the training examples that overlap a test question."""


def extend_training_set(
    described: pd.DataFrame,
    previous: pd.DataFrame,
    tests: Sequence[str],
    strategy: StrategyName,
    number: int,
    seed: int,
    settings: Collection,
    source: NewExamples,
    reading: Reading,
    pool: pd.DataFrame | None,
    writer: Path | None,
    hardware: SamplingHardware,
    where: str,
) -> Extended:
    """Collect new examples like those that a strategy selects, and append them to a training set.

    Args:
        described: the training examples that new ones should resemble, with the columns that the strategy reads
            (``premem.analysis.curation.collect.describe_examples``).
        previous: the training set to append to; without a column ``round``, it is the start (round 0).
        tests: questions of all test sets.
        strategy: name of the strategy.
        number: how many new examples to collect.
        seed: of the draw; each round has its own random numbers.
        settings: of the strategy.
        source: where new examples come from.
        reading: how the dataset's examples are read.
        pool: rows of the pool, if the source is one.
        writer: folder of the model that writes, if the source is one.
        hardware: what the machine can take, for that model.
        where: key of the configuration, for messages.

    Raises:
        UserError: as ``premem.analysis.curation.collect.collect``.
    """
    if "round" not in previous:
        previous = previous.assign(round=0)
    round = int(previous["round"].max()) + 1
    opened = open_source(source, described, reading, pool, writer, hardware, f"{strategy} {seed} {round}")
    known = [*previous["question"], *tests]
    collected = collect(described, strategy, number, settings, opened, known, tests, (seed, round), where)
    overlap = Overlap(tests, settings.ngram).share(described["question"])
    return Extended(extend(previous, collected, strategy, round, source.kind), collected, overlap)
