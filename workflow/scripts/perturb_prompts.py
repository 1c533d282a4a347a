"""Write the perturbed prompts of the training examples of a pair, and check that answers to them fit."""

from pathlib import Path

from premem.analysis.robustness.prompts import check_room_for_answers, perturb_prompts
from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.data import Perturbation, Templates
from premem.lm.tokens import context_of, load_tokenizer


def main(
    name: str,
    data: Path,
    tokens: Path,
    model: Path,
    settings: Templates,
    perturbations: dict[str, Perturbation],
    max_new_tokens: int,
    out: Path,
) -> None:
    examples = read_table(data, ["example_id", "question"]).drop(columns="subset_rank")
    used = read_table(tokens, ["example_id", "subset_rank"])[["example_id", "subset_rank"]]
    table = perturb_prompts(used.merge(examples, on="example_id"), perturbations, settings, load_tokenizer(model))
    check_room_for_answers(table, max_new_tokens, context_of(model), model, f"datasets.{name}")
    write_table(table, out)


if __name__ == "__main__":
    cli.run(main)
