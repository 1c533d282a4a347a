"""Fine-tune a base model on a subset of a training set, keeping the weights of the chosen epochs."""

import tempfile
from pathlib import Path

import pandas as pd
import torch

from premem import cli
from premem.settings import Training, TrainingHardware
from premem.tables import read_table, write_table
from premem.tokens import select_subset
from premem.training import fine_tune


def main(
    base: Path,
    tokens: Path,
    settings: Training,
    lr: float,
    epochs: int,
    size: float,
    seed: int,
    hardware: TrainingHardware,
    checkpoint_epochs: list[int],
    checkpoints: list[Path],
    out: Path,
) -> None:
    torch.set_num_threads(1)
    examples = select_subset(read_table(tokens, ["prompt_ids", "target_ids", "subset_rank"]), size)
    with tempfile.TemporaryDirectory() as scratch:
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
            Path(scratch),
        )
    write_table(pd.DataFrame(log)[["epoch", "step", "loss", "learning_rate", "grad_norm"]].astype(float), out)


if __name__ == "__main__":
    cli.run(main)
