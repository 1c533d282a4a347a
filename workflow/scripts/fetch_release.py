"""Download only the run folders of a release from its git repository, at its commit."""

import os
import shutil
import subprocess
from pathlib import Path

from premem.base import cli
from premem.base.errors import UserError
from premem.base.files import whole, write_identity
from premem.config.imports import Release

LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
"""Variables that name a repository of the caller's."""


def main(settings: Release, out: Path, identity: Path) -> None:
    identity.unlink(missing_ok=True)  # should this be killed, no old word vouches for a new folder
    with whole(out) as aside:
        clone = aside / "clone"
        # A link of the repository is not followed: it becomes a small file.
        options = ("--quiet", "--filter=blob:none", "--no-checkout", "--config", "core.symlinks=false")
        _git("clone", *options, "--", settings.repository, str(clone))
        _git("-C", str(clone), "sparse-checkout", "set", "--no-cone", f"/{settings.subfolder}/{settings.runs}_*")
        _git("-C", str(clone), "checkout", "--quiet", settings.revision, "--")
        folders = [path for path in (clone / settings.subfolder).glob(f"{settings.runs}_*") if path.is_dir()]
        if not folders:
            raise UserError(
                f"imports: {settings.repository} holds no folder {settings.subfolder}/{settings.runs}_… at "
                f"{settings.revision}; correct subfolder, runs or revision"
            )
        for folder in folders:
            folder.rename(aside / folder.name)
        shutil.rmtree(clone)
    write_identity(out, identity)


def _git(*arguments: str) -> None:
    try:
        subprocess.run(
            ["git", *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            # It asks nobody for a password, and works on the clone whatever repository the caller works in.
            env={name: value for name, value in os.environ.items() if name not in LOCAL} | {"GIT_TERMINAL_PROMPT": "0"},
        )
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
