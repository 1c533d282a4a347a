"""Sample answers to the train and test prompts from checkpoints, one checkpoint after the other."""

from pathlib import Path
from typing import Literal

from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.data import HOLDOUT, TRAIN
from premem.config.hardware import SamplingHardware
from premem.config.runs import Subset
from premem.config.sampling import SamplingSettings
from premem.data.subsets import held_out, trained_on
from premem.lm.models import prepare_device
from premem.lm.sampling.prompts import prompts_of_splits, tabulate
from premem.lm.sampling.shards import sample_checkpoint


def main(
    checkpoints: list[Path],
    train: Path,
    tests: list[Path],
    subset: Subset,
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
    examples = read_table(train, [*columns, "subset_rank"])
    splits = {TRAIN: trained_on(examples, subset), HOLDOUT: held_out(examples, subset)}
    splits |= {path.stem: read_table(path, columns) for path in tests}
    asked, prompts = prompts_of_splits(splits, settings, only_tests=only == "tests")
    for checkpoint, path in zip(checkpoints, out, strict=True):
        completions = sample_checkpoint(checkpoint, settings, stop, hardware, prompts)
        write_table(tabulate(asked, completions), path)


if __name__ == "__main__":
    cli.run(main)
