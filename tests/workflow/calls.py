"""Calling Snakemake as a user does."""

import os
import subprocess
import sys
from pathlib import Path


def snakemake(root: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Call Snakemake in a checkout, with two cores."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *map(str, arguments)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})


def run_study(root: Path, *arguments: object) -> str:
    """Call Snakemake, which must succeed; return what it said."""
    done = snakemake(root, *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr
