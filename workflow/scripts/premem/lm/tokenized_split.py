"""The token ids of a split: what training, sampling and perplexity read."""

import sys
from pathlib import Path

import pandas as pd

from premem.base.errors import UserError
from premem.config.data import Templates, columns_in
from premem.data.text_columns import texts_of_columns
from premem.lm.reading import check_ends, check_ids, check_stop_in_solutions, check_unknown, describe
from premem.lm.tokens import context_of, find_too_long, load_tokenizer, tokenize

EXAMPLES_NAMED = 5
"""How many of the examples that are too long a message names."""


def tokenize_split(
    examples: pd.DataFrame, model: Path, templates: Templates, bad_examples: str, dataset: str, split: str
) -> tuple[pd.DataFrame, int, int | None]:
    """Tokenize the prompts and targets of a split, and check that they fit.

    Args:
        examples: the prepared split, with example_id, subset_rank, question, solution and answer.
        model: folder of the base model.
        templates: of the dataset.
        bad_examples: ``error`` or ``drop``: what to do with examples that are too long.
        dataset: its name, for messages.
        split: its name, for messages.

    Returns:
        A table with example_id, subset_rank, answer, prompt_ids and target_ids; how many examples were left out because
        they are too long; the model's context in tokens.

    Raises:
        UserError: if examples are too long and may not be left out, if none is left, if no answer could end, or if
            tokenizer and model do not belong together.
    """
    tokenizer = load_tokenizer(model)
    labelled = bool((examples["answer"] != "").any())
    unknown = [] if labelled else [column for column in columns_in(templates.target) if column not in examples]
    columns = texts_of_columns(
        examples.assign(**dict.fromkeys(unknown, "")), templates.columns_named, f"datasets.{dataset}"
    )
    prompts, targets = map(templates.write_prompt, columns), map(templates.write_target, columns)
    tokenized = tokenize(tokenizer, list(prompts), list(targets))
    context = context_of(model)
    if too_long := find_too_long(tokenized, templates.max_tokens, context):
        named = list(too_long.items())[:EXAMPLES_NAMED]
        ids = ", ".join(f"{examples['example_id'][i]} ({n} tokens)" for i, n in named)
        share = f"{len(too_long)} of {len(examples)} examples of {split}"
        message = f"datasets.{dataset}: {share} are too long for {model}: {ids}"
        if bad_examples == "error":
            raise UserError(
                f"{message}; raise datasets.{dataset}.max_tokens, use a model with a longer context, or set "
                f"datasets.{dataset}.bad_examples: drop"
            )
        if len(too_long) == len(examples):
            raise UserError(f"{message}; no example is left")
        print(f"{message}; left out", file=sys.stderr)
    check_ids(tokenized, model)
    check_ends(tokenizer, tokenized, templates.stop, f"datasets.{dataset}")
    for warning in (
        check_stop_in_solutions(list(examples["solution"]), templates.stop, f"datasets.{dataset}"),
        check_unknown(tokenizer, tokenized, model),
    ):
        if warning:
            print(warning, file=sys.stderr)
    shown = describe(tokenizer, tokenized[0])
    print(f"{dataset}, {split}: the first example as {model} reads it:\n{shown}", file=sys.stderr)
    table = pd.DataFrame(
        {
            "example_id": examples["example_id"],
            "subset_rank": examples["subset_rank"],
            "answer": examples["answer"],
            "prompt_ids": [example.prompt for example in tokenized],
            "target_ids": [example.target for example in tokenized],
        }
    )
    return table.drop(index=list(too_long)), len(too_long), context


def check_room_for_answers(
    longest_prompts: dict[str, int], max_new_tokens: int, context: int | None, model: Path
) -> None:
    """Refuse prompts that leave no room for an answer.

    Args:
        longest_prompts: split → tokens of its longest prompt.
        max_new_tokens: longest answer, in tokens.
        context: of the model, in tokens; None if it is not known.
        model: folder of the model, for messages.

    Raises:
        UserError: naming the keys to change.
    """
    for split, length in longest_prompts.items():
        if context is not None and length + max_new_tokens > context:
            raise UserError(
                f"sampling.max_new_tokens: the longest prompt of {split} has {length} tokens, and {max_new_tokens} "
                f"more do not fit into the context of {model} ({context}); lower it to {context - length} or less, "
                "or lower the dataset's max_tokens"
            )


def count_shared(prompts: dict[str, pd.Series], train: str) -> dict[str, int]:
    """Return how many prompts of each split are in the training set as well, if any are.

    These are no test of generalization.

    Args:
        prompts: split → token ids of its prompts.
        train: name of the training set.
    """
    known = set(map(tuple, prompts[train]))
    found = {
        split: sum(tuple(ids) in known for ids in of_split) for split, of_split in prompts.items() if split != train
    }
    return {split: number for split, number in found.items() if number}
