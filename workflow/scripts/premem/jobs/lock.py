"""One Snakemake at a time on the results of a study, whichever folder it is called from.

Snakemake's own lock lies in the folder that it is called from. This one lies in the results, and ends with the process
that holds it, however that ends; what the file says outlives a process that was killed.
"""

import atexit
import fcntl
import getpass
import os
import shutil
import socket
import subprocess
from datetime import datetime
from pathlib import Path
from typing import IO

from premem.base.errors import UserError

_held: list[IO[str]] = []  # open until this process ends


def claim(results: Path) -> None:
    """Take the results of a study for this process.

    Raises:
        UserError: if another process has them, or if jobs of one that was killed are still in Slurm's queue.
    """
    results.mkdir(parents=True, exist_ok=True)
    file = (results / ".claimed").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise UserError(
            f"{results}: another snakemake works on these results ({file.read().strip()}); wait for it or end it"
        ) from None
    except OSError:  # a disk without locks: Snakemake's own is what remains
        return
    file.seek(0)
    if (killed := file.read().strip()) and (jobs := _queued(folder := Path(killed.rsplit(" in ", 1)[-1]))):
        raise UserError(
            f"{results}: an earlier snakemake was killed ({killed}), and jobs of its folder {folder} are still in "
            f"Slurm's queue; they would write the same files. Wait for them, or: scancel {' '.join(jobs)}"
        )
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now():%d %B %H:%M} in {Path.cwd()}")
    file.flush()
    _held.append(file)
    atexit.register(file.truncate, 0)


def _queued(folder: Path) -> list[str]:
    """Numbers of the user's Slurm jobs that were submitted from a folder and have not ended."""
    if not shutil.which("squeue"):
        return []
    command = ["squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%F %Z"]
    said = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace").stdout
    lines = (line.split(" ", 1) for line in said.splitlines())
    return sorted({number for number, where in lines if Path(where) == folder})
