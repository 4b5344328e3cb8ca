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

"""Control and inference node without a learner of their configuration: the robot stands."""

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from .harness import TINY, Graph, graph, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def held() -> Iterator[Graph]:
    """A control and an inference node; both tests leave them without weights."""
    with graph() as running:
        running.start("control_node")
        running.start("inference_node", "-p", f"system:={TINY}")
        yield running


def test_no_weights_no_motion(held):
    probe = held.probe
    wait_until(lambda: len(probe.commands) >= 20, "commands without a learner")
    assert all(c.linear.x == 0.0 and c.angular.z == 0.0 for c in probe.commands)
    wait_until(lambda: probe.inference().get("hold") == "no_weights", "the reason")


def test_weights_of_another_configuration_are_refused_with_both_digests(held):
    probe = held.probe
    held.start("training_node", "-p", f"system:={TINY}", "-p", "overrides:=['speed=0.1']")
    digests = wait_until(lambda: _digests(probe.errors()), "both digests in the errors")
    assert len(set(digests)) == 2
    assert probe.inference()["weights_version"] == 0
    assert not probe.moving()


def _digests(text: str) -> list[str]:
    found = re.findall(r"\b[0-9a-f]{16}\b", text)
    return found if len(set(found)) >= 2 else []
