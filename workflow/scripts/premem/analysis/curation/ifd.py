"""Instruction-following difficulty (IFD, Li et al. 2023): how much the question helps a model to write the target."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from premem.base.errors import UserError
from premem.config.data import Templates
from premem.lm.tokens import TokenizedExample, start_token

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def prompt_without_question(tokenizer: "PreTrainedTokenizerBase", templates: Templates, where: str) -> list[int]:
    """Return the token ids that a target follows if there is no question.

    The rest of the prompt template stays, so that the target begins in the same way.

    Args:
        tokenizer: of the model.
        templates: of the dataset.
        where: file of the examples, for messages.

    Raises:
        UserError: if no token is left.
    """
    empty = templates.write_prompt(dict.fromkeys(templates.columns_named, ""))
    alone = start_token(tokenizer) + tokenizer(empty, add_special_tokens=False)["input_ids"]
    if not alone:
        raise UserError(
            f"{where}: instruction-following difficulty needs a word before the target, but without its question the "
            "prompt is empty and the model has no start token; give the dataset a prompt such as "
            "'Question: {question}', or leave ifd out of curation.strategies"
        )
    return alone


def instruction_following_difficulty(
    examples: Sequence[TokenizedExample], alone: list[int], measure: Callable[[Sequence[TokenizedExample]], list[float]]
) -> pd.DataFrame:
    """Return nll, nll_alone and ifd = nll / nll_alone; a row per example.

    Both are summed over the same target tokens, so their ratio is that of the mean losses per token.

    Args:
        examples: token ids.
        alone: token ids of the prompt without a question.
        measure: returns −log f(target given prompt) of each example, in nats.
    """
    nll, nll_alone = measure(examples), measure([TokenizedExample(alone, example.target) for example in examples])
    table = pd.DataFrame({"nll": nll, "nll_alone": nll_alone})
    return table.assign(ifd=table["nll"] / table["nll_alone"])
