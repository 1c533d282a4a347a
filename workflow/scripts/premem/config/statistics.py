"""How answers are graded, the threshold p chosen and intervals computed."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from premem.config.block import Block


class Grading(Block):
    """How answers are graded. All graders always run, side by side; ``grader`` names the one the study uses."""

    grader: Literal["original", "strict", "lenient"] = "strict"
    """``original``: the authors' rule; ``strict``: equal values where the style puts the answer; ``lenient``: the last
    number or expression."""
    time_limit: PositiveFloat = 10.0
    """Seconds that a symbolic comparison may take before it is ended and counted as incorrect."""


class Grid(Block):
    """Values of the threshold p, spaced evenly in log(log p)."""

    start: float = Field(1.01, gt=1)
    """Smallest value."""
    stop: float = Field(5.0, gt=1)
    """Largest value."""
    points: int = Field(256, ge=2)
    """Number of values."""

    @model_validator(mode="after")
    def _check_order(self) -> "Grid":
        if self.start >= self.stop:
            raise ValueError(f"start {self.start} is not below stop {self.stop}")
        return self


class Threshold(Block):
    """The perplexity p at or below which an example counts as memorized."""

    value: float | None = Field(None, gt=1)
    """A fixed p; if left out, p is calibrated for each (model, dataset): the grid's value with the best R² (y = x)."""
    grid: Grid = Grid()
    """Values tried."""


class Statistics(Block):
    """Intervals: percentile bootstrap, whole runs resampled."""

    resamples: PositiveInt = 2000
    """Number of resamples."""
    confidence: float = Field(0.95, gt=0, lt=1)
    """Share of the resamples within an interval."""
    seed: int = 0
    """Of the resamples."""
