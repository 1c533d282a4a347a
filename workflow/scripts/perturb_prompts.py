"""Write the perturbed prompts of the training examples of a pair, and check that answers to them fit."""

import json
from pathlib import Path

from premem.analysis.robustness.prompts import perturb_prompts
from premem.base import cli
from premem.base.errors import UserError
from premem.base.tables import read_table, write_table
from premem.config.data import Perturbation, Templates
from premem.lm.tokens import context_of, load_tokenizer


def main(
    name: str,
    data: Path,
    tokens: Path,
    model: Path,
    settings: Templates,
    perturbations: str,
    max_new_tokens: int,
    out: Path,
) -> None:
    examples = read_table(data, ["example_id", "question"]).drop(columns="subset_rank")
    used = read_table(tokens, ["example_id", "subset_rank"])[["example_id", "subset_rank"]]
    changes = {key: Perturbation.model_validate(value) for key, value in json.loads(perturbations).items()}
    table = perturb_prompts(used.merge(examples, on="example_id"), changes, settings, load_tokenizer(model))
    longest = table.assign(length=table["prompt_ids"].map(len)).groupby("perturbation")["length"].max()
    context = context_of(model)
    if context is not None and longest.max() + max_new_tokens > context:
        raise UserError(
            f"datasets.{name}.perturbations.{longest.idxmax()}: the longest prompt has {longest.max()} tokens, and "
            f"{max_new_tokens} more do not fit into the context of {model} ({context}); shorten it, or lower "
            "sampling.max_new_tokens"
        )
    write_table(table, out)


if __name__ == "__main__":
    cli.run(main)
