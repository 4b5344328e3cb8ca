"""Waiting for a condition, bounded in time."""

import time

DEADLINE_S = 90.0


def until(condition, what, deadline_s=DEADLINE_S):
    """Wait for a condition."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"expected within {deadline_s:g} s: {what}"
        time.sleep(0.05)
