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

"""`curiosity` on CarRacing-v3: training in real time through the nodes, and offline.

In real time, the nodes act and train at 10 Hz for some minutes and save 20 states; the lateness of
the ticks is sampled each second. Offline, a second agent trains in one process, as with
`pamiq-ros train curiosity --world CarRacing-v3 --world-rate 10 --train-every 8 --train-beside`, and
saves 20 states. In both runs the world makes one step per tick and begins with the same track. The
states are evaluated on a drive that was recorded before, on another track, by an agent that had
just begun to train. The reference for the offline speed is the world without an agent.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

RATE = 10
STATES = 20
SYSTEM, ENV_ID = "curiosity", "CarRacing-v3"
SETTING = "outcome_topic=outcome"
SEED, RECORDED_SEED = 0, 1  # of the world's first track
FIRST_BYTES = 50_000  # of a recording: two images, which it writes after a second
# The offline run has no acceleration limits. From full left to full right in a tick is 12 rad/s²,
# which the default limit of the inference node would reduce.
PARAMETERS = """
/**/pamiq_inference:
  ros__parameters: {max_angular_acceleration: 100.0}
/**/pamiq_training:
  ros__parameters: {save_period: %f, states_keep: 1000}
/**/pamiq_world:
  ros__parameters: {rate: %f, seed: %d}
