"""Report on every training example of runs made elsewhere: a folder for each run, with a table and a page."""

import json
from pathlib import Path

from premem import cli
from premem.examples import examples_page, examples_table
from premem.files import whole
from premem.scores import MEMORIZATION_COLUMNS
from premem.tables import read_table, write_table


def main(title: str, memorization: Path, threshold: Path, shown: int, out: Path) -> None:
    scores = read_table(memorization, MEMORIZATION_COLUMNS)
    p = json.loads(threshold.read_text())["threshold"]
    with whole(out) as folder:
        for run, of_run in scores[scores["trained_on"]].groupby("run", sort=False, observed=True):
            examples = examples_table(of_run.astype({"example_id": str}), p)
            write_table(examples, folder / str(run) / "examples.parquet")
            with whole(folder / str(run) / "examples.md") as aside:
                aside.write_text(examples_page(f"{title}/{run}", examples, None, p, shown))


if __name__ == "__main__":
    cli.run(main)
