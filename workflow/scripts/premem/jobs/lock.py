"""One Snakemake at a time on the results of a study, whichever folder it is called from.

Snakemake's own lock lies in the folder that it is called from. This one lies in the results, and ends with the process
that holds it, however that ends; what the file says outlives a process that was killed. Every job holds a lock of its
own, since jobs outlive a Snakemake that was killed.
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

RUNNING = "PREMEM_RUNNING"
"""Name of the environment variable that tells jobs the folder of their locks (see workflow/rules/common.smk)."""
_held: list[IO[str]] = []  # open until this process ends


def claim(results: Path) -> None:
    """Take the results of a study for this process.

    Raises:
        UserError: if another process has them, or if jobs of one that was killed still run or are in Slurm's queue.
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
    locks = results.absolute() / ".running"
    locks.mkdir(exist_ok=True)
    if running := _running(locks):
        raise UserError(
            f"{results}: jobs of an earlier snakemake, which was killed, still run and would write the same files: "
            f"{'; '.join(running)}. Wait for them or end them"
        )
    os.environ[RUNNING] = str(locks)
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now():%d %B %H:%M} in {Path.cwd()}")
    file.flush()
    _held.append(file)
    atexit.register(file.truncate, 0)


def _running(locks: Path) -> list[str]:
    """Describe the jobs that hold a lock in this folder; the files of those that have ended are removed."""
    found = []
    for path in sorted(locks.iterdir()):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            except BlockingIOError:
                host = path.name.rpartition("-")[0]
                processes = " ".join(map(str, _holders(path)))
                here = host == socket.gethostname() and processes
                found.append(f"kill {processes}" if here else f"process {path.name.rpartition('-')[2]} on {host}")
            except OSError:  # a disk without locks
                continue
    return found


def _holders(path: Path) -> list[int]:
    """Return the processes of this machine that hold a file open, but for this one."""
    holders = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(path):
                holders.add(int(link.parts[2]))
        except OSError:  # it has ended, or is another user's
            continue
    return sorted(holders - {os.getpid()})


def _queued(folder: Path) -> list[str]:
    """Numbers of the user's Slurm jobs that were submitted from a folder and have not ended."""
    if not shutil.which("squeue"):
        return []
    command = ["squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%F %Z"]
    said = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace").stdout
    lines = (line.split(" ", 1) for line in said.splitlines())
    return sorted({number for number, where in lines if Path(where) == folder})
