"""Disks that are full: a call says so, and one further call, once there is room, ends as if there had always been."""

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from calls import snakemake
from edits import REGRESSION, RESCORED, differences, edited


@contextmanager
def full_disk(folder: Path, free: int):
    """Put a disk in the place of a folder, with what it holds and this many bytes more; yield what fills it."""
    aside = folder.rename(folder.with_name("aside"))
    folder.mkdir()
    size = sum(-(-file.lstat().st_size // 4096 + 1) * 4096 for file in aside.rglob("*")) + 4_000_000
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
        filler = folder / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(folder).free - free))
        yield filler
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("free", [0, 20_000])
@pytest.mark.parametrize("disk", ["results", ".snakemake"])
def test_a_full_disk_is_said_and_loses_nothing(finished, rescored, tmp_path, disk, free):
    study = edited(finished, tmp_path / "study", RESCORED)
    with full_disk(study / disk, free) as filler:
        done = snakemake(study, *REGRESSION)
        said = done.stdout + done.stderr
        if done.returncode:
            assert "disk is full" in said or "No space left on device" in said
        filler.unlink()
        if any((study / ".snakemake" / "locks").glob("*")):
            snakemake(study, "--unlock", *REGRESSION)
        done = snakemake(study, *REGRESSION)
        assert done.returncode == 0, done.stdout + done.stderr
        assert differences(rescored, study) == []
