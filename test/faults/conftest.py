"""How often faults are caused: a few times, or with `--full` as docs/reliability.md has it."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def full(request):
    """Whether faults are caused as often as docs/reliability.md says."""
    return request.config.getoption("--full")


@pytest.fixture
def repeats(full):
    """Chooses between the number of repetitions for every day and the full one."""
    return lambda few, many: many if full else few


@pytest.fixture
def figures(request):
    """Keeps what was measured: one JSON line for each test, in the file of `--figures`."""

    def keep(**values):
        path = request.config.getoption("--figures")
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"test": request.node.name, **values}) + "\n")

    return keep
