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

"""`pamiq-ros analyze`: kinds of channels, the specification and the output."""

import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")

from bag_files import bag2

from pamiq_ros.cli.evaluate import bars
from pamiq_ros.cli.main import main
from pamiq_ros.core import Normalizer, load_normalizer
from pamiq_ros.offline.analysis import channel_of

RANDOM = np.random.default_rng(0)
COUNT = 5000
DISTRIBUTIONS = {
    "constant": np.full(COUNT, 2.5),
    "binary": RANDOM.integers(0, 2, COUNT) * 3.0,
    "categorical": RANDOM.choice([0.0, 1.0, 5.0], COUNT),
    "normal": RANDOM.normal(7.0, 3.0, COUNT),
    "bounded": RANDOM.uniform(-0.6, 0.2, COUNT),
    "boxcox": RANDOM.lognormal(0.0, 1.0, COUNT),
    "quantile": np.concatenate([RANDOM.normal(-9, 1, COUNT // 2), RANDOM.normal(9, 1, COUNT // 2)]),
}


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_each_kind_is_found_and_made_even(kind):
    values = DISTRIBUTIONS[kind]
    channel = channel_of("x", np.concatenate([values, [np.nan, np.inf]]))
    assert channel.kind == kind
    made = Normalizer([channel])(torch.from_numpy(values)[:, None])
    if kind in ("normal", "bounded", "boxcox", "quantile"):
        assert abs(float(made.mean())) < 0.05
        assert abs(float(made.std()) - 1.0) < 0.1


def test_nothing_finite_is_refused():
    with pytest.raises(ValueError, match="x: expected finite numbers, found none"):
        channel_of("x", np.array([np.nan]))


def test_a_bag_gives_a_file_that_systems_load_and_a_table(tmp_path):
    file = tmp_path / "n.json"
    bag = bag2(tmp_path / "bag", 200)
    result = CliRunner().invoke(main, ["analyze", str(bag), "-o", str(file)])
    assert result.exit_code == 0, result.output
    for expected in ("/camera/image_raw", "red", "/cmd_vel", "linear.x", "bounded", "constant"):
        assert expected in result.output
    assert "█" in result.output
    made = load_normalizer(file, "/cmd_vel")(torch.tensor([199 / 16, 0.0, 0.0, 0.0, 0.0, 0.25]))
    assert made.abs().max() < 0.05


def test_a_bag_without_channels_is_refused(tmp_path):
    result = CliRunner().invoke(main, ["analyze", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "expected a bag, found nothing" in result.output


def test_without_scipy_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    bag = bag2(tmp_path / "bag", 200)
    result = CliRunner().invoke(main, ["analyze", str(bag), "-o", str(tmp_path / "n.json")])
    assert result.exit_code == 2
    assert "expected scipy, found none: pip install 'pamiq_ros[analyze]'" in result.output


def test_histograms_as_text():
    assert bars([0, 1, 4, 8]) == " ▁▄█"
    assert bars([0, 0]) == bars([]) == ""
