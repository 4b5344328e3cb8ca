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

"""Heard: all that the robot and a recorder of the topics hear, in order and with times."""

import json
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from geometry_msgs.msg import Twist
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String, UInt8MultiArray
from tick_lateness import StolenTime

from pamiq_ros.supervision.reporter import LATCHED
from pamiq_ros.transport.experience import decode_experience

HISTORY = QoSProfile(depth=64, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Step(NamedTuple):
    """A step: the process that acted, the step's number, the weights that acted, when in ns."""

    source: str
    number: int
    version: int
    stamp: int


@dataclass
class Heard:
    """Lists that grow while the probe's executor spins.

    Attributes:
        commands: Arrival by `time.monotonic` in s, forward velocity, turn.
        steps: Each step that was sent.
        learners: How many learners each control node in its turn has seen, in all.
        updates: Updates of the newest learner, as each status has them.
        stolen: Read at each command.
    """

    commands: list[tuple[float, float, float]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    updates: list[int] = field(default_factory=list)
    learners: int = 0
    stolen: StolenTime = field(default_factory=StolenTime)
    _learner: tuple[str, int] = ("", 0)

    @classmethod
    def by(cls, probe):
        """What `probe` hears of a system as `counting_system` from now on."""
        heard = cls()
        probe.create_subscription(Twist, "cmd_vel", heard._on_command, 10)
        topic = "pamiq/experience/steps"
        probe.create_subscription(UInt8MultiArray, topic, heard._on_steps, HISTORY)
        probe.create_subscription(String, "pamiq/status", heard._on_status, LATCHED)
        return heard

    def since(self, moment):
        """The commands that came after a moment."""
        return [command for command in list(self.commands) if command[0] > moment]

    def turns(self, moment):
        """The turns commanded after a moment while the robot was driven."""
        return [turn for _, speed, turn in self.since(moment) if speed]

    def first(self, moment, moving):
        """When the first command came after a moment that is zero, or that is not; None: not yet"""
        for arrived, *velocities in self.since(moment):
            if any(velocities) == moving:
                return arrived
        return None

    @property
    def version(self):
        """Version of the weights that acted in the newest step; 0 before the first."""
        return self.steps[-1].version if self.steps else 0

    def first_step_after(self, sources):
        """The first step of a process that is none of `sources`; None: not yet."""
        return next((step for step in list(self.steps) if step.source not in sources), None)

    @property
    def sources(self):
        """The processes that acted."""
        return {step.source for step in list(self.steps)}

    def _on_command(self, twist):
        self.commands.append((time.monotonic(), twist.linear.x, twist.angular.z))
        self.stolen.read(time.time_ns())

    def _on_steps(self, message):
        batch = decode_experience(bytes(message.data))
        numbers = batch.steps.stacked()["number"].tolist()
        columns = (numbers, batch.weights_versions.tolist(), batch.stamps.tolist())
        self.steps += [Step(batch.source, *of) for of in zip(*columns, strict=True)]

    def _on_status(self, message):
        status = json.loads(message.data)
        report = status["report"]
        learner = status["control"], report["restarts"]["training"]
        if learner != self._learner:
            self._learner, self.updates = learner, []
            self.learners += 1
        if "updates" in report["training"]:
            self.updates.append(report["training"]["updates"])
