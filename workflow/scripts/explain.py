"""Say what made a result, whether it is stale, and why.

python workflow/scripts/explain.py --file results/embedded/summary.md [--study-file FILE] [--config KEY=VALUE …]

Give the study file and the --config of the call that made the result.
"""

import subprocess
import sys
from pathlib import Path

from premem.base import cli
from premem.base.errors import UserError
from premem.jobs.explain import describe, why_stale
from premem.jobs.plan import read_dry_run


def main(file: Path, study_file: Path | None = None, config: list[str] = []) -> None:  # noqa: B006 (only read)
    print(describe(file))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1"]
    command += ["--configfile", str(study_file)] if study_file else []
    command += ["--config", *config] if config else []
    done = subprocess.run([*command, "--", str(file)], capture_output=True, encoding="utf-8")
    if done.returncode:
        output = (done.stderr or done.stdout).strip()
        hint = "give its study file with --study-file, and the --config of its call"
        raise UserError(f"{file}: the study does not make it; {hint}\n{output}")
    output = done.stdout + done.stderr
    reasons = why_stale(read_dry_run(output))
    print("stale:\n  " + "\n  ".join(reasons) if reasons else "up to date")
    if "missing provenance" in output:
        print("but edits do not show: .snakemake does not record how every file was made; see docs/what-reruns.md")


if __name__ == "__main__":
    cli.run(main)
