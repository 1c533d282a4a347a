"""Snakemake, asking Slurm every half second whether jobs have ended; otherwise it does what `snakemake` does.

Its Slurm plugin (2.8.0) waits 10 seconds longer, up to 180, each time that no job has ended well. No option changes
that, so most of the tests' time would go by in waiting.
"""

import asyncio
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def sleep(executor: RemoteExecutor) -> None:
    await asyncio.sleep(0.5)


RemoteExecutor.sleep = sleep
sys.exit(main())
