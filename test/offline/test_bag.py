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

"""Bags of every kind are read alike, others are refused; when each message is due."""

import itertools
import shutil

import pytest
from bag_files import (
    BEGAN_NS,
    CAMERA,
    COMMAND,
    IMAGE,
    KINDS,
    PERIOD_NS,
    TWIST,
    bag2,
    mcap_file,
    shade,
)
from rosbags.typesys import Stores, get_typestore

from pamiq_ros.offline.bags import Bag, BagError, Playback, require

STORE = get_typestore(Stores.LATEST)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bag_of_any_kind_gives_its_messages_as_ros_2_sends_them(kind, tmp_path):
    with Bag(KINDS[kind](tmp_path / "bag")) as bag:
        assert {t.name: (t.type, t.count) for t in bag.topics.values()} == {
            CAMERA: (IMAGE, 20),
            COMMAND: (TWIST, 20),
        }
        assert (bag.start_ns, bag.warnings) == (BEGAN_NS, [])
        assert bag.seconds == pytest.approx(1.905)
        messages = list(bag.messages())
        times = [message.time_ns for message in messages]
        assert times == sorted(times)
        assert [message.topic for message in messages[:2]] == [CAMERA, COMMAND]
        for number, message in enumerate(bag.messages([CAMERA])):
            picture = STORE.deserialize_cdr(message.data, IMAGE)
            assert (picture.encoding, picture.height, picture.width) == ("rgb8", 2, 4)
            assert picture.header.stamp.sec * 10**9 + picture.header.stamp.nanosec == (
                message.time_ns
            )
            assert picture.data.tolist() == [shade(number)] * 24
        assert number == 19


def test_a_part_of_a_bag_can_be_read(tmp_path):
    with Bag(bag2(tmp_path / "bag")) as bag:
        start, end = BEGAN_NS + 3 * PERIOD_NS, BEGAN_NS + 6 * PERIOD_NS
        found = [m.time_ns for m in bag.messages([CAMERA], start, end)]
        assert found == [start, start + PERIOD_NS, start + 2 * PERIOD_NS]
        assert list(bag.messages(["/nobody"])) == []


def test_a_bag_without_metadata_is_read_by_its_files(tmp_path):
    bag2(tmp_path / "bag")
    (tmp_path / "bag/metadata.yaml").unlink()
    with Bag(tmp_path / "bag") as bag:
        assert len(list(bag.messages())) == 40
        assert "no metadata.yaml" in bag.warnings[0]
    with Bag(mcap_file(tmp_path / "bag")) as bag:
        assert len(list(bag.messages())) == 40


def wrong_bags():
    def text(path):
        path.write_text("hello")
        return path

    def empty_file(path):
        path = path.with_suffix(".mcap")
        path.touch()
        return path

    def garbage(path):
        path = path.with_suffix(".mcap")
        path.write_bytes(b"\x89MCAP0\r\n" + bytes(range(256)) * 20)
        return path

    def empty_folder(path):
        path.mkdir()
        return path

    def wrong_yaml(path):
        (bag2(path) / "metadata.yaml").write_text("rosbag2_bagfile_information: [1, 2")
        return path

    def other_yaml(path):
        (bag2(path) / "metadata.yaml").write_text("some: thing")
        return path

    def without_file(path):
        mcap_file(bag2(path)).unlink()
        return path

    def no_sqlite(path):
        path = path.with_suffix(".db3")
        path.write_bytes(b"SQLite format 3\0" + bytes(200))
        return path

    def cut_ros1(path):
        file = KINDS["ROS 1"](path)
        file.write_bytes(file.read_bytes()[:3000])
        return file

    yield "nothing there", lambda path: path, "found nothing"
    yield "no messages", lambda path: bag2(path, 0), "found an empty one"
    for make in (
        text, empty_file, garbage, empty_folder, wrong_yaml, other_yaml, without_file, no_sqlite,
        cut_ros1,
    ):  # fmt: skip
        yield make.__name__, make, ""


@pytest.mark.parametrize(
    ("make", "expected"), [pytest.param(m, text, id=name) for name, m, text in wrong_bags()]
)
def test_what_is_no_bag_is_one_clear_line(make, expected, tmp_path):
    path = make(tmp_path / "bag")
    with pytest.raises(BagError) as raised, Bag(path) as bag:
        list(bag.messages())
    text = str(raised.value)
    assert text.startswith(str(path)) and expected in text and "expected" in text
    assert "\n" not in text


def test_damage_in_the_middle_is_told_with_what_came_before_it(tmp_path):
    path = bag2(tmp_path / "bag", 20_000)
    file = mcap_file(path)
    content = bytearray(file.read_bytes())
    at = len(content) // 2
    content[at : at + 4000] = b"\xff" * 4000
    file.write_bytes(content)
    with Bag(path) as bag, pytest.raises(BagError, match=r"damaged after \d\d+ messages"):
        list(bag.messages())


def test_what_a_bag_lacks_is_listed_with_what_it_has(tmp_path):
    with Bag(bag2(tmp_path / "bag")) as bag:
        found = {topic.name: topic.type for topic in bag.topics.values()}
        require(bag, found, {CAMERA: IMAGE})
        with pytest.raises(BagError) as raised:
            require(bag, found, {CAMERA: IMAGE, "/scan": "sensor_msgs/msg/LaserScan"})
    assert "observes, /scan (sensor_msgs/msg/LaserScan); found /camera/image_raw (" in str(
        raised.value
    )


def test_a_bag_can_be_moved(tmp_path):
    shutil.move(bag2(tmp_path / "bag"), tmp_path / "moved")
    with Bag(tmp_path / "moved") as bag:
        assert len(list(bag.messages())) == 40


@pytest.fixture
def bag(tmp_path):
    with Bag(bag2(tmp_path / "bag")) as bag:
        yield bag


def due(playback, count=100):
    return [round(s, 6) for s, _ in itertools.islice(playback.due([CAMERA]), count)]


def test_messages_are_due_as_they_came(bag):
    assert due(Playback(bag)) == [round(0.1 * n, 6) for n in range(20)]


def test_rate_start_and_end(bag):
    playback = Playback(bag, rate=2.0, start_s=0.5, end_s=1.0)
    assert due(playback) == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
    assert playback.seconds == pytest.approx(0.25)
    assert playback.time_ns(0.1) == BEGAN_NS + 700_000_000


def test_a_loop_begins_anew_and_its_time_too(bag):
    playback = Playback(bag, end_s=0.2, loop=True)
    assert due(playback, 7) == [0.0, 0.1, 0.2, 0.2, 0.3, 0.4, 0.4]
    assert playback.time_ns(0.3) == BEGAN_NS + 100_000_000


@pytest.mark.parametrize(("start", "end"), [(3.0, 0.0), (1.0, 0.5)])
def test_nothing_between_start_and_end_is_refused(bag, start, end):
    with pytest.raises(BagError, match="expected a start before the end"):
        Playback(bag, start_s=start, end_s=end)
