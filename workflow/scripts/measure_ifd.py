"""Measure instruction-following difficulty: the mean loss of a target given its question, over that of it alone."""

from functools import partial
from pathlib import Path

from premem.analysis.curation.ifd import instruction_following_difficulty, prompt_without_question
from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.data import Templates
from premem.config.hardware import PerplexityHardware
from premem.config.runs import Subset
from premem.data.subsets import trained_on
from premem.lm.models import prepare_device
from premem.lm.perplexity import nll_under_checkpoint
from premem.lm.tokens import examples_of, load_tokenizer


def main(
    checkpoint: Path,
    tokens: Path,
    subset: Subset,
    templates: Templates,
    dtype: str,
    threads: int,
    gpus: int,
    hardware: PerplexityHardware,
    out: Path,
) -> None:
    prepare_device(threads, gpus, "hardware.perplexity.processes")
    table = trained_on(read_table(tokens, ["example_id", "prompt_ids", "target_ids", "subset_rank"]), subset)
    alone = prompt_without_question(load_tokenizer(checkpoint), templates, str(tokens))
    measure = partial(
        nll_under_checkpoint,
        checkpoint,
        dtype=dtype,
        tokens_per_batch=hardware.batch,
        processes=hardware.processes,
    )
    measured = instruction_following_difficulty(examples_of(table), alone, measure)
    measured.insert(0, "example_id", table["example_id"])
    write_table(measured, out)


if __name__ == "__main__":
    cli.run(main)
