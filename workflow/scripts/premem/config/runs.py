"""Runs: the points of a sweep."""

from collections.abc import Iterator
from itertools import product

from premem.config.block import Block
from premem.config.sweep import Sweep


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


def runs_of_sweep(sweep: Sweep) -> Iterator[Run]:
    """Yield every combination of the values of an entry of the sweep."""
    axes = ("model", "dataset", "lr", "epochs", "size", "seed")
    for values in product(*(getattr(sweep, axis) for axis in axes)):
        yield Run(**dict(zip(axes, values, strict=True)))
