"""What a model reads: checks of tokenized examples, and one of them shown as it is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from premem.base.errors import UserError
from premem.lm.sampling.stopping import StopText
from premem.lm.tokens import TokenizedExample, load_config, start_token

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BOUNDARY = "⟦target⟧"
"""Stands in what is shown between a prompt and its target."""


def check_ends(tokenizer: "PreTrainedTokenizerBase", examples: Sequence[TokenizedExample], stop: str, key: str) -> None:
    """Refuse targets after which no answer would end: a sampler must find the stop text when the last token is there.

    Args:
        tokenizer: that wrote the examples.
        examples: token ids.
        stop: the text that ends an answer.
        key: of the dataset in the study, for the message.

    Raises:
        UserError: showing how the tokenizer writes the end of a target.
    """
    found = StopText(tokenizer, stop)
    for example in examples:
        if not found.has_stopped(example.prompt, example.target):
            ending = str(tokenizer.decode(example.target))[-40:]
            raise UserError(
                f"{key}.stop: the tokenizer writes the end of a target as …{ending!r}, in which {stop!r} is not found, "
                "so that no answer would end; change stop and target"
            )


def check_stop_in_solutions(solutions: Sequence[str], stop: str, key: str) -> str | None:
    """Return a warning where solutions contain the text that ends an answer: a model learns to end there.

    Args:
        solutions: of all examples.
        stop: the text that ends an answer.
        key: of the dataset in the study, for messages.

    Raises:
        UserError: if all of them do.
    """
    found = sum(stop in solution for solution in solutions)
    said = f"{key}.stop: {found} of {len(solutions)} solutions contain the stop text {stop!r}, where answers would end"
    if found == len(solutions):
        raise UserError(f"{said}; choose a text that no solution holds")
    return f"warning: {said}" if found else None


def check_unknown(
    tokenizer: "PreTrainedTokenizerBase", examples: Sequence[TokenizedExample], model: Path
) -> str | None:
    """Return a warning where prompts hold tokens that the tokenizer does not know.

    Raises:
        UserError: if most tokens of the prompts are unknown, so that the model reads next to nothing of them.
    """
    if tokenizer.unk_token_id is None:
        return None
    ids = [token for example in examples for token in example.prompt]
    unknown = ids.count(tokenizer.unk_token_id)
    said = f"the tokenizer of {model} does not know {unknown} of the {len(ids)} tokens of the prompts"
    if unknown > len(ids) / 2:
        raise UserError(f"{said}; take a model whose tokenizer has these words")
    return f"warning: {said}" if unknown else None


def check_ids(examples: Sequence[TokenizedExample], model: Path) -> None:
    """Refuse token ids that the model has no embedding for: tokenizer and weights then do not belong together.

    Raises:
        UserError: naming the model's folder.
    """
    vocabulary = load_config(model).get_text_config().vocab_size
    largest = max(max([*example.prompt, *example.target], default=0) for example in examples)
    if largest >= vocabulary:
        raise UserError(
            f"{model}: the tokenizer gives token {largest}, and the model has only {vocabulary} embeddings; tokenizer "
            "and weights do not belong together (or tokens were added without resizing the embeddings)"
        )


def describe(tokenizer: "PreTrainedTokenizerBase", example: TokenizedExample) -> str:
    """Return an example as the model reads it, special tokens included, with the end of the prompt marked.

    Where the tokenizer has a start token that it does not put before a text, a warning follows, with both readings.
    """
    prompt = str(tokenizer.decode(example.prompt))
    whole = str(tokenizer.decode([*example.prompt, *example.target]))
    shown = f"{prompt}{BOUNDARY}{whole[len(prompt) :]}"
    start = tokenizer.bos_token_id
    if start is None or start_token(tokenizer) or start in example.prompt[:1]:
        return shown
    return (
        f"{shown}\nwarning: the tokenizer has a start token, {tokenizer.bos_token!r}, and puts none before a text. "
        f"The model reads {prompt[:30]!r}…, not {(tokenizer.bos_token + prompt)[:30]!r}…; if it was trained with the "
        "start token, begin the prompt template with it"
    )
