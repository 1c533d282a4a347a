"""How answers are graded, the threshold p chosen and intervals computed."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from premem.config.block import NOT_BOOLEAN, Block, Seed

Perplexity = Annotated[float, Field(gt=1, le=1e9), NOT_BOOLEAN]


class Grading(Block):
    """How answers are graded. All graders always run; ``grader`` names the one whose grades the study uses."""

    grader: Literal["original", "strict", "lenient"] = "strict"
    """``original``: the authors' rule. ``strict``: the values are equal, and the answer stands where its style puts it.
    ``lenient``: the last number or expression counts, wherever it stands.

    Reruns: scores and what follows.
    """
    time_limit: Annotated[float, Field(ge=0.01, le=86_400), NOT_BOOLEAN] = 10.0
    """Seconds that a symbolic comparison may take. Then it is ended, and the answer counts as incorrect.

    Reruns: grades and what follows.
    """


class Grid(Block):
    """Values of the threshold p, spaced evenly in log(log p)."""

    start: Perplexity = 1.01
    """Smallest value."""
    stop: Perplexity = 5.0
    """Largest value."""
    points: Annotated[int, Field(ge=2, le=100_000), NOT_BOOLEAN] = 256
    """Number of values."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.start >= self.stop:
            raise ValueError(f"start {self.start} is not below stop {self.stop}")
        return self


class Threshold(Block):
    """The perplexity p at or below which an example counts as memorized.

    Reruns: the calibration and what follows.
    """

    value: Perplexity | None = None
    """A fixed p. If left out, p is calibrated for each (model, dataset): it is the value of the grid with the best R²
    (y = x)."""
    grid: Grid = Grid()
    """The values that are tried."""


class Statistics(Block):
    """Intervals: percentile bootstrap over whole runs.

    Reruns: the regression and what follows.
    """

    resamples: Annotated[int, Field(gt=0, le=10**6), NOT_BOOLEAN] = 2000
    """Number of resamples."""
    confidence: Annotated[float, Field(gt=0, lt=1), NOT_BOOLEAN] = 0.95
    """Share of the resamples within an interval."""
    seed: Seed = 0
    """Seed of the resamples."""
