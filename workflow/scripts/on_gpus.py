"""Run a command on GPUs of its own: on_gpus.py NUMBER COMMAND [ARGUMENT ...]. See ``premem.jobs.gpus``."""

import sys

from premem.base.errors import UserError
from premem.jobs.gpus import run_on_gpus

if __name__ == "__main__":
    try:
        run_on_gpus(int(sys.argv[1]), sys.argv[2:])
    except UserError as error:
        sys.exit(f"error: {error}")
