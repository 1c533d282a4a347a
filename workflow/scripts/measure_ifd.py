"""Measure instruction-following difficulty: the mean loss of a target given its question, over that of it alone."""

from pathlib import Path

import pandas as pd

from premem.base import cli
from premem.base.errors import UserError
from premem.base.tables import read_table, write_table
from premem.config.data import Templates
from premem.config.hardware import PerplexityHardware
from premem.lm.models import prepare_device
from premem.lm.perplexity import nll_under_checkpoint
from premem.lm.tokens import TokenizedExample, examples_of, load_tokenizer, select_subset, start_token


def main(
    checkpoint: Path,
    tokens: Path,
    size: float,
    templates: Templates,
    dtype: str,
    threads: int,
    gpus: int,
    hardware: PerplexityHardware,
    out: Path,
) -> None:
    prepare_device(threads, gpus, "hardware.perplexity.processes")
    table = select_subset(read_table(tokens, ["example_id", "prompt_ids", "target_ids", "subset_rank"]), size)
    tokenizer = load_tokenizer(checkpoint)
    # The prompt without its question: what is left of the template, so that the target begins as it does with it.
    empty = templates.write_prompt("")
    alone = start_token(tokenizer) + tokenizer(empty, add_special_tokens=False)["input_ids"]
    if not alone:
        raise UserError(
            f"{tokens}: instruction-following difficulty needs a word before the target, but without its question the "
            "prompt is empty and the model has no start token; give the dataset a prompt such as "
            "'Question: {question}', or leave ifd out of curation.strategies"
        )
    examples = examples_of(table)
    nll, nll_alone = (
        nll_under_checkpoint(checkpoint, given, dtype, hardware.batch, hardware.processes)
        for given in (examples, [TokenizedExample(alone, example.target) for example in examples])
    )
    measured = pd.DataFrame({"example_id": table["example_id"], "nll": nll, "nll_alone": nll_alone})
    write_table(measured.assign(ifd=measured["nll"] / measured["nll_alone"]), out)


if __name__ == "__main__":
    cli.run(main)
