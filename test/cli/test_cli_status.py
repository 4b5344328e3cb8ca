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

"""Reading `pamiq/status`: whatever comes, it is read or refused with a reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.cli.status import LARGEST_CHARACTERS, Status
from pamiq_ros.cli.view import View, draw, line, status_lines

KEYS = st.sampled_from(
    ["state", "report", "inference", "training", "metrics", "a", "first", "last", "buffers",
     "size", "capacity", "errors", "restarts", "experience", "rate_hz", "lateness_ms", "hold"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        Status.parse(text)
    except ValueError as error:
        assert "expected a JSON object" in str(error)


@given(st.dictionaries(KEYS, JSON, max_size=5))
def test_any_object_can_be_shown(content):
    status = Status.parse(json.dumps(content))
    view = View("demo", status, elapsed_s=1.0)
    assert line(view)
    draw(view, [], 80)


def test_half_a_pair_of_surrogates_can_be_shown():
    status = Status.parse('{"state": "\\ud800", "errors": ["a\\udc80"], "\\ud801": 1}')
    assert status.state == "?" and status.errors == ["a?"]
    "\n".join(status_lines(status)).encode()


def test_a_huge_text_is_refused_unread():
    with pytest.raises(ValueError, match=f"at most {LARGEST_CHARACTERS} characters"):
        Status.parse(" " * (LARGEST_CHARACTERS + 1))


def test_a_deeply_nested_text_is_refused():
    with pytest.raises(ValueError, match="expected a JSON object"):
        Status.parse("[" * 200_000)
