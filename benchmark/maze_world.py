"""A maze seen with a robot's own eyes, and a note of each place that it comes to.

`maze_world:Maze-v0` is a Gymnasium environment that is cheap to step: walls are drawn by casting a
ray for each column of the picture (Permadi 1996, "Ray-casting tutorial"). Each wall cell has a
colour of its own, so that places can be told apart. Nothing ends an episode but its time, and there
is no reward.
"""

from __future__ import annotations

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
    "#..##......#........#",
    "#..##..#...#...#....#",
    "#......#.......#....#",
    "#####################",
)
SIDE = 64
FIELD_OF_VIEW = math.radians(75.0)
RADIUS = 0.2
RATE = 10.0
LOG_VARIABLE = "PAMIQ_MAZE_LOG"
_FAR = 12.0
_STEP = 0.04


class Maze(gymnasium.Env[npt.NDArray[np.uint8], npt.NDArray[np.float32]]):
    """A robot of 0.4 m in rooms of some metres.

    An action is its speed in m/s and its turn in rad/s, kept for 0.1 s; it stops at walls.
    Where it is, is appended to the file named by PAMIQ_MAZE_LOG: x, y and heading, three float32.

    Args:
        seconds: How long an episode lasts.
    """

    metadata = {"render_fps": RATE, "render_modes": []}

    def __init__(self, seconds: float = 120.0) -> None:
        self.observation_space = spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8)
        bound = np.array([1.0, 1.0], np.float32)
        self.action_space = spaces.Box(-bound, bound, dtype=np.float32)
        self._walls = np.array([[cell == "#" for cell in row] for row in PLAN])
        colours = np.random.default_rng(7).integers(60, 256, (*self._walls.shape, 3))
        self._colours = colours.astype(np.float32)
        self._steps = round(seconds * RATE)
        self._log = os.environ.get(LOG_VARIABLE, "")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Begin in the middle of the maze, facing anywhere."""
        super().reset(seed=seed, options=options)
        self._place = np.array([10.5, 6.5])
        self._heading = float(self.np_random.uniform(-math.pi, math.pi))
        self._taken = 0
        return self._seen(), {}

    def step(
        self, action: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Drive for 0.1 s."""
        self._heading += float(action[1]) / RATE
        ahead = np.array([math.cos(self._heading), math.sin(self._heading)])
        for axis in (0, 1):  # so that it slides along a wall
            moved = self._place.copy()
            moved[axis] += ahead[axis] * float(action[0]) / RATE
            if self._is_free(moved):
                self._place = moved
        self._taken += 1
        if self._log:
            with open(self._log, "ab") as file:  # noqa: PTH123 (a step is short)
                file.write(np.array([*self._place, self._heading], np.float32).tobytes())
        return self._seen(), 0.0, False, self._taken >= self._steps, {}

    def _is_free(self, place: npt.NDArray[np.float64]) -> bool:
        low, high = np.floor(place - RADIUS).astype(int), np.floor(place + RADIUS).astype(int)
        return not self._walls[low[1] : high[1] + 1, low[0] : high[0] + 1].any()

    def _seen(self) -> npt.NDArray[np.uint8]:
        angles = self._heading - np.linspace(-0.5, 0.5, SIDE) * FIELD_OF_VIEW
        reach = np.arange(_STEP, _FAR, _STEP)
        xs = self._place[0] + np.cos(angles)[:, None] * reach
        ys = self._place[1] + np.sin(angles)[:, None] * reach
        rows = np.clip(ys.astype(int), 0, len(PLAN) - 1)
        columns = np.clip(xs.astype(int), 0, len(PLAN[0]) - 1)
        first = self._walls[rows, columns].argmax(1)
        each = np.arange(SIDE)
        distance = reach[first] * np.cos(angles - self._heading)
        colour = self._colours[rows[each, first], columns[each, first]]
        colour = colour / (1.0 + 0.15 * distance)[:, None]
        height = np.minimum(SIDE, SIDE / np.maximum(distance, 0.1))
        line = np.abs(np.arange(SIDE) - (SIDE - 1) / 2)[:, None]
        floor = np.where(np.arange(SIDE) < SIDE / 2, 40, 90)[:, None, None]
        wall = (line <= height / 2)[..., None]
        return np.where(wall, colour[None], np.broadcast_to(floor, (SIDE, SIDE, 3))).astype(
            np.uint8
        )


gymnasium.register("Maze-v0", Maze)
