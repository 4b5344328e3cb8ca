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

"""Weights by shared memory: whole versions or none, and chunks wherever it can't be read."""

import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strangers import SOMEBODY, fifo, given_away, only_root, without_waiting

from pamiq_ros.core.model import NotFiniteError
from pamiq_ros.transport.header import Layout
from pamiq_ros.transport.payload import decode, encode
from pamiq_ros.transport.shared_weights import WeightsFile, WeightsMemory, remove_leftovers
from pamiq_ros.transport.weights import (
    DESCRIPTOR_SCHEMA,
    MAX_WEIGHTS_BYTES,
    Request,
    encode_request,
)
from pamiq_ros.transport.weights_receiver import WeightsReceiver
from pamiq_ros.transport.weights_sender import WeightsSender

DEADLINE = 20.0


def parameters(value, size=100):
    return {"w": torch.full((size,), float(value)), "n": torch.tensor(value), "e": torch.zeros(0)}


class Line:
    """A sender and a receiver joined by a topic, and by a topic for requests back."""

    def __init__(self, folder, receivers_folder=None, **options):
        self.errors, self.warnings, self.staged, self.payloads = [], [], [], []
        self.deaf = False
        self.sender = WeightsSender(
            "encoder", "d1", "learner-1", self._publish, folder=folder, pace_s=0.0,
            chunk_bytes=256, on_error=self.warnings.append, **options,
        )  # fmt: skip
        self.receiver = WeightsReceiver(
            "d1",
            lambda version, params: self.staged.append((version, params)),
            ask=self.sender.request,
            folder=receivers_folder or folder,
            on_error=self.errors.append,
        )

    def _publish(self, data):
        self.payloads.append(data)
        if not self.deaf:
            self.receiver.receive(data)

    def send(self, value):
        self.sender.send(parameters(value) if isinstance(value, int) else value)
        self.settle()

    def settle(self):
        # A request makes work for the sender, whose chunks make work for the receiver.
        for _ in range(2):
            assert self.sender.flush(DEADLINE) and self.receiver.flush(DEADLINE)

    def values(self):
        return [(version, int(params["n"])) for version, params in self.staged]

    def statistics(self, *names):
        return tuple(self.receiver.statistics()[name] for name in names)

    def close(self):
        assert self.sender.close(DEADLINE) and self.receiver.close(DEADLINE)


@pytest.fixture
def line(tmp_path):
    lines = []

    def make(folder=tmp_path, receivers_folder=None, **options):
        lines.append(Line(folder, receivers_folder, **options))
        return lines[-1]

    yield make
    for one in lines:
        one.close()
    assert list(tmp_path.glob("pamiq_ros-*")) == []


def slot_file(folder):
    [path] = folder.glob("pamiq_ros-*")
    return path


def test_weights_arrive_without_travelling_over_the_topic(line):
    one = line()
    for value in (5, 6, 7):
        one.send(value)
    assert one.values() == [(1, 5), (2, 6), (3, 7)]
    assert all(torch.equal(one.staged[2][1][k], v) for k, v in parameters(7).items())
    assert {decode(data, 4096).metadata["schema"] for data in one.payloads} == {DESCRIPTOR_SCHEMA}
    assert one.statistics("received", "shared", "requests") == (3, 3, 0)
    assert one.sender.statistics()["shared"] == 3
    assert one.errors == one.warnings == []


def test_the_file_is_for_this_user_alone(line, tmp_path):
    one = line()
    one.send(1)
    assert slot_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_parameters_of_any_nesting_arrive(line):
    one = line()
    one.send({"net": [{"w": torch.ones(3), "beta": 1.5}], "kind": "vae"})
    [(_, found)] = one.staged
    assert found["kind"] == "vae" and found["net"][0]["beta"] == 1.5
    assert one.statistics("shared") == (1,)


def test_a_late_joiner_gets_the_newest_whole_version(line):
    one = line()
    one.deaf = True
    for value in (1, 2, 3):
        one.send(value)
    for data in one.payloads:  # the latched history, oldest first
        one.receiver.receive(data)
    one.settle()
    assert one.values() == [(2, 2), (3, 3)]
    assert one.statistics("overtaken", "half_written", "requests") == (1, 0, 0)


def test_a_receiver_that_is_too_slow_requests_chunks(line):
    one = line()
    one.deaf = True
    for value in range(20):
        one.send(value)
    asked = []
    one.receiver._ask = asked.append
    for data in one.payloads[:15]:
        one.receiver.receive(data)
    one.settle()
    assert one.statistics("overtaken") == (15,) and asked == []
    one.receiver.receive(one.payloads[15])
    one.settle()
    assert one.statistics("overtaken") == (16,) and len(asked) == 1 and one.errors == []


