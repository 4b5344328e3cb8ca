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

"""The table of `pamiq-ros evaluate`: every number can be read, however many states there are."""

import pytest

from pamiq_ros.cli.evaluate import print_table


def shown(states, capsys):
    rows = [(name, [(n + 0.25, n == 0) for n in range(states)]) for name in ("error", "loss")]
    print_table([f"2026-11-21_09-35-25.59{n:04}" for n in range(states)], rows)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("states", [1, 3])
def test_few_states_stand_beside_each_other(capsys, states):
    lines = shown(states, capsys)
    assert sum("2026-11-21_09-35-25.590000" in line for line in lines) == 1
    [errors] = [line for line in lines if "error" in line]
    assert all(f"{n}.25" in errors for n in range(states))


def test_many_states_stand_below_each_other(capsys):
    lines = shown(21, capsys)
    for n in range(21):
        [line] = [line for line in lines if f"2026-11-21_09-35-25.59{n:04}" in line]
        assert line.count(f"{n}.25") == 2
