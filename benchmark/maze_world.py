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

"""A maze of rooms with painted floors, driven by a small car, and a note of each place it comes to.

`maze_world:Maze-v0` is a Gymnasium environment that is cheap to step (0.5 ms). The picture is the
floor around the car as a camera above it sees it, the way ahead upwards. Each room has a hue and
each tile of 0.5 m its own shade, so that places can be told apart. Nothing ends an episode but its
time, and there is no reward.
"""

from __future__ import annotations

import colorsys
import math
import os
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

PLAN = (
    "#####################",
    "#....#.......#......#",
    "#....#.......#......#",
    "#............#..##..#",
    "#....#..###.....##..#",
    "##.###..#....#......#",
    "#....#..#....#......#",
    "#....####.##.####.###",
    "#.........#.........#",
    "#....#....#....#....#",
    "##.######.##.#####.##",
    "#......#.......#....#",
    "#......#...#...#....#",
    "#..##..#...#...#....#",
    "#..##..#...#...#....#",
    "#......#.......#....#",
    "#####################",
)
SIDE = 64
VIEW = 6.0
RATE = 10.0
RADIUS = 0.2
ACCELERATION = 1.0
TURNING_CIRCLE = 0.5
LOG_VARIABLE = "PAMIQ_MAZE_LOG"
_TILES = 2  # along a metre
_ROOM = (4, 5)  # rows and columns that share a hue


class Maze(gymnasium.Env[npt.NDArray[np.uint8], npt.NDArray[np.float32]]):
    """A car of 0.4 m in rooms of some metres.

    An action is the speed in m/s and the turn in rad/s that are wanted for 0.1 s. The speed comes
    to it by 1 m/s², the car turns no tighter than in a circle of 0.5 m radius, and it stands still
    at a wall that it can't slide along. Where it is, is appended to the file named by
    PAMIQ_MAZE_LOG: x, y and heading, three float32.

    Args:
        seconds: How long an episode lasts.
    """

    metadata = {"render_fps": RATE, "render_modes": []}

    def __init__(self, seconds: float = 120.0) -> None:
        self.observation_space = spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8)
        bound = np.array([1.0, 1.0], np.float32)
        self.action_space = spaces.Box(-bound, bound, dtype=np.float32)
        self._walls = np.array([[cell == "#" for cell in row] for row in PLAN])
        self._floor = painted(self._walls)
        offsets = ((np.arange(SIDE) + 0.5) / SIDE - 0.5) * VIEW
        self._right, self._behind = np.meshgrid(offsets, offsets)
        self._steps = round(seconds * RATE)
        self._log = os.environ.get(LOG_VARIABLE, "")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Begin in the middle of the maze, at rest, facing anywhere."""
        super().reset(seed=seed, options=options)
        self._place, self._speed = np.array([10.5, 6.5]), 0.0
        self._heading = float(self.np_random.uniform(-math.pi, math.pi))
        self._taken = 0
        return self._seen(), {}

    def step(
        self, action: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Drive for 0.1 s."""
        change = ACCELERATION / RATE
        self._speed += float(np.clip(action[0] - self._speed, -change, change))
        fastest = abs(self._speed) / TURNING_CIRCLE
        self._heading += float(np.clip(action[1], -fastest, fastest)) / RATE
        if not self._drive(np.array([math.cos(self._heading), math.sin(self._heading)])):
            self._speed = 0.0
        self._taken += 1
        if self._log:
            with open(self._log, "ab") as file:  # noqa: PTH123 (a step is short)
                file.write(np.array([*self._place, self._heading], np.float32).tobytes())
        return self._seen(), 0.0, False, self._taken >= self._steps, {}

    def _drive(self, ahead: npt.NDArray[np.float64]) -> bool:
        """Go on for 0.1 s, along each axis as far as that is free; says whether it moved."""
        before = self._place.copy()
        for axis in (0, 1):
            there = self._place.copy()
            there[axis] += ahead[axis] * self._speed / RATE
            low, high = np.floor(there - RADIUS).astype(int), np.floor(there + RADIUS).astype(int)
            if not self._walls[low[1] : high[1] + 1, low[0] : high[0] + 1].any():
                self._place = there
        return bool((self._place != before).any())

    def _seen(self) -> npt.NDArray[np.uint8]:
        cos, sin = math.cos(self._heading), math.sin(self._heading)
        xs = self._place[0] - cos * self._behind - sin * self._right
        ys = self._place[1] - sin * self._behind + cos * self._right
        rows = np.clip(np.floor(ys * _TILES).astype(int), 0, len(self._floor) - 1)
        columns = np.clip(np.floor(xs * _TILES).astype(int), 0, self._floor.shape[1] - 1)
        return self._floor[rows, columns]


def painted(walls: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The maze from above, a number per tile and colour: uint8 [rows, columns, 3]."""
    random = np.random.default_rng(3)
    rows, columns = (count * _TILES for count in walls.shape)
    hues = random.random((rows // _TILES // _ROOM[0] + 1, columns // _TILES // _ROOM[1] + 1))
    floor = np.full((rows, columns, 3), 10, np.uint8)
    for row, column in np.argwhere(~np.kron(walls, np.ones((_TILES, _TILES), bool))):
        hue = hues[row // _TILES // _ROOM[0], column // _TILES // _ROOM[1]]
        colour = colorsys.hsv_to_rgb(hue, 0.7, random.uniform(0.3, 1.0))
        floor[row, column] = np.array(colour) * 255.0
    return floor


gymnasium.register("Maze-v0", Maze)
