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

"""One graph that drives: what disturbs it is named and counted, and then it drives on."""

from collections import Counter
from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from std_msgs.msg import UInt8MultiArray

from pamiq_ros.nodes.topics import latched

from .harness import TINY, Graph, Probe, graph, wait_until
from .tiny_system import BLACK, WHITE

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def running() -> Iterator[Graph]:
    """Three nodes for all tests of this file."""
    with graph() as made:
        made.start_all()
        yield made


@pytest.fixture
def probe(running: Graph) -> Iterator[Probe]:
    """The probe of the graph, which drives on good pictures before and after the test."""
    probe = running.probe
    wait_until(probe.moving, "a command that moves the robot")
    probe.forget_errors()
    yield probe
    probe.show_grey()
    wait_until(probe.moving, "motion on good pictures")


def stops(probe: Probe) -> Counter[str]:
    return Counter(probe.inference().get("stop_causes", {}))


def test_the_robot_stops_for_a_stale_picture_and_goes_on_by_itself(probe):
    before = stops(probe)
    probe.cover_lens()
    wait_until(probe.standing, "zero when no picture comes")
    wait_until(lambda: "camera/image_raw" in probe.errors(), "the topic's name in the errors")
    probe.uncover_lens()
    wait_until(probe.moving, "motion when pictures come again")
    wait_until(lambda: stops(probe) - before == {"stale_observation": 1}, "the count")


@pytest.mark.parametrize(
    ("shade", "cause", "text"),
    [
        (WHITE, "agent_error", "the agent's own fault"),
        (BLACK, "action_error", "cmd_vel"),
    ],
)
def test_the_robot_stops_for_a_faulty_agent(probe, shade, cause, text):
    before = stops(probe)
    probe.shade = shade
    wait_until(lambda: cause in stops(probe) - before, f"a stop for {cause}")
    assert probe.standing()
    wait_until(lambda: text in probe.errors(), "the cause's text")


def test_pictures_of_another_size_are_resized_and_unreadable_ones_stop_the_robot(probe):
    probe.size = 24
    resized = len(probe.commands)
    wait_until(lambda: len(probe.commands) > resized + 20, "a second on resized pictures")
    assert all(command.linear.x != 0.0 for command in probe.commands[resized:])
    probe.encoding = "teletext"
    wait_until(probe.standing, "zero for an encoding nobody knows")
    wait_until(
        lambda: "teletext" in probe.errors() and "camera/image_raw" in probe.errors(),
        "topic and encoding in the errors",
    )


def test_malformed_payloads_are_counted_and_dropped(probe):
    def malformed_experience():
        return probe.status["report"]["experience"]["pictures"].get("malformed", 0)

    def malformed_weights():
        return probe.inference()["weights"]["policy"].get("malformed", 0)

    for topic in ("pamiq/experience/pictures", "pamiq/weights/policy"):
        publisher = probe.create_publisher(UInt8MultiArray, topic, latched(8))
        wait_until(lambda p=publisher: p.get_subscription_count() > 0, "a subscriber")
        publisher.publish(UInt8MultiArray(data=list(b"not a payload at all")))
    wait_until(lambda: malformed_experience() == 1, "the malformed experience to be counted")
    wait_until(lambda: malformed_weights() == 1, "the malformed weights to be counted")
    version = probe.inference()["weights_version"]
    wait_until(lambda: probe.inference()["weights_version"] > version, "weights to go on arriving")


def test_a_second_node_of_the_same_name_is_reported(running, probe):
    learner = running.processes["training_node"]
    second = running.start("training_node", "-p", f"system:={TINY}")
    running.processes.update(training_node=learner, second=second)
    wait_until(lambda: "2 nodes named pamiq_training" in probe.errors(), "the report of it")
    second.kill()
    second.wait()
    wait_until(lambda: "2 nodes named" not in probe.errors(), "one node again")
