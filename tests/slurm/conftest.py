"""A Slurm for the tests."""

import pytest

import local_slurm


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A Slurm of one node with two GPUs."""
    if why := local_slurm.missing():
        pytest.skip(f"no Slurm to test with: {why}")
    cluster = local_slurm.LocalSlurm(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
