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

"""What a running system learns and experiences, recorded and written as files."""

import json
import signal
from itertools import islice

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from click.testing import CliRunner
from safetensors.torch import load_file

from pamiq_ros.cli.main import main
from pamiq_ros.offline.bags import Bag, BagError

from .command_line import pamiq_ros, said
from .harness import LENIENT_TIMEOUTS, TINY, graph, wait_until


def export(bag, folder, *options):
    result = CliRunner().invoke(main, ["export", str(bag), str(folder), *options])
    return result.exit_code, result.output


def has_come(bag, topic, count):
    """Whether a bag that is being written has so many messages of a topic."""
    try:
        with Bag(bag) as opened:
            return len(list(islice(opened.messages([topic]), count))) == count
    except BagError:
        return False  # nothing was flushed yet


def recorded(made, folder, *options):
    """A bag of a system that has learnt for a while."""
    made.start_all(TINY, *LENIENT_TIMEOUTS)
    with pamiq_ros(folder, "record", "-o", folder / "bag", "pamiq/*", *options) as process:
        wait_until(lambda: "recording /pamiq/weights/policy" in said(folder), "the recording")
        wait_until(lambda: made.probe.inference().get("weights_version", 0) >= 20, "weights")
        for topic in ("/pamiq/weights/policy", "/pamiq/experience/pictures"):
            wait_until(lambda topic=topic: has_come(folder / "bag", topic, 3), topic, every=0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(150.0) == 0, said(folder)
    return folder / "bag"


def test_weights_and_experience_of_a_bag_become_files(tmp_path):
    with graph() as made:
        bag = recorded(made, tmp_path, "--weights", 0.05)
        assert made.probe.errors() == ""
    status, output = export(bag, tmp_path / "out", "--lerobot")
    assert status == 0, output
    weights = load_file(tmp_path / "out/weights/policy.safetensors")
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == {
        "weight": (1, 1),
        "bias": (1,),
    }
    dataset = json.loads((tmp_path / "out/experience/pictures/dataset.json").read_text())
    assert dataset["columns"] == {"column.0": "picture", "column.1": "turn"}
    [shard] = dataset["shards"]
    steps = load_file(tmp_path / "out/experience/pictures" / shard["file"])
    assert len(steps["stamps"]) == dataset["steps"] == shard["steps"] > 10
    assert steps["column.0"].shape[1:] == (3, 16, 16)
    info = json.loads((tmp_path / "out/lerobot/pictures/meta/info.json").read_text())
    assert info["total_frames"] == dataset["steps"]
    assert info["features"]["observation.images.picture"]["shape"] == [16, 16, 3]
    assert info["features"]["turn"]["dtype"] == "float64"
    gaps = steps["stamps"].diff()
    assert int(gaps.min()) > 0
    versions = steps["weights_versions"]
    assert bool((versions.diff() >= 0).all()) and int(versions[0]) > 0

    assert export(bag, tmp_path / "out")[0] == 2
    assert "expected a new or an empty folder" in export(bag, tmp_path / "out")[1]


def test_a_bag_that_only_says_where_weights_lay_is_told(tmp_path):
    with graph() as made:
        bag = recorded(made, tmp_path)
    status, output = export(bag, tmp_path / "out")
    assert status == 0, output
    assert "no weights of 'policy'" in output and "record with --weights" in output
    assert "steps of 'pictures'" in output
