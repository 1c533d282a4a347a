"""Run sample.py several times in one process, since vLLM takes longer to import than to sample what a test needs.

    python sample_calls.py SCRIPT CALLS.json MESSAGES.json

CALLS.json holds a list of argument lists; MESSAGES.json gets, for each, the message it ended with, or null.
"""

import json
import runpy
import sys
from pathlib import Path


def call(script: Path, arguments: list[str]) -> str | None:
    sys.argv = [str(script), *arguments]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        return str(end)
    return None


if __name__ == "__main__":
    script, calls, messages = map(Path, sys.argv[1:])
    sys.path.insert(0, str(script.parent))
    messages.write_text(json.dumps([call(script, arguments) for arguments in json.loads(calls.read_text())]))
