"""Download only the run folders of a release from its git repository, at its commit."""

import shutil
import subprocess
from pathlib import Path

from premem.base import cli
from premem.base.errors import UserError
from premem.base.files import whole, write_identity
from premem.config.imports import Release


def main(settings: Release, out: Path, identity: Path) -> None:
    with whole(out) as aside:
        clone = aside / "clone"
        _git("clone", "--quiet", "--filter=blob:none", "--no-checkout", settings.repository, str(clone))
        _git("-C", str(clone), "sparse-checkout", "set", "--no-cone", f"/{settings.subfolder}/{settings.runs}_*")
        _git("-C", str(clone), "checkout", "--quiet", settings.revision)
        for folder in (clone / settings.subfolder).glob(f"{settings.runs}_*"):
            folder.rename(aside / folder.name)
        shutil.rmtree(clone)
    write_identity(out, identity)


def _git(*arguments: str) -> None:
    try:
        subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError("git is not installed; install it, or give local_release, a folder with the runs") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["git said nothing"]
        raise UserError(
            f"imports: the release cannot be fetched ({said[-1]}); correct repository or revision, or "
            "give local_release, a folder with the runs"
        ) from error


if __name__ == "__main__":
    cli.run(main)
