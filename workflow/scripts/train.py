"""Fine-tune a base model on a subset of a training set, keeping the weights of the chosen epochs."""

import os
from pathlib import Path

import pandas as pd

from premem.base import cli
from premem.base.files import check_identity, remove
from premem.base.tables import read_table, write_table
from premem.config.hardware import TrainingHardware
from premem.config.runs import Subset
from premem.config.training import Training
from premem.data.subsets import trained_on
from premem.lm.training import fine_tune, leave


def main(
    base: Path,
    identity: Path,
    tokens: Path,
    settings: Training,
    lr: float,
    epochs: int,
    subset: Subset,
    seed: int,
    hardware: TrainingHardware,
    checkpoint_epochs: list[int],
    checkpoints: list[Path],
    gpus: int,
    code: str,
    work: Path,
    out: Path,
) -> None:
    if os.environ.get("RANK", "0") == "0":
        check_identity(base, identity)
    examples = trained_on(read_table(tokens, ["prompt_ids", "target_ids", "subset_rank"]), subset)
    log = fine_tune(
        base,
        [list(ids) for ids in examples["prompt_ids"]],
        [list(ids) for ids in examples["target_ids"]],
        settings,
        hardware,
        lr,
        epochs,
        seed,
        dict(zip(checkpoint_epochs, checkpoints, strict=True)),
        work,
        gpus,
        code,
    )
    if leave():
        table = pd.DataFrame(log)[["epoch", "step", "loss", "learning_rate", "grad_norm"]].astype(float)
        write_table(table, out)
        remove(work)


if __name__ == "__main__":
    cli.run(main)
