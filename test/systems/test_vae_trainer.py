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

"""The trainer of the vae system: loss, debug image and learning."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from pamiq_ros.core.config import resolve_system
from pamiq_ros.systems.vae.trainer import divergence, side_by_side

SMALL = [
    "height=32",
    "width=32",
    "channels=[8,16,16]",
    "latent_size=8",
    "batch_size=8",
    "updates_per_run=5",
    "buffer_size=200",
]


def test_the_divergence_is_that_from_a_standard_normal_distribution():
    mean, log_variance = torch.randn(6, 4), torch.randn(6, 4)
    latents = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(latents, Normal(torch.zeros(4), torch.ones(4))).sum(1).mean()
    assert torch.allclose(divergence(mean, log_variance), expected, rtol=1e-5)


def test_the_divergence_of_a_standard_normal_distribution_is_zero():
    assert divergence(torch.zeros(2, 3), torch.zeros(2, 3)) == 0.0


def test_inputs_and_reconstructions_are_shown_in_pairs():
    inputs, reconstructions = torch.zeros(3, 3, 10, 8), torch.full((3, 3, 10, 8), 0.5)
    shown = side_by_side(inputs, reconstructions)
    assert shown.dtype == torch.uint8 and shown.shape == (3, 10, 3 * 16 + 2 * 4)
    first, gap, second = shown[:, :, :16], shown[:, :, 16:20], shown[:, :, 20:36]
    assert (first[:, :, :8] == 0).all() and (first[:, :, 8:] == 128).all()
    assert (gap == 255).all()
    assert torch.equal(first, second)


def test_the_loss_falls_and_the_reconstructions_resemble_what_was_seen(one_process, pictures):
    loop = one_process(resolve_system("vae", overrides=SMALL).system, pictures(100, 32, 32))
    loop.tick(100)
    assert all(loop.train(40))
    losses = loop.recording.scalars["reconstruction_loss"]
    assert len(losses) == len(loop.recording.scalars["kl_loss"]) == 200
    assert loop.fell("reconstruction_loss") < 0.4
    shown = loop.recording.images["reconstruction"].float() / 255
    pairs = [shown[:, :, start : start + 64] for start in range(0, 4 * 68 - 4, 68)]
    error = torch.stack([(pair[:, :, :32] - pair[:, :, 32:]).square().mean() for pair in pairs])
    assert error.mean() < 0.5 * torch.stack([p[:, :, :32].var() for p in pairs]).mean()


def test_a_seed_repeats_the_training(one_process, pictures):
    def losses(seed):
        loop = one_process(
            resolve_system("vae", overrides=[*SMALL, f"seed={seed}"]).system, pictures(40, 32, 32)
        )
        loop.tick(40)
        loop.train(2)
        return loop.recording.scalars["reconstruction_loss"]

    assert losses(3) == losses(3)
    assert losses(3) != losses(4)


def test_training_waits_for_enough_pictures(one_process, pictures):
    system = resolve_system("vae", overrides=[*SMALL, "min_buffer_size=20"]).system
    loop = one_process(system, pictures(30, 32, 32))
    loop.tick(19)
    assert loop.train(1) == [False]
    loop.tick(1)
    assert loop.train(1) == [True]


@pytest.mark.parametrize("beta", [0.0, 10.0])
def test_beta_weighs_the_divergence(one_process, pictures, beta):
    system = resolve_system("vae", overrides=[*SMALL, f"beta={beta}"]).system
    loop = one_process(system, pictures(40, 32, 32))
    loop.tick(40)
    loop.train(30)
    last = sum(loop.recording.scalars["kl_loss"][-10:]) / 10
    assert last > 5.0 if beta == 0.0 else last < 1.0
