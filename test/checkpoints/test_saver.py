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

"""States are saved in the background, one at a time; scratch folders in memory are removed."""

import os
import threading
import time

import pytest
from strangers import fifo, without_waiting

from pamiq_ros.checkpoints import LATEST, Configuration, Saver, StateStore
from pamiq_ros.checkpoints.saver import YOUNGEST_S, remove_left_scratch, scratch_folder


class Place:
    def __init__(self, directory):
        self.store = StateStore(directory, Configuration("digest", {}))
        self.writing, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.writes, self.saved, self.errors = 0, [], []
        self.fail = None
        self.saver = Saver(
            self.store,
            self.write,
            lambda: {"writes": self.writes},
            on_saved=lambda path, took_s: self.saved.append(path),
            on_error=self.errors.append,
        )

    def write(self, path, before):
        self.writing.set()
        assert self.go_on.wait(10.0)
        if self.fail is not None:
            raise self.fail
        self.writes += 1
        (path / "file").write_text(str(self.writes))


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.go_on.set()
    assert made.saver.close(10.0)


def test_a_state_that_was_asked_for_is_there_when_its_future_is_done(place):
    path = place.saver.request().result(10.0)
    assert place.store.find(LATEST, place.errors.append) == (path, {"writes": 1})
    assert place.saved == [path] and place.errors == []
    assert place.saver.statistics()["newest"] == path.name


def test_who_asks_while_one_is_written_gets_a_later_one_and_shares_it(place):
    place.go_on.clear()
    first = place.saver.request()
    assert place.writing.wait(10.0)
    second, third = place.saver.request(), place.saver.request()
    assert second is third and second is not first
    place.go_on.set()
    assert first.result(10.0).name < second.result(10.0).name
    assert place.writes == 2


def test_a_failure_is_told_and_the_next_state_is_saved(place, tmp_path):
    place.fail = OSError(28, "No space left on device")
    error = place.saver.request().exception(10.0)
    assert "No space left" in str(error) and place.errors == [error]
    assert list(tmp_path.iterdir()) == []
    place.fail = None
    assert place.saver.request().result(10.0).is_dir()
    statistics = place.saver.statistics()
    assert (statistics["saved"], statistics["failed"]) == (1, 1)


def test_what_was_asked_for_is_saved_before_the_end(place):
    place.go_on.clear()
    place.saver.request()
    assert place.writing.wait(10.0)
    last = place.saver.request()
    place.go_on.set()
    assert place.saver.close(10.0) and last.result(0.0).is_dir()
    with pytest.raises(RuntimeError, match="closed"):
        place.saver.request()


def left_folder(memory, age_s, name="a"):
    """Make a folder as a killed process leaves it: nobody holds its lock."""
    folder = memory / f"pamiq_ros-state-{os.getuid()}-{name}"
    folder.mkdir()
    os.utime(folder, (0, time.time() - age_s))
    return folder


def test_a_folder_is_for_this_user_alone_and_gone_in_the_end(tmp_path):
    with scratch_folder(tmp_path) as folder:
        assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").write_text("text")
        remove_left_scratch(tmp_path)
        assert (folder / "file").is_file(), "its owner lives"
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed(tmp_path):
    empty, full = left_folder(tmp_path, 2 * YOUNGEST_S), left_folder(tmp_path, 0.0, "b")
    (full / "file").write_text("text")
    other = tmp_path / "pamiq_ros-state-somebody"
    other.mkdir()
    remove_left_scratch(tmp_path)
    assert not empty.exists() and not full.exists() and other.exists()


def test_a_folder_that_is_just_being_made_is_left_alone(tmp_path):
    folder = left_folder(tmp_path, 0.0)
    remove_left_scratch(tmp_path)
    assert folder.exists()


def test_a_fifo_in_the_place_of_a_folder_holds_nothing_up(tmp_path):
    there = fifo(tmp_path / f"pamiq_ros-state-{os.getuid()}-x")
    with without_waiting(there):
        remove_left_scratch(tmp_path)
    assert there.exists()
