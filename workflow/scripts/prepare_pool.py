"""Read a pool of examples to collect from, check it, and write it as a table."""

from pathlib import Path

from premem.analysis.curation.sources import read_pool
from premem.base import cli
from premem.base.tables import write_table
from premem.config.curation import Pool
from premem.config.data import Reading


def main(name: str, pool: Pool, settings: Reading, out: Path) -> None:
    write_table(read_pool(pool, settings, name), out)


if __name__ == "__main__":
    cli.run(main)
