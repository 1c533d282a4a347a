"""Say how well test accuracy is predicted, with intervals over runs."""

import json
from pathlib import Path

import pandas as pd

from premem import cli
from premem.files import whole
from premem.regression import leave_one_run_out, ols_summary, regression_table
from premem.settings import Statistics
from premem.tables import read_table, write_csv


def main(
    points: list[Path],
    curves: Path,
    threshold: Path,
    settings: Statistics,
    points_out: Path,
    regression: Path,
    ols: Path,
) -> None:
    chosen = json.loads(threshold.read_text())
    table = pd.concat([read_table(path) for path in points], ignore_index=True)
    curve = read_table(curves)
    fixed = chosen["threshold"] if chosen["fixed"] else None
    held_out = table if chosen["fixed"] else table.merge(leave_one_run_out(curve), on=["run", "epoch"], how="left")
    write_csv(held_out, points_out)
    write_csv(regression_table(table, curve, settings, fixed), regression)
    with whole(ols) as aside:
        aside.write_text("\n\n".join(ols_summary(table, name) for name in ("premem_accuracy", "train_accuracy")) + "\n")


if __name__ == "__main__":
    cli.run(main)
