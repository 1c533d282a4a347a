"""Start a script in several processes that work together, with accelerate; all end together.

python launch.py PROCESSES SCRIPT [ARGUMENT ...]
"""

import logging
import sys

from accelerate.commands.launch import launch_command, launch_command_parser
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def main(processes: str, *command: str) -> None:
    """Run the command and end with its status; an error is one line instead of accelerate's traces."""
    flags = {
        "num_processes": processes,
        "main_process_port": "0",  # any free port, since jobs run at the same time
        "gpu_ids": "all",  # given here, like what follows, so that no configuration file of the user changes it
        "num_machines": "1",
        "mixed_precision": "no",  # the script chooses it
        "dynamo_backend": "no",
    }
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        # multi_gpu is accelerate's name for several processes on one machine, also without GPUs.
        launch_command(launch_command_parser().parse_args(["--multi_gpu", *words, *command]))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        how = f"was ended by {failure.signal_name()}" if failure.exitcode < 0 else "failed; its message is above"
        sys.exit(f"error: process {rank} of {processes} {how}")
    except SignalException as signal:
        sys.exit(128 + signal.sigval)


if __name__ == "__main__":
    main(*sys.argv[1:])
