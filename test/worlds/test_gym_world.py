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

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from pamiq_ros.worlds.gym_world import World, WorldError, parse_kwargs


class Counting(gymnasium.Env[Any, Any]):
    """Observes what the action was; an episode takes `length` steps."""

    metadata = {"render_modes": [], "render_fps": 25}

    def __init__(
        self, length: int = 3, observation_space: Any = None, action_space: Any = None
    ) -> None:
        self.observation_space = observation_space or spaces.Box(-9, 9, (2,), np.float64)
        self.action_space = action_space or spaces.Box(-1, 1, (1,), np.float32)
        self.length, self.count = length, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.count = 0
        return np.array([self.np_random.random(), 0.0]), {}

    def step(self, action: Any) -> Any:
        self.count += 1
        observation = np.array([float(np.asarray(action).flat[0]), self.count])
        return observation, 0.5, self.count == self.length, False, {}


class Showing(Counting):
    """Observes a picture or another space."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}


gymnasium.register("Counting-v0", Counting)
gymnasium.register("Showing-v0", Showing)


def test_the_last_command_is_held_and_kept_within_the_space() -> None:
    world = World("Counting-v0")
    world.step()
    assert world.step().observation[0] == 0.0
    world.set_command([0.5, 0, 0, 0, 0, 0])
    assert [world.step().observation[0] for _ in range(2)] == [0.5, 0.5]
    world.set_command([7, 0, 0, 0, 0, 0])
    world.step()
    assert world.step().observation[0] == 1.0


def test_a_bad_command_leaves_the_last_one() -> None:
    world = World("Counting-v0")
    world.set_command([0.5, 0, 0, 0, 0, 0])
    with pytest.raises(WorldError, match=r"finite linear\.x"):
        world.set_command([math.nan, 0, 0, 0, 0, 0])
    world.step()
    assert world.step().observation[0] == 0.5


def test_episodes_are_told_and_begun_anew() -> None:
    world = World("Counting-v0", {"length": 2})
    outcomes = [world.step() for _ in range(7)]
    ended = [outcome.ended for outcome in outcomes]
    assert [index for index, episode in enumerate(ended) if episode] == [2, 5]
    first, second = ended[2], ended[5]
    assert first is not None and second is not None
    assert (first.episode, first.steps, first.total) == (0, 2, 1.0)
    assert (second.episode, first.terminated, first.truncated) == (1, True, False)
    assert [outcome.reward for outcome in outcomes[:4]] == [0.0, 0.5, 0.5, 0.0]


def test_a_time_limit_truncates() -> None:
    world = World("Counting-v0", {"length": 100, "max_episode_steps": 2})
    ended = [world.step() for _ in range(3)][-1].ended
    assert ended is not None and ended.truncated and not ended.terminated


def test_the_seed_repeats_a_run_and_not_an_episode() -> None:
    def beginnings(seed: int | None) -> list[float]:
        world = World("Counting-v0", seed=seed)
        return [float(world.reset().observation[0]) for _ in range(3)]

    assert beginnings(1) == beginnings(1)
    assert len({*beginnings(1), *beginnings(2), *beginnings(None)}) == 9


def test_vectors_are_float32_and_rate_is_the_environments_own() -> None:
    world = World("Counting-v0")
    observation = world.step().observation
    assert (observation.dtype, observation.shape) == (np.float32, (2,))
    assert (world.encoding, world.rate) == ("", 25.0)


@pytest.mark.parametrize(
    ("shape", "encoding", "published"),
    [
        ((8, 6, 3), "rgb8", (8, 6, 3)),
        ((8, 6), "mono8", (8, 6)),
        ((8, 6, 1), "mono8", (8, 6)),
        ((3, 8, 6), "", (144,)),
        ((128,), "", (128,)),
    ],
)
def test_pictures_are_told_from_vectors(
    shape: tuple[int, ...], encoding: str, published: tuple[int, ...]
) -> None:
    world = World("Showing-v0", {"observation_space": spaces.Box(0, 255, shape, np.uint8)})
    assert world.encoding == encoding
    assert world.reset().observation.shape == published


def test_a_discrete_observation_is_a_vector_of_one() -> None:
    world = World("Showing-v0", {"observation_space": spaces.Discrete(5)})
    assert world.reset().observation.shape == (1,)


@pytest.mark.parametrize(
    "space", [spaces.Dict(a=spaces.Discrete(2)), spaces.Tuple([spaces.Discrete(2)])]
)
def test_other_observations_are_refused_with_what_is_supported(space: Any) -> None:
    with pytest.raises(WorldError, match=r"observation space: expected a Box .* found"):
        World("Showing-v0", {"observation_space": space})


def test_an_array_is_the_action() -> None:
    world = World("Counting-v0", command="array")
    world.set_command([-0.5])
    world.step()
    assert world.step().observation[0] == -0.5
    with pytest.raises(WorldError, match="expected 1 numbers, found 2"):
        world.set_command([0.0, 0.0])


def test_an_action_map_with_arrays_is_refused() -> None:
    with pytest.raises(WorldError, match="action_map: expected none"):
        World("Counting-v0", action_map=["linear.x"], command="array")


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [("NoSuch-v0", {}), ("Counting-v0", {"wheels": 5}), ("no_such_module:Thing-v0", {}), ("", {})],
)
def test_an_environment_that_cannot_be_made_is_named(env_id: str, kwargs: dict[str, Any]) -> None:
    with pytest.raises(WorldError) as refused:
        World(env_id, kwargs)
    assert f"env_id '{env_id}'" in str(refused.value)


def test_keyword_arguments_are_a_yaml_mapping() -> None:
    assert parse_kwargs("{continuous: false, domain_randomize: true, n: 2}") == {
        "continuous": False,
        "domain_randomize": True,
        "n": 2,
    }
    assert parse_kwargs("") == {}


@pytest.mark.parametrize("text", ["[1, 2]", "5", "{a: ", "{1: 2}", "!!python/object:os.system {}"])
def test_other_keyword_arguments_are_refused(text: str) -> None:
    with pytest.raises(WorldError, match="env_kwargs: expected a YAML mapping"):
        parse_kwargs(text)


def test_a_positive_turn_turns_the_racing_car_left() -> None:
    def heading(turn: float) -> float:
        world = World("CarRacing-v3", seed=1)
        world.set_command([0.3, 0, 0, 0, 0, 0])
        for _ in range(60):
            world.step()
        world.set_command([0.1, 0, 0, 0, 0, turn])
        for _ in range(20):
            world.step()
        angle = float(world._env.unwrapped.car.hull.angle)  # type: ignore[attr-defined]
        world.close()
        return angle

    left, straight, right = heading(0.4), heading(0.0), heading(-0.4)
    assert left > straight + 0.2 > straight - 0.2 > right


def test_what_is_drawn_for_people_can_be_observed():
    world = World("CartPole-v1", observe="render")
    assert world.encoding == "rgb8"
    shown = world.reset().observation
    assert shown.shape == (400, 600, 3) and shown.dtype == np.uint8
    assert not np.array_equal(shown, [world.step() for _ in range(10)][-1].observation)
    world.close()


def test_what_can_not_be_observed_is_named():
    with pytest.raises(WorldError, match="observe: expected one of observation, render"):
        World("CartPole-v1", observe="touch")
