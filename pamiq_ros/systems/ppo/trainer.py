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

"""PPOTrainer: proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from pamiq_ros.core import OptimizersSetup, TorchTrainer

from .distributions import ActionDistribution
from .networks import ActorCritic
from .rollout import RewardScale, Rollout

_LARGEST_CORRECTION = 2.0


@dataclass(frozen=True)
class PolicyLoss:
    """The loss, and how far the policy has moved.

    Attributes:
        loss: A scalar, to be minimised.
        approx_kl: Estimate of the divergence from the proximal policy, in nats (Schulman 2020,
            http://joschu.net/blog/kl-approx.html).
        clip_fraction: Share of the steps whose ratio is clipped.
    """

    loss: Tensor
    approx_kl: float
    clip_fraction: float


def policy_loss(
    new: Tensor, proximal: Tensor, behaviour: Tensor, advantages: Tensor, clip_range: float
) -> PolicyLoss:
    """Return the clipped objective (Schulman et al. 2017, arXiv:1707.06347), decoupled.

    The ratio to the policy at the start of this training (proximal) is clipped. The ratio of that
    policy to the one that acted (behaviour), which may be older, corrects for the difference
    between the two, as in Hilton, Cobbe & Schulman 2022 (arXiv:2110.00641), equation 2. If they are
    the same policy, this is the original objective.

    Args:
        new: Logarithms of the actions' probabilities now, [N]; only they have gradients.
        proximal: The same for the policy at the start of this training.
        behaviour: The same for the policies that acted.
        advantages: [N].
        clip_range: How far the ratio may be from 1.
    """
    correction = torch.exp(proximal - behaviour).clamp(max=_LARGEST_CORRECTION)
    difference = new - proximal
    ratio = difference.exp()
    objective = torch.min(
        ratio * advantages, ratio.clamp(1.0 - clip_range, 1.0 + clip_range) * advantages
    )
    with torch.no_grad():
        approx_kl = float((ratio - 1.0 - difference).mean())
        clip_fraction = float(((ratio - 1.0).abs() > clip_range).float().mean())
    return PolicyLoss(-(correction * objective).mean(), approx_kl, clip_fraction)


OLD_NAMES = {
    "choices": "action_bins",
    "clip": "clip_range",
    "entropy": "ent_coef",
    "epochs": "n_epochs",
    "rollout": "n_steps",
    "trace": "gae_lambda",
}
"""New names of settings of systems with this trainer, by old name."""


@dataclass(frozen=True)
class PPOSettings:
    """How to train.

    Attributes:
        n_steps: Ticks in a rollout.
        n_epochs: Passes over a rollout.
        batch_size: Transitions per update.
        learning_rate: Learning rate of Adam.
        anneal: Rollouts after which the learning rate has decreased to 0; 0: it is constant.
        gamma: Discount factor per tick.
        gae_lambda: Lambda of generalized advantage estimation.
        clip_range: Clipping of the probability ratio, as a ratio less 1.
        ent_coef: Weight of the entropy in the loss.
        vf_coef: Weight of the values' squared error in the loss.
        max_grad_norm: Norm to which gradients are clipped.
        target_kl: Divergence in nats at which training on a rollout ends early; 0: never.
        scale_rewards: Whether rewards are divided by the standard deviation of their discounted
            sums.
    """

    n_steps: int = 2048
    n_epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 3e-4
    anneal: int = 0
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    target_kl: float = 0.0
    scale_rewards: bool = False


class PPOTrainer(TorchTrainer):
    """Trains the model `policy` on the buffer `rollout`.

    Records the metrics `reward` (mean of a tick), `policy_loss`, `value_loss`, `entropy` (nats),
    `approx_kl` (nats), `clip_fraction` (share of steps), `staleness` (versions between the weights
    that acted and those that are trained) and `explained_variance` (of the returns by the values).

    Args:
        distribution: Distribution of the actions.
        settings: How to train.
        seed: Seed of the order of transitions.
    """

    def __init__(self, distribution: ActionDistribution, settings: PPOSettings, seed: int) -> None:
        # One more: the transition of a rollout's last tick is complete at the next tick.
        super().__init__("rollout", settings.n_steps + 1, settings.n_steps)
        self._distribution, self._settings = distribution, settings
        self._random = torch.Generator().manual_seed(seed)
        self._scale = RewardScale(settings.gamma)
        self._new = 0

    @override
    def on_training_models_attached(self) -> None:
        """Get the policy."""
        self._policy = self.get_torch_training_model("policy", ActorCritic)
        self._weights = list(self._policy.model.parameters())

    @override
    def on_data_users_attached(self) -> None:
        """Get the data user of the rollout."""
        self._user = self.get_data_user("rollout")

    @override
    def create_optimizers(self) -> OptimizersSetup:
        """Return Adam, and its learning rate schedule if there is one."""
        settings = self._settings
        # The fused kernel takes a third of the time. On the CPU it came with torch 2.4.
        is_fused = torch.__version__ >= "2.4"
        adam = torch.optim.Adam(self._weights, settings.learning_rate, eps=1e-5, fused=is_fused)
        if not settings.anneal:
            return {"adam": adam}
        share = lambda run: max(0.0, 1.0 - run / settings.anneal)  # noqa: E731
        return {"adam": adam}, {"adam": torch.optim.lr_scheduler.LambdaLR(adam, share)}

    @override
    def is_trainable(self) -> bool:
        """Return whether a rollout is complete; count its steps."""
        self._user.update()
        self._new = self._user.count_data_added_since(self._previous_training_time)
        return super().is_trainable()

    @override
    def train(self) -> None:
        """Train on the transitions received since the last training."""
        rollout = Rollout.of(self._user.newest(self._new + 1))
        with torch.no_grad():
            parameters, values = self._policy.model(rollout.observations)
            proximal = self._distribution.log_probability(parameters, rollout.raws)
        if self._settings.scale_rewards:
            scaled = self._scale.scaled(rollout.rewards[1:])
            rewards = torch.cat([rollout.rewards[:1], scaled])
        else:
            rewards = rollout.rewards
        advantages = rollout.advantages(
            values, rewards, self._settings.gamma, self._settings.gae_lambda
        )
        chosen = rollout.is_transition().nonzero().squeeze(1)
        if len(chosen) < 2:
            return
        returns = advantages + values[:-1]
        self._record(rollout, chosen, values, returns)
        data = (
            rollout.observations[chosen],
            rollout.raws[chosen],
            proximal[chosen],
            rollout.log_probabilities[chosen],
            advantages[chosen],
            returns[chosen],
        )
        self._epochs(data)
        for scheduler in self.lr_schedulers.values():
            scheduler.step()

    def _epochs(self, data: tuple[Tensor, ...]) -> None:
        for _ in range(self._settings.n_epochs):
            order = torch.randperm(len(data[0]), generator=self._random)
            for rows in torch.split(order, self._settings.batch_size):
                if len(rows) < 2:
                    continue  # the advantage of a single step cannot be normalised
                if self._update(*(column[rows] for column in data)):
                    return

    def _update(
        self,
        observations: Tensor,
        raws: Tensor,
        proximal: Tensor,
        behaviour: Tensor,
        advantages: Tensor,
        returns: Tensor,
    ) -> bool:
        """Make one update; return True instead if the policy has changed by `target_kl`."""
        settings = self._settings
        parameters, values = self._policy.model(observations)
        new = self._distribution.log_probability(parameters, raws)
        normalised = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        policy = policy_loss(new, proximal, behaviour, normalised, settings.clip_range)
        if 0.0 < settings.target_kl < policy.approx_kl:
            return True
        entropy = self._distribution.entropy(parameters).mean()
        value_loss = functional.mse_loss(values, returns)
        loss = policy.loss + settings.vf_coef * value_loss - settings.ent_coef * entropy
        self.optimizers["adam"].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._weights, settings.max_grad_norm)
        self.optimizers["adam"].step()
        for name, value in (
            ("policy_loss", policy.loss.item()),
            ("value_loss", value_loss.item()),
            ("entropy", entropy.item()),
            ("approx_kl", policy.approx_kl),
            ("clip_fraction", policy.clip_fraction),
        ):
            self.recorder.scalar(name, value)
        return False

    def _record(self, rollout: Rollout, chosen: Tensor, values: Tensor, returns: Tensor) -> None:
        self.recorder.scalar("reward", float(rollout.rewards[1:][chosen].mean()))
        newest = int(rollout.versions.max())
        self.recorder.scalar("staleness", float((newest - rollout.versions[chosen]).float().mean()))
        unexplained = (returns - values[:-1])[chosen].var()
        explained = 1.0 - float(unexplained / returns[chosen].var().clamp(min=1e-8))
        self.recorder.scalar("explained_variance", explained)

    @override
    def save_state(self, path: Path) -> None:
        """Save optimizer, schedule and reward scale in the directory `path`."""
        super().save_state(path)
        self._scale.save(path / "reward_scale")

    @override
    def load_state(self, path: Path) -> None:
        """Load optimizer, schedule and reward scale."""
        super().load_state(path)
        self._scale.load(path / "reward_scale")
