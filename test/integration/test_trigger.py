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

"""The inference node with trigger:=observation: it steps when its sensor speaks, and only then."""

import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from geometry_msgs.msg import Twist
from std_msgs.msg import Float32MultiArray

from .harness import graph, wait_until

pytestmark = pytest.mark.integration

TWO_SENSORS = f"{Path(__file__).parent / 'two_sensors_system.py'}:system"
TRIGGERED = ("-p", f"system:={TWO_SENSORS}", "-p", "trigger:=observation")
# Commands are told from each other by their speed: nothing may smooth them.
UNSMOOTHED = ("-p", "max_linear_acceleration:=1000.0")


class Sensors:
    """Publishes what the system listens to."""

    def __init__(self, probe):
        self._publishers = {
            side: probe.create_publisher(Float32MultiArray, side, 1) for side in ("left", "right")
        }
        for publisher in self._publishers.values():
            wait_until(lambda p=publisher: p.get_subscription_count() > 0, "the sensors' topics")

    def say(self, side, value):
        self._publishers[side].publish(Float32MultiArray(data=[value]))


def speeds(probe):
    return [round(command.linear.x, 3) for command in probe.commands if command.linear.x]


def ticks(probe):
    return probe.inference()["ticks"]


def wait_for_a_newer_report(probe, meanwhile=lambda: None):
    # Reports come twice a second: the second one from now was made after this was called.
    until = probe.status["uptime_s"] + 1.5
    wait_until(lambda: meanwhile() or probe.status["uptime_s"] > until, "a report from after this")


def test_ticks_follow_the_observations_of_the_triggering_topic():
    with graph() as made:
        probe = made.probe
        made.start("control_node")
        rate = 10.0
        made.start(
            "inference_node", *TRIGGERED, "-p", "trigger_topic:=left", "-p", f"rate:={rate}",
            "-p", "observation_timeout:=2.0", *UNSMOOTHED,
        )  # fmt: skip
        sensors = Sensors(probe)
        wait_until(lambda: probe.inference().get("hold") == "no_observation", "it to wait")
        assert ticks(probe) == 0

        # Topics overtake each other: the first tick may find that the other one has said nothing.
        def first_words():
            sensors.say("right", 0.9)
            sensors.say("left", 0.9)
            return 0.9 in speeds(probe)

        wait_until(first_words, "the first command")
        # The other one must be fresh when the next tick begins, or the robot is stopped for it.
        wait_for_a_newer_report(probe, lambda: sensors.say("right", 0.9))
        before, heard = ticks(probe), len(speeds(probe))

        # One command for each observation, with what it said, and none for other sensors'.
        said = [value / 100 for value in range(1, 11)]
        for value in said:
            for other in (0.7, 0.8, 0.9):
                sensors.say("right", other)
            sensors.say("left", value)
            wait_until(lambda v=value: v in speeds(probe), f"the command for {value}")
        assert speeds(probe)[heard:] == said
        wait_until(lambda: ticks(probe) >= before + len(said), "every tick in the report")
        stops = probe.inference()["stops"]

        # Silence: the robot is stopped when what it heard last is too old, without a step.
        wait_until(probe.standing, "zero in silence")
        wait_until(lambda: probe.inference()["hold"] == "stale_observation", "the reason")
        wait_until(lambda: probe.inference()["stops"] == stops + 1, "the stop to be counted")
        assert "/left" in probe.errors() or "/right" in probe.errors()

        # The other sensor alone makes no step either.
        for _ in range(20):
            sensors.say("right", 0.9)
        wait_for_a_newer_report(probe)
        assert ticks(probe) == before + len(said) and speeds(probe)[heard:] == said
        silent = probe.inference()

        # A burst: no more ticks than the rate allows, and the newest observation is acted on.
        began, published = time.monotonic(), 0

        def burst():
            nonlocal published
            for value in (0.3, 0.4, 0.5):
                sensors.say("right", 0.9)
                sensors.say("left", value)
                published += 1
            assert ticks(probe) <= silent["ticks"] + 1 + rate * (time.monotonic() - began)
            return ticks(probe) >= silent["ticks"] + 8

        wait_until(burst, "eight ticks of a burst")
        sensors.say("left", 0.6)
        wait_until(lambda: speeds(probe)[-1] == 0.6, "the command for the newest observation")
        wait_for_a_newer_report(probe)
        ticked = ticks(probe) - silent["ticks"]
        skipped = probe.inference()["skipped"] - silent["skipped"]
        # Best effort: what was published and not received is neither ticked for nor skipped.
        assert 0 < skipped <= published + 1 - ticked

        assert probe.call("pamiq/shutdown").success
        assert probe.commands[-1] == Twist()


def test_a_trigger_topic_that_is_not_there_is_refused_and_those_that_are_there_are_named():
    with graph() as made:
        probe = made.probe
        made.start("control_node")
        made.start("inference_node", *TRIGGERED, "-p", "trigger_topic:=sideways")
        text = wait_until(lambda: probe.status.get("configuration_error"), "the refusal")
        made.wait_state("error")
        for word in ("trigger_topic", "sideways", "/left", "/right"):
            assert word in text
        assert speeds(probe) == []
