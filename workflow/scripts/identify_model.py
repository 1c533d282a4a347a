"""Take the checksums of a model folder of the user's own."""

from pathlib import Path

from premem.base import cli
from premem.base.files import write_identity


def main(folder: Path, out: Path) -> None:
    write_identity(folder, out)


if __name__ == "__main__":
    cli.run(main)
