"""Start a script in several processes that work together, with accelerate; they end together.

python launch.py PROCESSES SCRIPT [ARGUMENT ...]
"""

import logging
import sys

from accelerate.commands.launch import launch_command, launch_command_parser
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def main(processes: str, *command: str) -> None:
    """Run the command; end with its status, and with one line where accelerate shows traces of its own."""
    flags = {
        "num_processes": processes,
        "main_process_port": "0",  # any that is free, since jobs run side by side
        "gpu_ids": "all",  # said, like what follows, lest a configuration file of the user's should say otherwise
        "num_machines": "1",
        "mixed_precision": "no",  # the script's own business
        "dynamo_backend": "no",
    }
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        # multi_gpu is accelerate's name for several processes on one machine, also without GPUs.
        launch_command(launch_command_parser().parse_args(["--multi_gpu", *words, *command]))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        how = f"was ended by {failure.signal_name()}" if failure.exitcode < 0 else "failed; what it said is above"
        sys.exit(f"error: process {rank} of {processes} {how}")
    except SignalException as signal:
        sys.exit(128 + signal.sigval)


if __name__ == "__main__":
    main(*sys.argv[1:])
