"""Running a function from the command line: what every script of the workflow does.

    python workflow/scripts/grade.py --samples s.parquet --settings '{"grader": "strict"}' --out g.parquet

Options are the parameters of the script's ``main``, by name and type. Pydantic models and dictionaries are given as
JSON. A list takes any number of words. An option that may be None (``Path | None``) takes at most one word; an empty
word counts as none.
"""

import argparse
import gc
import inspect
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter

from premem.base import progress, provenance
from premem.base.errors import UserError
from premem.base.utf8 import print_anything

# Scripts import this module first. While torch is imported, Python's usual garbage collection would take a fifth of the
# time of a short job, so it is made rarer here; `run` restores the usual threshold.
USUAL_THRESHOLD = gc.get_threshold()
gc.set_threshold(50_000)


def run(main: Callable[..., None]) -> None:
    """Call ``main`` with the values on the command line; end with a message and status 1 on a ``UserError``."""
    gc.freeze()
    gc.set_threshold(*USUAL_THRESHOLD)
    print_anything()
    parser = argparse.ArgumentParser(description=main.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, parameter in inspect.signature(main, eval_str=True).parameters.items():
        kind = parameter.annotation
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=_reader(kind),
            nargs="*" if get_origin(kind) is list else "?" if get_origin(kind) is UnionType else None,
            required=parameter.default is parameter.empty,
            default=parameter.default,
        )
    arguments = vars(parser.parse_args())
    launched = "TORCHELASTIC_RUN_ID" in os.environ  # this process is one of several that launch.py started
    if launched:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    script = Path(sys.argv[0]).stem
    provenance.record(script, arguments)
    if paths := arguments.get("out"):
        progress.name_job(script, paths[0] if isinstance(paths, list) else paths)
    try:
        main(**arguments)
    except UserError as error:
        if launched and os.environ["RANK"] != "0":
            time.sleep(
                10
            )  # all processes fail in the same way: the first one says why, and the others are ended meanwhile
        sys.exit(f"error: {error}")
    if launched:
        # Everything is written. Threads that torch's process groups leave behind could abort a process while it ends.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _end_with_parent() -> None:
    """End this process when its parent is gone, since a launcher that is killed cannot end it."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _reader(kind: Any) -> Callable[[str], Any]:
    """Return what turns a word of the command line into a value of this type."""
    if get_origin(kind) is list:
        return _reader(get_args(kind)[0])
    if get_origin(kind) is UnionType:
        (inner,) = (member for member in get_args(kind) if member is not NoneType)
        read = _reader(inner)
        return lambda word: read(word) if word else None
    if get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return TypeAdapter(kind).validate_json
    return str if get_origin(kind) is Literal else kind
