"""A checkout to run studies in."""

import shutil

import pytest


@pytest.fixture(scope="session")
def checkout(root, tmp_path_factory):
    """A copy of the workflow, as a user would have it, without results."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("Snakefile", "config.yaml", "config", "workflow", "envs", "profiles"):
        source = root / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / name)
    return copy
