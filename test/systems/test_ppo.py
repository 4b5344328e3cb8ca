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

"""PPO's parts by themselves: what a rollout says, advantages, distributions, the objective."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.core import TorchTrainingModel
from pamiq_ros.systems.ppo import system
from pamiq_ros.systems.ppo.distributions import Gaussian, MultiDiscrete
from pamiq_ros.systems.ppo.networks import ActionSampler, ActorCritic
from pamiq_ros.systems.ppo.rollout import (
    GOES_ON,
    TERMINATED,
    TRUNCATED,
    OutcomeReader,
    RewardScale,
    Rollout,
)
from pamiq_ros.systems.ppo.trainer import policy_loss

GAMMA, TRACE = 0.9, 0.8


def rollout(rewards, ends, ticks=None):
    count = len(rewards)
    return Rollout(
        torch.zeros(count, 1),
        torch.zeros(count, 1),
        torch.zeros(count),
        torch.tensor(rewards, dtype=torch.float32),
        torch.tensor(ends),
        torch.tensor(list(range(count)) if ticks is None else ticks),
        torch.zeros(count, dtype=torch.int64),
    )


def by_definition(made, values):
    """Advantages as the sums of the paper's equation 16, each by itself."""
    found, transition = [], made.is_transition().tolist()
    for start in range(len(transition)):
        total, weight, index = 0.0, 1.0, start
        while index < len(transition) and transition[index]:
            after = 0.0 if made.ends[index + 1] == TERMINATED else float(values[index + 1])
            error = float(made.rewards[index + 1]) + GAMMA * after - float(values[index])
            total, weight, index = total + weight * error, weight * GAMMA * TRACE, index + 1
        found.append(total)
    return found


@given(
    st.lists(
        st.tuples(
            st.floats(-5, 5, width=32),
            st.sampled_from([GOES_ON] * 5 + [TERMINATED, TRUNCATED]),
            st.sampled_from([1] * 6 + [2]),
        ),
        min_size=2,
        max_size=30,
    ),
    st.integers(0, 1000),
)
def test_advantages_are_those_of_the_definition(ticks, seed):
    rewards, ends, gaps = zip(*ticks, strict=True)
    made = rollout(rewards, ends, torch.tensor(gaps).cumsum(0).tolist())
    values = torch.randn(len(ticks), generator=torch.Generator().manual_seed(seed))
    found = made.advantages(values, made.rewards, GAMMA, TRACE)
    expected = by_definition(made, values)
    for got, want, is_one in zip(found.tolist(), expected, made.is_transition(), strict=True):
        if is_one:
            assert got == pytest.approx(want, rel=1e-4, abs=1e-4)


def test_an_end_a_gap_and_the_last_tick_are_no_transitions():
    made = rollout([0.0] * 6, [0, 0, TERMINATED, 0, 0, 0], [5, 6, 7, 8, 10, 11])
    assert made.is_transition().tolist() == [True, True, False, False, True]


def test_an_episode_that_is_cut_off_is_worth_what_would_have_come():
    values = torch.tensor([0.0, 10.0])
    for end, expected in ((TERMINATED, 1.0), (TRUNCATED, 1.0 + GAMMA * 10.0)):
        made = rollout([0.0, 1.0], [GOES_ON, end])
        found = made.advantages(values, made.rewards, GAMMA, TRACE)
        assert found.tolist() == pytest.approx([expected])


def test_rewards_of_returns_add_up_whatever_was_missed():
    reader = OutcomeReader()
    # episode, return, ended, last_return, last_ended
    heard = [
        (0, 0.0, 0, 0.0, 0),
        (0, 1.5, 0, 0.0, 0),
        (0, 1.5, 0, 0.0, 0),  # the same once more: a tick without a step
        (0, 4.0, 0, 0.0, 0),  # two steps between two ticks
        (1, 0.5, 0, 6.0, 1),  # its end was missed
        (1, 2.0, 2, 6.0, 1),
        (2, 0.0, 0, 2.0, 2),
    ]
    found = [reader.read(torch.tensor(outcome)) for outcome in heard]
    assert [reward for reward, _, _ in found] == [0.0, 1.5, 0.0, 2.5, 2.0, 1.5, 0.0]
    assert [end for _, end, _ in found] == [0, 0, 0, 0, TERMINATED, TRUNCATED, 0]
    assert [is_another for _, _, is_another in found] == [False] * 4 + [True, False, True]


