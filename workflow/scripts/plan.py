"""Print what a study will take, before anything runs. The study is read from standard input, as JSON."""

import subprocess
import sys
import tempfile
from pathlib import Path

from premem.base import cli
from premem.base.errors import UserError
from premem.config.study import Study
from premem.jobs.plan import plan, read_dry_run


def main(snakefile: Path, results: Path) -> None:
    study = Study.model_validate_json(sys.stdin.read())
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "study.json"
        config.write_text(study.model_dump_json(), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--configfile", config, "--dry-run"]
        done = subprocess.run([*command, "--cores", "all", "--", "all"], capture_output=True, encoding="utf-8")
    if done.returncode:
        raise UserError(f"the study cannot be planned:\n{done.stderr.strip()}")
    print(plan(study, read_dry_run(done.stdout + done.stderr), results))


if __name__ == "__main__":
    cli.run(main)
