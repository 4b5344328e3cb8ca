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

"""What can be done about what is wrong: sentences for the user."""

import pytest

from pamiq_ros.supervision.status import INFERENCE, TRAINING, OwnPauses, remedies

WELL = {INFERENCE: "active", TRAINING: "active"}
NONE = {INFERENCE: "", TRAINING: ""}


@pytest.mark.parametrize(
    ("states", "failures", "reports", "paused_by", "words"),
    [
        ({**WELL, TRAINING: "lost"}, NONE, {}, "", "start pamiq_training again"),
        (WELL, {**NONE, TRAINING: "refused"}, {}, "", "pamiq/resume has pamiq_training try again"),
        (
            {**WELL, INFERENCE: "unconfigured"},
            {**NONE, INFERENCE: "refused 'configure'"},
            {INFERENCE: {"configuration_error": "rate: wrong"}},
            "",
            "correct the configuration of pamiq_inference",
        ),
        (WELL, NONE, {}, INFERENCE, "pamiq_inference paused the system"),
        (
            WELL,
            NONE,
            {TRAINING: {"figures": {"training": {"halted": "a fault"}}}},
            "",
            "training has stopped",
        ),
    ],
)
def test_each_fault_has_its_way_out(states, failures, reports, paused_by, words):
    [found] = remedies(states, failures, reports, paused_by)
    assert words in found


def test_a_system_that_is_well_needs_none():
    assert remedies(WELL, NONE, {}, "") == []


def test_a_nodes_own_pause_is_taken_up_once():
    pauses = OwnPauses()
    report = {"instance": "a", "own_pauses": 0}
    assert pauses.newly({INFERENCE: report, TRAINING: {}}) == ""
    assert pauses.newly({INFERENCE: {**report, "own_pauses": 1}}) == INFERENCE == pauses.by
    # The same again, an older report that comes late, and another instance, begin nothing.
    assert pauses.newly({INFERENCE: {**report, "own_pauses": 1}}) == ""
    assert pauses.newly({INFERENCE: report}) == ""
    assert pauses.newly({INFERENCE: {"instance": "b", "own_pauses": 1}}) == ""
    assert pauses.newly({INFERENCE: {"instance": "b", "own_pauses": 2}}) == INFERENCE


def test_instances_that_were_made_up_take_no_more_room_and_hide_no_pause():
    pauses = OwnPauses()
    real = {"instance": "real", "own_pauses": 0}
    for number in range(10_000):
        pauses.newly({INFERENCE: {"instance": f"made up {number}", "own_pauses": 1}})
        if number % 100 == 0:
            pauses.newly({INFERENCE: real})
    assert len(pauses._seen) < 1000
    assert pauses.newly({INFERENCE: {**real, "own_pauses": 1}}) == INFERENCE
