"""Texts are UTF-8 in every locale: also those that Python and Snakemake read and write on their own."""

import io
import locale
import os
import sys
from pathlib import Path


def start_in_utf8(program: str) -> None:
    """Start this process anew in Python's UTF-8 mode, if it is the program and the locale has another encoding.

    Commands, names of files and Snakemake's records would otherwise be in the locale's encoding. A process that only
    uses the program as a library goes on as it is.
    """
    started = Path(sys.argv[0])
    is_program = program in (started.name, started.parent.name)  # as a command, or with python -m
    if is_program and not sys.flags.utf8_mode and locale.getencoding().lower() not in ("utf-8", "utf8"):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {"PYTHONUTF8": "1"})


def print_anything() -> None:
    """Have characters that the terminal's encoding lacks printed as escapes, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
