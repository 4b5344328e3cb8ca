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

"""Channels are normalised by their kind; the result is finite and bounded for any input."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.core import Channel, Normalizer, load_normalizer
from pamiq_ros.core.normalization import KINDS, LIMIT, save_normalization

CHANNELS = [
    Channel("a", "constant", mean=3.0),
    Channel("b", "binary", values=(0.0, 4.0)),
    Channel("c", "categorical", values=(1.0, 2.0, 7.0)),
    Channel("d", "normal", 10.0, 2.0),
    Channel("e", "bounded", 0.5, 0.29),
    Channel("f", "boxcox", 0.0, 1.0, exponent=0.0, shift=1.0),
    Channel("g", "quantile", values=(0.0, 1.0, 10.0, 100.0)),
]


def test_each_kind_has_its_transformation():
    normalizer = Normalizer(CHANNELS)
    assert normalizer.size == 9
    found = normalizer(torch.tensor([[3.0, 4.0, 7.0, 14.0, 0.5, 0.0, 10.0]]))
    expected = [0.0, 1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.4307]
    torch.testing.assert_close(found, torch.tensor([expected]), atol=1e-3, rtol=0.0)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=7, max_size=7))
def test_any_input_stays_within_the_limit(values):
    found = Normalizer(CHANNELS)(torch.tensor(values))
    assert torch.isfinite(found).all()
    assert float(found.abs().max()) <= LIMIT


def test_it_travels_with_the_weights():
    state = Normalizer(CHANNELS).state_dict()
    other = Normalizer([Channel(c.name, c.kind, values=c.values) for c in CHANNELS])
    other.load_state_dict(state)
    value = torch.tensor([3.0, 4.0, 7.0, 14.0, 0.5, 0.0, 10.0])
    torch.testing.assert_close(other(value)[4:6], Normalizer(CHANNELS)(value)[4:6])


def test_a_file_gives_the_same_normalizer(tmp_path):
    file = tmp_path / "n.json"
    save_normalization(file, {"/odom": CHANNELS})
    value = torch.rand(5, 7)
    torch.testing.assert_close(load_normalizer(file, "/odom")(value), Normalizer(CHANNELS)(value))
    with pytest.raises(ValueError, match="expected the topic /imu, found /odom"):
        load_normalizer(file, "/imu")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": "other"}, "expected the format"),
        ({"topics": {"/odom": [{"name": "a", "kind": "odd", "values": []}]}}, "expected a kind"),
        ({"topics": {"/odom": [{"name": "a", "kind": "normal", "hue": 1, "values": []}]}}, "hue"),
        ({"topics": {"/odom": [{"name": "a", "kind": "normal", "deviation": 0, "values": []}]}},
         "positive deviation"),
        ({"topics": {"/odom": [{"name": "a", "kind": "quantile", "values": [2, 1]}]}}, "ascending"),
    ],
)  # fmt: skip
def test_an_error_names_the_wrong_file(tmp_path, change, error):
    file = tmp_path / "n.json"
    save_normalization(file, {"/odom": CHANNELS})
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ValueError, match=error) as raised:
        load_normalizer(file, "/odom")
    assert str(file) in str(raised.value)


def test_another_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="expected 7 channels, found 3"):
        Normalizer(CHANNELS)(torch.zeros(3))


def test_all_kinds_are_tested_here():
    assert {channel.kind for channel in CHANNELS} == set(KINDS)
