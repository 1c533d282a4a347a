"""Where the tests find things."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data that is not part of the project: PREMEM_SHARED, or ../shared beside it."""
    folder = Path(os.environ.get("PREMEM_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set PREMEM_SHARED to the folder that holds data/")
    return folder
