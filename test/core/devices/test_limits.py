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

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.core.devices.actuator import AxisLimit, VelocityLimiter

bounds = st.floats(0.0, 100.0) | st.just(math.inf)
limits = st.builds(AxisLimit, velocity=bounds, acceleration=bounds)
commands = st.lists(
    st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.floats(0.0, 10.0)), max_size=20
)


@given(limits, commands)
def test_no_command_exceeds_velocity_or_acceleration(
    limit: AxisLimit, sequence: list[tuple[float, float]]
) -> None:
    limiter, last = VelocityLimiter([limit]), 0.0
    for value, dt in sequence:
        (commanded,) = limiter.limit([value], dt)
        assert math.isfinite(commanded)
        assert abs(commanded) <= limit.velocity
        if math.isfinite(limit.acceleration):
            assert abs(commanded - last) <= limit.acceleration * dt * (1 + 1e-9) + 1e-12
        last = commanded


@given(limits, commands, st.floats(-50.0, 50.0))
def test_a_steady_command_is_reached_and_kept(
    limit: AxisLimit, before: list[tuple[float, float]], value: float
) -> None:
    limiter = VelocityLimiter([AxisLimit(limit.velocity, max(limit.acceleration, 1.0))])
    for past, dt in before:
        limiter.limit([past], dt)
    limiter.stop()
    limiter.limit([value], 60.0)
    (commanded,) = limiter.limit([value], 60.0)
    assert commanded == min(max(value, -limit.velocity), limit.velocity)


@given(limits, commands)
def test_what_is_within_the_limits_is_not_changed(
    limit: AxisLimit, sequence: list[tuple[float, float]]
) -> None:
    limiter, again = VelocityLimiter([limit]), VelocityLimiter([limit])
    for value, dt in sequence:
        allowed = limiter.limit([value], dt)
        assert again.limit(allowed, dt) == allowed


def test_stop_is_not_ramped_and_the_next_command_starts_from_rest() -> None:
    limiter = VelocityLimiter([AxisLimit(acceleration=1.0), AxisLimit(acceleration=2.0)])
    assert limiter.limit([5.0, 5.0], 1.0) == [1.0, 2.0]
    assert limiter.stop() == [0.0, 0.0]
    assert limiter.limit([-5.0, 5.0], 0.5) == [-0.5, 1.0]


def test_slowing_down_is_limited_too() -> None:
    limiter = VelocityLimiter([AxisLimit(acceleration=1.0)])
    limiter.limit([2.0], 2.0)
    assert limiter.limit([0.0], 0.5) == [1.5]


def test_zero_is_an_axis_that_may_not_move() -> None:
    assert VelocityLimiter([AxisLimit(velocity=0.0)]).limit([3.0], 1.0) == [0.0]


@pytest.mark.parametrize("field", ["velocity", "acceleration"])
@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_a_bad_limit_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field}: expected a limit of 0 or more"):
        AxisLimit(**{field: value})


@pytest.mark.parametrize("dt", [-0.1, math.nan])
def test_time_that_runs_backwards_is_refused(dt: float) -> None:
    with pytest.raises(ValueError, match="dt"):
        VelocityLimiter([AxisLimit()]).limit([0.0], dt)
