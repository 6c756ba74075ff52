"""Fixtures of all tests, and what the markers `shared` and `gpu` need to run."""

import os
from pathlib import Path

import jaxtyping
import numpy as np
import pytest


def _shared() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("SARNET_SHARED", beside))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("shared") and not (_shared() / "data").is_dir():
        pytest.skip("no folder of real images at ../shared or $SARNET_SHARED")
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images; for tests marked `shared`."""
    return _shared()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20190408)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the signature checks that pytest adds: the package's own refusals, as a user meets them."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
