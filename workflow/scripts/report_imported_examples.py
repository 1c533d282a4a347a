"""Report on every training example of imported runs: a folder for each run, with a table and a page."""

from pathlib import Path

from premem.analysis.example_reports import examples_page, examples_table
from premem.base import cli
from premem.base.files import whole, write_text
from premem.base.tables import write_table
from premem.scoring.stored import read_memorization
from premem.scoring.threshold import read_threshold


def main(title: str, memorization: Path, threshold: Path, shown: int, out: Path) -> None:
    scores, chosen = read_memorization(memorization), read_threshold(threshold)
    with whole(out) as folder:
        for run, of_run in scores[scores["trained_on"]].groupby("run", sort=False, observed=True):
            examples = examples_table(of_run.astype({"example_id": str}), chosen.threshold)
            write_table(examples, folder / str(run) / "example_report.parquet")
            page = examples_page(f"{title}/{run}", examples, None, chosen, shown)
            write_text(page, folder / str(run) / "example_report.md")


if __name__ == "__main__":
    cli.run(main)
