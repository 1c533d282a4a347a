"""Run scripts of the workflow, each in a process forked from this one, which has imported the libraries before.

    python script_server.py

Each line of standard input is JSON: {"words": [SCRIPT, ARGUMENT, …], "folder": FOLDER}. Each is answered by a line of
JSON: [exit status, what the script said].
"""

import json
import os
import runpy
import signal
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn

FORKED_FROM = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "matplotlib.pyplot",
    "statsmodels.api",
    "torch",
    "transformers.trainer",
    "transformers.models.llama.modeling_llama",
)
LONGEST = 300
"""Seconds after which a script is ended; none takes nearly as long."""


def serve() -> None:
    for module in FORKED_FROM:
        __import__(module)
    for line in sys.stdin:
        call = json.loads(line)
        with TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            if (process := os.fork()) == 0:
                run(call["words"], call["folder"], output.fileno())
            _, status = os.waitpid(process, 0)
            output.seek(0)
            print(json.dumps([os.waitstatus_to_exitcode(status), output.read()]), flush=True)


def run(words: list[str], folder: str, output: int) -> NoReturn:
    signal.alarm(LONGEST)
    os.chdir(folder)
    for old, new in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(old, new)
    sys.argv = words
    sys.path[0] = str(Path(words[0]).parent)
    runpy.run_path(words[0], run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    serve()
