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

"""An avatar in VRChat as a robot, without ROS: `Avatar` sends velocities, `Capture` reads its view.

Velocities become the input of a game controller, sent by OSC
(https://docs.vrchat.com/docs/osc-as-input-controller). The view is read from a capture device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pythonosc.udp_client import SimpleUDPClient

VERTICAL, HORIZONTAL, LOOK = "/input/Vertical", "/input/Horizontal", "/input/LookHorizontal"
JUMP, RUN = "/input/Jump", "/input/Run"
_SMALL = 1e-3  # an axis closer to its middle snaps to it


@dataclass(frozen=True)
class AvatarSpeeds:
    """The speeds of an avatar, which depend on its VRChat world.

    Attributes:
        walk: Speed in m/s at full input.
        run: Speed in m/s at full input while running.
        turn: Turn rate in rad/s at full input.
        jump: Upward velocity in m/s from which the avatar jumps.
        smoothing: Time constant of the input in s; 0: no smoothing.
    """

    walk: float = 2.0
    run: float = 4.0
    turn: float = 1.5
    jump: float = 0.5
    smoothing: float = 0.1

    def __post_init__(self) -> None:
        for name in ("walk", "run", "turn", "jump"):
            if not 0.0 < getattr(self, name) < math.inf:
                text = f"expected a positive number, found {getattr(self, name)!r}"
                raise ValueError(f"{name}: {text}")
        if not 0.0 <= self.smoothing < math.inf:
            raise ValueError(f"smoothing: expected 0 or more, found {self.smoothing!r}")
        if self.run < self.walk:
            raise ValueError(f"run: expected {self.walk:g} m/s (walk) or more, found {self.run:g}")


@dataclass(frozen=True)
class AvatarInput:
    """The state of a game controller.

    Attributes:
        vertical: 1 is forward.
        horizontal: 1 is to the right.
        look: 1 turns to the right.
        jump: Whether the button is pressed.
        run: Whether the button is pressed.
    """

    vertical: float = 0.0
    horizontal: float = 0.0
    look: float = 0.0
    jump: bool = False
    run: bool = False

    @staticmethod
    def of(
        forward: float, left: float, up: float, turn: float, speeds: AvatarSpeeds
    ) -> AvatarInput:
        """Return the input for velocities by REP 103: x forward, y left, positive turn left.

        Args:
            forward: m/s.
            left: m/s.
            up: m/s.
            turn: rad/s.
            speeds: The avatar's speeds.
        """
        run = math.hypot(forward, left) > speeds.walk
        fastest = speeds.run if run else speeds.walk
        return AvatarInput(
            _clipped(forward / fastest),
            _clipped(-left / fastest),
            _clipped(-turn / speeds.turn),
            up >= speeds.jump,
            run,
        )


class Avatar:
    """Sends the smoothed state of a controller to VRChat.

    Args:
        host: VRChat's host.
        port: VRChat's port, 9000 by default.
        speeds: The avatar's speeds.
    """

    def __init__(self, host: str, port: int, speeds: AvatarSpeeds) -> None:
        self._client = SimpleUDPClient(host, port)
        self._speeds = speeds
        self._target = self._sent = AvatarInput()
        self._pressed: dict[str, bool] = {JUMP: False, RUN: False}

    def drive(self, forward: float, left: float, up: float, turn: float) -> None:
        """Set the target velocities; arguments as of `AvatarInput.of`.

        Raises:
            ValueError: A value is not finite; the target stays.
        """
        for name, value in (("forward", forward), ("left", left), ("up", up), ("turn", turn)):
            if not math.isfinite(value):
                raise ValueError(f"{name}: expected a finite velocity, found {value}")
        self._target = AvatarInput.of(forward, left, up, turn, self._speeds)

    def update(self, seconds: float) -> AvatarInput:
        """Advance by some time: send the axes, smoothed towards the target, and the buttons.

        Returns:
            The input that was sent.
        """
        smoothing = self._speeds.smoothing
        keep = math.exp(-seconds / smoothing) if smoothing else 0.0
        target, sent = self._target, self._sent
        self._send(
            AvatarInput(
                _smoothed(sent.vertical, target.vertical, keep),
                _smoothed(sent.horizontal, target.horizontal, keep),
                _smoothed(sent.look, target.look, keep),
                target.jump,
                target.run,
            )
        )
        return self._sent

    def stop(self) -> None:
        """Send zero input at once."""
        self._target = AvatarInput()
        self._send(AvatarInput())

    def _send(self, state: AvatarInput) -> None:
        for address, value in (
            (VERTICAL, state.vertical),
            (HORIZONTAL, state.horizontal),
            (LOOK, state.look),
        ):
            # Each time, also zero: VRChat keeps the last value, and UDP can lose a message.
            self._client.send_message(address, float(value))
        for address, pressed in ((JUMP, state.jump), (RUN, state.run)):
            if pressed or self._pressed[address]:
                self._client.send_message(address, int(pressed))
            self._pressed[address] = pressed
        self._sent = state


def _clipped(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _smoothed(sent: float, target: float, keep: float) -> float:
    value = target + (sent - target) * keep
    return 0.0 if target == 0.0 and abs(value) < _SMALL else value


class CaptureError(RuntimeError):
    """A source of images cannot be used; says what was expected and what was found."""


class Capture:
    """A capture device, virtual camera or video file.

    Args:
        source: Number of a device, a file, or a URL that OpenCV can open.
        loop: Whether to repeat a file.

    Raises:
        CaptureError: The source cannot be opened, or has no images.
    """

    def __init__(self, source: str, loop: bool = False) -> None:
        self.source, self._loop = source, loop
        self._video = cv2.VideoCapture(int(source) if source.isdigit() else source)
        first = self._read()
        if first is None:
            self._video.release()
            raise CaptureError(
                f"capture '{source}': expected a device's number, a file or an address with "
                "images, found none"
            )
        self._first: npt.NDArray[np.uint8] | None = first

    @property
    def rate(self) -> float:
        """Images per second; 0 if the source does not say."""
        rate = float(self._video.get(cv2.CAP_PROP_FPS))
        return rate if 0.0 < rate < 1000.0 else 0.0

    def read(self) -> npt.NDArray[np.uint8] | None:
        """Return the next image, uint8 [height, width, 3], bgr; None at the end.

        Raises:
            CaptureError: A file cannot be repeated.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        image = self._read()
        if image is None and self._loop:
            self._video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            image = self._read()
            if image is None:
                raise CaptureError(
                    f"capture '{self.source}': it cannot be read again from its start"
                )
        return image

    def close(self) -> None:
        """Close the source."""
        self._video.release()

    def _read(self) -> npt.NDArray[np.uint8] | None:
        found: Any
        ok, found = self._video.read()
        return found if ok else None
