"""How answers are graded, the threshold p chosen and intervals computed."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from premem.config.block import NOT_BOOLEAN, Block, PathText, Seed

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


ThresholdSource = Literal["test", "unseen", "quantile", "study", "value"]


class Threshold(Block):
    """The perplexity p at or below which an example counts as memorized. There is one for each (model, dataset).

    Reruns: the calibration and what follows.
    """

    source: ThresholdSource | None = None
    """Where p comes from. ``test``: its predictions lie closest to the test accuracies. ``unseen``: they lie closest to
    the accuracies on training examples that the runs did not train on. ``quantile``: a quantile of the perplexity of
    these examples, which needs no answers to them. ``study``: the p of a finished study. ``value``: a number. If left
    out: ``value`` or ``study`` where that key is given, ``unseen`` where runs hold out examples, else ``test``.
    """
    value: Perplexity | None = None
    """For ``value``: the number."""
    study: PathText | None = None
    """For ``study``: the folder of its (model, dataset) pair, such as ``results/other/pairs/llama/gsm8k``. p does not
    carry over from one dataset to another, so it should be a study on the same dataset."""
    quantile: Annotated[float, Field(gt=0, lt=1), NOT_BOOLEAN] = 0.01
    """For ``quantile``: the share of unseen examples whose perplexity is below p."""
    grid: Grid = Grid()
    """The values that are tried, for ``test`` and ``unseen``."""

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        given = [key for key in ("value", "study") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError("value and study are both given, but p comes from one of them; leave the other out")
        if given and self.source not in (None, *given):
            raise ValueError(f"source is {self.source}, so {given[0]} would not be read; leave one of the two out")
        if self.source in ("value", "study") and not given:
            raise ValueError(f"source is {self.source}; give {self.source} as well")
        return self

    def source_of(self, holds_out: bool) -> ThresholdSource:
        """Where the p of a pair comes from.

        Args:
            holds_out: whether its runs hold out examples of the training set.
        """
        if self.source:
            return self.source
        if self.value is not None:
            return "value"
        if self.study is not None:
            return "study"
        return "unseen" if holds_out else "test"


class Statistics(Block):
    """Intervals: percentile bootstrap over whole runs.

    Reruns: the regression and what follows.
    """

    resamples: Annotated[int, Field(gt=0, le=10**6), NOT_BOOLEAN] = 2000
    """Number of resamples."""
    confidence: Annotated[float, Field(gt=0, lt=1), NOT_BOOLEAN] = 0.95
    """Share of the resamples within an interval."""
    coverage: Annotated[float, Field(ge=0.5, lt=1), NOT_BOOLEAN] = 0.9
    """Share of whole runs that the interval of a forecast is meant to cover. 0.9 needs at least 9 runs.

    Reruns: the forecast and the summary.
    """
    seed: Seed = 0
    """Seed of the resamples."""
