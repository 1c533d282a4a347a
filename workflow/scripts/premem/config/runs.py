"""Runs: the points of a sweep."""

from collections.abc import Iterator
from itertools import product

from premem.config.block import Block
from premem.config.sweep import Sweep

USUAL_HOLDOUT, USUAL_SHARE = 128, 0.1
"""Examples that a run holds out where the study does not say how many, and the largest share of the training set."""


class Run(Block):
    """One point of the sweep: a base model fine-tuned on a dataset."""

    model: str
    """Name of its base model."""
    dataset: str
    """Name of its dataset."""
    lr: str
    """Learning rate in its one spelling, such as ``3e-3``."""
    epochs: int
    """Passes over the training examples."""
    size: str
    """Name of its size."""
    seed: int
    """Of the order of the examples."""

    @property
    def name(self) -> str:
        """The run's folder within its model and dataset, such as ``lr3e-3_ep30_full_seed0``."""
        return f"lr{self.lr}_ep{self.epochs}_{self.size}_seed{self.seed}"

    def __str__(self) -> str:
        return f"{self.model}/{self.dataset}/{self.name}"


class Subset(Block):
    """Which examples of its training set a run trains on, and which it holds out."""

    size: float
    """Share of the training set, above 0 and at most 1."""
    holdout: float | None
    """How many examples are held out, or which share of the training set. None: 128, or a tenth if that is fewer."""
    run: str
    """Name of the run, from which the draw of the held-out examples is seeded."""

    def number_of_size(self, total: int) -> int:
        """How many of ``total`` training examples its size has, those held out included."""
        return max(1, round(self.size * total))

    def number_held_out(self, total: int) -> int:
        """How many of ``total`` training examples it holds out."""
        if self.holdout is None:
            return min(USUAL_HOLDOUT, round(USUAL_SHARE * total))
        return min(total, round(self.holdout * total) if self.holdout < 1 else int(self.holdout))

    def number_trained_on(self, total: int) -> int:
        """How many of ``total`` training examples it trains on. What is beyond its size is held out first."""
        return min(self.number_of_size(total), total - self.number_held_out(total))


def runs_of_sweep(sweep: Sweep) -> Iterator[Run]:
    """Yield every combination of the values of an entry of the sweep."""
    axes = ("model", "dataset", "lr", "epochs", "size", "seed")
    for values in product(*(getattr(sweep, axis) for axis in axes)):
        yield Run(**dict(zip(axes, values, strict=True)))
