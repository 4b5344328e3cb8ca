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

"""Only what appeared since the start and belongs to no living process is removed."""

import fcntl
import mmap
import os
import subprocess
import sys

import pytest
from strangers import fifo, given_away, only_root, without_waiting

from pamiq_ros.bringup import shm_cleanup
from pamiq_ros.bringup.shm_cleanup import files_there, remove_leftovers

SEGMENT = ("fastdds_0123456789abcdef", "fastdds_0123456789abcdef_el")
MAP = """
import mmap, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 64):
    print("mapped", flush=True)
    sys.stdin.read()
"""
PORT = ("fastrtps_port7411", "fastrtps_port7411_el", "sem.fastrtps_port7411_mutex")


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    monkeypatch.setattr(shm_cleanup, "YOUNGEST_S", 0.0)


def make(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"x" * 64)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_leftovers_are_removed_and_other_files_are_not(tmp_path):
    others = ("lttng-ust-notes", "fastdds_notes", "fastdds_0123456789abcdef_el_backup")
    make(tmp_path, *SEGMENT, *PORT, *others)
    assert sorted(remove_leftovers(set(), tmp_path)) == sorted([*SEGMENT, *PORT])
    assert names(tmp_path) == sorted(others)


def test_what_was_there_before_stays(tmp_path):
    make(tmp_path, *SEGMENT)
    before = files_there(tmp_path)
    make(tmp_path, *PORT)
    remove_leftovers(before, tmp_path)
    assert names(tmp_path) == sorted(SEGMENT)


def test_a_file_of_the_same_name_that_was_made_anew_is_ours(tmp_path):
    make(tmp_path, *PORT)
    before = {(name, inode + 10**6) for name, inode in files_there(tmp_path)}
    remove_leftovers(before, tmp_path)
    assert names(tmp_path) == []


def test_what_a_living_process_has_locked_stays(tmp_path):
    make(tmp_path, *SEGMENT, *PORT)
    with (tmp_path / PORT[1]).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sorted(remove_leftovers(set(), tmp_path)) == sorted(SEGMENT)
    assert names(tmp_path) == sorted(PORT)


def test_weights_of_a_learner_that_was_killed_go_and_those_of_a_living_one_stay(tmp_path):
    living, killed = (f"pamiq_ros-{os.getuid()}-{letter * 32}" for letter in "ab")
    make(tmp_path, living, killed)
    with (tmp_path / living).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_leftovers(set(), tmp_path) == [killed]
    assert names(tmp_path) == [living]


def test_a_port_without_its_lock_stays_while_it_is_mapped(tmp_path):
    make(tmp_path, PORT[0], PORT[2])
    with (tmp_path / PORT[0]).open("r+b") as file, mmap.mmap(file.fileno(), 64):
        assert remove_leftovers(set(), tmp_path) == []
    assert len(remove_leftovers(set(), tmp_path)) == 2


def test_what_is_just_being_made_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(shm_cleanup, "YOUNGEST_S", 3600.0)
    make(tmp_path, *SEGMENT)
    assert remove_leftovers(set(), tmp_path) == []


def test_a_missing_folder_has_nothing_to_remove(tmp_path):
    assert files_there(tmp_path / "missing") == set()
    assert remove_leftovers(set(), tmp_path / "missing") == []


def test_the_meeting_place_of_lttng_goes_unless_another_process_is_there(tmp_path):
    make(tmp_path, "lttng-ust-wait-6", "lttng-ust-wait-6-0")
    waiting = subprocess.Popen(
        [sys.executable, "-c", MAP, str(tmp_path / "lttng-ust-wait-6")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert waiting.stdout.readline() == b"mapped\n"
    with (tmp_path / "lttng-ust-wait-6-0").open("r+b") as file, mmap.mmap(file.fileno(), 64):
        assert remove_leftovers(set(), tmp_path) == ["lttng-ust-wait-6-0"]
    waiting.communicate()
    assert remove_leftovers(set(), tmp_path) == ["lttng-ust-wait-6"]


@pytest.mark.parametrize("name", [SEGMENT[1], f"pamiq_ros-0-{'f' * 32}"])
def test_a_fifo_in_the_place_of_a_lock_holds_nothing_up(tmp_path, name):
    fifo(tmp_path / name)
    with without_waiting(tmp_path / name):
        assert remove_leftovers(set(), tmp_path) == []
    assert names(tmp_path) == [name]


@only_root
def test_what_another_user_put_there_meanwhile_stays(tmp_path):
    make(tmp_path, *SEGMENT, "lttng-ust-wait-8")
    for path in tmp_path.iterdir():
        given_away(path)
    assert remove_leftovers(set(), tmp_path) == []
    assert names(tmp_path) == sorted([*SEGMENT, "lttng-ust-wait-8"])
