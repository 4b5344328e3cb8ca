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

"""How much of a maze `curiosity` visits, compared with a policy that acts at random.

Each seed is a run of `pamiq-ros train curiosity --world maze_world:Maze-v0`. The maze gives no
reward. Two policies are then evaluated without training, from the same start: the trained policy,
and the policy before training, which samples its actions from an untrained distribution. The
measure is the number of cells of 1 m by 1 m that the robot enters. Only new places increase it,
turning on the spot or driving back and forth does not.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

WORLD = "maze_world:Maze-v0"
SETTINGS = {
    "min_speed": -1.0,
    "max_speed": 1.0,
    "max_turn": 0.4,
    "action_bins": [3, 3],
    "horizon": 1,
    "beta": 0.3,
    "dynamics_learning_rate": 2e-3,
    "policy_learning_rate": 1e-3,
    "n_epochs": 8,
    "gamma": 0.97,
}


def main() -> None:
    """Train with each seed, evaluate, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--steps", type=int, default=16000, help="ticks to train for, 10 Hz")
    parser.add_argument("--judged-steps", type=int, default=6000, help="ticks to evaluate for")
    parser.add_argument("--train-every", type=int, default=16, help="ticks per training round")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    from machine import report

    curious, random, learning, seconds = [], [], [], []
    for seed in range(options.first, options.first + options.seeds):
        more = [f"seed={seed}", *options.set]
        with tempfile.TemporaryDirectory() as name:
            folder, began = Path(name), time.monotonic()
            log = run(folder, "learning", seed, options.steps, options.train_every, "none", more)
            learning.append(covered(log))
            seconds.append(time.monotonic() - began)
            for states, found in (("latest", curious), ("none", random)):
                log = run(folder, states, 1000 + seed, options.judged_steps, 0, states, more)
                found.append(covered(log))
            sys.stderr.write(
                f"seed {seed}: {curious[-1]} cells, at random {random[-1]}; "
                f"{learning[-1]} in {seconds[-1]:.0f} s of training\n"
            )
    ratio = statistics.mean(curious) / statistics.mean(random)
    report(
        "exploration",
        cells=int((~walls()).sum()),
        steps=options.steps,
        judged_steps=options.judged_steps,
        curious=curious,
        random=random,
        while_learning=learning,
        curious_mean=round(statistics.mean(curious), 1),
        random_mean=round(statistics.mean(random), 1),
        ratio=round(ratio, 2),
        learning_s=[round(value) for value in seconds],
    )


def run(
    folder: Path,
    name: str,
    seed: int,
    steps: int,
    train_every: int,
    resume: str,
    more: Sequence[str],
) -> Path:
    """Run `pamiq-ros train` once; return the file with the robot's places.

    Args:
        folder: The working directory; the states of all runs are saved in it.
        name: The file's name without its suffix.
        seed: Seed of the world and of acting.
        steps: Ticks.
        train_every: Ticks from training round to training round; 0 for none.
        resume: State to resume from: `latest` or `none`.
        more: Further settings of the system, as `key=value`.
    """
    from processes import pamiq

    log = folder / f"{name}.places"
    command = ["train", "curiosity", "--world", WORLD, "--seed", str(seed), "--steps", str(steps)]
    command += ["--train-every", str(train_every), "--resume", resume]
    command += ["--states-dir", str(folder / "states")]
    for setting in (*(f"{key}={value}" for key, value in SETTINGS.items()), *more):
        command += ["--set", setting]
    pamiq(folder, *command, PAMIQ_MAZE_LOG=str(log))
    return log


def covered(log: Path) -> int:
    """Return the number of free cells that the robot entered."""
    places = np.fromfile(log, np.float32).reshape(-1, 3)[:, :2]
    return len({(int(x), int(y)) for x, y in places if not walls()[int(y), int(x)]})


def walls() -> npt.NDArray[np.bool_]:
    """Return which cells are walls."""
    from maze_world import PLAN

    return np.array([[cell == "#" for cell in row] for row in PLAN])


if __name__ == "__main__":
    main()
