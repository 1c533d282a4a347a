"""Edits of the tiny study, and whether two studies came to the same results."""

import shutil
from pathlib import Path

import pandas as pd
import yaml

CALL = ("--configfile", "study.yaml")
REGRESSION = (*CALL, "--", "regression")
RESCORED = {"grading": {"grader": "lenient"}, "threshold": {"value": 2}}
"""An edit after which a few quick jobs lead to other tables."""
COMPARED = {".parquet", ".csv", ".json", ".md", ".txt", ".safetensors"}
NOT_COMPARED = {".made", "logs", "benchmarks"}


def edited(finished: Path, folder: Path, edit: dict) -> Path:
    """Copy the finished tiny study, with other blocks in its file, ``study.yaml``."""
    study = Path(shutil.copytree(finished, folder, symlinks=True))
    config = yaml.safe_load((study / "config" / "tiny.yaml").read_text())
    (study / "study.yaml").write_text(yaml.safe_dump(config | edit, sort_keys=False))
    return study


def differences(one: Path, other: Path) -> list[str]:
    """Return the results that one study has and the other lacks, or has with other values."""
    ours, theirs = _results(one), _results(other)
    both = ours.keys() & theirs.keys()
    return sorted(ours.keys() ^ theirs.keys()) + sorted(name for name in both if not _equal(ours[name], theirs[name]))


def _results(study: Path) -> dict[str, Path]:
    files = (file for file in (study / "results").rglob("*") if file.suffix in COMPARED and file.is_file())
    named = {str(file.relative_to(study)): file for file in files}
    return {name: file for name, file in named.items() if not NOT_COMPARED & set(Path(name).parts)}


def _equal(one: Path, other: Path) -> bool:
    if one.suffix == ".parquet":
        return pd.read_parquet(one).equals(pd.read_parquet(other))
    return one.read_bytes() == other.read_bytes()