def test_weights_of_other_shapes_get_memory_of_their_own(line, tmp_path):
    one = line()
    one.send(1)
    first = slot_file(tmp_path)
    one.send(parameters(2, size=5000))
    assert one.values() == [(1, 1), (2, 2)]
    assert slot_file(tmp_path) != first


def test_what_is_no_number_is_not_shared(line):
    one = line()
    one.send(1)
    with pytest.raises(NotFiniteError, match="'w'"):
        one.send({**parameters(2), "w": torch.full((100,), float("inf"))})
    one.send(3)
    assert one.values() == [(1, 1), (2, 3)]
    assert one.warnings == [] and one.sender.statistics()["refused"] == 1


def test_on_another_host_chunks_are_asked_for(line, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    one = line(receivers_folder=elsewhere)
    one.send(4)
    assert one.values() == [(1, 4)]
    assert one.statistics("unreadable", "requests", "shared") == (1, 1, 0)
    assert one.sender.statistics()["requests"] == 1 and one.sender.statistics()["chunks"] > 1


@pytest.mark.parametrize(
    ("spoil", "count"),
    [
        (lambda path, at: os.pwrite(at, bytes(8), 0), "half_written"),
        (lambda path, at: os.pwrite(at, bytes(4096), 0), "half_written"),
        (lambda path, at: os.ftruncate(at, 4), "half_written"),
        (lambda path, at: os.ftruncate(at, 16), "half_written"),
        (lambda path, at: os.ftruncate(at, 400), "half_written"),
        (lambda path, at: os.pwrite(at, b"\xff" * 8, 0), "unreadable"),
        (lambda path, at: os.pwrite(at, b"x" * 20, 20), "unreadable"),
        (lambda path, at: path.unlink(), "unreadable"),
        (lambda path, at: path.chmod(0o666), "unreadable"),
    ],
    ids=["begun", "cleared", "truncated", "header", "data", "length", "text", "unlinked", "public"],
)
def test_a_spoilt_slot_is_counted_and_chunks_are_asked_for(line, tmp_path, spoil, count):
    one, other = line(), line(tmp_path / "none")  # a second sender has the weights in chunks
    one.deaf = True
    one.send(9)
    path = slot_file(tmp_path)
    descriptor = os.open(path, os.O_RDWR)
    spoil(path, descriptor)
    os.close(descriptor)
    asked = []
    one.receiver._ask = asked.append
    for _ in range(2):
        one.receiver.receive(one.payloads[0])
    one.settle()
    assert one.staged == []
    assert one.statistics(count) == (2,) and len(asked) == 1
    assert len(one.errors) == (count == "unreadable")
    other.send(9)
    for data in other.payloads:
        one.receiver.receive(data)
    one.settle()
    assert one.values() == [(1, 9)]


def test_unlinked_beneath_us_the_topic_takes_over_with_one_warning(line, tmp_path):
    one = line()
    one.send(1)
    slot_file(tmp_path).unlink()
    for value in (2, 3, 4):
        one.send(value)
    assert one.values() == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert one.statistics("shared") == (1,)
    [warning] = one.warnings
    assert "'encoder'" in warning and "removed" in warning


def test_without_shared_memory_the_topic_is_used_with_one_warning(line, tmp_path):
    one = line(tmp_path / "no" / "folder")
    for value in (1, 2):
        one.send(value)
    assert one.values() == [(1, 1), (2, 2)]
    [warning] = one.warnings
    assert "shared memory" in warning and str(tmp_path / "no" / "folder") in warning


FULL = """
import sys
from pathlib import Path
import torch
from pamiq_ros.transport.weights_receiver import WeightsReceiver
from pamiq_ros.transport.weights_sender import WeightsSender
folder, said, staged = Path(sys.argv[1]), [], []
receiver = WeightsReceiver("d", lambda version, p: staged.append(float(p["w"][-1])), folder=folder)
sender = WeightsSender(
    "m", "d", "s", receiver.receive, folder=folder, pace_s=0.0, on_error=said.append
)
for value in (1.0, 2.0):
    sender.send({"w": torch.full((1_000_000,), value)})
    assert sender.flush(20.0) and receiver.flush(20.0)
assert staged == [1.0, 2.0], staged
assert len(said) == 1 and "No space left" in said[0], said
assert list(folder.iterdir()) == []
"""


def test_full_shared_memory_leaves_the_topic_with_one_warning(tmp_path):
    script = f'mount -t tmpfs -o size=4m none "{tmp_path}" && exec "$0" -c "$1" "{tmp_path}"'
    mounted = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    try:
        may = subprocess.run([*mounted, f'mount -t tmpfs none "{tmp_path}"'], capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs unshare, to have a file system of its own")
    if may.returncode:
        pytest.skip("needs the right to mount a file system in a namespace of its own")
    done = subprocess.run(
        [*mounted, script, sys.executable, FULL],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr


OWNER = """
import sys, signal
from pathlib import Path
from pamiq_ros.transport.header import Layout
from pamiq_ros.transport.shared_weights import WeightsMemory
store = WeightsMemory(Layout((), 1000, 1000), 2, Path(sys.argv[1]))
print(store.file, flush=True)
signal.pause()
"""


def test_a_new_owner_removes_what_a_dead_one_left_and_nothing_else(tmp_path):
    owners = [
        subprocess.Popen(
            [sys.executable, "-c", OWNER, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    try:
        dead, living = (owner.stdout.readline().strip() for owner in owners)
        others = ["pamiq_ros-notes", "pamiq_ros-0-12", "other", "pamiq_ros-1-" + "0" * 32]
        for name in others:
            (tmp_path / name).touch()  # the last: just made, and not locked yet
        owners[0].send_signal(signal.SIGKILL)
        owners[0].wait(DEADLINE)
        assert remove_leftovers(tmp_path) == [dead]
        assert {path.name for path in tmp_path.iterdir()} == {living, *others}
    finally:
        for owner in owners:
            owner.kill()
            owner.wait()
            owner.stdout.close()


def test_memory_that_is_not_there_is_refused_and_nothing_left(tmp_path):
    with pytest.raises(OSError):
        WeightsMemory(Layout((), 2**46, 2**46), 2, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("slots", [2, 3])
def test_a_reader_beside_a_writer_sees_whole_rising_versions(tmp_path, slots):
    size, versions = 200_000, 60
    staged, torn = [], []

    def stage(version, params):
        low, high = params["w"].aminmax()
        if not (low == high == float(params["n"])):
            torn.append((version, low, high, params["n"]))
        staged.append(version)

    receiver = WeightsReceiver("d1", stage, folder=tmp_path)
    sender = WeightsSender("m", "d1", "a", receiver.receive, folder=tmp_path, slots=slots)
    for value in range(versions):  # as fast as it can, so that it overtakes the reader
        sender.send(parameters(value, size))
    assert sender.flush(DEADLINE) and receiver.flush(DEADLINE)
    figures = receiver.statistics()
    assert sender.close(DEADLINE) and receiver.close(DEADLINE)
    assert torn == [] and staged == sorted(set(staged)) and staged
    handled = ("received", "overtaken", "half_written")
    assert sum(figures[name] for name in handled) == sender.statistics()["published"]


def test_two_threads_may_send(line):
    one = line()
    threads = [threading.Thread(target=one.sender.send, args=(parameters(v),)) for v in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    one.settle()
    assert all(len(set(params["w"].tolist())) == 1 for _, params in one.staged)
    assert one.sender.statistics()["published"] + one.sender.statistics()["superseded"] == 8


LEARNER = """
import itertools, sys
from pathlib import Path
import torch
from pamiq_ros.transport.weights_sender import WeightsSender

def publish(data):
    print(data.hex(), flush=True)

sender = WeightsSender("m", "d1", "a", publish, folder=Path(sys.argv[1]))
for value in itertools.count(1):
    sender.send({"w": torch.full((500_000,), float(value)), "n": torch.tensor(value)})
"""


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8])
def test_a_learner_killed_at_any_moment_leaves_its_newest_version_whole(tmp_path, after):
    learner = subprocess.Popen(
        [sys.executable, "-c", LEARNER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    announced = [learner.stdout.readline() for _ in range(after)]
    learner.kill()  # most of its time it writes the next version
    announced += learner.stdout.readlines()
    learner.wait(DEADLINE)
    learner.stdout.close()
    newest = next(line for line in reversed(announced) if line.endswith("\n"))
    staged = []
    receiver = WeightsReceiver(
        "d1", lambda version, p: staged.append((version, p)), folder=tmp_path
    )
    receiver.receive(bytes.fromhex(newest))
    assert receiver.flush(DEADLINE) and receiver.close(DEADLINE)
    [(version, params)] = staged
    assert params["w"].unique().tolist() == [int(params["n"])] and version >= after
    assert len(remove_leftovers(tmp_path)) == 1


@pytest.fixture(scope="module")
def announced(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slots")
    one = Line(folder)
    one.deaf = True
    one.send(3)
    yield folder, bytes(one.payloads[0])
    one.close()


BAD = ("malformed", "foreign", "unreadable", "half_written", "overtaken", "refused")


@settings(deadline=None, max_examples=1000)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_mutated_descriptor_is_taken_rightly_or_counted(announced, mutations):
    folder, data = announced
    changed = bytearray(data)
    for place, value in mutations:
        changed[place % len(changed)] = value
    staged = []
    receiver = WeightsReceiver("d1", lambda version, params: staged.append(params), folder=folder)
    receiver.receive(bytes(changed))
    assert receiver.flush(DEADLINE)
    figures = receiver.statistics()
    assert receiver.close(DEADLINE)
    assert len(staged) + sum(figures[name] for name in BAD) == 1
    assert all(int(params["n"]) == 3 for params in staged)


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(["version", "host", "file", "offset", "size", "source"]),
        st.one_of(
            st.text(max_size=300),
            st.integers(-1, 2**70).map(str),
            st.sampled_from(
                ["../../etc/passwd", "pamiq_ros-0-" + "a" * 32, str(MAX_WEIGHTS_BYTES)]
            ),
        ),
        min_size=1,
    )
)
def test_an_invented_descriptor_opens_nothing_and_is_counted(announced, fields):
    folder, data = announced
    metadata = {**decode(data, 4096).metadata, **fields}
    staged = []
    receiver = WeightsReceiver("d1", lambda version, params: staged.append(params), folder=folder)
    try:
        receiver.receive(encode({}, metadata))
    except (TypeError, ValueError):  # no text that could be sent
        return
    finally:
        assert receiver.flush(DEADLINE)
        figures = receiver.statistics()
        assert receiver.close(DEADLINE)
    assert len(staged) + sum(figures[name] for name in BAD) == 1
    true = decode(data, 4096).metadata
    assert not staged or {key for key in true if metadata[key] != true[key]} <= {"host"}


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300))
def test_a_request_of_any_bytes_harms_nobody(data):
    sender = WeightsSender("m", "d1", "a", lambda payload: None)
    sender.request(data)
    sender.request(encode({}, {"schema": "pamiq_ros/weights_request/1", "digest": "d1"}))
    assert sender.statistics()["malformed_requests"] == 2
    assert sender.close(DEADLINE)


def test_a_request_for_anothers_weights_is_not_answered(line):
    one = line()
    one.send(1)
    before = len(one.payloads)
    one.sender.request(encode_request(Request("d1", "learner-2", 1, "elsewhere")))
    one.settle()
    assert len(one.payloads) == before


def test_weights_that_never_came_are_asked_for_and_come_in_chunks(line):
    one = line()
    one.receiver.request_if_none()
    one.settle()
    assert one.payloads == [], "there were none yet"
    one.receiver._asked_at = -math.inf
    one.deaf = True
    one.send(7)
    one.deaf = False
    one.receiver.request_if_none()
    one.settle()
    assert one.values() == [(1, 7)]
    one.receiver._asked_at = -math.inf
    one.receiver.request_if_none()
    assert one.statistics("requests") == (2,), "there is nothing to ask for any more"


def test_room_is_made_once_for_each_version_that_comes_in_chunks(line, tmp_path):
    one = line(tmp_path / "none")
    rooms = []
    one.receiver._make_room = lambda: rooms.append(one.receiver.version)
    for value in (1, 2):
        one.send(value)
    assert rooms == [0, 1]


def test_a_fifo_of_a_learners_name_holds_up_neither_an_owner_nor_a_reader(tmp_path):
    name = f"pamiq_ros-{os.getuid()}-{'f' * 32}"
    fifo(tmp_path / name)
    with without_waiting(tmp_path / name):
        assert remove_leftovers(tmp_path) == []
        with pytest.raises(PermissionError, match=r"expected a regular file .* found a FIFO"):
            WeightsFile(name, tmp_path)
    assert (tmp_path / name).exists()


@only_root
def test_a_file_of_another_user_is_neither_removed_nor_read(tmp_path):
    name = f"pamiq_ros-{SOMEBODY}-{'f' * 32}"
    (tmp_path / name).write_bytes(b"x" * 8192)
    given_away(tmp_path / name)
    assert remove_leftovers(tmp_path) == []
    with pytest.raises(PermissionError, match=f"of user {SOMEBODY}"):
        WeightsFile(name, tmp_path)
