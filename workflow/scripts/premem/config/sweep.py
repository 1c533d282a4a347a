"""The sweep: which runs are trained, and which of their checkpoints are evaluated."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from premem.config.block import Block, Name, OneOrMore


def spell_learning_rate(value: Any) -> str:
    """Return the one spelling of a learning rate, whatever YAML or the command line made of it.

    ``0.00005``, ``"5E-5"`` and ``5e-05`` all become ``5e-5``.

    Raises:
        ValueError: if it is not a positive number.
    """
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number; write a learning rate as 5e-5 or 0.00005") from None
    if not number.is_finite() or number <= 0:
        raise ValueError(f"a learning rate is above 0, not {value}")
    mantissa, _, exponent = f"{number.normalize():e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


LearningRate = Annotated[str, BeforeValidator(spell_learning_rate)]


class Sweep(Block):
    """Runs to train: every combination of the values given; one value each makes a single run."""

    model: Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)]
    """Names of models."""
    dataset: Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)]
    """Names of datasets."""
    lr: Annotated[tuple[LearningRate, ...], OneOrMore, Field(min_length=1)]
    """Learning rates."""
    epochs: Annotated[tuple[PositiveInt, ...], OneOrMore, Field(min_length=1)]
    """Passes over the training examples."""
    size: Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)]
    """Names of sizes (see ``sizes``)."""
    seed: Annotated[tuple[Annotated[int, Field(ge=0)], ...], OneOrMore, Field(min_length=1)] = (0,)
    """Seeds of the order of the training examples."""


class Checkpoints(Block):
    """After which epochs a run is evaluated: every ``every`` epochs and after the last."""

    every: PositiveInt = 1
    """Epochs between two checkpoints."""
    at_most: PositiveInt = 6
    """Longer runs are spaced wider, by a multiple of ``every``, so as to keep to this number."""
    sample_together: bool = False
    """One job samples all checkpoints of a run, one after the other, instead of a job each: for small models, whose
    process takes longer to start than to sample. A change of this samples anew."""
    keep: Literal["none", "last", "all"] | tuple[PositiveInt, ...] = "none"
    """Which of them stay on disk once they have been evaluated (a list names epochs); to sample anew where one went,
    its run trains again."""
