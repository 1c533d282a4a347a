"""Tokenizers, and token ids of prompts and targets, split at an explicit boundary.

Training, sampling and perplexity all read the same table, so that they agree on where a prompt ends. Prompt and target
are tokenized together, as the model reads them in training. The tokens of the prompt alone, as in sampling, must be the
beginning of these. transformers is imported only where it is used, since importing it takes longer than most jobs that
read tokens.
"""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from premem.base.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PretrainedConfig, PreTrainedTokenizerBase


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
        UserError: if a token would span the end of a prompt and the start of its target; or as ``encode``.
    """
    examples = []
    wholes = encode(tokenizer, [prompt + target for prompt, target in zip(prompts, targets, strict=True)])
    for text, prompt, whole in zip(prompts, encode(tokenizer, prompts), wholes, strict=True):
        if whole[: len(prompt)] != prompt:
            raise UserError(
                "datasets: a token spans the end of the prompt and the start of the target; let the target template "
                f"begin with a blank or the prompt template end otherwise (prompt: …{text[-60:]!r})"
            )
        examples.append(TokenizedExample(prompt, whole[len(prompt) :]))
    return examples


def encode(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of texts, after the start token that the tokenizer puts before a text.

    Raises:
        UserError: if a text begins with the start token, which the model would then read twice.
    """
    start = start_token(tokenizer)
    written = str(tokenizer.decode(start)).strip()
    encoded = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    for text, ids in zip(texts, encoded, strict=True):
        if start and (ids[: len(start)] == start or text.lstrip().startswith(written)):
            raise UserError(
                f"prompt: the model would read {written!r} twice, since the tokenizer puts it before every text; leave "
                f"it out of the template (it makes {text[:60]!r} …)"
            )
    return [start + ids for ids in encoded]


def examples_of(table: "pd.DataFrame") -> list[TokenizedExample]:
    """Return the examples of a table that has prompt_ids and target_ids."""
    rows = zip(table["prompt_ids"], table["target_ids"], strict=True)
    return [TokenizedExample(list(prompt), list(target)) for prompt, target in rows]


def start_token(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Return what the tokenizer puts before a text, as a list: for most one token, or nothing; for some several."""
    bare, whole = tokenizer("x", add_special_tokens=False)["input_ids"], tokenizer("x")["input_ids"]
    if not bare:  # it does not know this word
        return whole[:1] if whole[:1] == [tokenizer.bos_token_id] else []
    return next((whole[:k] for k in range(len(whole)) if whole[k : k + len(bare)] == bare), [])


def find_too_long(examples: Sequence[TokenizedExample], max_tokens: int | None, context: int | None) -> dict[int, int]:
    """Return index → tokens of the examples whose prompt and target together exceed a limit; None means no limit."""
    limit = min((limit for limit in (max_tokens, context) if limit is not None), default=None)
    lengths = {i: len(example.prompt) + len(example.target) for i, example in enumerate(examples)}
    return {i: length for i, length in lengths.items() if limit is not None and length > limit}


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """Load the tokenizer of a model folder.

    Raises:
        UserError: if it cannot be loaded.
    """
    from transformers import AutoTokenizer

    check_folder(folder)
    with explained(folder, "tokenizer"):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def load_config(folder: Path) -> "PretrainedConfig":
    """Load the configuration of a model folder.

    Raises:
        UserError: if it cannot be loaded.
    """
    from transformers import AutoConfig

    check_folder(folder)
    with explained(folder, "configuration"):
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def context_of(folder: Path) -> int | None:
    """Return the longest sequence that a model takes, in tokens; None if its configuration does not say."""
    return getattr(load_config(folder).get_text_config(), "max_position_embeddings", None)


@contextmanager
def explained(folder: Path, part: str) -> Iterator[None]:
    """Turn whatever a loader raises into a line that names the folder.

    Raises:
        UserError: if anything is raised; an own message where the folder's own Python code would have to be run.
    """
    try:
        yield
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"{folder}: the {part} needs Python code from its own folder (auto_map in its JSON files), which is "
                "never run; choose a model whose architecture transformers has"
            ) from error
        reason = textwrap.shorten(str(error), 300, placeholder=" …")
        raise UserError(f"{folder}: the {part} cannot be loaded: {reason}") from error


def check_folder(folder: Path) -> None:
    """Raise a ``UserError`` if this is not a model folder, or holds links that lead nowhere."""
    if broken := [file for file in sorted(folder.glob("*")) if not file.exists()]:
        raise UserError(f"{broken[0]}: this link leads nowhere; put the file there, or delete the folder and run again")
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: not a model folder (it has no config.json)")
