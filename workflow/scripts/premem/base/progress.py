"""Progress as lines of text, so that it is readable in a log file and among other jobs on a terminal."""

import sys
from pathlib import Path

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10

_job = ""


def name_job(script: str, out: Path) -> None:
    """Begin every line with the script and the last folders of its result, since jobs share a terminal."""
    global _job
    _job = f"{script} {'/'.join(out.parts[-3:-1])}: "


class _Lines:
    """A stream that writes a new line where tqdm would overwrite the old one."""

    def write(self, text: str) -> None:
        if line := text.strip("\r\n "):
            sys.stderr.write(f"{_job}{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


def track(total: int, unit: str, done: int = 0) -> tqdm:
    """Return a tqdm progress meter that reports done, speed and time left about every 10 seconds.

    Args:
        total: number of units.
        unit: their name.
        done: how many units an earlier process finished.

    Example line: ``sample lr3e-3_ep18_full_seed0/epoch-3: 512/768 prompts, 146.2/s, 00:01 left``.
    """
    return tqdm(
        total=total,
        initial=done,
        unit="",
        file=_Lines(),
        mininterval=SECONDS_BETWEEN_LINES,
        bar_format="{n_fmt}/{total_fmt} " + unit + ", {rate_fmt}, {remaining} left",
    )
