"""Where the tests find things, and what many of them begin with."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from calls import run_study

ROOT = Path(__file__).parents[1]

# A thread that waits for another would otherwise keep its core busy, and for far longer where others want the core too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data that is not part of the project: PREMEM_SHARED, or ../shared next to it."""
    folder = Path(os.environ.get("PREMEM_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set PREMEM_SHARED to the folder that holds data/")
    return folder


@pytest.fixture(scope="session")
def real_models() -> Path:
    """Folder of real pre-trained models, smollm2 and gemma3, that are not part of the project: PREMEM_REAL_MODELS."""
    if "PREMEM_REAL_MODELS" not in os.environ:
        pytest.skip("no real models; set PREMEM_REAL_MODELS to the folder that holds smollm2 and gemma3")
    return Path(os.environ["PREMEM_REAL_MODELS"])


@pytest.fixture(scope="session")
def checkout(root, tmp_path_factory):
    """A copy of the workflow, as a user would have it, without results."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("Snakefile", "config.yaml", "config", "workflow", "envs", "profiles", "slurm"):
        source = root / name
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / name, follow_symlinks=False)
    return copy


@pytest.fixture(scope="session")
def finished(checkout, tmp_path_factory):
    """The tiny study, run to its end on two cores. Processes of pytest-xdist share the run, and have a copy each."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    study = shared / "finished"
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not study.exists():
            shutil.copytree(checkout, shared / "unfinished", dirs_exist_ok=True)
            run_study(shared / "unfinished", "--configfile", "config/tiny.yaml")
            (shared / "unfinished").rename(study)
    return shutil.copytree(study, tmp_path_factory.mktemp("finished") / "checkout")
