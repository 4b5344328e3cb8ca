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

"""The random walk of the vae system: within limits, smooth, repeatable."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pamiq_ros.systems.vae.agent import SmoothRandomWalk

LOW, HIGH = (-0.1, -0.6), (0.3, 0.6)
SEEDS = st.integers(0, 2**31 - 1)


def steps(count: int, correlation_time: float = 1.0, period: float = 0.1, seed: int = 0) -> Tensor:
    walk = SmoothRandomWalk(LOW, HIGH, correlation_time, period, seed)
    return torch.stack([walk.step() for _ in range(count)])


@given(
    low=st.lists(st.floats(-10, 10), min_size=1, max_size=3),
    widths=st.lists(st.floats(0, 10), min_size=3, max_size=3),
    correlation_time=st.floats(0.01, 1000),
    seed=SEEDS,
)
@settings(deadline=None, max_examples=50)
def test_it_never_leaves_its_limits(low, widths, correlation_time, seed):
    high = [a + b for a, b in zip(low, widths, strict=False)]
    walk = SmoothRandomWalk(low, high, correlation_time, 0.1, seed)
    margin = 1e-5
    for _ in range(50):
        values = walk.step()
        assert values.shape == (len(low),) and values.dtype == torch.float32
        assert (values >= torch.tensor(low) - margin).all()
        assert (values <= torch.tensor(high) + margin).all()


@given(correlation_time=st.floats(0.5, 20), seed=SEEDS)
@settings(deadline=None, max_examples=25)
def test_it_is_smooth_the_more_so_the_longer_the_correlation_time(correlation_time, seed):
    values = steps(400, correlation_time, seed=seed)
    half_ranges = (torch.tensor(HIGH) - torch.tensor(LOW)) / 2
    changes = (values.diff(dim=0) / half_ranges).square().mean(0).sqrt()
    # What an Ornstein-Uhlenbeck process of half the half-range as deviation changes by per step.
    expected = 0.5 * math.sqrt(2 * (1 - math.exp(-0.1 / correlation_time)))
    assert (changes < 1.5 * expected).all()
    assert (changes > 0.5 * expected).all()


def test_it_uses_its_range_and_has_its_mean_in_the_middle():
    values = steps(8_000)
    middle = (torch.tensor(HIGH) + torch.tensor(LOW)) / 2
    spread = (torch.tensor(HIGH) - torch.tensor(LOW)) / 4
    assert torch.allclose(values.mean(0), middle, atol=0.05)
    assert ((values.std(0) / spread - 1).abs() < 0.15).all()


def test_steps_twice_as_often_are_of_the_same_spread():
    often = steps(8_000, period=0.05).std(0)
    assert torch.allclose(often, steps(8_000).std(0), rtol=0.1)


@pytest.mark.parametrize("seed", [0, 7])
def test_a_seed_repeats_and_another_differs(seed):
    assert torch.equal(steps(50, seed=seed), steps(50, seed=seed))
    assert not torch.equal(steps(50, seed=seed), steps(50, seed=seed + 1))
