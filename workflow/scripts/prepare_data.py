"""Read one split of a dataset from its source, check it, and write it as a table."""

import sys
from pathlib import Path

from premem import cli
from premem.prepare import prepare_split
from premem.settings import Examples, Split
from premem.tables import write_table


def main(name: str, split: str, source: Split, train: Split, settings: Examples, out: Path) -> None:
    table, bad = prepare_split(name, split, source, train, settings)
    if bad.rows:
        print(f"{name}/{split}: left out {bad.summary()}", file=sys.stderr)
    write_table(table, out, left_out=len(bad.rows))


if __name__ == "__main__":
    cli.run(main)
