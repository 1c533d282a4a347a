"""Base models: a folder, a model of the hub, or a recipe to train a small one."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from premem.config.block import NOT_BOOLEAN, Block, HubId, Name, PathText, Positive, Revision, Seed, Steps

Width = Annotated[int, Field(gt=0, le=65_536), NOT_BOOLEAN]
Context = Annotated[int, Field(gt=0, le=2**20), NOT_BOOLEAN]


class Tokenizer(Block):
    """A tokenizer trained on the pre-training texts."""

    kind: Literal["words", "bpe"]
    """``words``: every word between blanks is a token. ``bpe``: byte-level byte-pair encoding."""
    vocab_size: Annotated[int, Field(gt=0, le=10**7), NOT_BOOLEAN] = 1000
    """Largest number of different tokens."""


class Corpus(Block):
    """The texts that a small base model is pre-trained on, in the prompt and target templates of a dataset."""

    dataset: Name
    """The dataset whose templates are used. Its training examples are the texts unless ``generate`` is given."""
    generate: Literal["arithmetic"] | None = None
    """Generate the texts: one half are lines of arithmetic facts, the other story problems."""
    steps: Steps | None = None
    """For ``generate``: weight of each number of steps of the stories, such as ``{1: 8, 2: 1}``."""
    texts: Annotated[int, Field(gt=0, le=10**8), NOT_BOOLEAN] | None = None
    """For ``generate``: number of texts."""

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.generate and not (self.texts and self.steps):
            raise ValueError("a generated corpus needs texts (such as 50000) and steps (such as {1: 1})")
        return self


class Architecture(Block):
    """Shape of a small Llama model."""

    hidden_size: Width = 64
    """Size of the vector that stands for a token."""
    layers: Annotated[int, Field(gt=0, le=1000), NOT_BOOLEAN] = 4
    """Number of transformer blocks."""
    heads: Width = 2
    """Number of attention heads. vLLM needs hidden_size / heads to be 32, 64, 80, 96, 112, 128 or more."""
    intermediate_size: Annotated[int, Field(gt=0, le=2**20), NOT_BOOLEAN] = 192
    """Inner size of the feed-forward layers."""
    context: Context = 256
    """Longest sequence, in tokens."""

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        return self


class Pretraining(Block):
    """A recipe for a small base model, which is trained here from random weights.

    Reruns: pre-training and what follows.
    """

    corpus: Corpus
    """What it is trained on."""
    tokenizer: Tokenizer
    """The tokenizer that is trained first."""
    architecture: Architecture = Architecture()
    """The shape of the model."""
    steps: Annotated[int, Field(ge=0, le=10**9), NOT_BOOLEAN] = 3000
    """Optimizer steps. 0 leaves the weights random."""
    batch_size: Annotated[int, Field(gt=0, le=2**20), NOT_BOOLEAN] = 8
    """Sequences per step."""
    sequence_length: Context = 128
    """Tokens per sequence. Texts are put one after the other and cut into sequences."""
    lr: Positive = 2e-3
    """Highest learning rate. It falls linearly to 0."""
    warmup_steps: Annotated[int, Field(ge=0, le=10**9), NOT_BOOLEAN] = 100
    """Steps in which the learning rate rises linearly from 0."""
    threads: Annotated[int, Field(gt=0, le=1024), NOT_BOOLEAN] = 2
    """Processor threads. Each number of them rounds sums differently, so it is a part of the recipe."""
    seed: Seed = 0
    """Seed of the weights, the texts and their order."""


class Model(Block):
    """A base model: exactly one of ``path``, ``hub`` and ``pretrain``.

    Reruns: the model, and tokens, training and what follows.
    """

    ONE_OF = ("path", "hub", "pretrain")

    path: PathText | None = None
    """A local model folder, with its config, its weights as safetensors and its tokenizer."""
    hub: HubId | None = None
    """Id of a model on the Hugging Face hub, such as ``google/gemma-2-9b``."""
    revision: Revision | None = None
    """Commit of the hub model. ``hub`` needs it."""
    pretrain: Pretraining | None = None
    """A recipe to train a small base model here."""
    parameters: Annotated[float, Field(ge=1, le=1e15), NOT_BOOLEAN] | None = None
    """Number of weights, such as 8.03e9. It is only for estimates before a hub model is here.

    Reruns: nothing.
    """

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.hub and not self.revision:
            raise ValueError("a hub model needs revision (a commit), so that the model cannot change under a study")
        return self
