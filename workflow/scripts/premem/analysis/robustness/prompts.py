"""Perturbed prompts of the training examples, as token ids."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from premem.analysis.robustness import UNPERTURBED
from premem.base.errors import UserError
from premem.config.data import Perturbation, Templates, columns_in
from premem.config.sampling import SamplingSettings
from premem.data.arithmetic import paraphrase
from premem.data.text_columns import texts_of_columns
from premem.lm.sampling.prompts import Prompt, seeded_prompts
from premem.lm.tokens import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FIRST_PROMPT = 2**20
"""Seeds of perturbed prompts start here, so that they share none with the prompts that the predictors come from."""


def perturb_prompts(
    examples: pd.DataFrame,
    perturbations: Mapping[str, Perturbation],
    templates: Templates,
    tokenizer: "PreTrainedTokenizerBase",
) -> pd.DataFrame:
    """Write the prompts of every example, unperturbed and under every perturbation.

    Args:
        examples: a prepared split, with the columns that the perturbations name. If ``paraphrase`` is named but
            missing, the generator of stories writes it.
        perturbations: by name.
        templates: of the unperturbed prompts.
        tokenizer: of the model that reads the prompts.

    Returns:
        perturbation, example_id, subset_rank, answer_begins, prompt_ids (which end with the beginning of the answer).

    Raises:
        UserError: if a column that a template names has gaps, or if a perturbation adds a word that the tokenizer
            does not know.
    """
    named = {column for change in perturbations.values() for column in change.columns}
    if "paraphrase" in named - set(examples):
        examples = examples.assign(paraphrase=examples["question"].map(paraphrase))
    rows = texts_of_columns(examples, sorted({*named, *columns_in(templates.prompt)}), "perturbations")
    usual = [templates.write_prompt(row) for row in rows]
    unchanged = tokenize(tokenizer, usual, [""] * len(usual))
    tables = [_table(examples, UNPERTURBED, "", [example.prompt for example in unchanged])]
    for name, change in perturbations.items():
        prompts = [change.write_prompt(prompt, row) for prompt, row in zip(usual, rows, strict=True)]
        changed = tokenize(tokenizer, prompts, [change.answer_begins] * len(prompts))
        ids = [example.prompt + example.target for example in changed]
        _refuse_unknown_words(tokenizer, name, prompts, ids, [example.prompt for example in unchanged])
        tables.append(_table(examples, name, change.answer_begins, ids))
    return pd.concat(tables, ignore_index=True)


def _table(examples: pd.DataFrame, name: str, answer_begins: str, ids: Sequence[list[int]]) -> pd.DataFrame:
    columns = examples[["example_id", "subset_rank"]]
    return columns.assign(perturbation=name, answer_begins=answer_begins, prompt_ids=list(ids))


def _refuse_unknown_words(
    tokenizer: "PreTrainedTokenizerBase",
    name: str,
    prompts: Sequence[str],
    changed: Sequence[list[int]],
    unchanged: Sequence[list[int]],
) -> None:
    unknown = tokenizer.unk_token_id
    for prompt, after, before in zip(prompts, changed, unchanged, strict=True):
        if unknown is not None and unknown in after and unknown not in before:
            raise UserError(
                f"perturbations.{name}: the tokenizer does not know one of its words, so it would not be harmless; use "
                f"words of the dataset (prompt: {prompt[-80:]!r})"
            )


def check_room_for_answers(
    prompts: pd.DataFrame, max_new_tokens: int, context: int | None, model: Path, where: str
) -> None:
    """Refuse perturbed prompts that leave no room for an answer.

    Args:
        prompts: from ``perturb_prompts``.
        max_new_tokens: longest answer, in tokens.
        context: of the model, in tokens; None if it is not known.
        model: folder of the model, for messages.
        where: key of the dataset, for messages.

    Raises:
        UserError: naming the perturbation.
    """
    longest = prompts["prompt_ids"].map(len).groupby(prompts["perturbation"]).max()
    if context is not None and longest.max() + max_new_tokens > context:
        raise UserError(
            f"{where}.perturbations.{longest.idxmax()}: the longest prompt has {longest.max()} tokens, and "
            f"{max_new_tokens} more do not fit into the context of {model} ({context}); shorten it, or lower "
            "sampling.max_new_tokens"
        )


def seeded(token_ids: Sequence[Sequence[int]], settings: SamplingSettings) -> list[Prompt]:
    """Give every prompt a seed, from ``FIRST_PROMPT`` on."""
    return [
        Prompt(prompt.token_ids, prompt.seed + FIRST_PROMPT * settings.n)
        for prompt in seeded_prompts(token_ids, settings)
    ]
