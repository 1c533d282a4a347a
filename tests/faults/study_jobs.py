"""The jobs of a finished study, and running their scripts one by one.

Snakemake would take longer to start than most of these jobs take.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import script_server
from calls import run_study


@dataclass(frozen=True)
class Job:
    """A job of a study: its rule, its files, and its script with the arguments."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    words: tuple[str, ...]


def jobs_of(study: Path, *arguments: object) -> list[Job]:
    """Return the jobs of a study that start a script, as a dry run says."""
    jobs = []
    rule, files = "", dict.fromkeys(("input", "output"), ())
    for line in run_study(study, "--dry-run", "--forceall", "--printshellcmds", *arguments).splitlines():
        name, _, text = line.strip().partition(": ")
        if line.startswith(("rule ", "localrule ")):
            rule, files = line.split()[1].rstrip(":"), dict.fromkeys(("input", "output"), ())
        elif name in files:
            files[name] = tuple(file.removesuffix(" (update)") for file in text.split(", "))
        elif name == "Shell command" and "/scripts/" in text and "<<<" not in text:
            words = shlex.split(text.partition(" 2>&1 | ")[0])
            first = max(position for position, word in enumerate(words) if "/scripts/" in word and word.endswith(".py"))
            jobs.append(Job(rule, files["input"], files["output"], tuple(words[first:])))
    return jobs


class Scripts:
    """Runs scripts; ``with`` starts and ends the process that they are forked from."""

    def __enter__(self) -> "Scripts":
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
        command = [sys.executable, script_server.__file__]
        pipe = subprocess.PIPE
        self._server = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def run(self, words: Sequence[str], folder: Path) -> tuple[int, str]:
        """Return the exit status of a script that runs in a folder, and what it said."""
        print(json.dumps({"words": words, "folder": str(folder)}), file=self._server.stdin, flush=True)
        status, said = json.loads(self._server.stdout.readline())
        return status, said
