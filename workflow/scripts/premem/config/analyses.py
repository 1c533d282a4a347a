"""Settings of the further analyses, and how figures look."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt

from premem.config.block import Block, Name

FigureFormat = Literal["pdf", "png", "svg"]


PredictorName = Literal[
    "premem_accuracy",
    "train_accuracy",
    "train_loss",
    "perplexity",
    "forgetting",
    "confidence",
    "variability",
    "difficulty",
    "self_consistency",
    "gradient_variance",
    "distance",
    "relative_distance",
    "atc",
]


CHEAP: tuple[PredictorName, ...] = (
    "premem_accuracy",
    "train_accuracy",
    "train_loss",
    "perplexity",
    "forgetting",
    "confidence",
    "variability",
)


def _name_all(value: Any) -> Any:
    return get_args(PredictorName) if value == "all" else value


class Predictors(Block):
    """Predictors of generalization that are compared with each other (described in ``premem.analysis.predictors``)."""

    names: Annotated[tuple[PredictorName, ...], BeforeValidator(_name_all), Field(min_length=1)] = CHEAP
    """Those to compare, or ``all``; if left out, those that need the scores alone. ``gradient_variance``, ``distance``,
    ``relative_distance`` and ``atc`` read the checkpoints."""
    gradient_batches: int = Field(8, ge=2)
    """For ``gradient_variance``: mini-batches of training examples."""
    gradient_batch_size: PositiveInt = 16
    """Examples in each of them."""
    seed: int = 0
    """Of the mini-batches."""
    atc_answers: PositiveInt = 2
    """For ``atc``: how many of the ``sampling.n`` answers to each prompt are looked at. Each is a pass through the
    checkpoint, for training and test prompts."""


class Robustness(Block):
    """How much accuracy training examples lose when their prompts are perturbed (``premem.analysis.robustness``)."""

    perturbations: tuple[Name, ...] | None = Field(None, min_length=1)
    """Which of the perturbations that datasets offer; all of them if left out."""
    checkpoints: Literal["last", "all"] | Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = "last"
    """At which of a run's checkpoints (a list names epochs)."""
    bins: int = Field(5, ge=2)
    """Parts of equal width that the range of accuracies is divided into, and of equal number that of perplexities."""


class ExampleReports(Block):
    """What is told of the training examples of each run (``premem.analysis.example_reports``)."""

    shown: PositiveInt = 10
    """How many of the most and of the least learned ones a run's page shows."""
    brittleness: bool = False
    """Say how much accuracy each is predicted to lose under perturbations, which takes the analysis of robustness. It
    is said in any case where ``analyses`` has robustness."""


class Figures(Block):
    """How figures look."""

    formats: tuple[FigureFormat, ...] = Field(("pdf", "png"), min_length=1)
    """File formats; the report shows PNG."""
    dpi: PositiveInt = 200
    """Dots per inch of PNG figures."""
    width: PositiveFloat = 7.0
    """Width of a figure, in inches."""
