"""A curious agent that learns on CarRacing in real time, and the same one in lockstep.

It drives and learns at 10 Hz for some minutes, while its lateness is noted each second, and saves
20 states. Then another one does the same in lockstep. The states of both are judged on a drive that
was recorded before, in another episode and with a policy that has learnt nothing. The world makes
one step to a tick. Lockstep's speed is told beside that of the world alone, which is its limit.
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
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

RATE = 10
STATES = 20
WORLD = ("curiosity", "--world", "CarRacing-v3", "--set", "outcome_topic=outcome")
PARAMETERS = """
/**/pamiq_inference:
  ros__parameters: {max_linear_velocity: 1.0, max_angular_velocity: 1.0}
/**/pamiq_training:
  ros__parameters: {save_period: %f, states_keep: 1000}
/**/pamiq_world:
  ros__parameters:
    rate: 10.0
    action_map: ["angular.z * -1", "positive(linear.x)", "negative(linear.x)"]
"""


def main() -> None:
    """Record, learn twice, judge, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="in real time; 0: not")
    parser.add_argument("--lockstep-minutes", type=float, default=20.0, help="by its own clock")
    parser.add_argument("--train-every", type=int, default=8, help="ticks to a turn in lockstep")
    parser.add_argument("--record-s", type=float, default=60.0, help="length of the recording")
    parser.add_argument("--alone-steps", type=int, default=500, help="steps of the world alone")
    parser.add_argument("--curves", type=Path, help="where to write the errors of each state")
    parser.add_argument("--folder", type=Path, help="where to work; else one that is deleted")
    options = parser.parse_args()
    from machine import report
    from nodes import join_the_nodes

    join_the_nodes()
    steps = str(round(options.lockstep_minutes * 60 * RATE))
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        record(folder, options.record_s)
        results = {}
        if options.minutes:
            duration = ("--duration", str(options.minutes * 60.0))
            results["live"] = drive(folder, "live", options.minutes, *duration)
        every = ("--train-every", str(options.train_every), "--train-beside")
        stepwise = ("--lockstep", "--steps", steps, *every)
        results["lockstep"] = drive(folder, "lockstep", options.lockstep_minutes, *stepwise)
        alone = world_alone(options.alone_steps)
        curves = {name: judge(folder, name) for name in results}
    if options.curves:
        options.curves.write_text(json.dumps(curves), encoding="utf-8")
    report(
        "continual_racing",
        minutes=options.minutes,
        train_every=options.train_every,
        **results,
        lockstep_minutes=options.lockstep_minutes,
        lockstep_hz=results["lockstep"]["report"]["inference"]["rate_hz"],
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


def up(folder: Path, name: str, minutes: float, *arguments: str) -> tuple[str, ...]:
    """The command that drives for some minutes; its files begin with `name`."""
    parameters = folder / f"{name}.yaml"
    parameters.write_text(PARAMETERS % (minutes * 60.0 / STATES), encoding="utf-8")
    files = ("--params", str(parameters), "--log-dir", f"{name}_log", "--report", f"{name}.json")
    return ("up", *WORLD, *files, *arguments)


def record(folder: Path, seconds: float) -> None:
    """Record the drive that the states are evaluated on."""
    from nodes import Listener, wait_until

    driving = start(folder, *up(folder, "drive", 60.0))
    listener = Listener()
    try:
        wait_until(
            lambda: listener.state("inference") == "active" or driving.poll() is not None,
            "the inference node",
        )
        if driving.poll() is not None:
            finished(folder, driving)
        topics = ("camera/image_raw", "cmd_vel", "outcome")
        finished(folder, start(folder, "record", "-o", "bag", "--duration", str(seconds), *topics))
    finally:
        listener.close()
        driving.send_signal(signal.SIGINT)
        driving.wait()


def drive(folder: Path, name: str, minutes: float, *arguments: str) -> dict[str, Any]:
    """Drive and learn; gives the time it took, and what the nodes said of it."""
    from nodes import Listener

    began = time.monotonic()
    states = ("--states-dir", f"{name}_states")
    driving = start(folder, *up(folder, name, minutes, *states, *arguments))
    listener = Listener()
    late = list(lateness(listener, driving))
    listener.close()
    finished(folder, driving, may_have_errors=True)
    acted = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return {
        "seconds": round(time.monotonic() - began, 1),
        "lateness_recent_p99_ms": spread(late),
        "report": acted,
    }


def world_alone(steps: int) -> float:
    """How many steps the world makes in a second when nothing else runs."""
    import gymnasium

    world = gymnasium.make("CarRacing-v3")
    world.action_space.seed(0)
    world.reset(seed=0)
    began = time.monotonic()
    for _ in range(steps):
        _, _, terminated, truncated, _ = world.step(world.action_space.sample())
        if terminated or truncated:
            world.reset()
    world.close()
    return steps / (time.monotonic() - began)


def lateness(listener: Any, driving: subprocess.Popen[bytes]) -> Sequence[float]:
    """Each second the 99th percentile of the last ticks' lateness, in ms."""
    found: list[float] = []
    while driving.poll() is None:
        if listener.state("inference") == "active":
            recent = listener.figures("inference").get("lateness_recent_ms") or {}
            if recent.get("p99") is not None:
                found.append(float(recent["p99"]))
        time.sleep(1.0)
    return found


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and largest of some values."""
    if not values:
        return {}
    ordered = sorted(values)
    places = {"p50": len(ordered) // 2, "p95": len(ordered) * 95 // 100, "max": -1}
    return {name: round(ordered[place], 3) for name, place in places.items()}


def judge(folder: Path, name: str) -> dict[str, list[float]]:
    """The errors of each state on the recorded drive, untrained weights first, oldest to newest."""
    ids = sorted(path.name for path in (folder / f"{name}_states/pamiq_training").iterdir())
    states = [word for each in ("none", *ids) for word in ("--state", each)]
    finished(
        folder,
        start(
            folder, "evaluate", *WORLD[:1], *WORLD[3:], *states, "bag",
            "--states-dir", f"{name}_states", "--json", f"{name}_errors.json",
        ),
    )  # fmt: skip
    judged = json.loads((folder / f"{name}_errors.json").read_text(encoding="utf-8"))["states"]
    metrics = [metric for metric in judged["none"] if "error" in metric]
    return {metric: [judged[each][metric]["mean"] for each in ("none", *ids)] for metric in metrics}


if __name__ == "__main__":
    main()
