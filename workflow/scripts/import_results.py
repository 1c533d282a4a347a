"""Turn imported results into the tables of scores of a (model, dataset) pair."""

import sys
from pathlib import Path

from premem.base import cli
from premem.base.tables import write_table
from premem.config.imports import Import
from premem.scoring.release import read_release
from premem.scoring.score_tables import read_tables


def main(settings: Import, release: Path, memorization: Path, tests: Path) -> None:
    if settings.release:
        imported = read_release(release, settings.release.runs, settings.model, settings.dataset)
    else:
        train, test = ([Path(file).expanduser() for file in files] for files in settings.tables.files.values())
        imported = read_tables(train, test, settings.model, settings.dataset, settings.tables.columns)
    for what, runs in (("left out", imported.left_out), ("doubted", imported.doubted)):
        for run, reason in runs.items():
            print(f"{what} {run}: {reason}", file=sys.stderr)
    write_table(imported.tests, tests)
    write_table(imported.memorization, memorization, left_out_runs=imported.left_out, doubted_runs=imported.doubted)


if __name__ == "__main__":
    cli.run(main)
