"""Avatar: velocities as the input of a game controller, sent to VRChat by OSC."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pythonosc.udp_client import SimpleUDPClient

VERTICAL, HORIZONTAL, LOOK = "/input/Vertical", "/input/Horizontal", "/input/LookHorizontal"
JUMP, RUN = "/input/Jump", "/input/Run"
_SMALL = 1e-3  # an axis that is nearer to the middle is in the middle


@dataclass(frozen=True)
class AvatarSpeeds:
    """How fast an avatar is, which the world that it is in decides.

    Attributes:
        walk: Speed in m/s with an axis at its end.
        run: The same while running.
        turn: Turn in rad/s with the axis at its end.
        jump: Upward velocity in m/s from which on it jumps.
        smoothing: Time in s after which 1/e of a change is still to come; 0: none.
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
    """A controller's state.

    Attributes:
        vertical: 1 is forward.
        horizontal: 1 is to the right.
        look: 1 turns to the right.
        jump: Whether the button is pressed.
        run: Likewise.
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
        """The input for velocities by REP 103: x forward, y to the left, turn to the left.

        Args:
            forward: m/s.
            left: m/s.
            up: m/s.
            turn: rad/s.
            speeds: The avatar's.
        """
        run = math.hypot(forward, left) > speeds.walk
        fastest = speeds.run if run else speeds.walk
        return AvatarInput(
            _bounded(forward / fastest),
            _bounded(-left / fastest),
            _bounded(-turn / speeds.turn),
            up >= speeds.jump,
            run,
        )


class Avatar:
    """Sends a controller's state, smoothed, and lets go of it at the end.

    Args:
        host: Where VRChat runs.
        port: Where it listens; 9000 unless it was told otherwise.
        speeds: The avatar's.
    """

    def __init__(self, host: str, port: int, speeds: AvatarSpeeds) -> None:
        self._client = SimpleUDPClient(host, port)
        self._speeds = speeds
        self._wanted = self._sent = AvatarInput()
        self._pressed: dict[str, bool] = {JUMP: False, RUN: False}

    def drive(self, forward: float, left: float, up: float, turn: float) -> None:
        """Want velocities, as of `AvatarInput.of`, from now on.

        Raises:
            ValueError: One is not finite; what was wanted before stays.
        """
        for name, value in (("forward", forward), ("left", left), ("up", up), ("turn", turn)):
            if not math.isfinite(value):
                raise ValueError(f"{name}: expected a finite velocity, found {value}")
        self._wanted = AvatarInput.of(forward, left, up, turn, self._speeds)

    def update(self, seconds: float) -> AvatarInput:
        """Go on by some time: send the axes, nearer to what is wanted, and the buttons.

        Returns:
            What was sent.
        """
        smoothing = self._speeds.smoothing
        keep = math.exp(-seconds / smoothing) if smoothing else 0.0
        wanted, sent = self._wanted, self._sent
        self._send(
            AvatarInput(
                _nearer(sent.vertical, wanted.vertical, keep),
                _nearer(sent.horizontal, wanted.horizontal, keep),
                _nearer(sent.look, wanted.look, keep),
                wanted.jump,
                wanted.run,
            )
        )
        return self._sent

    def stop(self) -> None:
        """Let go of everything, at once."""
        self._wanted = AvatarInput()
        self._send(AvatarInput())

    def _send(self, given: AvatarInput) -> None:
        for address, value in (
            (VERTICAL, given.vertical),
            (HORIZONTAL, given.horizontal),
            (LOOK, given.look),
        ):
            # Each time, also zero: VRChat keeps an axis where it was, and OSC may lose a message.
            self._client.send_message(address, float(value))
        for address, pressed in ((JUMP, given.jump), (RUN, given.run)):
            if pressed or self._pressed[address]:
                self._client.send_message(address, int(pressed))
            self._pressed[address] = pressed
        self._sent = given


def _bounded(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _nearer(sent: float, wanted: float, keep: float) -> float:
    value = wanted + (sent - wanted) * keep
    return 0.0 if wanted == 0.0 and abs(value) < _SMALL else value
