"""Fixtures of the nodes' tests."""

from pathlib import Path

import pytest

PROFILE = Path(__file__).parents[1] / "fast_discovery.xml"


@pytest.fixture(autouse=True)
def fast_discovery(monkeypatch):
    """Fast DDS reads its profile once, for the first participant of this process."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", str(PROFILE))
