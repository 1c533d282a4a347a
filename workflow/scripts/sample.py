"""Sample answers to the train and test prompts from checkpoints, one after the other."""

from pathlib import Path
from typing import Literal

import pandas as pd

from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings
from premem.lm.models import prepare_device
from premem.lm.sampling import seeded_prompts, tabulate
from premem.lm.sampling.shards import sample_checkpoint
from premem.lm.tokens import select_subset


def main(
    checkpoints: list[Path],
    train: Path,
    tests: list[Path],
    size: float,
    stop: str,
    settings: SamplingSettings,
    threads: int,
    gpus: int,
    hardware: SamplingHardware,
    out: list[Path],
    only: Literal["all", "tests"] = "all",
) -> None:
    prepare_device(threads, gpus, "hardware.sample.tensor_parallel")
    columns = ["example_id", "prompt_ids"]
    splits = {"train": select_subset(read_table(train, [*columns, "subset_rank"]), size)}
    # Prompts get their seeds by their place, so the order of test sets in the study must not count.
    tests = sorted(tests, key=lambda path: (path.stem != "test", path.stem))
    splits |= {path.stem: read_table(path, columns) for path in tests}
    prompts = pd.concat([table[columns].assign(split=split) for split, table in splits.items()])
    seeded = seeded_prompts(list(prompts["prompt_ids"]), settings)
    if only == "tests":  # with the seeds that they have among all prompts
        is_test = (prompts["split"] != "train").to_numpy()
        prompts, seeded = prompts[is_test], [prompt for prompt, asked in zip(seeded, is_test, strict=True) if asked]
    for checkpoint, path in zip(checkpoints, out, strict=True):
        completions = sample_checkpoint(checkpoint, settings, stop, hardware, seeded)
        write_table(tabulate(prompts, completions), path)


if __name__ == "__main__":
    cli.run(main)
