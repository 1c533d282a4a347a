"""Measure the perplexity of the targets, of those held out as well, under every checkpoint of a run."""

from pathlib import Path

import pandas as pd

from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.hardware import PerplexityHardware
from premem.config.runs import Subset
from premem.data.subsets import held_out, trained_on
from premem.lm.models import prepare_device
from premem.lm.perplexity import nll_under_checkpoint
from premem.lm.tokens import examples_of
from premem.scoring.memorization import perplexity


def main(
    checkpoints: list[Path],
    checkpoint_epochs: list[int],
    tokens: Path,
    subset: Subset,
    dtype: str,
    threads: int,
    gpus: int,
    hardware: PerplexityHardware,
    out: Path,
) -> None:
    prepare_device(threads, gpus, "hardware.perplexity.processes")
    examples = read_table(tokens, ["example_id", "prompt_ids", "target_ids", "subset_rank"])
    table = pd.concat([trained_on(examples, subset), held_out(examples, subset)], ignore_index=True)
    measured = pd.DataFrame({"example_id": table["example_id"], "n_tokens": table["target_ids"].map(len)})
    tables = []
    for epoch, checkpoint in zip(checkpoint_epochs, checkpoints, strict=True):
        nll = nll_under_checkpoint(checkpoint, examples_of(table), dtype, hardware.batch, hardware.processes)
        tables.append(measured.assign(epoch=epoch, nll=nll, perplexity=perplexity(nll, measured["n_tokens"])))
    columns = ["example_id", "epoch", "n_tokens", "nll", "perplexity"]
    write_table(pd.concat(tables, ignore_index=True)[columns], out)


if __name__ == "__main__":
    cli.run(main)
