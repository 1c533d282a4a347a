"""List the results on disk that the study no longer mentions, and remove them on request."""

from pathlib import Path

from premem.base import cli
from premem.config.study import Study
from premem.jobs.unused import find_unused, remove_unused, size_of


def main(study: Study, results: Path, then: str) -> None:
    unused = find_unused(study, results)
    for path in unused:
        print(f"{size_of(path) / 1e6:10,.1f} MB  {path}")
    total = f"{sum(map(size_of, unused)) / 1e6:,.1f} MB that the study does not mention"
    if then == "remove":
        remove_unused(unused)
        print(f"{total}: removed")
    else:
        print(f"{total}; `snakemake remove_unused` removes them" if unused else "the study mentions all results")


if __name__ == "__main__":
    cli.run(main)
