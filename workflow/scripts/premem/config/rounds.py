"""The rounds of a curation, by name: known from the configuration alone, so that they unroll into the workflow."""

from collections.abc import Iterator
from dataclasses import dataclass

from premem.config.curation import Curation, StrategyName

PROVENANCE = ("source", "strategy", "round", "resembles")
"""Columns that tell of every example where it comes from."""


@dataclass(frozen=True)
class Round:
    """A training set: what a seed starts from (round 0), or that and all that was collected up to a round."""

    dataset: str
    """Its name as a dataset, such as ``stories-premem-seed0-round1``."""
    source_dataset: str
    """The dataset that its examples are like, and on whose test sets it is tested."""
    strategy: StrategyName | None
    """None for the start, which all strategies share."""
    seed: int
    number: int
    """0 for the start."""
    collected: int
    """New examples of this round, N_i; of the start, all."""
    num_examples: int
    """In all."""
    previous: str | None
    """The training set that it extends; None for the start."""


def unroll(curation: Curation) -> Iterator[Round]:
    """Yield the rounds of all seeds and strategies, each after the one that it extends."""
    strategies: tuple[StrategyName, ...] = tuple(dict.fromkeys((*curation.strategies, "iid")))
    for seed in curation.seeds:
        start = Round(
            dataset=f"{curation.dataset}-seed{seed}-round0",
            source_dataset=curation.dataset,
            strategy=None,
            seed=seed,
            number=0,
            collected=curation.start,
            num_examples=curation.start,
            previous=None,
        )
        yield start
        for strategy in strategies:
            last = start
            numbers = (*curation.rounds, *curation.iid_rounds) if strategy == "iid" else curation.rounds
            for number, collected in enumerate(numbers, start=1):
                last = Round(
                    dataset=f"{curation.dataset}-{strategy}-seed{seed}-round{number}",
                    source_dataset=curation.dataset,
                    strategy=strategy,
                    seed=seed,
                    number=number,
                    collected=collected,
                    num_examples=last.num_examples + collected,
                    previous=last.dataset,
                )
                yield last
