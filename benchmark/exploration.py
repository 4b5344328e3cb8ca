"""How much of a maze a curious robot comes to see, against one that drives at random.

Each seed is a run of `pamiq-ros up curiosity` in lockstep in `maze_world:Maze-v0`, which gives no
reward. Then the policy that was learnt drives for a while without learning, and so does the policy
that it began with, whose actions are as random as their distribution; both start alike. The measure
is the number of cells of 1 m by 1 m that they come into: it grows by going to other places alone,
not by turning or by driving to and fro.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

WORLD = "maze_world:Maze-v0"
SETTINGS = {"min_speed": -0.2, "max_speed": 0.8, "max_turn": 1.0, "log_std": -0.3}
JUDGED_STEPS = 2400


def main() -> None:
    """Learn with each seed, judge, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 on")
    parser.add_argument("--steps", type=int, default=8000, help="ticks to learn for, 10 a second")
    parser.add_argument("--train-every", type=int, default=4, help="ticks from turn to turn")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    from machine import report

    curious, random, seconds = [], [], []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as name:
            folder, began = Path(name), time.monotonic()
            run(folder, "learning", seed, options.steps, options.train_every, "none", options.set)
            seconds.append(time.monotonic() - began)
            for states, found in (("latest", curious), ("none", random)):
                other = 1000 + seed
                log = run(folder, states, other, JUDGED_STEPS, 0, states, options.set)
                found.append(covered(log))
            sys.stderr.write(f"seed {seed}: {curious[-1]} cells, at random {random[-1]}\n")
    ratio = statistics.mean(curious) / statistics.mean(random)
    report(
        "exploration",
        cells=int((~walls()).sum()),
        steps=options.steps,
        judged_steps=JUDGED_STEPS,
        curious=curious,
        random=random,
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
    more: list[str],
) -> Path:
    """One run in lockstep; gives the file that says where the robot was."""
    log = folder / f"{name}.places"
    command = [sys.executable, "-m", "pamiq_ros.cli.main", "up", "curiosity", "--world", WORLD]
    command += ["--lockstep", "--seed", str(seed), "--steps", str(steps)]
    command += ["--train-every", str(train_every), "--resume", resume]
    command += ["--states-dir", str(folder / "states"), "--log-dir", str(folder / f"{name}_log")]
    for setting in (*(f"{key}={value}" for key, value in SETTINGS.items()), *more):
        command += ["--set", setting]
    here = f"{Path(__file__).parents[1]}{os.pathsep}{Path(__file__).parent}"
    environment = {
        **os.environ,
        "PYTHONPATH": f"{here}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "PAMIQ_MAZE_LOG": str(log),
        "ROS_DOMAIN_ID": str(60 + os.getpid() % 40),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, cwd=folder, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
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
