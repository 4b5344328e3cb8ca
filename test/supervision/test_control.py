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

"""What the control node decides: transitions, the word for the whole, the report."""

import pytest

from pamiq_ros.supervision.lifecycle import (
    ACTIVE,
    FINALIZED,
    INACTIVE,
    UNCONFIGURED,
    next_transition,
)
from pamiq_ros.supervision.status import (
    INFERENCE,
    TRAINING,
    all_received,
    gather_report,
    system_state,
)

AFTER = {
    ("configure", UNCONFIGURED): INACTIVE,
    ("activate", INACTIVE): ACTIVE,
    ("deactivate", ACTIVE): INACTIVE,
    ("cleanup", INACTIVE): UNCONFIGURED,
    ("shutdown", UNCONFIGURED): FINALIZED,
    ("shutdown", INACTIVE): FINALIZED,
}


@pytest.mark.parametrize("start", [UNCONFIGURED, INACTIVE, ACTIVE])
@pytest.mark.parametrize("wanted", [UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED])
def test_following_the_transitions_leads_to_the_wanted_state(start, wanted):
    state = start
    for _ in range(4):
        transition = next_transition(state, wanted)
        if transition is None:
            break
        state = AFTER[(transition, state)]
    assert state == wanted


def test_an_active_node_is_deactivated_before_it_ends():
    assert next_transition(ACTIVE, FINALIZED) == "deactivate"


def test_nothing_leads_out_of_finalized():
    assert next_transition(FINALIZED, ACTIVE) is None


@pytest.mark.parametrize(
    ("states", "wanted", "failed", "word"),
    [
        (("active", "active"), ACTIVE, False, "active"),
        (("inactive", "active"), ACTIVE, False, "starting"),
        (("unconfigured", "active"), ACTIVE, True, "error"),
        (("inactive", "inactive"), INACTIVE, False, "paused"),
        (("inactive", "finalized"), FINALIZED, False, "stopping"),
        (("finalized", "finalized"), FINALIZED, True, "shutdown"),
    ],
)
def test_one_word_for_the_whole(states, wanted, failed, word):
    assert system_state(dict(zip("ab", states, strict=True)), wanted, failed) == word


def test_the_report_joins_what_was_sent_with_what_was_received():
    reports = {
        INFERENCE: {
            "system": "vae",
            "errors": ["stale"],
            "figures": {
                "inference": {"ticks": 7},
                "experience": {"frames": {"sent": 7, "numbered": 9, "bytes": 70}},
                "actions": {"/cmd_vel": 7},
            },
        },
        TRAINING: {
            "errors": [],
            "figures": {
                "training": {"updates": 3},
                "experience": {"frames": {"received": 6, "lost": 0, "up_to": 8, "bytes": 60}},
            },
        },
    }
    report = gather_report(reports, {"inference": 0, "training": 1, "control": 0}, 12.0)
    assert report["system"] == "vae"
    counts = {"sent": 7, "numbered": 9, "received": 6, "lost": 0, "up_to": 8, "bytes": 70}
    assert report["experience"] == {"frames": counts}
    assert report["errors"] == ["pamiq_inference: stale"]
    assert report["restarts"]["training"] == 1
    assert not all_received(report)
    reports[TRAINING]["figures"]["experience"]["frames"]["up_to"] = 9
    assert all_received(gather_report(reports, {}, 12.0))


def test_a_report_before_any_node_has_spoken():
    report = gather_report({}, {}, 0.0)
    assert report["inference"] == {} and report["experience"] == {} and all_received(report)
