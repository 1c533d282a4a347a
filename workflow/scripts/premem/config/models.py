"""Base models: a folder, a model of the hub, or a recipe to train a small one."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from premem.config.block import Block, Name, RemoteName, check_one_of


class Tokenizer(Block):
    """A tokenizer trained on the pre-training texts."""

    kind: Literal["words", "bpe"]
    """``words``: one token per blank-separated word; ``bpe``: byte-level byte-pair encoding."""
    vocab_size: PositiveInt = 1000
    """Largest number of tokens."""


class Corpus(Block):
    """The texts a small base model is pre-trained on, in the prompt and target templates of a dataset of this study."""

    dataset: Name
    """The dataset whose templates are used, and whose training examples are the texts unless some are generated."""
    generate: Literal["arithmetic"] | None = None
    """Generate the texts instead: lines of arithmetic facts and story problems, half and half."""
    steps: dict[PositiveInt, PositiveFloat] | None = None
    """For ``generate``: weight of each number of steps of the stories."""
    texts: PositiveInt | None = None
    """For ``generate``: how many texts."""

    @model_validator(mode="after")
    def _check_source(self) -> "Corpus":
        if self.generate and not (self.texts and self.steps):
            raise ValueError("a generated corpus needs texts (such as 50000) and steps (such as {1: 1})")
        return self


class Architecture(Block):
    """Shape of a small Llama model."""

    hidden_size: PositiveInt = 64
    """Size of a token's vector."""
    layers: PositiveInt = 4
    """Transformer blocks."""
    heads: PositiveInt = 2
    """Attention heads; vLLM needs hidden_size / heads to be 32, 64, 80, 96, 112, 128 or more."""
    intermediate_size: PositiveInt = 192
    """Inner size of the feed-forward layers."""
    context: PositiveInt = 256
    """Longest sequence, in tokens."""

    @model_validator(mode="after")
    def _check_heads(self) -> "Architecture":
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        return self


class Pretraining(Block):
    """A recipe for a small base model, trained from nothing on packed texts."""

    corpus: Corpus
    """What it is trained on."""
    tokenizer: Tokenizer
    """The tokenizer that is trained first."""
    architecture: Architecture = Architecture()
    """The shape of the model."""
    steps: int = Field(3000, ge=0)
    """Optimizer steps; 0 leaves the weights random."""
    batch_size: PositiveInt = 8
    """Sequences per step."""
    sequence_length: PositiveInt = 128
    """Tokens per sequence; texts are packed one after the other."""
    lr: PositiveFloat = 2e-3
    """Highest learning rate; it decays linearly to 0."""
    warmup_steps: int = Field(100, ge=0)
    """Steps in which the learning rate rises linearly from 0."""
    threads: PositiveInt = 2
    """Processor threads. Sums are rounded differently for each number of them, so this is part of the recipe."""
    seed: int = 0
    """Of the weights, the texts and their order."""


class Model(Block):
    """A base model: exactly one of ``path``, ``hub`` and ``pretrain``."""

    path: str | None = None
    """A local model folder (config, safetensors, tokenizer)."""
    hub: RemoteName | None = None
    """Id of a model on the Hugging Face hub."""
    revision: RemoteName | None = None
    """Commit of the hub model; needed with ``hub``."""
    pretrain: Pretraining | None = None
    """A recipe to train a small base model here."""
    parameters: PositiveFloat | None = None
    """Number of weights, such as 8.03e9: for estimates before a hub model is here; nothing else depends on it."""

    @model_validator(mode="after")
    def _check_source(self) -> "Model":
        check_one_of(self, "path", "hub", "pretrain")
        if self.hub and not self.revision:
            raise ValueError("a hub model needs revision (a commit), so that the model cannot change under a study")
        return self
