"""Check a study file, with the line of what is not YAML: ``python workflow/scripts/check_study.py --file FILE``.

Snakemake reads a file that --configfile names before it reads the workflow, and says less of what it cannot read.
"""

from pathlib import Path

from premem.base import cli
from premem.config.load import load_study
from premem.config.study_file import read_study_file


def main(file: Path) -> None:
    study = load_study(read_study_file(file), str(file))
    print(f"{file}: the study {study.study} can be run; it has {len(study.trained_runs)} runs")


if __name__ == "__main__":
    cli.run(main)
