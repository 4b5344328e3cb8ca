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

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.worlds.action_map import AXES, ActionTerm, WorldError, array_map, twist_map

RACING = Box(np.array([-1, 0, 0], np.float32), np.ones(3, np.float32))
finite = st.floats(allow_nan=False, allow_infinity=False)


def twist(**axes: float) -> list[float]:
    return [axes.get(axis.replace(".", "_"), 0.0) for axis in AXES]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("angular.z", ActionTerm(5)),
        ("angular.z * -1", ActionTerm(5, scale=-1.0)),
        (" angular.z*-1.5e-1+0.5 ", ActionTerm(5, scale=-0.15, offset=0.5)),
        ("positive(linear.x) * 2 - 1", ActionTerm(0, "positive", 2.0, -1.0)),
        ("negative(linear.y)", ActionTerm(1, "negative")),
        ("linear.z + 3.", ActionTerm(2, offset=3.0)),
        ("-0.25", ActionTerm(None, offset=-0.25)),
    ],
)
def test_terms_are_read(text: str, term: ActionTerm) -> None:
    assert ActionTerm.parse(text) == term


@pytest.mark.parametrize(
    "text",
    [
        "",
        "linear",
        "linear.w",
        "-linear.x",
        "2 * linear.x",
        "linear.x * nan",
        "linear.x * 1e999",
        "linear.x + linear.y",
        "positive(linear.x",
        "linear.x * 2 * 3",
        "linear.x\n; x",
    ],
)
def test_what_is_no_term_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(WorldError, match="action_map: expected") as refused:
        ActionTerm.parse(text)
    assert repr(text) in str(refused.value)


@given(st.text(alphabet="linearagupostv.xyz()*+-0123456789e ", max_size=40))
def test_any_text_is_a_term_or_refused(text: str) -> None:
    try:
        term = ActionTerm.parse(text)
    except WorldError:
        return
    assert math.isfinite(term.value([0.5] * 6))


def test_the_racing_car_steers_left_for_a_positive_turn() -> None:
    racing = twist_map("CarRacing-v3", RACING)
    np.testing.assert_allclose(racing.action(twist(angular_z=0.5)), [-0.5, 0, 0])
    np.testing.assert_allclose(racing.action(twist(linear_x=0.25)), [0, 0.25, 0])
    np.testing.assert_allclose(racing.action(twist(linear_x=-0.75)), [0, 0, 0.75])


@pytest.mark.parametrize("numbers", [1, 3, 6])
def test_zero_does_nothing_in_a_box_by_default(numbers: int) -> None:
    space = Box(-2.0, 1.0, (numbers,), np.float32)
    np.testing.assert_array_equal(twist_map("Any-v0", space).action(twist()), np.zeros(numbers))


def test_by_default_one_is_the_bound_of_a_box() -> None:
    box_map = twist_map("Any-v0", Box(np.array([-2, 4], np.float32), np.array([2, 6], np.float32)))
    np.testing.assert_allclose(box_map.action(twist(linear_x=1, angular_z=-1)), [2, 4])
    np.testing.assert_allclose(box_map.action(twist(linear_x=-0.5)), [-1, 5])


def test_by_default_linear_x_chooses_of_a_discrete_space() -> None:
    choose = twist_map("Any-v0", Discrete(3, start=10))
    assert [choose.action(twist(linear_x=x)) for x in (-9, -1, 0, 1, 9)] == [10, 10, 11, 12, 12]


def test_terms_of_the_user_come_before_the_preset() -> None:
    racing = twist_map("CarRacing-v3", RACING, ["0.5", "linear.y", "angular.x * -1 + 0.5"])
    np.testing.assert_allclose(
        racing.action(twist(linear_y=0.3, angular_x=0.1, angular_z=1)), [0.5, 0.3, 0.4], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("space", "texts", "found"),
    [
        (RACING, ["linear.x"], "expected 3 terms .* found 1"),
        (MultiDiscrete([2, 2]), [], "expected a Box or Discrete space"),
        (Box(-1, 1, (7,)), [], "6 axes .* 7 numbers: expected `action_map`"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(
    space: gymnasium.Space[Any], texts: list[str], found: str
) -> None:
    with pytest.raises(WorldError, match=found):
        twist_map("Any-v0", space, texts)


@pytest.mark.parametrize(
    ("command", "found"),
    [([0.0] * 5, "expected 6 numbers, found 5"), (twist(angular_z=math.nan), "angular.z")],
)
def test_a_bad_command_is_refused(command: list[float], found: str) -> None:
    with pytest.raises(WorldError, match=found):
        twist_map("CarRacing-v3", RACING).action(command)


def test_an_array_is_the_action_clipped() -> None:
    action = array_map(Box(-1, 1, (2, 2), np.float32)).action([0.5, -3, 3, 0])
    np.testing.assert_array_equal(action, np.array([[0.5, -1], [1, 0]], np.float32))
    assert array_map(Discrete(4)).action([2.6]) == 3
    np.testing.assert_array_equal(
        array_map(Box(0, 255, (2,), np.uint8)).action([-4.0, 2.5]), [0, 3]
    )


@given(st.lists(finite, min_size=6, max_size=6), st.sampled_from([RACING, Discrete(5)]))
def test_every_action_is_in_its_space(command: list[float], space: gymnasium.Space[Any]) -> None:
    assert space.contains(twist_map("CarRacing-v3", space).action(command))
