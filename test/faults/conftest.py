# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
