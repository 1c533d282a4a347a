"""Draw the training examples that a seed of a curation starts from."""

from pathlib import Path

from premem.analysis.curation.collect import start
from premem.base import cli
from premem.base.tables import read_table, write_table


def main(data: Path, number: int, seed: int, out: Path) -> None:
    write_table(start(read_table(data, ["example_id", "question"]), number, seed, "curation.start"), out)


if __name__ == "__main__":
    cli.run(main)
