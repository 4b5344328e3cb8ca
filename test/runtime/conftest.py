"""Fixtures for tests of threads."""

import sys

import pytest


@pytest.fixture
def eager_threads():
    """Threads take the interpreter from each other fifty times as often as by default.

    They meet at more places, and one that only spins does not keep the others waiting.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)
