"""Train several times in processes that launch.py has started, since they take longer to import than to train.

    python launch.py PROCESSES train_calls.py SCRIPT CALLS.json

CALLS.json holds a list of argument lists. Every process forks one for each call. The processes of a call find each
other through a store of that call, as those of a launch do through the launcher's.
"""

import json
import os
import runpy
import sys
from pathlib import Path

from torch.distributed import TCPStore

if __name__ == "__main__":
    script, calls = map(Path, sys.argv[1:])
    sys.path.insert(0, str(script.parent))
    import premem.lm.training  # noqa: F401

    host = os.environ["MASTER_ADDR"]
    launcher = TCPStore(host, int(os.environ["MASTER_PORT"]), is_master=False)
    for number, arguments in enumerate(json.loads(calls.read_text())):
        if os.environ["RANK"] == "0":
            store = TCPStore(host, 0, is_master=True, wait_for_workers=False)
            launcher.set(f"port of call {number}", str(store.port))
        os.environ["MASTER_PORT"] = launcher.get(f"port of call {number}").decode()
        if not (process := os.fork()):
            sys.argv = [str(script), *arguments]
            runpy.run_path(str(script), run_name="__main__")
        _, status = os.waitpid(process, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))
