"""Settings of the further analyses, and how figures look."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from premem.config.block import NOT_BOOLEAN, Block, Epochs, Name, Seed

FigureFormat = Literal["pdf", "png", "svg"]
LARGEST_WIDTH = 12_000
"""Of a figure, in pixels; Matplotlib draws none of more than 65,536 pixels in either direction."""


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
    """Predictors of generalization that are compared with each other (``premem.analysis.predictors`` describes them).

    Reruns: the measurements on checkpoints that it concerns, and the comparison of predictors.
    """

    names: Annotated[
        tuple[PredictorName, ...],
        Field(min_length=1),
        BeforeValidator(_name_all, json_schema_input_type=Literal["all"] | tuple[PredictorName, ...]),
    ] = CHEAP
    """The predictors to compare, or ``all``. If left out, they are those that need the scores alone.
    ``gradient_variance``, ``distance``, ``relative_distance`` and ``atc`` read the checkpoints."""
    gradient_batches: Annotated[int, Field(ge=2, le=100_000), NOT_BOOLEAN] = 8
    """For ``gradient_variance``: number of mini-batches of training examples."""
    gradient_batch_size: Annotated[int, Field(gt=0, le=2**20), NOT_BOOLEAN] = 16
    """For ``gradient_variance``: examples in each mini-batch."""
    seed: Seed = 0
    """For ``gradient_variance``: seed of the mini-batches."""
    atc_answers: Annotated[int, Field(gt=0, le=10_000), NOT_BOOLEAN] = 2
    """For ``atc``: how many of the ``sampling.n`` answers to each prompt are read. Each of them is a pass through the
    checkpoint, for training and test prompts."""


class Robustness(Block):
    """How much accuracy training examples lose when their prompts are perturbed (``premem.analysis.robustness``).

    Reruns: the samples of perturbed prompts that are new, and the analysis of robustness.
    """

    perturbations: tuple[Name, ...] | None = Field(None, min_length=1)
    """The perturbations to use, of those that datasets offer. If left out, all of them are used."""
    checkpoints: Literal["last", "all"] | Annotated[tuple[Epochs, ...], Field(min_length=1)] = "last"
    """The checkpoints of a run that read perturbed prompts: the last one, all, or those after the epochs in a list."""
    bins: Annotated[int, Field(ge=2, le=1000), NOT_BOOLEAN] = 5
    """How many parts examples are divided into. By accuracy, the parts are of equal width; by perplexity, they hold
    equally many examples.

    Reruns: the analysis of robustness.
    """


class ExampleReports(Block):
    """Reports on the training examples of each run (``premem.analysis.example_reports``).

    Reruns: the example reports.
    """

    shown: Annotated[int, Field(gt=0, le=10_000), NOT_BOOLEAN] = 10
    """How many of the best and of the least learned examples a run's page shows."""
    brittleness: bool = False
    """Say how much accuracy each example is predicted to lose under perturbations. This takes the analysis of
    robustness. Where ``analyses`` names robustness, reports always say it."""


class Figures(Block):
    """How figures look.

    Reruns: the figures, and the page that shows them.
    """

    formats: tuple[FigureFormat, ...] = Field(("pdf", "png"), min_length=1)
    """File formats. The report shows PNG."""
    dpi: Annotated[int, Field(ge=20, le=2400), NOT_BOOLEAN] = 200
    """Dots per inch of PNG figures."""
    width: Annotated[float, Field(ge=1, le=40), NOT_BOOLEAN] = 7.0
    """Width of a figure, in inches."""

    @model_validator(mode="after")
    def _check_pixels(self) -> Self:
        if self.width * self.dpi > LARGEST_WIDTH:
            raise ValueError(
                f"dpi {self.dpi} and width {self.width:g} make figures {self.width * self.dpi:.0f} pixels wide, but at "
                f"most {LARGEST_WIDTH} are possible; lower one of the two"
            )
        return self
