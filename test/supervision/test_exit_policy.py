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

"""What happens when a node's process ends."""

from __future__ import annotations

import pytest

from pamiq_ros.supervision.exit_policy import BAD_CONFIGURATION, GAVE_UP, ExitPolicy


def policy(respawn: bool = True, ends_graph: bool = False) -> ExitPolicy:
    made = ExitPolicy("pamiq_training", respawn, ends_graph)
    made.started(0.0)
    return made


@pytest.mark.parametrize("status", [1, -9, -11, 139])
def test_a_node_that_dies_is_restarted_after_a_second(status: int) -> None:
    reaction = policy().exited(status, 100.0)
    assert (reaction.action, reaction.delay_s) == ("restart", 1.0)
    assert "pamiq_training" in reaction.reason


def test_the_reason_tells_signals_from_statuses() -> None:
    assert "signal 9" in policy().exited(-9, 1.0).reason
    assert "exit status 3" in policy().exited(3, 1.0).reason


def test_a_clean_end_is_left_alone() -> None:
    assert policy().exited(0, 1.0).action == "leave"


def test_a_clean_end_of_the_control_node_ends_the_graph_well() -> None:
    reaction = policy(ends_graph=True).exited(0, 1.0)
    assert (reaction.action, reaction.status) == ("end", 0)


def test_a_control_node_that_dies_is_restarted() -> None:
    assert policy(ends_graph=True).exited(1, 1.0).action == "restart"


def test_a_refused_configuration_ends_the_graph_with_its_status() -> None:
    reaction = policy().exited(BAD_CONFIGURATION, 1.0)
    assert (reaction.action, reaction.status) == ("end", BAD_CONFIGURATION)


def test_a_node_without_respawn_ends_the_graph_with_an_error() -> None:
    reaction = policy(respawn=False).exited(1, 1.0)
    assert (reaction.action, reaction.status) == ("end", 1)


def test_a_node_that_dies_five_times_within_a_minute_is_given_up() -> None:
    dying = policy()
    reactions = [dying.exited(-9, second) for second in (1.0, 4.0, 9.0, 16.0, 60.9)]
    assert [reaction.action for reaction in reactions] == ["restart"] * 4 + ["end"]
    assert reactions[-1].status == 1 and "died 5 times within 60 s" in reactions[-1].reason


def test_a_node_that_gives_up_ends_the_graph_with_an_error() -> None:
    reaction = policy().exited(GAVE_UP, 1.0)
    assert (reaction.action, reaction.status) == ("end", 1)


def test_deaths_in_a_row_wait_longer_and_longer_up_to_half_a_minute() -> None:
    dying = policy()
    now_s, delays = 0.0, []
    for _ in range(8):
        dying.started(now_s)
        delays.append(dying.exited(1, now_s + 25.0).delay_s)
        now_s += 25.0 + delays[-1]
    assert delays == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert dying.restarts == 8


def test_a_minute_of_life_makes_up_for_earlier_deaths() -> None:
    dying = policy()
    for now_s in (1.0, 2.0, 3.0):
        dying.started(now_s)
        dying.exited(1, now_s + 0.5)
    dying.started(10.0)
    assert dying.exited(1, 75.0).delay_s == 1.0