def sampled(distribution, parameters, is_greedy=False):
    """An action for each row of parameters, and the logarithms of their probabilities."""
    rows = [distribution.sample(row.numpy(), is_greedy) for row in parameters]
    raws, logs = zip(*rows, strict=True)
    return torch.tensor(np.stack(raws)), torch.tensor(logs)


@pytest.mark.parametrize("distribution", [Gaussian(3), Gaussian(2, "clip"), MultiDiscrete([2, 5])])
def test_a_distribution_is_that_of_torch(distribution):
    parameters = torch.randn(4000, distribution.parameters) * 0.3
    raw, recorded = sampled(distribution, parameters)
    assert raw.shape == (4000, distribution.size)
    if isinstance(distribution, Gaussian):
        mean, log_std = parameters.chunk(2, 1)
        theirs = [torch.distributions.Normal(mean, log_std.exp())]
        log_probability, entropy = theirs[0].log_prob(raw).sum(1), theirs[0].entropy().sum(1)
    else:
        theirs = [torch.distributions.Categorical(logits=p) for p in parameters.split([2, 5], 1)]
        parts = [one.log_prob(raw[:, i]) for i, one in enumerate(theirs)]
        log_probability, entropy = sum(parts), sum(one.entropy() for one in theirs)
    torch.testing.assert_close(distribution.log_probability(parameters, raw), log_probability)
    torch.testing.assert_close(recorded, log_probability, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(distribution.entropy(parameters), entropy)
    # Each action is sampled as often as its probability says.
    alike = parameters[:1].expand(4000, -1)
    _, logs = sampled(distribution, alike)
    assert float(-logs.mean()) == pytest.approx(float(distribution.entropy(alike)[0]), abs=0.15)
    action = distribution.action(raw.numpy())
    assert action.min() >= -1.0 and action.max() <= 1.0
    best, recorded = sampled(distribution, parameters, is_greedy=True)
    assert bool((recorded >= log_probability - 1e-5).all())
    torch.testing.assert_close(recorded, distribution.log_probability(parameters, best))


def test_choices_are_spread_evenly():
    chosen = np.array([[0.0, 0.0], [1.0, 2.0], [1.0, 4.0]], np.float32)
    assert MultiDiscrete([2, 5]).action(chosen).tolist() == [[-1.0, -1.0], [1.0, 0.0], [1.0, 1.0]]


def test_the_objective_is_ppos_where_one_policy_acted():
    new = torch.tensor([-1.0, -0.5, -2.0], requires_grad=True)
    old, advantages = torch.tensor([-1.0, -1.0, -1.0]), torch.tensor([1.0, 1.0, -1.0])
    found = policy_loss(new, old, old, advantages, 0.2)
    ratios = [1.0, 1.2, math.exp(-1.0)]  # the second is clipped from exp(0.5)
    assert found.loss.item() == pytest.approx(-(ratios[0] + ratios[1] - 0.8) / 3, rel=1e-5)
    assert found.clip_fraction == pytest.approx(2 / 3)
    found.loss.backward()
    assert new.grad.tolist() == pytest.approx([-1 / 3, 0.0, 0.0], abs=1e-6)


def test_what_an_older_policy_did_counts_by_how_likely_it_was():
    new = torch.tensor([-1.0, -1.0])
    proximal = torch.tensor([-1.0, -1.0])
    behaviour = torch.tensor([-0.5, -9.0])  # more and far less likely when it was drawn
    found = policy_loss(new, proximal, behaviour, torch.tensor([1.0, 1.0]), 0.2)
    assert found.loss.item() == pytest.approx(-(math.exp(-0.5) + 2.0) / 2)


def test_rewards_are_scaled_by_the_deviation_of_their_sums(tmp_path):
    scale, rewards = RewardScale(GAMMA), torch.randn(1000) * 30.0 + 1.0
    parts = [scale.scaled(part) for part in rewards.split(100)]
    total, sums = 0.0, []
    for reward in rewards.tolist():
        total = GAMMA * total + reward
        sums.append(total)
    assert scale.deviation == pytest.approx(float(torch.tensor(sums).std(correction=0)), rel=1e-3)
    torch.testing.assert_close(parts[-1], rewards[-100:] / scale.deviation)
    scale.save(tmp_path / "scale")
    again = RewardScale(GAMMA)
    again.load(tmp_path / "scale")
    assert again.deviation == scale.deviation


def test_a_new_policy_hardly_depends_on_the_state():
    policy = ActorCritic(4, Gaussian(2), (16,), log_std=-0.5)
    parameters, values = policy(torch.randn(7, 4))
    assert parameters.shape == (7, 4) and values.shape == (7,)
    assert parameters[:, :2].abs().max().item() < 0.2
    assert parameters[:, 2:].unique().tolist() == [-0.5]


@pytest.mark.parametrize("distribution", [Gaussian(2), MultiDiscrete([2, 5])])
def test_actions_follow_the_weights_of_the_network(distribution):
    training = TorchTrainingModel(
        ActorCritic(4, distribution, (16, 8)), inference_procedure="parameters_at"
    )
    inference, observation = training.inference_model, torch.randn(4)
    sampler = ActionSampler(distribution, (torch.tensor(-1.0), torch.tensor(2.0)), is_greedy=True)
    for _ in range(3):
        for weights in training.model.parameters():
            weights.data = torch.randn_like(weights)
        inference.stage_parameters(
            {name: weights.clone() for name, weights in training.export_parameters().items()}
        )
        assert inference.swap_parameters()
        with torch.no_grad():
            parameters = training.model.parameters_of(observation[None])
        with inference.unwrap() as policy:
            torch.testing.assert_close(policy.parameters_at(observation), parameters[0])
        found = sampler.sample(inference, observation)
        raw, log_probability = distribution.sample(parameters[0].numpy(), is_greedy=True)
        torch.testing.assert_close(found.raw, torch.tensor(raw))
        torch.testing.assert_close(found.log_probability, torch.tensor(log_probability))
        torch.testing.assert_close(found.action, torch.tensor(distribution.action(raw)))


def test_a_command_is_within_the_limits_to_the_last_bit():
    low, high = torch.tensor([-0.1, 0.0, -1e9]), torch.tensor([0.3, 0.7, 0.001])
    sampler = ActionSampler(Gaussian(3), (low, high))
    assert torch.equal(sampler.command(-torch.ones(3)), low)
    assert torch.equal(sampler.command(torch.ones(3)), high)
    assert sampler.command(torch.zeros(3)).tolist() == pytest.approx([0.1, 0.35, -5e8])
    for action in torch.linspace(-1.0, 1.0, 1001):
        command = sampler.command(action.repeat(3))
        assert bool(((low <= command) & (command <= high)).all())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"gamma": 1.5}, "gamma: expected 0.0 to 1.0, found 1.5"),
        ({"action_bins": (1,)}, "action_bins: expected 2 or more"),
        ({"action_bins": (), "low": (0.0,), "high": ()}, "low, high: expected as many"),
        ({"action_bins": (), "low": (1.0,), "high": (0.0,)}, "low, high: expected as many"),
        ({"low": (0.0,)}, "low, high: expected none beside action_bins"),
        (
            {"action_bins": (), "low": (0.0,), "high": (1.0,), "squash": "round"},
            "squash: expected tanh",
        ),
        ({"hidden": (0,)}, r"hidden\[0\]: expected 1 to 4096"),
        ({"outcome_topic": "no topic"}, "outcome_topic"),
    ],
)
def test_a_wrong_value_is_named(values, expected):
    with pytest.raises(ValueError, match=expected):
        system(**values)
