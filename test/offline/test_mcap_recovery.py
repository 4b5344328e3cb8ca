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

"""The messages of a truncated bag up to its last complete record can be read."""

import pytest
from bag_files import CAMERA, bag2, mcap_file
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.offline.bags import Bag, BagError, BagRecorder, RecoveredPath, truncated_at

CONTENT = {}


def whole(tmp_path_factory):
    """A bag in several chunks, as bytes."""
    if not CONTENT:
        bag = bag2(tmp_path_factory.mktemp("bag") / "whole", 12_000)
        CONTENT["bytes"] = mcap_file(bag).read_bytes()
        CONTENT["folder"] = bag.parent
    return CONTENT["bytes"], CONTENT["folder"]


def test_a_whole_file_is_left_alone(tmp_path):
    file = mcap_file(bag2(tmp_path / "bag"))
    assert truncated_at(file) is None
    with RecoveredPath(file).open("rb") as opened:
        assert opened.read() == file.read_bytes()


@given(where=st.integers(8, 1 << 62))
def test_a_file_cut_off_anywhere_gives_what_came_before_in_order(tmp_path_factory, where):
    content, folder = whole(tmp_path_factory)
    size = 8 + where % (len(content) - 8)
    file = folder / "cut.mcap"
    file.write_bytes(content[:size])
    assert truncated_at(file) <= size
    try:
        bag = Bag(file)
    except BagError as error:
        assert "empty" in str(error) or size < 1000
        return
    with bag:
        numbers = [message.time_ns for message in bag.messages([CAMERA])]
        lost = size - truncated_at(file)
        assert bag.warnings == [f"{file} is truncated: read without its last {lost} bytes"]
    assert numbers == sorted(numbers)
    # A chunk holds 1 MiB: what is lost is less than one.
    assert len(numbers) >= 12_000 * (size / len(content)) - 12_000 * 2**21 / len(content)


def test_a_cut_file_in_a_folder_with_metadata_is_read(tmp_path):
    path = bag2(tmp_path / "bag", 12_000)
    file = mcap_file(path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    with Bag(path) as bag:
        assert 4000 < len(list(bag.messages([CAMERA]))) < 12_000
        assert "is truncated" in bag.warnings[0]


def test_what_a_recorder_flushed_can_be_read_though_it_never_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("pamiq_ros.offline.bags.recorder.FLUSH_PERIOD_S", 0.0)
    recorder = BagRecorder(tmp_path / "bag")
    recorder.add_topic("/word", "std_msgs/msg/String")
    for number in range(10):
        recorder.write("/word", number, b"\0\1\0\0\2\0\0\0a\0")
        recorder.flush()
    with Bag(tmp_path / "bag") as bag:
        assert len(list(bag.messages())) == 10
        assert len(bag.warnings) == 2


def test_a_folder_that_is_there_is_not_written_into(tmp_path):
    with pytest.raises(BagError, match="expected a new folder"):
        BagRecorder(tmp_path)


def test_a_type_that_nobody_knows_is_named(tmp_path):
    recorder = BagRecorder(tmp_path / "bag")
    with pytest.raises(BagError, match=r"topic '/a': .* found my_msgs/msg/Thing"):
        recorder.add_topic("/a", "my_msgs/msg/Thing")
    recorder.close()
