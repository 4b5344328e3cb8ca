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

"""Every benchmark starts, prints the figures that it promises, and uses public names alone."""

from __future__ import annotations

import ast
import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from domains import own_domain

BENCHMARKS = Path(__file__).parents[1] / "benchmark"
NUMBER = (int, float)
GIVE_UP_S = 240.0
ENDS_WITHIN_S = 60.0


@dataclass(frozen=True)
class Smallest:
    """A benchmark's smallest size: its arguments, and the figures that it promises.

    Attributes:
        arguments: Command line.
        numbers: Names of figures that are numbers.
        others: Types of all other figures.
        needs: Modules without which it cannot run.
        transfers: Names of figures that are weight transfers, one or a list of them.
    """

    arguments: str
    numbers: str
    others: dict[str, type] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()


TRANSFER = (
    "latency_ms latency_max_ms handover_ms lateness_p50_ms lateness_p99_ms lateness_max_ms "
    "idle_lateness_p99_ms idle_lateness_max_ms ticks robot_rss_mb learner_rss_mb"
)
SMALLEST = {
    "buffer_sampling.py": Smallest(
        "--contenders ours list memcpy --transitions 64 --batch 8 --seconds 0.02",
        "samples_per_s samples_per_s_1_thread list_samples_per_s list_samples_per_s_1_thread "
        "list_samples_per_s_kept_memory list_samples_per_s_1_thread_kept_memory "
        "memcpy_samples_per_s transitions batch torch_threads",
        {"unit": str},
    ),
    "continual_racing.py": Smallest(
        "--minutes 0 --lockstep-minutes 0.01 --train-every 2 --record-s 0.5 --alone-steps 5",
        "minutes lockstep_minutes train_every lockstep_hz world_alone_hz",
        {"lockstep": dict, "errors": dict},
        ("gymnasium", "Box2D"),
    ),
    "experience_throughput.py": Smallest(
        "--seconds 0.5 --rate 20 --rates 40 --seconds-per-rate 0.2",
        "lost frames skipped collect_p50_us collect_p99_us collect_max_us lateness_p99_ms "
        "lateness_max_ms max_mb_per_s duplicates malformed rejected torn overload_mb_per_s "
        "overload_uncounted reference_lost reference_collect_p99_us reference_mb_per_s "
        "memcpy_mb_per_s",
    ),
    "exploration.py": Smallest(
        "--seeds 1 --steps 16 --judged-steps 16",
        "cells steps judged_steps curious_mean random_mean ratio",
        {"curious": list, "random": list, "while_learning": list, "learning_s": list},
        ("gymnasium",),
    ),
    "image_path.py": Smallest(
        "--frames 10",
        "p50_ms p99_ms reference_p50_ms reference_p99_ms speedup received_ms decode_ms lost "
        "reference_lost resized_p50_ms resized_p99_ms resized_decode_ms resized_lost",
    ),
    "ppo_learning.py": Smallest(
        "--seeds 1 --steps 32 --episodes 1",
        "steps episodes wanted reached untrained steps_per_s",
        {"env": str, "returns": list, "seconds": list},
        ("gymnasium",),
    ),
    "ppo_speed.py": Smallest(
        "--contenders ours --seeds 1 --rollouts 2 --n-steps 64 --episodes 1",
        "collect_steps_per_s train_steps_per_s steps_per_s env_alone_steps_per_s seeds rollouts "
        "n_steps episodes",
        {"env": str, "returns": list},
        ("gymnasium",),
    ),
    "replay_lockstep.py": Smallest(
        "--seconds 2 --training-runs 1",
        "bag_s acting_s times_real_time training_times_real_time plain_loop_s ratio_to_plain_loop",
        {"training_s": list, "same_weights": type(None)},  # there is nothing to compare with
    ),
    "scaling.py": Smallest(
        "--carriers shm --sizes-mb 1 --rates 100 --swaps 1 --idle-s 0.1",
        "",
        {"rows": list},
        transfers=("rows",),
    ),
    "tick_jitter.py": Smallest(
        "--seconds 0.2 --reference-seconds 0.2 --params 1e4 --batch 8",
        "rate_hz rate_set_hz lateness_p50_ms lateness_p99_ms lateness_max_ms ticks skipped "
        "weights_taken train_steps_per_s train_alone_steps_per_s idle_lateness_p99_ms "
        "idle_lateness_max_ms",
        {"compute_ms": dict, "hold": str},
    ),
    # scaling.py measures the other carrier by the same function.
    "weight_sync.py": Smallest(
        "--carrier topic --size-mb 1 --swaps 1 --every-s 0.1 --idle-s 0.1",
        f"size_mb rate_hz swaps memcpy2_ms memcpy2_after_ms latency_over_memcpy2 {TRANSFER}",
        {"carrier": str, "single_message": dict},
        transfers=("single_message",),
    ),
}
STARTED_ELSEWHERE = {
    "experience_roles.py": BENCHMARKS / "experience_throughput.py",
    "soak.py": Path(__file__).parent / "integration" / "test_soak.py",
    "weight_roles.py": BENCHMARKS / "weight_sync.py",
}