"""


def main() -> None:
    """Record a drive, train twice, evaluate, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="in real time; 0: skip it")
    parser.add_argument(
        "--lockstep-minutes", type=float, default=20.0, help="offline, in the world's time"
    )
    parser.add_argument(
        "--train-every", type=int, default=8, help="ticks per training round offline"
    )
    parser.add_argument("--record-s", type=float, default=60.0, help="length of the recording")
    parser.add_argument("--alone-steps", type=int, default=500, help="steps of the world alone")
    parser.add_argument("--curves", type=Path, help="where to write the errors of each state")
    parser.add_argument("--folder", type=Path, help="where to work; else one that is deleted")
    options = parser.parse_args()
    from machine import report
    from nodes import join_the_nodes
    from runner_process import in_fresh_process

    join_the_nodes()
    steps = round(options.lockstep_minutes * 60 * RATE)
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        record(folder, options.record_s)
        results = {}
        if options.minutes:
            results["live"] = train_live(folder, options.minutes)
        results["lockstep"] = in_fresh_process(train_offline, folder, steps, options.train_every)
        alone = world_alone(options.alone_steps)
        curves = {name: evaluate(folder, name) for name in results}
    if options.curves:
        options.curves.write_text(json.dumps(curves), encoding="utf-8")
    report(
        "continual_racing",
        minutes=options.minutes,
        train_every=options.train_every,
        **results,
        lockstep_minutes=options.lockstep_minutes,
        lockstep_hz=round(steps / results["lockstep"]["seconds"], 1),
        world_alone_hz=round(alone, 1),
        errors={
            name: {metric: [values[0], values[1], values[-1]] for metric, values in curve.items()}
            for name, curve in curves.items()
        },
    )


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a `pamiq-ros` command."""
    from processes import command, own_environment

    with (folder / "output.txt").open("ab") as output:
        return subprocess.Popen(
            command(*arguments), env=own_environment(), cwd=folder, stdout=output, stderr=output
        )


def finished(folder: Path, process: subprocess.Popen[bytes], may_have_errors: bool = False) -> None:
    """Wait until a command ends, and fail with the output of all commands if it failed.

    A drive with a late picture ends with status 1; `may_have_errors` accepts it.
    """
    if process.wait() > may_have_errors:
        output = (folder / "output.txt").read_text(encoding="utf-8", errors="replace")
        raise SystemExit(f"{process.args} failed:\n{output}")


def up(folder: Path, name: str, seed: int, save_period: float, *arguments: str) -> tuple[str, ...]:
    """Return the command that starts the nodes; the names of its files begin with `name`."""
    parameters = folder / f"{name}.yaml"
    parameters.write_text(PARAMETERS % (save_period, RATE, seed), encoding="utf-8")
    files = ("--params", str(parameters), "--log-dir", f"{name}_log", "--report", f"{name}.json")
    return ("up", SYSTEM, "--world", ENV_ID, "--set", SETTING, *files, *arguments)


def record(folder: Path, seconds: float) -> None:
    """Record the drive that the states are evaluated on."""
    from nodes import Listener, wait_until

    driving = start(folder, *up(folder, "drive", RECORDED_SEED, 3600.0))
    listener = Listener()
    try:
        wait_until(
            lambda: listener.state("inference") == "active" or driving.poll() is not None,
            "the inference node",
        )
        if driving.poll() is not None:
            finished(folder, driving)
        recording = start(folder, "record", "-o", "bag", "camera/image_raw", "cmd_vel", "outcome")
        wait_until(
            lambda: recording.poll() is not None or size_of(folder / "bag") > FIRST_BYTES,
            "the first images of the recording",
        )
        time.sleep(seconds)
        recording.send_signal(signal.SIGINT)
        finished(folder, recording)
    finally:
        listener.close()
        driving.send_signal(signal.SIGINT)
        driving.wait()


def size_of(bag: Path) -> int:
    """Return the bytes that a recording has written so far."""
    return sum(file.stat().st_size for file in bag.glob("*.mcap"))


def train_live(folder: Path, minutes: float) -> dict[str, Any]:
    """Act and train in real time; return the time, the lateness and the report of the nodes."""
    from nodes import Listener

    began = time.monotonic()
    seconds = minutes * 60.0
    options = ("--states-dir", "live_states", "--duration", str(seconds))
    driving = start(folder, *up(folder, "live", SEED, seconds / STATES, *options))
    listener = Listener()
    late = list(lateness(listener, driving))
    listener.close()
    finished(folder, driving, may_have_errors=True)
    return {
        "seconds": round(time.monotonic() - began, 1),
        "lateness_recent_p99_ms": spread(late),
        "report": json.loads((folder / "live.json").read_text(encoding="utf-8")),
    }


def train_offline(folder: Path, steps: int, train_every: int) -> dict[str, Any]:
    """Act and train as `pamiq-ros train` does, but keep all states.

    Args:
        folder: Its folder `lockstep_states` gets the states.
        steps: Ticks.
        train_every: Ticks from training round to training round.

    Returns:
        The seconds from the first tick to the end, the updates, and the newest value of each
        metric.
    """
    from runner_process import time_from_first_tick

    from pamiq_ros.checkpoints import LATEST
    from pamiq_ros.offline.runner import Schedule
    from pamiq_ros.offline.session import Choice
    from pamiq_ros.offline.training import Plan, WorldChoice, train_in

    choice = Choice(SYSTEM, "", [SETTING], SEED, 1, folder / "lockstep_states", "", {}, 1000)
    world = WorldChoice(ENV_ID, rate=float(RATE))
    plan = Plan(steps=steps, save_every=max(1, steps // STATES))
    schedule = Schedule(train_every, beside=True)
    seconds, metrics = time_from_first_tick(
        partial(train_in, choice, world, plan, schedule, "none")
    )
    store = choice.store(choice.resolved())
    found = store.find(LATEST, sys.stderr.write) if store is not None else None
    assert found is not None
    return {"seconds": round(seconds, 3), "updates": found[1]["updates"], "metrics": metrics}


def world_alone(steps: int) -> float:
    """Return the steps per second of the world without an agent."""
    import gymnasium

    world = gymnasium.make(ENV_ID)
    world.action_space.seed(0)
    world.reset(seed=SEED)
    began = time.monotonic()
    for _ in range(steps):
        _, _, terminated, truncated, _ = world.step(world.action_space.sample())
        if terminated or truncated:
            world.reset()
    world.close()
    return steps / (time.monotonic() - began)


def lateness(listener: Any, driving: subprocess.Popen[bytes]) -> Sequence[float]:
    """Return the 99th percentile of the newest ticks' lateness in ms, sampled each second."""
    found: list[float] = []
    while driving.poll() is None:
        if listener.state("inference") == "active":
            recent = listener.statistics("inference").get("lateness_recent_ms") or {}
            if recent.get("p99") is not None:
                found.append(float(recent["p99"]))
        time.sleep(1.0)
    return found


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, 95th percentile and maximum."""
    if not values:
        return {}
    ordered = sorted(values)
    places = {"p50": len(ordered) // 2, "p95": len(ordered) * 95 // 100, "max": -1}
    return {name: round(ordered[place], 3) for name, place in places.items()}


def evaluate(folder: Path, name: str) -> dict[str, list[float]]:
    """Return the errors of each state on the recorded drive: untrained, then oldest to newest."""
    ids = sorted(path.name for path in (folder / f"{name}_states/pamiq_training").iterdir())
    states = [word for each in ("none", *ids) for word in ("--state", each)]
    files = ("--states-dir", f"{name}_states", "--json", f"{name}_errors.json")
    finished(folder, start(folder, "evaluate", SYSTEM, "--set", SETTING, *states, "bag", *files))
    scores = json.loads((folder / f"{name}_errors.json").read_text(encoding="utf-8"))["states"]
    metrics = [metric for metric in scores["none"] if "error" in metric]
    return {metric: [scores[each][metric]["mean"] for each in ("none", *ids)] for metric in metrics}


if __name__ == "__main__":
    main()
