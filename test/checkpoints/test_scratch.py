"""Scratch folders in memory: removed at the end, and after a kill by whoever comes next."""

import os
import time

from strangers import fifo, without_waiting

from pamiq_ros.checkpoints.saver import YOUNGEST_S, remove_left_scratch, scratch_folder


def left_folder(memory, age_s, name="a"):
    """What a killed process left: a folder that nobody holds the lock of."""
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
