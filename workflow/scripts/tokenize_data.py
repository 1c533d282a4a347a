"""Tokenize the prompts and targets of a split for a model, and check that they fit its context."""

import sys
from pathlib import Path

from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.data import Templates
from premem.lm.tokenized_split import tokenize_split


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
    table, too_long, context = tokenize_split(examples, model, settings, bad_examples, name, split)
    write_table(table, out, too_long=too_long, context=context)


if __name__ == "__main__":
    # Tokenizers need no torch, and importing it would take most of the time.
    sys.modules["torch"] = None  # type: ignore[assignment]
    cli.run(main)
