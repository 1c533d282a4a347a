"""Seconds until the graph of jobs stands, and until a dry run has listed them: the paper's pairs, and 1,000 runs.

python benchmarks/dag.py
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAIRS = [f"{model}-{dataset}" for model in ("llama3-8b", "gemma2-9b") for dataset in ("gsm8k", "math")]


def studies() -> dict[str, dict[str, Any]]:
    """Return the studies by what they are called here."""
    pairs = [yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text()) for name in PAIRS]
    four: dict[str, Any] = {**pairs[0], "study": "four-pairs", "models": {}, "datasets": {}, "sweep": []}
    for pair in pairs:  # settings that differ between the datasets do not matter to the number of jobs
        four["models"] |= pair["models"]
        four["datasets"] |= pair["datasets"]
        four["sweep"] += pair["sweep"]
    line = {"model": "llama3-8b", "dataset": "gsm8k", "lr": [5e-5, 2e-5], "epochs": 6, "size": "full"}
    thousand = {**pairs[0], "study": "thousand", "sweep": [{**line, "seed": list(range(500))}]}
    return {"the paper's four pairs": four, "1,000 runs × 6 checkpoints": thousand}


def main() -> None:
    """Print a line per study."""
    peak = 0
    for name, study in studies().items():  # the smaller one first: the peak of all children so far only grows
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "study.yaml"
            path.write_text(yaml.safe_dump(study))
            command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
            command += ["--configfile", path, "--dry-run", "--quiet", "rules"]
            start, said, stands = time.perf_counter(), "", None
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                assert process.stdout
                for line in process.stdout:
                    said += line
                    if stands is None and line.startswith("Job stats:"):  # what comes after the graph
                        stands = time.perf_counter() - start
            seconds = time.perf_counter() - start
        if process.returncode or stands is None:
            sys.exit(said[-2000:])
        peak = max(peak, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        jobs = next(line.split()[1] for line in said.splitlines() if line.startswith("total"))
        print(
            f"{name}: {jobs} jobs, graph {stands:.1f} s, dry run {seconds:.1f} s, {peak / 1024:,.0f} MB "
            f"(load {os.getloadavg()[0]:.1f})"
        )


if __name__ == "__main__":
    main()
