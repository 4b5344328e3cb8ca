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

"""Reports that are sealed as a node's own are, with something of a wrong kind in them."""

import copy
import zlib

from pamiq_ros.supervision.reports import seal

DEEP = 10**5


def wrong_reports(report):
    """Texts of reports that have to be refused, each with the place that is wrong.

    Args:
        report: One that is right, of a node that acts.
    """
    for place, *values in (
        ("instance", None, 5, "", "x" * 10_000),
        ("errors", "text", {}, [5], [None], [[]]),
        ("controls", "text", [5]),
        ("system", 5),
        ("configuration_error", [], None),
        ("own_pauses", "1", -1, 1e300, 10**30, True, [0]),
        ("refused_statuses", "1", 0.5),
        ("figures", [], "text", None, 5),
        ("figures.inference", [], "text"),
        ("figures.inference.weights_version", "7", -1, 2**70, 1e9, None, float("nan")),
        ("figures.inference.actuators", {}, "text", [5], [{}], [{}] * 1000),
        ("figures.inference.actuators.0.topic", "no topic", "/", 5, "/x" * 5000, "/cmd\0vel"),
        ("figures.inference.actuators.0.type", None, ["Twist"]),
        ("figures.inference.actuators.0.size", "2", -1, 10**12, 1e300),
        ("figures.experience", [], {"pictures": []}, {"pictures": {"sent": "7"}}),
        ("figures.experience", {"pictures": {"up_to": "7"}}, {"pictures": {"numbered": None}}),
        ("figures.buffers", [], {"pictures": 5}),
        ("figures.actions", [], 5),
        ("figures.training", [], 5),
        ("figures.state", "text"),
        ("figures.more", nested(100)),
    ):
        for value in values:
            yield place, seal(changed(report, place.split("."), value))
    # What can't be written by the standard library alone.
    deep = "[" * DEEP + "]" * DEEP
    yield "nested", sealed_text(f'{{"instance": "0", "figures": {deep}}}')
    yield "digits", sealed_text(f'{{"instance": "0", "own_pauses": {"9" * 10_000}}}')
    yield "list", sealed_text("[1]}")


def nested(depth):
    """A list in a list in a list."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


def changed(report, path, value):
    """A copy with another value in one place."""
    made = copy.deepcopy(report)
    inside = made
    for key in path[:-1]:
        inside = inside[int(key) if isinstance(inside, list) else key]
    inside[path[-1]] = value
    return made


def sealed_text(text):
    """A text with the seal of an object before its last brace."""
    return f'{text[:-1]}, "crc32": {zlib.crc32(text.encode())}}}'
