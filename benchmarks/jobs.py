"""Seconds and peak memory of the jobs of a finished study, by rule, from Snakemake's benchmark files.

python benchmarks/jobs.py [results/embedded]
"""

import sys
from pathlib import Path

import pandas as pd


def main() -> None:
    """Print one line per rule, and the largest peak."""
    results = Path(sys.argv[1] if len(sys.argv) > 1 else "results/embedded")
    jobs = pd.concat(
        pd.read_csv(path, sep="\t", na_values="-").assign(rule=path.relative_to(results / "benchmarks").parts[0])
        for path in results.glob("benchmarks/**/*.tsv")
    )
    by_rule = jobs.groupby("rule").agg(
        jobs=("s", "size"), median_s=("s", "median"), total_s=("s", "sum"), peak_mb=("max_rss", "max")
    )
    print(by_rule.sort_values("total_s", ascending=False).round(1).to_string())


if __name__ == "__main__":
    main()
