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

"""Training, evaluating and replaying bags from the command line."""

import json
import re

import pytest
from click.testing import CliRunner

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")

import cv2
import numpy as np
from bag_files import BEGAN_NS, PERIOD_NS, bag2, shade, twist, weights
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from pamiq_ros.cli.main import main

SMALL = [
    *("--set", "height=16", "--set", "width=16", "--set", "channels=[8,16]"),
    *("--set", "latent_size=8", "--set", "min_buffer_size=8", "--set", "batch_size=8"),
]


@pytest.fixture(scope="module")
def bags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bags")
    return bag2(folder / "monday", 120), bag2(folder / "friday", 60)


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def trained(states, *arguments):
    status, output = run("train", "vae", *arguments, "--states-dir", states, *SMALL)
    assert status == 0, output
    return output


def test_training_makes_a_state_that_is_better_than_none(bags, tmp_path):
    monday, friday = bags
    states, html, values = tmp_path / "states", tmp_path / "report.html", tmp_path / "report.json"
    output = trained(states, monday, "--held-out", friday, "--epochs", 3)
    scores = [float(text) for text in re.findall(r"reconstruction_error ([\d.e-]+)", output)]
    assert len(scores) == 3 and scores[-1] < scores[0]
    assert 1 <= output.count("saved") <= 3

    status, output = run(
        "evaluate", "vae", "--state", "none", "--state", "latest", friday,
        "--states-dir", states, "--html", html, "--json", values, *SMALL,
    )  # fmt: skip
    assert status == 0, output
    found = json.loads(values.read_text())["states"]
    [name] = set(found) - {"none"}
    means = {state: found[state]["reconstruction_error"]["mean"] for state in found}
    assert means[name] == pytest.approx(min(scores), rel=2e-3)
    assert means[name] < means["none"]
    assert f"{means[name]:.5g}" in output
    assert "command_difference /cmd_vel linear.x" in output
    page = html.read_text()
    assert page.count("<img") > 2 * 4 * 2 and "http" not in page


def test_two_trainings_of_the_same_seed_are_the_same_to_the_byte(bags, tmp_path):
    for name in ("first", "second"):
        trained(tmp_path / name, bags[0], "--epochs", 1, "--seed", 3)
    assert weights(tmp_path / "first") == weights(tmp_path / "second") != []


def test_training_by_updates_goes_on_from_the_newest_state(bags, tmp_path):
    output = trained(tmp_path, bags[1], "--updates", 5)
    assert "epoch 1 | 5 updates" in output
    output = trained(tmp_path, bags[1], "--updates", 5)
    assert "state loaded from" in output and "epoch 1 | 10 updates" in output
    assert "| 5 updates" in trained(tmp_path, bags[1], "--updates", 5, "--resume", "none")


