"""Turn imported results into the tables of scores of a (model, dataset) pair."""

import sys
from pathlib import Path

from premem.base import cli
from premem.base.tables import write_table
from premem.config.imports import Import
from premem.scoring.imported_results import read_release, read_tables


def main(settings: Import, release: Path, memorization: Path, tests: Path) -> None:
    if settings.release:
        imported = read_release(release, settings.release.runs, settings.model, settings.dataset)
    else:
        train, test = (
            [Path(file).expanduser() for file in files] for files in (settings.tables.train, settings.tables.test)
        )
        imported = read_tables(train, test, settings.model, settings.dataset)
    for run, reason in imported.left_out.items():
        print(f"left out {run}: {reason}", file=sys.stderr)
    write_table(imported.tests, tests)
    write_table(imported.memorization, memorization, left_out_runs=imported.left_out)


if __name__ == "__main__":
    cli.run(main)
