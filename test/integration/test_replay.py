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

"""Bags through the real nodes, as the camera was."""

import json
import signal

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from bag_files import BEGAN_NS, CAMERA, IMAGE, bag1, bag2, shade
from geometry_msgs.msg import Twist
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosbags.typesys import Stores, get_typestore
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.core.config import resolve_system
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.offline.bags import Bag
from pamiq_ros.offline.drive import Drive
from pamiq_ros.offline.sources import BagSource
from pamiq_ros.transport.experience import decode_experience

from .command_line import pamiq_ros, said
from .harness import TINY, graph, wait_until

LATCHED = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Listener:
    """What a run commands and experiences."""

    def __init__(self, probe):
        self.commands, self.steps = [], []
        self._heard = [
            probe.create_subscription(Twist, "cmd_vel", self._on_command, 1000),
            probe.create_subscription(
                UInt8MultiArray, "pamiq/experience/pictures", self._on_experience, LATCHED
            ),
        ]

    def _on_command(self, twist):
        self.commands.append((twist.linear.x, twist.angular.z))

    def _on_experience(self, message):
        batch = decode_experience(message.data, 1 << 26)
        for number in range(len(batch.steps)):
            step = [column[number].numpy().tobytes() for column in batch.steps.columns]
            version = int(batch.weights_versions[number])
            self.steps.append((int(batch.stamps[number]), version, step))


def acted_on(path):
    """The steps that the runner collects on a bag."""
    steps = []
    system = resolve_system(TINY).system
    drive = Drive(system, TrainingModelsDict(system.build_models()), lambda _, s: steps.append(s))
    drive.take_weights()
    with Bag(path) as bag:
        list(drive.through(BagSource(bag)))
    return steps


def test_a_replay_drives_as_the_camera_did_and_ends_with_the_bag(tmp_path):
    bag = bag2(tmp_path / "bag", 40)
    with graph() as made:
        made.probe.remove_camera()
        heard = Listener(made.probe)
        report = tmp_path / "report.json"
        arguments = ("--rate", 2, "--report", report, "--compare")
        with pamiq_ros(tmp_path, "replay", bag, TINY, *arguments) as process:
            assert process.wait(150.0) == 0, said(tmp_path)
        [line] = [line for line in said(tmp_path).splitlines() if "compared: " in line]
        compared = json.loads(line.partition("compared: ")[2])["/cmd_vel"]
        assert compared["commands"] > 40
        # The bag's speed rises to 39 / 8 m/s, and its turn is 0.25 rad/s.
        assert 1.0 < compared["linear.x"]["mean"] < 3.0
        assert 4.0 < compared["linear.x"]["largest"] < 5.0
        assert compared["angular.z"]["largest"] <= 0.75
        assert any(speed for speed, _ in heard.commands)
        assert heard.commands[-1] == (0.0, 0.0)
        stamps = [stamp for stamp, _, _ in heard.steps]
        assert stamps and BEGAN_NS <= min(stamps) <= max(stamps) < BEGAN_NS + 5 * 10**9
    by_nodes = [picture for _, _, [picture, _] in heard.steps]
    by_runner = [step["picture"].numpy().tobytes() for step in acted_on(bag)]
    assert len(set(by_runner)) == 40
    assert len(set(by_nodes)) > 20 and set(by_nodes) <= set(by_runner)
    order = [by_runner.index(picture) for picture in by_nodes]
    assert order == sorted(order)


def test_a_bag_of_ros_1_is_replayed_under_another_name(tmp_path):
    bag = bag1(tmp_path / "old.bag", 20)
    with graph() as made:
        made.probe.remove_camera()
        pictures = []
        from sensor_msgs.msg import Image

        made.probe.create_subscription(Image, "front/image_raw", pictures.append, 10)
        node = made.start(
            "replay_node", "-p", f"bag:={bag}", "-p", "wait_for_system:=false",
            "-r", f"{CAMERA}:=/front/image_raw", "-p", "rate:=1.0",
        )  # fmt: skip
        assert node.wait(150.0) == 0
        wait_until(lambda: pictures and pictures[-1].data[0] == shade(19), "the last picture")


