"""Calling Snakemake as a user does, without waiting each time for Snakemake and its libraries to be imported.

A call is a process of its own, in the checkout and with the checkout's code. It is forked from a process that has
imported the libraries, and nothing of the project, before.
"""

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

FORKED_FROM = "snakemake.cli", "numpy", "pandas", "pyarrow.parquet", "pydantic"
"""Modules that are imported once."""


def snakemake(root: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Call Snakemake in a checkout, with two cores."""
    command = ["snakemake", "--cores", "2", *map(str, arguments)]
    call = {"root": str(root), "command": command, "environment": {**os.environ, "NO_COLOR": "1"}}
    with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        ended, tell_end = os.pipe()
        with open(ended) as end, open(tell_end) as told:
            files = [stdout.fileno(), stderr.fileno(), told.fileno()]
            socket.send_fds(_server(), [json.dumps(call).encode()], files)
            told.close()
            returncode = int(end.read())
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(command, returncode, stdout.read(), stderr.read())


def run_study(root: Path, *arguments: object) -> str:
    """Call Snakemake, which must succeed; return what it said."""
    done = snakemake(root, *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@cache
def _server() -> socket.socket:
    """Start the process that calls are forked from; it ends when this end of the connection is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    return ours


def _serve(connection: socket.socket) -> None:
    """Fork a process for every call that is asked for, until nobody can ask any more; return in such a process."""
    for module in FORKED_FROM:
        __import__(module)
    while True:
        message, files, *_ = socket.recv_fds(connection, 1_000_000, 3)
        if not message:
            sys.exit()
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # whichever has ended by now
                pass
    connection.close()
    stdout, stderr, told = files
    if calling := os.fork():
        _, status = os.waitpid(calling, 0)
        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.close(told)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    call = json.loads(message)
    os.chdir(call["root"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.argv = call["command"]
    sys.path[0] = call["root"]  # instead of the folder of this file, as with `python -m snakemake`


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from snakemake.cli import main

    main()
