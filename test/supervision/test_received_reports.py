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

"""Which instances of a node have reported, which still do, and how often it was started again."""

import pytest

from pamiq_ros.supervision.reports import LIVE_S, ReceivedReports, seal


class Hall:
    """Reports, and the time they are heard at."""

    def __init__(self):
        self.now = 100.0
        self.heard = ReceivedReports(lambda: self.now)

    def say(self, instance, **more):
        return self.heard.take(seal({"node": "pamiq_training", "instance": instance, **more}))


def test_a_node_that_was_started_again_is_known_by_its_instance():
    hall = Hall()
    assert hall.heard.live == 0 and hall.heard.silent_s == 0.0 and hall.heard.newest == {}
    assert [hall.say("a"), hall.say("a"), hall.say("b"), hall.say("b"), hall.say("a")] == [
        False, False, True, False, False,
    ]  # fmt: skip
    assert hall.heard.instances == ["a", "b"]


def test_two_that_report_at_once_are_two_and_not_one_started_again():
    hall = Hall()
    hall.say("a")
    hall.say("b")
    assert (hall.heard.live, hall.heard.restarts) == (2, 0)
    hall.now += 2 * LIVE_S
    hall.say("b", state="active")
    assert (hall.heard.live, hall.heard.restarts) == (1, 1)
    assert hall.heard.newest["state"] == "active"


def test_silence_is_counted_from_the_last_report_of_any():
    hall = Hall()
    hall.say("a")
    hall.now += 1.0
    hall.say("b")
    hall.now += 7.0
    assert hall.heard.silent_s == 7.0
    assert hall.heard.live == 0


def test_what_is_no_report_changes_nothing():
    hall = Hall()
    hall.say("a", state="active")
    with pytest.raises(ValueError, match="expected"):
        hall.heard.take("{}")
    with pytest.raises(ValueError, match="instance: expected a name"):
        hall.say("")
    assert hall.heard.newest["state"] == "active" and hall.heard.instances == ["a"]


def test_memory_is_bounded_however_many_instances_there_are():
    hall = Hall()
    for number in range(1200):
        hall.now += 0.01
        hall.say(f"instance {number}")
    assert len(hall.heard.instances) == 1000
    assert hall.heard.instances[-1] == "instance 1199"
    assert hall.heard.live == 64


def test_the_state_of_each_that_reports_is_known_the_newest_last():
    hall = Hall()
    hall.say("a", state="active")
    hall.now += 1.0
    hall.say("b", state="unconfigured")
    assert hall.heard.states(LIVE_S) == ["active", "unconfigured"]
    hall.now += 1.0
    assert hall.heard.states(LIVE_S) == ["unconfigured"]
    assert hall.heard.states(5.0) == ["active", "unconfigured"]
    hall.heard.forget({"active"})
    assert hall.heard.states(5.0) == ["unconfigured"]
    hall.say("a", state="inactive")
    assert hall.heard.states(5.0) == ["unconfigured", "inactive"]
    assert hall.heard.instances == ["a", "b"]
