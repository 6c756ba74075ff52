"""Settings that register in a moment."""

import pytest

from sarnet.config import RegistrationSettings


@pytest.fixture(scope="session")
def fast() -> RegistrationSettings:
    return RegistrationSettings(threads=1, longest_voxels=64, magnified_voxels=0)
