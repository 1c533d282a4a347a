"""Token ids of prompts and targets, split at an explicit boundary.

Training, sampling and perplexity all read the same table, so that they agree on where a prompt ends. Prompt and target
are tokenized together, as the model reads them in training; the prompt alone, as in sampling, must be a prefix of that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from premem.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenizedExample:
    """Token ids of a prompt (with the start token, where the tokenizer has one) and of its target."""

    prompt: list[int]
    target: list[int]


def tokenize(
    tokenizer: "PreTrainedTokenizerBase", prompts: Sequence[str], targets: Sequence[str]
) -> list[TokenizedExample]:
    """Tokenize examples.

    Raises:
        UserError: if a token would span the end of a prompt and the start of its target.
    """
    start = start_token(tokenizer)

    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [start + ids for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]]

    examples = []
    wholes = encode([prompt + target for prompt, target in zip(prompts, targets, strict=True)])
    for text, prompt, whole in zip(prompts, encode(prompts), wholes, strict=True):
        if whole[: len(prompt)] != prompt:
            raise UserError(
                "datasets: a token spans the end of the prompt and the start of the target; let the target template "
                f"begin with a blank or the prompt template end otherwise (prompt: …{text[-60:]!r})"
            )
        examples.append(TokenizedExample(prompt, whole[len(prompt) :]))
    return examples


def start_token(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Return the start token as a list, empty if the tokenizer puts none before a text."""
    start = tokenizer.bos_token_id
    return [start] if start is not None and tokenizer("x")["input_ids"][:1] == [start] else []


def find_too_long(
    examples: Sequence[TokenizedExample], max_tokens: int | None, context: int | None, max_new_tokens: int
) -> dict[int, int]:
    """Return index → tokens needed, of the examples that do not fit.

    An example needs its prompt and its target, at most ``max_tokens`` and the model's ``context``; and its prompt and
    ``max_new_tokens`` sampled ones, at most the context. A limit that is None does not limit.
    """
    too_long = {}
    for i, example in enumerate(examples):
        written = len(example.prompt) + len(example.target)
        sampled = len(example.prompt) + max_new_tokens
        if max_tokens is not None and written > max_tokens:
            too_long[i] = written
        elif context is not None and max(written, sampled) > context:
            too_long[i] = max(written, sampled)
    return too_long


def select_subset(table: "pd.DataFrame", size: float) -> "pd.DataFrame":
    """Return the nested random subset that holds this share of the examples (at least one).

    Args:
        table: with a column subset_rank, from 0.
        size: share of the examples, in (0, 1].
    """
    number = max(1, round(size * (table["subset_rank"].max() + 1)))
    return table[table["subset_rank"] < number].reset_index(drop=True)
