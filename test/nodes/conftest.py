"""Fixtures of the tests of `nodes`."""

import pytest
from domains import fast_discovery  # noqa: F401


@pytest.fixture(autouse=True)
def discovered_at_once(fast_discovery):  # noqa: F811
    """Nodes of these tests find each other at once."""
