"""Measure what predictors of generalization need from a run's checkpoints, each loaded once."""

from pathlib import Path

import pandas as pd

from premem.analysis.predictors.measure import measure_checkpoints
from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.analyses import Predictors
from premem.config.hardware import PerplexityHardware
from premem.config.runs import Subset
from premem.data.subsets import trained_on
from premem.lm.models import prepare_device

ANSWERS = ["split", "example_id", "sample", "text", "finish_reason"]


def main(
    base: Path,
    checkpoints: list[Path],
    checkpoint_epochs: list[int],
    tokens: list[Path],
    samples: list[Path],
    subset: Subset,
    stop: str,
    dtype: str,
    settings: Predictors,
    threads: int,
    gpus: int,
    hardware: PerplexityHardware,
    weights: Path,
    confidences: Path,
) -> None:
    prepare_device(threads, gpus, "hardware.gpu")
    train = trained_on(read_table(tokens[0], ["example_id", "prompt_ids", "target_ids", "subset_rank"]), subset)
    prompts = pd.concat([read_table(path, ["example_id", "prompt_ids"]) for path in tokens])
    values, confidence = measure_checkpoints(
        base,
        dict(zip(checkpoint_epochs, checkpoints, strict=True)),
        train,
        prompts.set_index("example_id")["prompt_ids"].map(list),
        (read_table(path, ANSWERS) for path in samples) if samples else None,
        stop,
        dtype,
        settings,
        hardware.batch,
    )
    write_table(values, weights)
    write_table(confidence, confidences)


if __name__ == "__main__":
    cli.run(main)