def scripts() -> list[str]:
    files = sorted(BENCHMARKS.glob("*.py"))
    return [file.name for file in files if '__name__ == "__main__"' in file.read_text()]


def printed_by(script: str, arguments: str) -> list[str]:
    """Run a benchmark as its user does; returns the lines of its standard output."""
    process = subprocess.Popen(
        [sys.executable, str(BENCHMARKS / script), *arguments.split()],
        env={**os.environ, "ROS_DOMAIN_ID": str(own_domain())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, errors = process.communicate(timeout=GIVE_UP_S)
    except BaseException:
        # As Ctrl-C does: whatever it has started ends with it.
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.communicate(timeout=ENDS_WITHIN_S)
        finally:
            process.kill()
        raise
    assert process.returncode == 0, errors
    return out.splitlines()


def check(figures: dict[str, Any], numbers: str, others: dict[str, type]) -> None:
    types = {**dict.fromkeys(numbers.split(), NUMBER), **{name: (others[name],) for name in others}}
    assert types.keys() - figures.keys() == set(), "promised, but not printed"
    wrong = {name: figures[name] for name in types if type(figures[name]) not in types[name]}
    assert wrong == {}, "of another type than promised"


@pytest.mark.integration
@pytest.mark.parametrize("script", sorted(set(scripts()) - STARTED_ELSEWHERE.keys()))
def test_a_benchmark_prints_its_figures(script: str) -> None:
    assert script in SMALLEST, f"say in SMALLEST how to run benchmark/{script} in its smallest size"
    smallest = SMALLEST[script]
    for module in ("rclpy", *smallest.needs):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[ros,sim]'")
    figures = json.loads(printed_by(script, smallest.arguments)[-1])
    assert figures["benchmark"] == Path(script).stem
    check(figures, smallest.numbers, {"machine": dict, **smallest.others})
    for name in smallest.transfers:
        for transfer in figures[name] if isinstance(figures[name], list) else [figures[name]]:
            check(transfer, TRANSFER, {})


@pytest.mark.parametrize("script", STARTED_ELSEWHERE)
def test_another_file_starts_the_script(script: str) -> None:
    assert script in scripts()
    assert f'"{script}"' in STARTED_ELSEWHERE[script].read_text()


def test_a_library_that_is_not_installed_is_an_error_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    buffer_sampling = importlib.import_module("buffer_sampling")
    monkeypatch.setattr(buffer_sampling, "LIBRARIES", {"sb3": "not_installed_anywhere"})
    buffer_sampling.require(["ours", "list"])
    with pytest.raises(
        SystemExit, match=r"expected not_installed_anywhere.*pip install '.\[bench\]'"
    ):
        buffer_sampling.require(["ours", "sb3"])


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_names(source: str) -> list[str]:
    """Private names of pamiq_ros that are imported, and private attributes of any object.

    Whose object it is cannot be read from the source. Those of `self`, of `cls` and of modules of
    others, such as `os._exit`, do not count.
    """
    tree, found, excepted = ast.parse(source), [], {"self", "cls"}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            others = [alias for alias in node.names if alias.name.split(".")[0] != "pamiq_ros"]
            excepted |= {alias.asname or alias.name.split(".")[0] for alias in others}
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for parts in (name.split(".") for name in names):
            if parts[0] == "pamiq_ros" and any(map(is_private, parts)):
                found.append(".".join(parts))
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and is_private(node.attr)):
            continue
        if not (isinstance(node.value, ast.Name) and node.value.id in excepted):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("file", sorted(BENCHMARKS.glob("*.py")), ids=lambda file: file.name)
def test_a_benchmark_uses_public_names_alone(file: Path) -> None:
    assert private_names(file.read_text()) == []


@pytest.mark.parametrize(
    "source, found",
    [
        ("from pamiq_ros.nodes.topics import latched, _qos", ["pamiq_ros.nodes.topics._qos"]),
        ("import pamiq_ros.core._parts as parts", ["pamiq_ros.core._parts"]),
        ("from pamiq_ros.nodes import topics\ntopics._qos(1)", ["topics._qos"]),
        ("import pamiq_ros.nodes.topics\npamiq_ros._a.b", ["pamiq_ros._a"]),
        ("self._sender._queue", ["self._sender._queue"]),
        ("import os\nfrom pamiq_ros import __version__\nos._exit(0)\nself._node.close()", []),
    ],
)
def test_private_names_are_seen(source: str, found: list[str]) -> None:
    assert private_names(source) == found
