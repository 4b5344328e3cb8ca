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

"""The inference node is killed again and again: the robot stands, then acts on what was learned."""

import statistics
import time
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from counting_system import UNTRAINED
from heard import Heard
from integration.harness import LENIENT_TIMEOUTS, graph, wait_until

pytestmark = pytest.mark.integration

SYSTEM = f"{Path(__file__).parent / 'counting_system.py'}:system"
ZERO_WITHIN_S = 0.3


def test_a_robot_whose_actor_is_killed_stands_until_the_newest_weights_act_again(
    full, repeats, figures
):
    options = ("-p", f"system:={SYSTEM}", *LENIENT_TIMEOUTS)
    to_zero, to_motion = [], []
    with graph() as made:
        probe = made.probe
        # At full size with all that a start takes from the others, such as importing torch.
        start = partial(made.start_by, ()) if full else made.start
        heard = Heard.by(probe)
        made.start_all(SYSTEM, *LENIENT_TIMEOUTS)
        for _ in range(repeats(2, 20)):
            version = heard.version
            wait_until(lambda v=version: heard.version >= v + 2, "weights that are learned")
            wait_until(probe.moving, "motion")
            actor = made.processes["inference_node"]
            stops = probe.status["report"]["robot_stops"]
            _, _, turn = heard.commands[-1]
            killed_at = time.monotonic()
            actor.kill()
            zero_at = wait_until(lambda t=killed_at: heard.first(t, moving=False), "zero")
            actor.wait()
            wait_until(lambda n=stops: probe.status["report"]["robot_stops"] > n, "the count")
            dead, version, started_at = heard.sources, heard.version, time.monotonic()
            start("inference_node", *options)
            moved_at = wait_until(lambda t=zero_at: heard.first(t, moving=True), "motion")
            assert moved_at > started_at, "a command of the dead node came after the zero"
            assert min(heard.turns(zero_at)) >= turn
            step = wait_until(lambda d=dead: heard.first_step_after(d), "a step")
            assert step.version >= version > 0
            to_zero.append(zero_at - killed_at)
            to_motion.append(moved_at - started_at)
        assert max(heard.turns(0.0)) < UNTRAINED / 10, "untrained weights acted"
        figures(
            kills=len(to_zero),
            robot_stops=probe.status["report"]["robot_stops"],
            zero_after_s_p50=round(statistics.median(to_zero), 3),
            zero_after_s_max=round(max(to_zero), 3),
            motion_after_start_s_p50=round(statistics.median(to_motion), 2),
            motion_after_start_s_max=round(max(to_motion), 2),
        )
        if full:
            assert max(to_zero) <= ZERO_WITHIN_S
