"""What the tests of faults begin with."""

import pytest

from calls import run_study
from edits import REGRESSION, RESCORED, differences, edited


@pytest.fixture(scope="session")
def rescored(finished, tmp_path_factory):
    """The tiny study after an edit and an undisturbed call."""
    study = edited(finished, tmp_path_factory.mktemp("rescored") / "study", RESCORED)
    run_study(study, *REGRESSION)
    assert differences(finished, study), "the edit changes nothing"
    return study
