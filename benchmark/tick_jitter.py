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

"""How punctual the inference node's tick is while the training node trains without a pause.

The real nodes run as processes under the control node, with the system of `load_system.py`. The
references come first, in processes without ROS: the same trainer alone on one core, then a bare
loop of absolute deadlines beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    """Run the references and the nodes and print the one line, or be the reference trainer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=50.0, help="ticks per s")
    parser.add_argument("--params", type=float, default=8.7e6, help="parameters of the model")
    parser.add_argument("--batch", type=int, default=256, help="steps in a training batch")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the nodes run")
    parser.add_argument("--reference-seconds", type=float, default=8.0, help="for each reference")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of training")
    parser.add_argument("--niceness", type=int, default=10, help="niceness of training")
    parser.add_argument("--inference", nargs="*", default=[], help="name:=value parameters")
    parser.add_argument("--training", nargs="*", default=[], help="name:=value parameters")
    parser.add_argument("--reference-trainer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reference_trainer:
        train_alone(options)
        return
    references = measure_references(options) if options.reference_seconds else {}
    figures = measure_nodes(options)

    from machine import report

    report(
        "tick_jitter",
        **figures,
        **references,
        rate_set_hz=options.rate,
        params=options.params,
        batch=options.batch,
        seconds=options.seconds,
        threads=options.threads,
    )


def train_alone(options: argparse.Namespace) -> None:
    """The trainer's loop and nothing else: on one core, then, told to go on, on any core."""
    import load_system
    import torch

    from pamiq_ros.core.data import DataUsersDict
    from pamiq_ros.core.model import TrainingModelsDict

    every_core = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(every_core)})
    os.nice(options.niceness)
    torch.set_num_threads(options.threads)
    system = load_system.system(options.params, options.batch)
    trainer = system.build_trainers()["policy"]
    trainer.attach_training_models(TrainingModelsDict(system.build_models()))
    trainer.attach_data_users(DataUsersDict.from_data_buffers(system.build_buffers()))
    trainer.setup()
    trainer.train()
    runs, began = 0, time.monotonic()
    while time.monotonic() - began < options.reference_seconds:
        trainer.train()
        runs += 1
    steps_per_s = runs * trainer.steps / (time.monotonic() - began)  # type: ignore[attr-defined]
    os.sched_setaffinity(0, every_core)
    print(json.dumps(steps_per_s), flush=True)  # noqa: T201
    while True:
        trainer.train()


def measure_references(options: argparse.Namespace) -> dict[str, float]:
    """The trainer's throughput alone, and the lateness of a bare loop beside it."""
    command = [sys.executable, __file__, *sys.argv[1:], "--reference-trainer"]
    trainer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert trainer.stdout is not None
        steps_per_s = json.loads(trainer.stdout.readline())
        lateness = sorted(bare_loop(options.rate, options.reference_seconds))
    finally:
        trainer.kill()
        trainer.wait()
    return {
        "train_alone_steps_per_s": round(steps_per_s, 3),
        "idle_lateness_p99_ms": round(lateness[int(len(lateness) * 0.99)], 3),
        "idle_lateness_max_ms": round(lateness[-1], 3),
    }


def bare_loop(rate: float, seconds: float) -> list[float]:
    """Sleep from deadline to deadline; returns how late each wake-up was, in ms."""
    lateness = []
    start = time.monotonic()
    for index in range(1, int(rate * seconds)):
        deadline = start + index / rate
        time.sleep(max(0.0, deadline - time.monotonic()))
        lateness.append((time.monotonic() - deadline) * 1e3)
    return lateness


def measure_nodes(options: argparse.Namespace) -> dict[str, Any]:
    """Run the nodes; the tick's figures are of all its ticks, from the first to the last."""
    from nodes import running, wait_until

    overrides = f"overrides:=['params={options.params!r}', 'batch={options.batch}']"
    threads = [f"torch_threads:={options.threads}", f"niceness:={options.niceness}"]
    training = [overrides, *threads, *options.training]
    inference = [overrides, f"rate:={options.rate!r}", *options.inference]
    with running(training, inference) as (listener, _):
        began = wait_until(listener.progress, "the first training round")
        time.sleep(options.seconds)
        ended = wait_until(lambda: listener.progress(after=began[0]), "another training round")
    tick, runs = listener.statistics("inference"), ended[0] - began[0]
    return {
        "rate_hz": tick["rate_hz"],
        "lateness_p50_ms": tick["lateness_ms"]["p50"],
        "lateness_p99_ms": tick["lateness_ms"]["p99"],
        "lateness_max_ms": tick["lateness_ms"]["max"],
        "ticks": tick["ticks"],
        "skipped": tick["skipped"],
        "compute_ms": tick["compute_ms"],
        "weights_taken": tick["weights"]["policy"]["received"],
        "hold": tick["hold"],
        "train_steps_per_s": round(runs * 10 / (ended[1] - began[1]), 3),
    }


if __name__ == "__main__":
    main()
