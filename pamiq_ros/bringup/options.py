"""What a user can choose about the graph, checked before any process starts."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pamiq_ros.nodes.tables import INFERENCE_PARAMETERS, REPLAY_PARAMETERS, require_accepted

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")

_NAMESPACE = re.compile(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*/?")


@dataclass(frozen=True)
class WorldOptions:
    """The simulated world that stands in for a robot.

    Attributes:
        env_id: Gymnasium environment, such as CarRacing-v3; empty leaves it to the parameter file.
        env_kwargs: The environment's keyword arguments, text of a YAML mapping; empty for none.
        command: What drives it: twist, twist_stamped or array; empty leaves it to the file.
    """

    env_id: str = ""
    env_kwargs: str = ""
    command: str = ""


@dataclass(frozen=True)
class ReplayOptions:
    """The bag that stands in for a robot. What is 0 or empty is left to the parameter file.

    Attributes:
        bag: Folder or file.
        rate: Seconds of the bag in a second.
        start: Where to begin, in s from the bag's first message.
        end: Where to end, in s.
        loop: Whether to begin anew at the end.
        topics: Topics to replay.
        remaps: Pairs of topics, as the bag names them and as they are to be called.
        compare: Whether the commands are compared with those in the bag.
    """

    bag: str
    rate: float = 0.0
    start: float = 0.0
    end: float = 0.0
    loop: bool = False
    topics: tuple[str, ...] = ()
    remaps: tuple[tuple[str, str], ...] = ()
    compare: bool = False

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: One has a wrong value; names it, what was found and expected.
        """
        for name in ("rate", "start", "end"):
            if value := getattr(self, name):  # 0 is left to the parameter file
                require_accepted(REPLAY_PARAMETERS, name, value)
        if not Path(self.bag).exists():
            raise ValueError(f"bag: expected a folder or a file, found nothing at {self.bag}")


def parse_remaps(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of names from texts such as `/image:=/camera/image_raw`.

    Raises:
        ValueError: A text is none; says which.
    """
    for text in texts:
        if text.count(":=") != 1 or not all(text.split(":=")):
            raise ValueError(f"remap: expected BAG_TOPIC:=TOPIC, found {text!r}")
    return tuple((name, target) for name, target in (text.split(":=") for text in texts))


@dataclass(frozen=True)
class GraphOptions:
    """Which graph to run. What is left empty is left to the parameter file and the nodes.

    Attributes:
        system: The system to run: a name, `module:callable` or `file.py:callable`.
        namespace: ROS namespace of all nodes, such as `robot1`; empty for the root.
        rate: Ticks per second of the inference node, in Hz; 0.0 for the system's own.
        overrides: `key=value` overrides of the system's configuration.
        params_file: ROS parameter file of all nodes; empty for none.
        system_config: YAML file with the system's configuration.
        states_dir: Folder for saved states.
        resume: State to go on from: `latest`, `none` or a state's id.
        resume_what_fits: Whether to take what fits of a state of another configuration instead of
            refusing it; None leaves it to the file.
        use_sim_time: Whether nodes take their time from `/clock`; None leaves it to the file.
        log_level: One of LOG_LEVELS; empty for the default.
        autostart: Whether the control node activates the others; None leaves it to the file.
        max_linear_velocity: Largest velocity commanded on an axis in m/s; None leaves it to the
            file.
        max_angular_velocity: Largest turn commanded on an axis in rad/s; None leaves it to the
            file.
        twist_stamped: Whether velocities are TwistStamped; None leaves it to the file.
        frame_id: Frame of TwistStamped commands; empty leaves it to the file.
        world: A simulated world to run as well; None for a real robot.
        replay: A bag to replay, whose time is then the nodes'; None for a real robot.
    """

    system: str = ""
    namespace: str = ""
    rate: float = 0.0
    overrides: tuple[str, ...] = ()
    params_file: str = ""
    system_config: str = ""
    states_dir: str = ""
    resume: str = ""
    resume_what_fits: bool | None = None
    use_sim_time: bool | None = None
    log_level: str = ""
    autostart: bool | None = None
    max_linear_velocity: float | None = None
    max_angular_velocity: float | None = None
    twist_stamped: bool | None = None
    frame_id: str = ""
    world: WorldOptions | None = None
    replay: ReplayOptions | None = None

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: An option has a wrong value; names it, what was found and expected.
        """
        for name in ("rate", "max_linear_velocity", "max_angular_velocity"):
            if (value := getattr(self, name)) is not None:
                require_accepted(INFERENCE_PARAMETERS, name, value)
        if self.namespace not in ("", "/") and not _NAMESPACE.fullmatch(self.namespace):
            raise ValueError(
                f"namespace: expected names of letters, digits and '_' joined by '/', "
                f"found {self.namespace!r}"
            )
        if self.log_level and self.log_level not in LOG_LEVELS:
            raise ValueError(
                f"log_level: expected one of {', '.join(LOG_LEVELS)}, found {self.log_level!r}"
            )
        for override in self.overrides:
            _require_override(override)
        for name in ("params_file", "system_config"):
            _require_readable(name, getattr(self, name))
        if self.states_dir and Path(self.states_dir).exists():
            _require_folder("states_dir", self.states_dir)

    @property
    def absolute_namespace(self) -> str:
        """The namespace with one leading slash and none at its end; `/` for the root."""
        return "/" + self.namespace.strip("/")


def _require_override(override: str) -> None:
    key, equals, _ = override.partition("=")
    if not equals or not key.strip():
        raise ValueError(f"overrides: expected key=value, found {override!r}")


def _require_readable(name: str, path: str) -> None:
    if not path:
        return
    if not Path(path).is_file():
        raise ValueError(f"{name}: expected a readable file, found nothing of that kind at {path}")
    if not os.access(path, os.R_OK):
        raise ValueError(f"{name}: expected a readable file, found {path} without read permission")


def _require_folder(name: str, path: str) -> None:
    if not Path(path).is_dir():
        raise ValueError(f"{name}: expected a folder, found a file at {path}")
