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

"""Of several control nodes that hear each other, exactly one has the robot."""

import itertools
import json

import pytest

from pamiq_ros.supervision.claims import Rivals
from pamiq_ros.supervision.reports import seal


def status(rivals, name, state="active"):
    return seal({"state": state, "control": name, "claim": rivals.claim("host", 1)})


@pytest.mark.parametrize("driven", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("began", [(1, 2, 3), (2, 1, 1), (5, 5, 5)])
def test_one_of_them_goes_on_whatever_the_order_in_which_they_hear(driven, began):
    names = "abc"
    for order in itertools.permutations(range(3)):
        rivals = [Rivals(name, at) for name, at in zip(names, began, strict=True)]
        for one, has in zip(rivals, driven, strict=True):
            one.driven = has
        for hearing, heard in itertools.product(order, repeat=2):
            rivals[hearing].receive(status(rivals[heard], names[heard]))
        winners = [index for index, one in enumerate(rivals) if not one.winner]
        assert len(winners) == 1
        assert driven[winners[0]] == any(driven)


def test_a_robot_that_is_driven_stays_with_its_control_node():
    old, new = Rivals("old", 2), Rivals("new", 1)
    old.driven = True
    new.receive(status(old, "old"))
    old.receive(status(new, "new"))
    assert (old.winner, new.winner) == ("", "process 1 on host host")


@pytest.mark.parametrize("state", ["stopping", "shutdown"])
def test_who_ends_has_no_robot(state):
    old, new = Rivals("old", 1), Rivals("new", 2)
    new.receive(status(old, "old", state))
    assert new.winner == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        json.dumps({"control": "other", "claim": {"began_ns": 0, "driven": True}}),
        seal({"control": "other"}),
        seal({"control": "other", "claim": 3}),
        seal({"control": "other", "claim": {"began_ns": "x", "driven": 1, "host": "", "pid": 1}}),
        seal({"control": "other", "claim": {"began_ns": [], "driven": 1, "host": "", "pid": 1}}),
    ],
)
def test_what_is_no_status_changes_nothing(text):
    rivals = Rivals("own", 1)
    rivals.receive(text)
    assert rivals.winner == ""
