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

"""World: steps a Gymnasium environment with the newest command, episode after episode."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Before an environment imports pygame: it prints a greeting otherwise.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import gymnasium
import numpy as np
import numpy.typing as npt
import yaml
from gymnasium import spaces

from .action_map import ActionMap, WorldError, array_map, twist_map

__all__ = ["COMMANDS", "OBSERVATIONS", "Episode", "Outcome", "World", "WorldError", "parse_kwargs"]

COMMANDS = ("twist", "array")
OBSERVATIONS = ("observation", "render")
_ENCODINGS = {1: "mono8", 3: "rgb8"}


@dataclass(frozen=True)
class Episode:
    """A finished episode.

    Attributes:
        episode: Number of the episode, from 0.
        steps: Number of steps.
        total: Return: the sum of its rewards.
        terminated: Whether the environment ended it.
        truncated: Whether a limit, such as of time, ended it.
    """

    episode: int
    steps: int
    total: float
    terminated: bool
    truncated: bool


@dataclass(frozen=True)
class Outcome:
    """The result of one step.

    Attributes:
        observation: An image, uint8 [height, width] or [height, width, 3], or float32 [size].
        reward: The step's reward; 0 for the first observation of an episode.
        episode: Number of the episode, from 0.
        total: Sum of the episode's rewards so far.
        ended: The episode if it ended with this step, else None.
    """

    observation: npt.NDArray[Any]
    reward: float
    episode: int
    total: float
    ended: Episode | None = None


class World:
    """An environment that each step applies the newest command to.

    Attributes:
        env_id: The environment's id.
        encoding: `rgb8` or `mono8` if observations are images; empty if they are vectors.
        rate: The environment's steps per second (`render_fps`) in Hz; None if it has none.
    """

    def __init__(
        self,
        env_id: str,
        env_kwargs: Mapping[str, Any] | None = None,
        seed: int | None = None,
        action_map: Sequence[str] = (),
        command: str = "twist",
        observe: str = "observation",
    ) -> None:
        """Make the environment; the first command is zero.

        Args:
            env_id: The environment's id; `module:name` imports the module first.
            env_kwargs: Its keyword arguments.
            seed: Seed of the first episode, which determines the others; None for a random one.
            action_map: Terms of `action_map.twist_map`; empty for its preset.
            command: `twist`: commands are twists; `array`: commands are actions.
            observe: `observation`: the environment's observation; `render`: its rendered image.

        Raises:
            WorldError: The environment cannot be made, or has spaces that are not supported.
        """
        if command not in COMMANDS:
            raise WorldError(f"command: expected one of {', '.join(COMMANDS)}, found {command!r}")
        if observe not in OBSERVATIONS:
            known = ", ".join(OBSERVATIONS)
            raise WorldError(f"observe: expected one of {known}, found {observe!r}")
        self.env_id = env_id
        self._seed = seed
        self._env = _make(env_id, env_kwargs or {}, observe == "render")
        try:
            self.encoding = _encoding(self._env.observation_space)
            self._map = _action_map(env_id, self._env.action_space, action_map, command)
        except WorldError:
            self._env.close()
            raise
        rate = self._env.metadata.get("render_fps")
        self.rate = float(rate) if rate else None
        self._action = self._map.action([0.0] * len(self._map.names))
        self._episode = -1
        self._steps = 0
        self._total = 0.0
        self._has_ended = True

    def set_command(self, command: Sequence[float]) -> None:
        """Set the command of the next steps.

        Args:
            command: linear x, y, z in m/s and angular x, y, z in rad/s; or an action's numbers.

        Raises:
            WorldError: The command is of the wrong size or not finite; the last one stays.
        """
        self._action = self._map.action(command)

    def reset(self) -> Outcome:
        """Start the next episode.

        Returns:
            The first observation.
        """
        observation, _ = self._env.reset(seed=self._seed if self._episode < 0 else None)
        self._episode += 1
        self._steps, self._total, self._has_ended = 0, 0.0, False
        return Outcome(self._observed(observation), 0.0, self._episode, 0.0)

    def step(self) -> Outcome:
        """Make one step with the newest command, or start an episode if the last one has ended."""
        if self._has_ended:
            return self.reset()
        observation, reward, terminated, truncated, _ = self._env.step(self._action)
        self._steps += 1
        self._total += float(reward)
        self._has_ended = bool(terminated or truncated)
        ended = None
        if self._has_ended:
            ended = Episode(
                self._episode, self._steps, self._total, bool(terminated), bool(truncated)
            )
        seen = self._observed(observation)
        return Outcome(seen, float(reward), self._episode, self._total, ended)

    def close(self) -> None:
        """Close the environment."""
        self._env.close()

    def _observed(self, observation: Any) -> npt.NDArray[Any]:
        array = np.asarray(observation)
        if not self.encoding:
            return array.astype(np.float32).reshape(-1)
        return array[..., 0] if array.shape[2:] == (1,) else array


def parse_kwargs(text: str) -> dict[str, Any]:
    """Parse keyword arguments, a YAML mapping such as `{continuous: true}`.

    Raises:
        WorldError: The text is not YAML, or not a mapping with names as keys.
    """
    try:
        value = yaml.safe_load(text) if text.strip() else {}
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        raise WorldError(f"env_kwargs: expected a YAML mapping, found {text!r}: {found}") from error
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise WorldError(
            f"env_kwargs: expected a YAML mapping of names such as '{{continuous: false}}', "
            f"found {text!r}"
        )
    return value


def _make(env_id: str, env_kwargs: Mapping[str, Any], is_rendered: bool) -> gymnasium.Env[Any, Any]:
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    try:
        if is_rendered:
            rendered = gymnasium.make(env_id, **{"render_mode": "rgb_array", **env_kwargs})
            return gymnasium.wrappers.AddRenderObservation(rendered)
        return gymnasium.make(env_id, **env_kwargs)
    except Exception as error:  # environments are foreign code and raise errors of any kind
        raise WorldError(
            f"env_id '{env_id}', env_kwargs {dict(env_kwargs)}: expected an environment that "
            f"Gymnasium can make, found {type(error).__name__}: {error}"
        ) from error


def _action_map(
    env_id: str, space: gymnasium.Space[Any], texts: Sequence[str], command: str
) -> ActionMap:
    if command == "twist":
        return twist_map(env_id, space, texts)
    if texts:
        raise WorldError(
            f"action_map: expected none with the command 'array', which is an action, "
            f"found {list(texts)}"
        )
    return array_map(space)


def _encoding(space: gymnasium.Space[Any]) -> str:
    """Return the encoding of images; empty for vectors."""
    if isinstance(space, spaces.Box):
        if space.dtype != np.uint8:
            return ""
        if len(space.shape) == 2:
            return "mono8"
        return _ENCODINGS.get(space.shape[2], "") if len(space.shape) == 3 else ""
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        return ""
    raise WorldError(
        "observation space: expected a Box (uint8 [height, width], [height, width, 1] or [height, "
        f"width, 3] is an image), Discrete, MultiDiscrete or MultiBinary space, found {space}"
    )
