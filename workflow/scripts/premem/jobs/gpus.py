"""GPUs of a machine without a scheduler: every job gets some to itself. Snakemake only counts them."""

import fcntl
import getpass
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from premem.base.errors import UserError

SECONDS_BETWEEN_TRIES = 0.5


def run_on_gpus(number: int, command: list[str]) -> None:
    """Become the command, with ``CUDA_VISIBLE_DEVICES`` naming this many GPUs that no other such job has.

    They are held by locks on files that stay open across ``exec``, so they come free when the command ends, however it
    ends. Under a scheduler that has given the job its GPUs, and for a job without any, nothing is done.

    Raises:
        UserError: if the machine has fewer.
    """
    if number and (ids := visible_gpus(os.environ)) is not None and not _given_by_scheduler(number, ids):
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(_take(number, ids))
    os.execvp(command[0], command)


def visible_gpus(environment: Mapping[str, str]) -> list[str] | None:
    """The GPUs that may be used: those in ``CUDA_VISIBLE_DEVICES``, else all; None if that cannot be known."""
    if (named := environment.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in named.split(",") if name]
    try:
        listed = subprocess.run(["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True)
    except FileNotFoundError:
        return None
    return listed.stdout.decode().split()


def _given_by_scheduler(number: int, ids: Sequence[str]) -> bool:
    # Equal numbers of two Slurm jobs may mean different GPUs, so they must not be locked. An allocation with more GPUs
    # than the job asks for is one that Snakemake itself was started in.
    return "SLURM_JOB_ID" in os.environ and len(ids) == number


def _take(number: int, ids: Sequence[str]) -> list[str]:
    """Wait for this many GPUs, and take them all at once, so that two jobs never wait for each other."""
    if number > len(ids):
        raise UserError(
            f"the job asks for {number} GPUs, but there are {len(ids)}; lower processes, shards or tensor_parallel "
            "under hardware, or --resources gpu"
        )
    folder = Path(tempfile.gettempdir()) / "-".join(
        ["premem-gpus", getpass.getuser(), *filter(None, [os.environ.get("SLURM_JOB_ID")])]
    )
    folder.mkdir(exist_ok=True)
    while True:
        with ExitStack() as stack:
            taken = []
            for gpu in ids:
                file = stack.enter_context((folder / gpu).open("a", encoding="utf-8"))
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                taken.append((gpu, file))
                if len(taken) == number:
                    for _, file in taken:
                        os.set_inheritable(file.fileno(), True)
                    _held.append(stack.pop_all())
                    return [gpu for gpu, _ in taken]
        time.sleep(SECONDS_BETWEEN_TRIES * random.uniform(0.5, 1.5))


_held: list[ExitStack] = []  # the locks, until the command ends
