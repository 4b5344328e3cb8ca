"""How much of a maze a curious robot comes to see, against one that drives at random.

Each seed is a run of `pamiq-ros up curiosity` in lockstep in `maze_world:Maze-v0`, which gives no
reward. Then the policy that was learnt drives for a while without learning, and so does the policy
that it began with, whose actions are as random as their distribution; both start alike. The measure
is the number of cells of 1 m by 1 m that they come into: it grows by going to other places alone,
not by turning or by driving to and fro.
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
    "choices": [3, 3],
    "horizon": 1,
    "beta": 0.3,
    "dynamics_learning_rate": 2e-3,
    "policy_learning_rate": 1e-3,
    "epochs": 8,
    "gamma": 0.97,
}


def main() -> None:
    """Learn with each seed, judge, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--steps", type=int, default=16000, help="ticks to learn for, 10 a second")
    parser.add_argument("--judged-steps", type=int, default=6000, help="ticks without learning")
    parser.add_argument("--train-every", type=int, default=16, help="ticks from turn to turn")
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
                f"{learning[-1]} in {seconds[-1]:.0f} s of learning\n"
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
    """One run in lockstep; gives the file that says where the robot was."""
    from processes import pamiq

    log = folder / f"{name}.places"
    command = ["up", "curiosity", "--world", WORLD, "--lockstep", "--seed", str(seed)]
    command += ["--steps", str(steps)]
    command += ["--train-every", str(train_every), "--resume", resume]
    command += ["--states-dir", str(folder / "states"), "--log-dir", str(folder / f"{name}_log")]
    for setting in (*(f"{key}={value}" for key, value in SETTINGS.items()), *more):
        command += ["--set", setting]
    pamiq(folder, *command, PAMIQ_MAZE_LOG=str(log))
    return log


def covered(log: Path) -> int:
    """How many free cells the robot came to."""
    places = np.fromfile(log, np.float32).reshape(-1, 3)[:, :2]
    return len({(int(x), int(y)) for x, y in places if not walls()[int(y), int(x)]})


def walls() -> npt.NDArray[np.bool_]:
    """Which cells are walls."""
    from maze_world import PLAN

    return np.array([[cell == "#" for cell in row] for row in PLAN])


if __name__ == "__main__":
    main()
