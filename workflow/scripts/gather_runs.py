"""Join the scores of all runs of a pair into one table."""

from pathlib import Path

import pandas as pd

from premem.base import cli
from premem.base.tables import write_table
from premem.scoring.stored import read_memorization, read_tests


def main(memorization: list[Path], tests: list[Path], memorization_out: Path, tests_out: Path) -> None:
    write_table(pd.concat([read_memorization(path) for path in memorization]), memorization_out)
    write_table(pd.concat([read_tests(path) for path in tests]), tests_out)


if __name__ == "__main__":
    cli.run(main)
