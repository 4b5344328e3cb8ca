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

"""One system drives a robot: of two that start, and of two nodes that bear one name."""

import json
import os

import pytest
from std_msgs.msg import String

from pamiq_ros.supervision.claims import NameClaim, Rivals
from pamiq_ros.supervision.reporter import LATCHED
from pamiq_ros.supervision.reports import seal

from .harness import DOMAIN, TINY, graph, wait_until

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")


def test_of_two_control_nodes_that_start_at_once_one_ends_with_status_2():
    with graph() as made:
        both = [made.start("control_node")]
        both.append(made.start("control_node"))
        ended = wait_until(lambda: [one for one in both if one.poll() is not None], "an end")
        made.processes["other"], made.processes["control_node"] = sorted(
            both, key=lambda one: one not in ended
        )
        assert [one.poll() for one in ended] == [2]
        made.start("inference_node", "-p", f"system:={TINY}")
        made.start("training_node", "-p", f"system:={TINY}")
        wait_until(made.probe.moving, "motion")


def test_a_control_node_gives_way_to_one_of_another_host_that_has_driven_the_robot():
    with graph() as made:
        made.start_all()
        made.wait_state("active")
        other = Rivals("other", 1)
        publisher = made.probe.create_publisher(String, "pamiq/status", LATCHED)
        # As both have driven it, the one that began first keeps it.
        other.driven = True
        status = {"state": "active", "control": "other", "claim": other.claim("elsewhere", 9)}
        control = made.processes["control_node"]

        def has_ended():
            publisher.publish(String(data=seal(status)))
            return control.poll() is not None

        wait_until(has_ended, "the end of the control node")
        assert control.poll() == 2


def test_no_robot_is_driven_whose_name_another_process_has():
    taken = NameClaim("/pamiq_inference", DOMAIN)
    taken.take()
    with graph() as made:
        probe = made.probe
        made.start_all()
        made.wait_state("error")
        assert f"found process {os.getpid()} of user" in probe.errors()
        assert not any(command.linear.x for command in probe.commands)
        taken.release()
        assert probe.call("pamiq/resume").success
        wait_until(probe.moving, "motion")


def test_a_second_node_of_the_name_takes_over_when_the_driving_one_is_killed():
    with graph() as made:
        probe = made.probe
        made.start_all()
        wait_until(probe.moving, "motion")
        first = made.processes["inference_node"]
        made.start("inference_node", "-p", f"system:={TINY}")
        made.processes["first"] = first
        wait_until(lambda: "2 nodes named pamiq_inference" in probe.errors(), "the complaint")
        assert probe.moving()
        states = states_while_standing(probe)
        first.kill()
        wait_until(probe.standing, "the robot to stand")
        wait_until(probe.moving, "motion")
        # One may be on its way at the moment of the stop.
        assert [state != "active" for state in states].index(True) <= 1
        made.wait_state("active")


def states_while_standing(probe):
    """The system's states as heard, from now on, while a stopped robot stands."""
    states = []

    def take(message):
        status = json.loads(message.data)
        if status["report"]["robot_stops"] and probe.standing():
            states.append(status["state"])

    probe.create_subscription(String, "pamiq/status", take, LATCHED)
    return states
