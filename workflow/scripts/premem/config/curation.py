"""Collecting new examples: where they come from, which ones are collected, and strategies compared."""

from typing import Annotated, Literal, get_args

from pydantic import Field, PositiveInt, model_validator

from premem.config.block import Block, Fraction, Name, OneOrMore, check_one_of
from premem.config.data import Split
from premem.config.sampling import SamplingSettings
from premem.config.sweep import LearningRate


class Pool(Split):
    """Rows to collect from, each of which names the training example that it resembles, as augmentation sets do."""

    resembles: str
    """Column that holds the question, or the example_id, of that training example."""
    columns: dict[str, str] | None = None
    """Names of its columns, as in ``datasets``; the dataset's own if left out."""

    @model_validator(mode="after")
    def _check_rows(self) -> "Pool":
        if self.generate:
            raise ValueError("a pool is read from files or hub; a generator goes under new_examples.generate")
        return self


class Writer(Block):
    """A language model that writes a variant of a given example: first a question, then several solutions of it."""

    model: Name
    """One of ``models``."""
    prompt: str
    """What it reads before it writes a question; ``{question}`` and ``{solution}`` are the given example's."""
    stop: str
    """The text that ends a question."""
    solve: str
    """What it reads before it writes a solution; ``{question}`` is the new question."""
    solve_stop: str
    """The text that ends a solution."""
    agreement: Fraction = 0.6
    """Share of the solutions that must come to the same final answer; the first that does is kept."""
    sampling: SamplingSettings = SamplingSettings()
    """How both are sampled; ``n`` solutions."""

    @model_validator(mode="after")
    def _check_prompts(self) -> "Writer":
        for key in ("prompt", "solve"):
            if "{question}" not in getattr(self, key):
                raise ValueError(f"{key}: the template {getattr(self, key)!r} lacks {{question}}")
        return self


class NewExamples(Block):
    """Where new examples like a given one come from: exactly one of ``generate``, ``pool`` and ``write``."""

    generate: Literal["arithmetic"] | None = None
    """A new story about the given example's sequence of operations; the dataset keeps the column ``skeleton``."""
    pool: Pool | None = None
    """Rows that are there already."""
    write: Writer | None = None
    """A language model writes them."""

    @model_validator(mode="after")
    def _check_source(self) -> "NewExamples":
        check_one_of(self, "generate", "pool", "write")
        return self

    @property
    def kind(self) -> str:
        """Which one."""
        return check_one_of(self, "generate", "pool", "write")


StrategyName = Literal["premem", "premem_weighted", "train_accuracy", "ifd", "difficulty", "iid"]


class Collection(Block):
    """Which training examples new ones are collected like (``premem.analysis.curation.strategies``)."""

    num_examples: PositiveInt = 256
    """How many the target ``runs/…/curated/{strategy}.jsonl`` of a run collects; ``curation.rounds`` are its own."""
    threshold: float = 0.5
    """t: examples with a premem accuracy (or train accuracy) below it are taken."""
    share: Fraction = 0.3
    """Share of the examples that ``ifd`` and ``difficulty`` take, the hardest."""
    fallback: Literal["iid", "error"] = "iid"
    """Where no example is below t: collect i.i.d. and say so, or stop."""
    ngram: PositiveInt = 13
    """A new example is left out if it shares this many words in a row with a question of a test set."""

    @model_validator(mode="after")
    def _check_threshold(self) -> "Collection":
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold: {self.threshold:g} is no accuracy; give a number from 0 to 1")
        return self


class Curation(Block):
    """Strategies of collecting data, compared: trained in rounds, every round on what was collected before it
    (Algorithm 1 of Kang et al. 2025)."""

    model: Name
    """The base model."""
    dataset: Name
    """What is trained on at first, what new examples are like, and what is tested on."""
    lr: LearningRate
    """Learning rate of every training."""
    steps: PositiveInt
    """Optimizer steps of every training, whatever the number of examples; whole epochs, so about as many."""
    start: PositiveInt
    """Examples that a seed begins with, drawn from the training set."""
    rounds: tuple[PositiveInt, ...] = Field(min_length=1)
    """New examples that each round collects, N_1, N_2, …"""
    iid_rounds: tuple[PositiveInt, ...] = ()
    """Further rounds of i.i.d. collection: how many examples does it take to come as far?"""
    strategies: Annotated[tuple[StrategyName, ...], OneOrMore, Field(min_length=1)] = get_args(StrategyName)
    """Those to compare; i.i.d. collection is always among them."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], OneOrMore, Field(min_length=1)] = (0, 1, 2, 3, 4)
    """Each draws the start, the new examples and the order of training anew, alike for all strategies."""

    @model_validator(mode="after")
    def _check_repeats(self) -> "Curation":
        for key in ("strategies", "seeds"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key}: {', '.join(map(str, values))} names one twice; remove it")
        return self
