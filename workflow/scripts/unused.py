"""List the results on disk that a study no longer mentions, and remove them if told to.

The study is read from standard input, as JSON.
"""

import sys
from pathlib import Path

from premem.base import cli
from premem.config.study import Study
from premem.jobs.unused import find_unused, remove_unused, size_of


def main(results: Path, then: str) -> None:
    study = Study.model_validate_json(sys.stdin.read())
    unused = find_unused(study, results)
    for path in unused:
        print(f"{size_of(path, results) / 1e6:10,.1f} MB  {path}")
    total = f"{sum(size_of(path, results) for path in unused) / 1e6:,.1f} MB that the study does not mention"
    if then == "remove":
        for path in remove_unused(unused, results):
            print(f"{path} stays: it holds files that the workflow did not make")
        print(f"{total}: removed")
    else:
        print(f"{total}; `snakemake remove_unused` removes them" if unused else "the study mentions all results")


if __name__ == "__main__":
    cli.run(main)
