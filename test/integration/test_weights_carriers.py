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

"""Both carriers between real nodes, and what becomes of shared memory when a node is killed."""

import os
import re
from pathlib import Path

import pytest

from .harness import graph, wait_until

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

SHARED = Path("/dev/shm")


def carried(probe):
    return probe.inference().get("weights", {}).get("policy", {})


def files_of(process):
    """Our shared-memory files that a process has open."""
    names = set()
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = os.readlink(entry)  # noqa: PTH115
        except FileNotFoundError:
            continue  # closed meanwhile
        if re.search(r"/pamiq_ros-\d+-[0-9a-f]+$", target):
            names.add(Path(target).name)
    return names


def test_shared_memory_carries_weights_and_a_killed_learner_leaves_none_for_long():
    with graph() as made:
        probe = made.probe
        made.start_all()
        made.wait_state("active")
        wait_until(lambda: carried(probe).get("shared", 0) >= 3, "weights by shared memory")
        assert carried(probe)["requests"] == 0
        learner = made.processes["training_node"]
        [left] = files_of(learner)
        assert files_of(made.processes["inference_node"]) == {left}
        learner.kill()
        learner.wait()
        assert (SHARED / left).exists()
        shared = carried(probe)["shared"]
        made.start("training_node", "-p", f"system:={made.system}")
        wait_until(lambda: carried(probe).get("shared", 0) >= shared + 3, "the new learner's")
        assert not (SHARED / left).exists()
        [now] = files_of(made.processes["training_node"])
        version = probe.inference()["weights_version"]

        actor = made.processes["inference_node"]
        actor.kill()
        actor.wait()
        made.start("inference_node", "-p", f"system:={made.system}")
        wait_until(lambda: probe.inference().get("weights_version", 0) >= version, "the newest")
        wait_until(lambda: probe.moving(), "motion")
        assert probe.call("pamiq/shutdown").success
        for process in made.processes.values():
            assert process.wait(150.0) == 0
        assert not (SHARED / now).exists()


def test_the_topic_carries_weights_when_told_to():
    with graph() as made:
        probe = made.probe
        made.start_all(made.system, "-p", "weights_carrier:=topic")
        made.wait_state("active")
        wait_until(lambda: carried(probe).get("received", 0) >= 3, "weights over the topic")
        assert carried(probe)["shared"] == 0
        assert files_of(made.processes["training_node"]) == set()


def test_a_robot_that_cannot_read_the_learners_shared_memory_gets_chunks():
    with graph() as made:
        probe = made.probe
        made.start("control_node")
        learner = made.start("training_node", "-p", f"system:={made.system}")
        [name] = wait_until(lambda: files_of(learner), "the learner's shared memory")
        (SHARED / name).chmod(0o666)  # anybody could have written what is in it
        made.start("inference_node", "-p", f"system:={made.system}")
        made.wait_state("active")
        wait_until(lambda: carried(probe).get("received", 0) >= 2, "weights in chunks")
        figures = carried(probe)
        assert figures["shared"] == 0 and figures["requests"] > 0 and figures["unreadable"] > 0
        assert f"{name} can't be read" in probe.errors()


def test_weights_that_were_lost_on_their_way_are_asked_for():
    """A line between learner and robot that opens only after the learner has spoken."""
    from rclpy.qos import QoSProfile
    from std_msgs.msg import UInt8MultiArray

    from pamiq_ros.nodes.topics import latched

    with graph() as made:
        probe = made.probe
        system = ("-p", f"system:={made.system}")
        made.start("control_node")
        made.start("training_node", *system)

        def published():
            report = probe.status.get("report", {})
            return report.get("training", {}).get("weights_published", 0) >= 1

        wait_until(published, "the first weights")
        line = probe.create_publisher(UInt8MultiArray, "line/policy", latched(10))
        probe.create_subscription(
            UInt8MultiArray, "pamiq/weights/policy", line.publish, QoSProfile(depth=100)
        )
        made.start("inference_node", *system, "-r", "pamiq/weights/policy:=line/policy")
        wait_until(probe.moving, "motion")
        wait_until(lambda: carried(probe).get("requests", 0) >= 1, "the request to be told of")
