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

"""Drive: whether the robot drove on while something was done to the nodes."""

from integration.harness import wait_until

TICKS = 10
OVERLOAD = {"stale_observation"}
"""What the inference node stops for when the test's own camera does not get to work."""


class Drive:
    """The robot's drive from now on.

    Args:
        probe: Hears it.
        strict: Whether not one command may be zero. A machine that is busy with other tests may
            keep a node silent or the camera from working long enough for the robot to be stopped.
    """

    def __init__(self, probe, strict):
        self._probe, self._strict = probe, strict
        self._commands, self._status = len(probe.commands), probe.status

    def require(self):
        """It went on, with no other stop than an overload's, and goes on now."""
        probe, was = self._probe, self._status["report"]
        ticks = was["inference"]["ticks"] + TICKS
        wait_until(lambda: probe.inference()["ticks"] >= ticks, "ticks")
        wait_until(probe.moving, "motion")
        wait_until(lambda: probe.state() == "active", "the system to be active")
        causes = probe.inference()["stop_causes"]
        new = {c for c, n in causes.items() if n > was["inference"]["stop_causes"].get(c, 0)}
        assert new <= (set() if self._strict else OVERLOAD)
        moving = [command.linear.x != 0.0 for command in probe.commands[self._commands :]]
        assert all(moving) or not self._strict
        assert probe.status["report"]["restarts"]["inference"] == was["restarts"]["inference"]
