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

"""The encoder and the decoder of the vae system."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pamiq_ros.systems.vae.networks import Decoder, Encoder, to_bytes, to_unit


@pytest.mark.parametrize(
    ("height", "width", "channels", "latent_size"),
    [(96, 96, (16, 32, 64, 64), 64), (32, 64, (4, 8, 8), 3), (8, 8, (5,), 1)],
)
def test_a_picture_goes_to_a_latent_and_back_to_a_picture(height, width, channels, latent_size):
    encoder = Encoder(height, width, channels, latent_size)
    decoder = Decoder(height, width, channels, latent_size)
    pictures = torch.rand(5, 3, height, width)
    mean, log_variance = encoder(pictures)
    assert mean.shape == log_variance.shape == (5, latent_size)
    decoded = decoder(mean)
    assert decoded.shape == pictures.shape
    assert decoded.min() >= 0.0 and decoded.max() <= 1.0


def test_the_latent_of_one_picture_is_its_mean_in_a_batch():
    encoder = Encoder(16, 16, (4, 4), 3)
    pictures = torch.randint(256, (4, 3, 16, 16), dtype=torch.uint8)
    mean, _ = encoder(to_unit(pictures))
    assert torch.allclose(encoder.latent(pictures[2]), mean[2], atol=1e-6)


def test_variances_stay_finite_whatever_the_picture():
    encoder = Encoder(16, 16, (4, 4), 3)
    _, log_variance = encoder(torch.full((1, 3, 16, 16), 1e9))
    assert log_variance.exp().isfinite().all()


@given(st.lists(st.integers(0, 255), min_size=3, max_size=30))
@settings(deadline=None)
def test_bytes_survive_the_way_to_unit_and_back(values):
    pictures = torch.tensor(values, dtype=torch.uint8)
    unit = to_unit(pictures)
    assert unit.dtype == torch.float32 and unit.max() <= 1.0
    assert torch.equal(to_bytes(unit), pictures)
