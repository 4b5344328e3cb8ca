"""Fixtures of the nodes' tests."""

import pytest
from domains import PROFILE


@pytest.fixture(autouse=True)
def fast_discovery(monkeypatch):
    """Fast DDS reads its profile once, for the first participant of this process."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    for name, value in PROFILE.items():
        monkeypatch.setenv(name, value)
