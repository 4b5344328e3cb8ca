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

"""Reports: what was damaged, or is none, is refused with what is wrong; sealed JSON stays JSON."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from integration.mutations import mutated_json

from pamiq_ros.supervision import reports
from pamiq_ros.supervision.reports import (
    LARGEST_VERSION,
    MOST_CHARACTERS,
    MOST_LEVELS,
    read_report,
    seal,
    unseal,
)
from pamiq_ros.supervision.status import INFERENCE, TRAINING, gather_report

REPORT = {
    "node": "pamiq_inference",
    "instance": "0123456789ab",
    "controls": ["c1"],
    "refused_statuses": 0,
    "system": "vae",
    "state": "active",
    "errors": ["camera/image_raw: too old"],
    "configuration_error": "",
    "own_pauses": 0,
    "figures": {
        "inference": {
            "ticks": 7,
            "rate_hz": 19.99,
            "weights_version": 5,
            "actuators": [{"topic": "/cmd_vel", "type": "Twist", "size": 2, "frame_id": "base"}],
        },
        "experience": {"frames": {"sent": 7, "bytes": 70}},
        "actions": {"/cmd_vel": 7},
    },
}


def test_what_is_sealed_is_json_that_anybody_reads_and_comes_back():
    text = seal(REPORT)
    content = json.loads(text)
    assert isinstance(content.pop("crc32"), int) and content == REPORT
    assert unseal(text) == read_report(text) == REPORT


@pytest.mark.parametrize("report", [{"instance": "a"}, {"instance": "a", "figures": {}}])
def test_a_report_from_before_anything_was_measured_is_one(report):
    assert read_report(seal(report)) == report


@given(st.integers(0, 2**32))
def test_a_mutated_report_is_refused(seed):
    chance = random.Random(seed)
    for _ in range(20):
        mutated = mutated_json(chance, seal(REPORT)).decode(errors="replace")
        with pytest.raises(ValueError):
            read_report(mutated)


@given(st.text(max_size=200))
def test_any_text_is_refused(text):
    with pytest.raises(ValueError, match="expected a JSON object with a crc32"):
        unseal(text)


def with_value(path, value):
    made = json.loads(json.dumps(REPORT))
    inside = made
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return seal(made)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["instance"], "", "instance: expected a name"),
        (["instance"], 5, "instance: expected str, found '5'"),
        (["errors"], "text", "errors: expected list, found 'text'"),
        (["errors"], [None], "errors: expected str, found 'None'"),
        (["controls"], [{}], "controls: expected str"),
        (["own_pauses"], "1", "own_pauses: expected 0 to"),
        (["own_pauses"], True, "own_pauses: expected 0 to"),
        (["figures"], [], r"figures: expected dict, found '\[\]'"),
        (["figures", "experience"], {"frames": []}, "experience.frames: expected dict"),
        (["figures", "experience", "frames", "sent"], 1.5, "experience.frames.sent: expected 0 to"),
        (["figures", "experience", "frames", "up_to"], "7", "experience.frames.up_to: expected 0"),
        (["figures", "experience", "frames", "numbered"], [], "frames.numbered: expected 0 to"),
        (["figures", "buffers"], {"frames": 1}, "buffers.frames: expected dict"),
        (["figures", "inference", "weights_version"], LARGEST_VERSION + 1, "weights_version:"),
        (["figures", "inference", "actuators"], [{}] * 99, "actuators: expected at most 64"),
        (["figures", "inference", "actuators", 0, "topic"], "a b", "topic's name, found 'a b'"),
        (["figures", "inference", "actuators", 0, "size"], 10**9, "actuators.size: expected 0 to"),
    ],
)
def test_a_wrong_value_is_refused_by_its_place(path, value, message):
    with pytest.raises(ValueError, match=message):
        read_report(with_value(path, value))


def test_a_status_of_the_longest_reports_can_be_read():
    longest = reports.MOST_REPORT_CHARACTERS
    with pytest.raises(ValueError, match=f"at most {longest} characters"):
        read_report(with_value(["errors"], ["x" * longest]))
    text = with_value(["errors"], ["x" * (longest - 1000)])
    report = gather_report({name: read_report(text) for name in (INFERENCE, TRAINING)}, {}, 0.0)
    status = {"last_error": report["errors"][-1], "errors": report["errors"], "report": report}
    assert unseal(seal(status)) == status


def test_what_would_take_too_much_to_read_is_refused():
    nested = []
    for _ in range(MOST_LEVELS):
        nested = [nested]
    with pytest.raises(ValueError, match=f"at most {MOST_LEVELS} levels"):
        read_report(with_value(["figures", "more"], nested))
    with pytest.raises(ValueError, match=f"at most {MOST_CHARACTERS} characters"):
        unseal(" " * (MOST_CHARACTERS + 1))
