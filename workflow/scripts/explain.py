"""Say of a result what made it, and whether and why it is stale.

python workflow/scripts/explain.py --file results/embedded/summary.md [--study-file config/tiny.yaml]
"""

import subprocess
import sys
from pathlib import Path

from premem import cli
from premem.errors import UserError
from premem.explain import describe, why_stale
from premem.plan import read_dry_run


def main(file: Path, study_file: str = "") -> None:
    print(describe(file))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1"]
    command += ["--configfile", study_file] if study_file else []
    done = subprocess.run([*command, "--", str(file)], capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise UserError(f"{file}: the study does not make it; name its study file with --study-file\n{said}")
    reasons = why_stale(read_dry_run(done.stdout + done.stderr))
    print("stale:\n  " + "\n  ".join(reasons) if reasons else "up to date")


if __name__ == "__main__":
    cli.run(main)
