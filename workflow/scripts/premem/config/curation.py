"""Collecting new examples: where they come from, which ones are collected, and strategies compared."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from premem.config.block import NOT_BOOLEAN, Block, Count, Fraction, Name, OneOrMore, Seed, Text
from premem.config.data import Column, Split
from premem.config.messages import write_value
from premem.config.sampling import SamplingSettings
from premem.config.sweep import LearningRate

NonEmptyText = Annotated[Text, Field(min_length=1)]


class Pool(Split):
    """Rows to collect from, each of which names the training example that it resembles, as augmentation sets do.

    Reruns: the rounds of the curation.
    """

    resembles: Column
    """Column that holds the question, or the example_id, of that training example."""
    columns: dict[Column, Column] | None = None
    """Which of the pool's columns hold what, as for a dataset. If left out, they have the same names as
    the dataset's."""

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        if self.generate:
            raise ValueError("a pool is read from files or hub; a generator goes under new_examples.generate")
        return self


class Writer(Block):
    """A language model that writes a variant of a given example: first a question, then several solutions of it.

    Reruns: the rounds of the curation.
    """

    model: Name
    """The model's name in ``models``."""
    prompt: Text
    """What it reads before it writes a question. ``{question}`` and ``{solution}`` are those of the given example."""
    stop: NonEmptyText
    """The text that ends a question."""
    solve: Text
    """What it reads before it writes a solution. ``{question}`` is the new question."""
    solve_stop: NonEmptyText
    """The text that ends a solution."""
    agreement: Fraction = 0.6
    """Share of the solutions that must come to the same final answer. The first of these solutions is kept."""
    sampling: SamplingSettings = SamplingSettings()
    """How questions and solutions are sampled. ``n`` is the number of solutions."""

    @model_validator(mode="after")
    def _check_prompts(self) -> Self:
        for key in ("prompt", "solve"):
            if "{question}" not in getattr(self, key):
                raise ValueError(f"{key}: the template {write_value(getattr(self, key))} lacks {{question}}")
        return self


class NewExamples(Block):
    """Where new examples that resemble a given one come from: exactly one of ``generate``, ``pool`` and ``write``.

    Reruns: the rounds of the curation.
    """

    ONE_OF = ("generate", "pool", "write")

    generate: Literal["arithmetic"] | None = None
    """A new story with the given example's sequence of operations. The dataset keeps the column ``skeleton``."""
    pool: Pool | None = None
    """Rows that are there already."""
    write: Writer | None = None
    """A language model writes them."""

    @property
    def kind(self) -> str:
        """The one that is given."""
        return self.given()


StrategyName = Literal["premem", "premem_weighted", "train_accuracy", "ifd", "difficulty", "iid"]


class Collection(Block):
    """Which training examples the new ones resemble (``premem.analysis.curation.strategies``).

    Reruns: the rounds of the strategies that read it, and their trainings.
    """

    num_examples: Count = 256
    """How many examples the target ``runs/…/curated/{strategy}.jsonl`` of a run collects. ``curation.rounds`` says how
    many a round of curation collects.

    Reruns: those files.
    """
    threshold: Annotated[float, Field(ge=0, le=1), NOT_BOOLEAN] = 0.5
    """The threshold t. Examples whose premem accuracy (or train accuracy) is below t are taken."""
    share: Fraction = 0.3
    """Share of the examples that the strategies ``ifd`` and ``difficulty`` take. They take the hardest ones."""
    fallback: Literal["iid", "error"] = "iid"
    """What happens where no example is below t. ``iid``: examples are collected i.i.d., and the page says so.
    ``error``: the job stops."""
    ngram: Annotated[int, Field(gt=0, le=10_000), NOT_BOOLEAN] = 13
    """A new example is left out if it shares this many words in a row with a question of a test set.

    Reruns: all rounds, and their trainings.
    """


class Curation(Block):
    """A comparison of strategies of collecting data. A model is trained in rounds, each on all that was collected
    before it (Algorithm 1 of Kang et al. 2025).

    Reruns: the rounds that it concerns.
    """

    model: Name
    """The base model, by its name in ``models``."""
    dataset: Name
    """The dataset, by its name in ``datasets``. The first training examples and the test sets are its own, and new
    examples resemble its training examples."""
    lr: LearningRate
    """Learning rate of every training."""
    steps: Annotated[int, Field(gt=0, le=10**6), NOT_BOOLEAN]
    """Optimizer steps of every training, whatever the number of examples. Trainings last whole epochs, so the
    number is not met exactly."""
    start: Count
    """Examples that each seed begins with, drawn from the training set."""
    rounds: tuple[Count, ...] = Field(min_length=1, max_length=100)
    """How many new examples each round collects: N_1, N_2, …"""
    iid_rounds: tuple[Count, ...] = Field((), max_length=100)
    """Further rounds of i.i.d. collection. They show how many i.i.d. examples are worth as much as the others."""
    strategies: Annotated[tuple[StrategyName, ...], Field(min_length=1), OneOrMore] = get_args(StrategyName)
    """The strategies to compare. ``iid`` is always among them."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=100), OneOrMore] = (0, 1, 2, 3, 4)
    """Each seed draws the start, the new examples and the order of training anew, alike for all strategies."""

    @model_validator(mode="after")
    def _check_repeats(self) -> Self:
        for key in ("strategies", "seeds"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key}: {', '.join(map(str, values))}: one of them is given twice; remove it")
        return self