def test_it_ends_when_it_gets_no_better(bags, tmp_path):
    output = trained(
        tmp_path, bags[1], "--held-out", bags[1], "--epochs", 30, "--patience", 2,
        "--set", "learning_rate=1e-9",
    )  # fmt: skip
    assert "epoch 3 " in output and "epoch 4 " not in output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "vae", "nothing"], "nothing: expected a bag, found nothing"),
        (["evaluate", "vae", "nothing"], "expected a bag"),
        (["train", "vae"], "expected BAGS or --world, found neither"),
        (["train", "vae", "a", "--patience", "2"], "expected --held-out beside it"),
        (["train", "boat", "a"], "found 'boat'"),
        (["train", "vae", "a", "--remap", "b"], "expected BAG_TOPIC:=TOPIC, found 'b'"),
    ],
)
def test_what_is_wrong_is_exit_status_2(arguments, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, output = run(*arguments)
    assert status == 2
    assert expected in output


def test_a_bag_of_another_robot_is_refused_with_both(bags, tmp_path):
    status, output = run(
        "train", "vae", bags[1], "--states-dir", tmp_path, "--set", "camera_topic=front"
    )
    assert status == 2
    assert "observes, /front (sensor_msgs/msg/Image); found /camera/image_raw" in output


@pytest.mark.parametrize(
    "command", [("train", "--epochs", "1"), ("replay", "--lockstep")], ids=" ".join
)
def test_resized_images_are_warned_about(bags, command, tmp_path):
    name, *options = command
    arguments = ["vae", bags[1]] if name == "train" else [bags[1], "vae"]
    where = ("--states-dir", tmp_path, *SMALL, "--set", "width=24", "--set", "channels=[8,16,16]")
    status, output = run(name, *arguments, *options, *where)
    assert status == 0, output
    assert output.count("topic '/camera/image_raw': ") == output.count("resized") == 1


def test_there_must_be_a_state_to_evaluate(bags, tmp_path):
    status, output = run("evaluate", "vae", bags[1], "--states-dir", tmp_path, *SMALL)
    assert status == 2
    assert "expected a state in" in output


def unusual_bag(path, count, gap_s):
    """Compressed pictures and stamped commands at 10 Hz, with a gap in the middle."""
    store = get_typestore(Stores.LATEST)
    types = store.types
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera, command = (
            writer.add_connection(topic, kind, typestore=store)
            for topic, kind in (
                ("/camera/image_raw/compressed", "sensor_msgs/msg/CompressedImage"),
                ("/cmd_vel", "geometry_msgs/msg/TwistStamped"),
            )
        )
        for number in range(count):
            time_ns = BEGAN_NS + number * PERIOD_NS + (number >= count // 2) * int(gap_s * 1e9)
            stamp = types["builtin_interfaces/msg/Time"](*divmod(time_ns, 10**9))
            header = types["std_msgs/msg/Header"](stamp, "camera")
            picture = np.full((16, 16, 3), shade(number), np.uint8)
            data = cv2.imencode(".jpg", picture)[1].ravel()
            message = types["sensor_msgs/msg/CompressedImage"](header, "jpeg", data)
            writer.write(camera, time_ns, store.serialize_cdr(message, camera.msgtype))
            message = types["geometry_msgs/msg/TwistStamped"](header, twist(store, 0.25))
            writer.write(command, time_ns, store.serialize_cdr(message, command.msgtype))
    return path


def test_compressed_pictures_stamped_commands_and_a_gap(tmp_path):
    bag, values = unusual_bag(tmp_path / "bag", 40, gap_s=10.0), tmp_path / "report.json"
    options = ("--set", "compressed=true", "--states-dir", tmp_path / "states", *SMALL)
    status, output = run("train", "vae", bag, "--epochs", 1, *options)
    assert status == 0, output
    status, output = run("evaluate", "vae", bag, "--json", values, *options)
    assert status == 0, output
    [[course]] = [s["reconstruction_error"]["courses"] for s in metrics_of(values)]
    # It sees the last picture before the gap for half a second, then waits for the next one.
    waits = np.diff(course["seconds"])
    assert waits.max() == pytest.approx(10.1 - 0.5, abs=0.15)
    assert np.delete(waits, waits.argmax()).max() == pytest.approx(0.1)
    [[turn]] = [s["command_difference /cmd_vel angular.z"]["courses"] for s in metrics_of(values)]
    assert len(turn["values"]) >= 40


def metrics_of(file):
    return json.loads(file.read_text())["states"].values()


def replayed(bag, *arguments):
    status, output = run("replay", bag, "vae", "--lockstep", *arguments, *SMALL)
    assert status == 0, output
    return output


def test_two_replays_in_lockstep_are_the_same_to_the_byte(bags, tmp_path):
    for name in ("first", "second"):
        options = ("--states-dir", tmp_path / name, "--train-every", 4, "--train-beside")
        output = replayed(bags[1], *options)
        # 10 Hz over 5.9 s, and the tick that sees the last picture.
        assert re.search(r"60 ticks \| \d+ updates \| saved", output)
    assert weights(tmp_path / "first") == weights(tmp_path / "second") != []


def test_a_replay_in_lockstep_compares_and_leaves_no_state_unless_asked(
    bags, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    output = replayed(bags[1], "--train-every", 0, "--compare", "--start", 1, "--end", 3)
    assert "21 ticks | 0 updates\n" in output
    [difference] = re.findall(r"command_difference /cmd_vel linear\.x ([\d.]+)", output)
    assert float(difference) > 0.5
    assert list(tmp_path.iterdir()) == []


def test_a_replay_in_lockstep_goes_on_from_a_state(bags, tmp_path):
    trained(tmp_path, bags[1], "--updates", 3)
    output = replayed(bags[1], "--states-dir", tmp_path, "--train-every", 0)
    assert "state loaded from" in output and "| 3 updates | saved" in output


@pytest.mark.parametrize("option", [("--train-every", 1), ("--train-beside",), ("--seed", 0)])
def test_options_of_lockstep_are_refused_without_it(bags, option):
    status, output = run("replay", bags[1], "vae", *option)
    assert status == 2 and f"'{option[0]}': expected --lockstep beside it" in output


@pytest.mark.parametrize(
    "option", [("--rate", 2), ("--loop",), ("--duration", 3), ("--topic", "/cmd_vel")]
)
def test_options_of_nodes_are_refused_in_lockstep(bags, option):
    status, output = run("replay", bags[1], "vae", "--lockstep", *option, *SMALL)
    assert status == 2 and f"'{option[0]}'" in output and "expected none beside" in output
