"""Read a pool of examples to collect from, check it, and write it as a table."""

from pathlib import Path

from premem import cli
from premem.curation.sources import read_pool
from premem.settings import Examples, Pool
from premem.tables import write_table


def main(name: str, pool: Pool, settings: Examples, out: Path) -> None:
    write_table(read_pool(pool, settings, name), out)


if __name__ == "__main__":
    cli.run(main)
