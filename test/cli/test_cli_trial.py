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

"""What only the system's own code can refuse is refused before any node starts."""

SYSTEM = """
print("a system that prints")

def system(size: int = 3, kind: str = "car"):
    if size < 0:
        raise RuntimeError(f"expected a size above zero, found {size}")
    if kind != "car":
        raise ValueError(f"expected a car, found a {kind}")
    return "no system"
"""


FILES = {
    "my.py": SYSTEM,
    "config.yaml": "wings: 2\n",
    "params.yaml": "/**:\n  ros__parameters:\n    overrides: ['kind=plane']\n",
}
REFUSED = {
    "--set size=-1": ["RuntimeError", "expected a size above zero, found -1"],
    "--set sise=1": ["override 'sise=1'", "size, kind"],
    "--config config.yaml": ["config.yaml", "wings"],
    "--params params.yaml": ["expected a car, found a plane"],
}


def test_a_system_that_refuses_is_told_before_any_node_starts(cli):
    # At the same time, as each of them spends its own on loading torch.
    runs = {given: cli("up", "my.py:system", *given.split(), files=FILES) for given in REFUSED}
    for given, run in runs.items():
        assert run.end() == 2, (given, run.out)
        for word in REFUSED[given]:
            assert word in run.err, given
        assert "Traceback" not in run.err, given
        assert not run.log_dir.exists(), given


def test_a_trial_that_dies_is_left_to_the_nodes(cli):
    run = cli("up", "my.py:system", files={"my.py": "import os; os._exit(3)"})
    run.until_active()
    run.process.terminate()
    assert run.end() == 0, run.err


def test_a_sound_system_with_overrides_runs(cli):
    run = cli("up", "vae", "--set", "latent_size=8", "--duration", "1")
    assert run.end() == 0, run.err