def test_a_bag_without_what_the_system_observes_is_refused_with_both(tmp_path):
    bag = bag2(tmp_path / "bag", 20)
    arguments = ("replay", bag, TINY, "--topic", "/cmd_vel", "--remap", "/cmd_vel:=/old")
    with graph() as made:
        made.probe.remove_camera()
        with pamiq_ros(tmp_path, *arguments) as process:
            assert process.wait(150.0) == 2
    assert "observes, /camera/image_raw (sensor_msgs/msg/Image); found /old" in said(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"no bag at all"])
def test_what_is_no_bag_is_one_line_and_exit_status_2(tmp_path, content):
    bag = tmp_path / "some.mcap"
    if content is not None:
        bag.write_bytes(content)
    with pamiq_ros(tmp_path, "replay", bag, TINY) as process:
        assert process.wait(150.0) == 2
    assert f"{bag}: expected" in said(tmp_path)


def test_what_was_recorded_can_be_read_also_after_a_kill(tmp_path):
    with graph() as made:
        bag = tmp_path / "bag"
        with pamiq_ros(tmp_path, "record", "-o", bag, "camera/*") as process:
            wait_until(lambda: f"recording {CAMERA}" in said(tmp_path), "the recording")
            first = made.probe.get_clock().now().nanoseconds
            file = wait_until(lambda: next(iter(bag.glob("*.mcap")), None), "the file")
            wait_until(lambda: file.stat().st_size > 100_000, "a flush")
            process.send_signal(signal.SIGKILL)
            process.wait()
    store = get_typestore(Stores.LATEST)
    with Bag(bag) as read:
        messages = list(read.messages())
        assert {message.topic for message in messages} == {CAMERA}
        assert len(messages) > 50
        picture = store.deserialize_cdr(messages[0].data, IMAGE)
        assert (picture.height, picture.encoding) == (16, "rgb8")
        assert abs(messages[0].time_ns - first) < 10e9
        [qos] = read.topics[CAMERA].qos
        assert qos.reliability.name == "BEST_EFFORT"


def test_a_recording_ends_in_order_and_is_a_bag_as_ros_2_writes_it(tmp_path):
    mcap = pytest.importorskip("mcap.reader", reason="needs mcap")
    with graph():
        bag = tmp_path / "bag"
        with pamiq_ros(tmp_path, "record", "-o", bag, "--exclude", "/rosout") as process:
            wait_until(lambda: f"recording {CAMERA}" in said(tmp_path), "the recording")
            file = wait_until(lambda: next(iter(bag.glob("*.mcap")), None), "the file")
            wait_until(lambda: file.stat().st_size > 10_000, "a flush")
            process.send_signal(signal.SIGINT)
            assert process.wait(150.0) == 0, said(tmp_path)
    assert (bag / "metadata.yaml").is_file()
    [file] = bag.glob("*.mcap")
    with file.open("rb") as opened:
        summary = mcap.make_reader(opened).get_summary()
        opened.seek(0)
        count = sum(1 for _ in mcap.make_reader(opened).iter_messages())
    topics = {channel.topic for channel in summary.channels.values()}
    assert CAMERA in topics and "/rosout" not in topics
    assert count == summary.statistics.message_count
    assert f"{count} messages of {len(topics)} topics" in said(tmp_path)


def test_nothing_recorded_is_told(tmp_path):
    with pamiq_ros(
        tmp_path, "record", "-o", tmp_path / "bag", "nobody", "--duration", 1
    ) as process:
        assert process.wait(150.0) == 1
    assert "no message was received on nobody" in said(tmp_path)
    with pamiq_ros(tmp_path, "record", "-o", tmp_path / "bag") as process:
        assert process.wait(150.0) == 2
    assert "expected a new folder" in said(tmp_path)
