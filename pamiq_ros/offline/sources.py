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

"""The sources of an offline robot's time and observations: a bag or a Gymnasium world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

from pamiq_ros.core.devices import AXES
from pamiq_ros.offline.bags import Bag, Playback, listing, require

from .robot import OfflineRobot

if TYPE_CHECKING:
    from pamiq_ros.worlds.gym_world import Episode, World

Moment = tuple[int, Callable[[], None]]
"""A time in ns since 1970, and a function that gives the robot its observations of that time."""

WORLD_BEGINS_NS = 10**15
"""The time of a world's first step: the same in each run, and far from today."""


class Source(Protocol):
    """The observations of a robot in order of time."""

    @property
    def start_ns(self) -> int:
        """Time of the first observation in ns since 1970."""

    def connect(self, robot: OfflineRobot) -> None:
        """Check that the source has the topics that the robot's sensors observe.

        Raises:
            ValueError: It has not; lists the needed and the existing topics.
        """

    def moments(self, robot: OfflineRobot) -> Iterator[Moment]:
        """Yield each moment in order; the robot's commands apply until the next one."""


class BagSource:
    """The messages of a bag.

    Args:
        bag: The bag.
        names: New names of its topics, by their names in the bag.
        start_s: Start in s from the bag's first message.
        end_s: End in s from the bag's first message; 0 for the bag's end.

    Attributes:
        bag: The bag.
        start_ns: Start time in ns since 1970.
        seconds: Length in s.

    Raises:
        BagError: The start is not before the end.
    """

    def __init__(
        self,
        bag: Bag,
        names: Mapping[str, str] | None = None,
        start_s: float = 0.0,
        end_s: float = 0.0,
    ) -> None:
        self.bag = bag
        self._names = dict(names or {})
        self._playback = Playback(bag, 1.0, start_s, end_s)
        self.start_ns, self.seconds = self._playback.start_ns, self._playback.seconds

    def topics(self, robot: OfflineRobot) -> list[str]:
        """Return the names in the bag of the observed topics."""
        return [name for name in self.bag.topics if self._name(name) in robot.observed]

    def connect(self, robot: OfflineRobot) -> None:
        """See `Source.connect`; raises BagError."""
        found = {self._name(name): topic.type for name, topic in self.bag.topics.items()}
        require(self.bag, found, robot.observed)

    def moments(self, robot: OfflineRobot) -> Iterator[Moment]:
        """See `Source.moments`.

        Raises:
            BagError: The bag is damaged.
        """
        # rclpy is needed for bags only.
        from rclpy.serialization import deserialize_message

        from pamiq_ros.compat import require_message_class

        topics = self.topics(robot)
        classes = {name: require_message_class(name, self.bag.topics[name].type) for name in topics}
        for _, message in self._playback.due(topics):
            make = partial(deserialize_message, message.data, classes[message.topic])
            yield message.time_ns, partial(robot.show, self._name(message.topic), make)

    def _name(self, topic: str) -> str:
        return self._names.get(topic, topic)


class WorldSource:
    """A Gymnasium environment, stepped once in each period of its own.

    It is driven like the world node: by velocities on `cmd_vel` or by the values of an action on
    `action`.

    Args:
        env_id: The environment's id; `module:name` imports the module first.
        env_kwargs: Its keyword arguments.
        seed: Seed of the first episode.
        on_episode: Called with each episode when it ends.
        rate: Steps per second in Hz; None for the environment's own.

    Attributes:
        start_ns: Time of the next step in ns since 1970.
    """

    start_ns = WORLD_BEGINS_NS

    def __init__(
        self,
        env_id: str,
        env_kwargs: Mapping[str, Any],
        seed: int,
        on_episode: Callable[[Episode], object] = lambda episode: None,
        rate: float | None = None,
    ) -> None:
        self._make = (env_id, dict(env_kwargs), seed)
        self._on_episode, self._rate = on_episode, rate
        self._world: World | None = None
        self._command = ""

    def connect(self, robot: OfflineRobot) -> None:
        """See `Source.connect`; makes the environment at the first call.

        Raises:
            WorldError: The environment cannot be made or driven.
        """
        # gymnasium takes a while to import and is not needed for bags.
        from pamiq_ros.worlds.gym_world import World, WorldError
        from pamiq_ros.worlds.messages import WorldMessages

        if self._world is None:
            self._command = _command_topic(robot)
            kind = "array" if self._command == "/action" else "twist"
            self._world = World(*self._make, command=kind)
            self._messages = WorldMessages(self._world.encoding)
        found = {f"/{name}": kind for name, kind in self._messages.types.items()}
        self._observed = [name for name in self._messages.types if f"/{name}" in robot.observed]
        wrong = {n: k for n, k in robot.observed.items() if found.get(n) != k}
        if wrong:
            raise WorldError(
                f"{self._make[0]}: expected what the system observes, {listing(wrong)}; "
                f"found {listing(found)}"
            )

    def moments(self, robot: OfflineRobot) -> Iterator[Moment]:
        """See `Source.moments`; never ends. Another call continues from the last step.

        Raises:
            WorldError: The environment has no rate of its own, and none was given.
        """
        from pamiq_ros.worlds.action_map import WorldError

        assert self._world is not None
        rate = self._rate or self._world.rate
        if rate is None:
            raise WorldError(
                f"{self._make[0]}: expected a rate, as the environment does not say its own "
                "(metadata render_fps); found none"
            )
        while True:
            yield self.start_ns, partial(self._step, robot)
            self.start_ns += round(1e9 / rate)

    def close(self) -> None:
        """Close the environment."""
        if self._world is not None:
            self._world.close()

    def _step(self, robot: OfflineRobot) -> None:
        assert self._world is not None
        self._world.set_command(self._held(robot))
        outcome = self._world.step()
        for topic, fill in self._messages.after(outcome).items():
            if topic in self._observed:
                robot.show(f"/{topic}", partial(_message, fill))
        if outcome.ended is not None:
            self._on_episode(outcome.ended)

    def _held(self, robot: OfflineRobot) -> Sequence[float]:
        command = robot.commands[self._command]
        if self._command == "/action":
            return command.values
        values = dict(zip(command.names, command.values, strict=True))
        return [values.get(axis, 0.0) for axis in AXES]


def _message(fill: Callable[[Any], None]) -> Any:
    message = SimpleNamespace()
    fill(message)
    return message


def _command_topic(robot: OfflineRobot) -> str:
    from pamiq_ros.worlds.action_map import WorldError

    for topic in ("/action", "/cmd_vel"):
        if topic in robot.commands:
            return topic
    found = listing({topic: c.actuator.message_type for topic, c in robot.commands.items()})
    raise WorldError(f"expected a system that commands /cmd_vel or /action, found {found}")
