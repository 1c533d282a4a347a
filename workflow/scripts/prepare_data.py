"""Read one split of a dataset from its source, check it, and write it as a table."""

import sys
from pathlib import Path

from premem.base import cli
from premem.base.tables import write_table
from premem.config.data import Reading, Split
from premem.data.preparation import prepare_split


def main(name: str, split: str, source: Split, train: Split, settings: Reading, out: Path) -> None:
    table, bad = prepare_split(name, split, source, train, settings)
    if bad.rows:
        print(f"{name}/{split}: left out {bad.summary()}", file=sys.stderr)
    write_table(table, out, left_out=len(bad.rows))


if __name__ == "__main__":
    cli.run(main)
