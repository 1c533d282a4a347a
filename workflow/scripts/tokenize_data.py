"""Tokenize the prompts and targets of a split for a model, and check that they fit its context."""

import sys
from pathlib import Path

import pandas as pd

from premem.base import cli
from premem.base.errors import UserError
from premem.base.tables import read_table, write_table
from premem.config.data import Templates
from premem.lm.reading import check_ends, check_ids, describe
from premem.lm.tokens import context_of, find_too_long, load_tokenizer, tokenize


def main(
    name: str,
    split: str,
    settings: Templates,
    bad_examples: str,
    data: Path,
    model: Path,
    out: Path,
) -> None:
    examples = read_table(data, ["example_id", "question", "solution", "answer", "subset_rank"])
    tokenizer = load_tokenizer(model)
    prompts = [settings.write_prompt(question) for question in examples["question"]]
    targets = [settings.write_target(solution) for solution in examples["solution"]]
    tokenized = tokenize(tokenizer, prompts, targets)
    context = context_of(model)
    too_long = find_too_long(tokenized, settings.max_tokens, context)
    if too_long:
        ids = ", ".join(f"{examples['example_id'][i]} ({n} tokens)" for i, n in list(too_long.items())[:5])
        message = (
            f"datasets.{name}: {len(too_long)} of {len(examples)} examples of {split} are too long for {model}: {ids}"
        )
        if bad_examples == "error":
            raise UserError(
                f"{message}; raise datasets.{name}.max_tokens, take a model with a longer context, or set "
                f"datasets.{name}.bad_examples: drop"
            )
        print(f"{message}; left out", file=sys.stderr)
    if len(too_long) == len(examples):
        raise UserError(f"{message}; no example is left")
    check_ids(tokenized, model)
    check_ends(tokenizer, tokenized, settings.stop, f"datasets.{name}")
    shown = describe(tokenizer, tokenized[0])
    print(f"{name}, {split}: the first example as {model} reads it:\n{shown}", file=sys.stderr)
    table = pd.DataFrame(
        {
            "example_id": examples["example_id"],
            "subset_rank": examples["subset_rank"],
            "answer": examples["answer"],
            "prompt_ids": [example.prompt for example in tokenized],
            "target_ids": [example.target for example in tokenized],
        }
    )
    write_table(table.drop(index=list(too_long)), out, too_long=len(too_long), context=context)


if __name__ == "__main__":
    sys.modules["torch"] = None  # type: ignore[assignment]  # tokenizers do without it; its import would take most of the time
    cli.run(main)
