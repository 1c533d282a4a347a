"""Report on every training example of imported runs: a folder for each run, with a table and a page."""

import json
from pathlib import Path

from premem.analysis.example_reports import examples_page, examples_table
from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_table, write_table
from premem.scoring.scores import MEMORIZATION_COLUMNS


def main(title: str, memorization: Path, threshold: Path, shown: int, out: Path) -> None:
    scores = read_table(memorization, MEMORIZATION_COLUMNS)
    p = json.loads(threshold.read_text(encoding="utf-8"))["threshold"]
    with whole(out) as folder:
        for run, of_run in scores[scores["trained_on"]].groupby("run", sort=False, observed=True):
            examples = examples_table(of_run.astype({"example_id": str}), p)
            write_table(examples, folder / str(run) / "example_report.parquet")
            with whole(folder / str(run) / "example_report.md") as aside:
                aside.write_text(examples_page(f"{title}/{run}", examples, None, p, shown), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
