"""The sweep: which runs are trained, and which of their checkpoints are evaluated."""

import math
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from premem.config.block import Block, Epochs, Name, OneOrMore, Seed
from premem.config.messages import write_value

LARGEST_SWEEP = 10_000


def spell_learning_rate(value: Any) -> str:
    """Return the one spelling of a learning rate, whatever YAML or the command line made of it.

    ``0.00005``, ``"5E-5"`` and ``5e-05`` all become ``5e-5``.

    Raises:
        ValueError: if it is not a positive number that a float can hold.
    """
    try:
        number = Decimal(str(value) if isinstance(value, str | int | float) else "no number")
    except (InvalidOperation, ValueError):
        raise ValueError(f"{write_value(value)} is not a number; write a learning rate as 5e-5 or 0.00005") from None
    if not number.is_finite() or number <= 0:
        raise ValueError(f"a learning rate is above 0, not {write_value(value)}")
    if not 0 < float(number) < math.inf:
        raise ValueError(f"a learning rate of {write_value(value)} cannot be computed with; write one such as 5e-5")
    mantissa, _, exponent = f"{number.normalize():e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


LearningRate = Annotated[
    str,
    BeforeValidator(spell_learning_rate),
    WithJsonSchema({"type": ["number", "string"], "exclusiveMinimum": 0, "pattern": r"^\+?[0-9.]+([eE][-+]?[0-9]+)?$"}),
]


class Sweep(Block):
    """Runs to train: every combination of the values given. One value for each key makes a single run.

    Reruns: the new runs, and the tables and figures of their pair.
    """

    model: Annotated[tuple[Name, ...], Field(min_length=1), OneOrMore]
    """Base models, by their names in ``models``."""
    dataset: Annotated[tuple[Name, ...], Field(min_length=1), OneOrMore]
    """Datasets, by their names in ``datasets``."""
    lr: Annotated[tuple[LearningRate, ...], Field(min_length=1), OneOrMore]
    """Highest learning rate of the run."""
    epochs: Annotated[tuple[Epochs, ...], Field(min_length=1), OneOrMore]
    """Passes over the training examples."""
    size: Annotated[tuple[Name, ...], Field(min_length=1), OneOrMore]
    """Shares of the training set, by their names in ``sizes``."""
    seed: Annotated[tuple[Seed, ...], Field(min_length=1), OneOrMore] = (0,)
    """Seed of the order of the training examples."""

    @model_validator(mode="after")
    def _check_number(self) -> Self:
        number = math.prod(len(getattr(self, key)) for key in type(self).model_fields)
        if number > LARGEST_SWEEP:
            raise ValueError(f"this makes {number} runs, but at most {LARGEST_SWEEP} are possible; give fewer values")
        return self


class Checkpoints(Block):
    """After which epochs a run is evaluated: after every ``every`` epochs, and after the last one."""

    every: Epochs = 1
    """Epochs between two checkpoints.

    Reruns: training and what follows, for the runs whose checkpoints change.
    """
    at_most: Epochs = 6
    """Largest number of checkpoints of a run. In longer runs, checkpoints are further apart, by a multiple of
    ``every``.

    Reruns: training and what follows, for the runs whose checkpoints change.
    """
    sample_together: bool = False
    """One job samples all checkpoints of a run, one after the other; otherwise each has a job of its own. This is for
    small models, whose jobs take longer to start than to sample.

    Reruns: samples and what follows, for the runs with several checkpoints.
    """
    keep: Literal["none", "last", "all"] | tuple[Epochs, ...] = "none"
    """Which checkpoints stay on disk once they have been evaluated: none, the last one of each run, all, or those after
    the epochs in a list. A run whose checkpoints are gone is trained again before it can be sampled again.

    Reruns: nothing.
    """

    def keeps(self, epoch: int, epochs: int) -> bool:
        """Does the checkpoint after this epoch of so many stay on disk once it has been evaluated?"""
        match self.keep:
            case "all" | "none" as keep:
                return keep == "all"
            case "last":
                return epoch == epochs
            case kept:
                return epoch in kept
