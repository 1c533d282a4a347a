"""Place a run's checkpoints: train, predicted and test accuracy at the pair's threshold p."""

import json
from pathlib import Path

from premem import cli
from premem.memorization import points_of_run
from premem.tables import read_table, write_table


def main(
    memorization: Path,
    tests: Path,
    threshold: Path,
    test_set: str,
    model: str,
    dataset: str,
    lr: str,
    epochs: int,
    size: str,
    seed: int,
    out: Path,
) -> None:
    scores = read_table(memorization, ["example_id", "epoch", "accuracy", "perplexity"])
    accuracy = read_table(tests, ["test_set", "epoch", "accuracy"])
    points = points_of_run(
        scores, accuracy[accuracy["test_set"] == test_set], json.loads(threshold.read_text())["threshold"]
    )
    run = {"run": memorization.parent.name, "model": model, "dataset": dataset, "lr": lr, "epochs": epochs}
    write_table(points.assign(**run, size=size, seed=seed)[[*run, "size", "seed", *points]], out)


if __name__ == "__main__":
    cli.run(main)
