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

"""The launch files: their arguments, the processes they start, and how they end.

Most of it runs with stand-ins for the executables, so that their ends can be chosen.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from domains import own_domain

launch_ros = pytest.importorskip(
    "launch_ros",
    reason="needs ROS 2's launch_ros, which comes with a ROS installation and is not on the "
    "Python package index; `pamiq-ros` starts the same graph where it is missing",
)

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_S = 60.0
EXECUTABLES = ("world_node", "inference_node", "training_node", "control_node")
WAIT = "exec sleep 60"
# Real nodes take a while to come up as well; launch itself loses track of a process when it is
# interrupted within the milliseconds in which it starts it.
COME_UP = "sleep 0.5"
RUN = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
arguments = [tuple(text.split(":=", 1)) for text in sys.argv[2:]]
service = LaunchService(noninteractive=True)
include = IncludeLaunchDescription(sys.argv[1], launch_arguments=arguments)
service.include_launch_description(LaunchDescription([include]))
sys.exit(service.run())
"""
PARENT = """
from launch import LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription, SetEnvironmentVariable
from launch_ros.actions import SetParameter, SetRemap

def generate_launch_description():
    return LaunchDescription([GroupAction([
        SetParameter("max_linear_velocity", 0.05),
        SetRemap("cmd_vel", "base/cmd_vel"),
        SetEnvironmentVariable("WORLD", "of its own"),
        IncludeLaunchDescription("{file}"),
    ])])
"""


class Prefix:
    """An installation prefix whose executables are shell scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = folder / "record"
        self.record.touch()
        index = folder / "share/ament_index/resource_index/packages"
        for path in (index, folder / "lib/pamiq_ros"):
            path.mkdir(parents=True)
        (index / "pamiq_ros").touch()
        for name in EXECUTABLES:
            self.behave(name, WAIT)

    def behave(self, name: str, script: str) -> None:
        path = self.folder / "lib/pamiq_ros" / name
        path.write_text(f'#!/bin/sh\n{COME_UP}\necho "{name} $$ $*" >> {self.record}\n{script}\n')
        path.chmod(0o755)

    def starts(self, name: str) -> list[str]:
        lines = self.record.read_text().splitlines()
        return [line for line in lines if line.startswith(f"{name} ")]

    def survivors(self) -> list[str]:
        lines = self.record.read_text().splitlines()
        return [line for line in lines if Path(f"/proc/{line.split()[1]}").exists()]


class Launch:
    """A launch file that runs in a process of its own."""

    def __init__(self, prefix: Prefix, file: str, *arguments: str) -> None:
        self.output = prefix.folder / "output"
        environment = {
            **os.environ,
            "AMENT_PREFIX_PATH": os.pathsep.join(
                filter(None, (str(prefix.folder), os.environ.get("AMENT_PREFIX_PATH", sys.prefix)))
            ),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_DOMAIN_ID": str(own_domain()),
            "ROS_LOG_DIR": str(prefix.folder / "log"),
        }
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, str(ROOT / "launch" / file), *arguments],
                env=environment,
                cwd=prefix.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def text(self) -> str:
        return self.output.read_text()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    return Prefix(tmp_path)


@pytest.fixture
def launch(prefix: Prefix) -> Iterator[Callable[..., Launch]]:
    running: list[Launch] = []

    def start(file: str, *arguments: str) -> Launch:
        running.append(Launch(prefix, file, *arguments))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.wait()
    for line in prefix.survivors():
        os.kill(int(line.split()[1]), signal.SIGKILL)


def wait_until(condition: Callable[[], object], launch: Launch) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, launch.text()
        time.sleep(0.02)


WORLD = {"env_id", "env_kwargs", "world_command"}
REPLAY = {"bag", "start", "end", "loop", "topics", "remaps", "compare"}


@pytest.mark.parametrize(
    ("file", "more"), [("continual", set()), ("sim", WORLD), ("replay", REPLAY)]
)
def test_arguments_of_the_launch_files(file: str, more: set[str]) -> None:
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    from launch import LaunchContext

    path = ROOT / "launch" / f"{file}.launch.py"
    description = PythonLaunchDescriptionSource(str(path)).get_launch_description(LaunchContext())
    names = {argument.name for argument in description.get_launch_arguments()}
    expected = {
        *("system", "namespace", "params_file", "overrides", "system_config", "rate"),
        *("states_dir", "resume", "resume_what_fits", "use_sim_time", "log_level", "autostart"),
        *("max_linear_velocity", "max_angular_velocity", "twist_stamped", "frame_id"),
    }
    assert names == expected | more


def test_sim_starts_every_node_and_an_interrupt_ends_them(
    prefix: Prefix, launch: Callable[..., Launch]
) -> None:
    run = launch("sim.launch.py", "namespace:=r1", "rate:=20", "log_level:=warn", "system:=vae")
    wait_until(lambda: all(prefix.starts(name) for name in EXECUTABLES), run)
    for name in EXECUTABLES:
        (line,) = prefix.starts(name)
        assert f"__node:=pamiq_{name.removesuffix('_node')}" in line
        assert "__ns:=/r1" in line
        assert "--log-level warn" in line
        assert "--params-file" not in line or name in ("inference_node", "training_node")
    assert run.end() == 0, run.text()
    assert not prefix.survivors()


def test_continual_starts_no_world(prefix: Prefix, launch: Callable[..., Launch]) -> None:
    run = launch("continual.launch.py")
    wait_until(lambda: all(prefix.starts(name) for name in EXECUTABLES[1:]), run)
    run.end()
    assert not prefix.starts("world_node")


def test_a_replay_ends_with_the_bag(
    prefix: Prefix, launch: Callable[..., Launch], tmp_path: Path
) -> None:
    started = " ".join(f'grep -q "^{name}" {prefix.record} &&' for name in EXECUTABLES[1:])
    prefix.behave("replay_node", f"until {started} true; do sleep 0.1; done; exit 0")
    run = launch("replay.launch.py", f"bag:={tmp_path}", "remaps:=/a:=/b")
    assert run.wait() == 0, run.text()
    assert "pamiq_replay ended" in run.text()
    (line,) = prefix.starts("replay_node")
    assert "-r /a:=/b" in line
    assert not prefix.starts("world_node")
    assert not prefix.survivors()


def test_a_replay_of_nothing_starts_nothing(prefix: Prefix, launch: Callable[..., Launch]) -> None:
    run = launch("replay.launch.py", "bag:=/nowhere")
    assert run.wait() == 1, run.text()
    assert "bag: expected a folder or a file, found nothing at /nowhere" in run.text()
    assert not prefix.record.read_text()


def test_a_node_that_dies_starts_again_and_one_that_ends_does_not(
    prefix: Prefix, launch: Callable[..., Launch]
) -> None:
    prefix.behave("inference_node", "exit 0")
    prefix.behave(
        "training_node", f"[ $(grep -c training_node {prefix.record}) -ge 3 ] && {WAIT}; exit 1"
    )
    run = launch("continual.launch.py")
    wait_until(lambda: len(prefix.starts("training_node")) == 3, run)
    assert run.end() == 0, run.text()
    assert len(prefix.starts("inference_node")) == 1
    assert "pamiq_training died of exit status 1" in run.text()
    assert "at least 2 nodes" not in run.text()


def parent_of(file: str, folder: Path) -> str:
    """A launch file that includes another one, in a group with settings of its own."""
    path = folder / "parent.launch.py"
    path.write_text(PARENT.format(file=str(ROOT / "launch" / file)))
    return str(path)


def test_what_a_parent_sets_holds_also_after_a_restart(
    prefix: Prefix, launch: Callable[..., Launch]
) -> None:
    record = prefix.record
    prefix.behave(
        "inference_node",
        f'echo "world $WORLD" >> {record}; '
        f"[ $(grep -c inference_node {record}) -ge 2 ] && {WAIT}; exit 1",
    )
    run = launch(parent_of("continual.launch.py", prefix.folder))
    wait_until(lambda: len(prefix.starts("inference_node")) == 2, run)
    for line in prefix.starts("inference_node"):
        assert "-p max_linear_velocity:=0.05" in line
        assert "-r cmd_vel:=base/cmd_vel" in line
        assert "continual.yaml" not in line
    wait_until(lambda: record.read_text().count("world of its own") == 2, run)
    assert run.end() == 0, run.text()


def test_the_launch_ends_with_the_control_node(
    prefix: Prefix, launch: Callable[..., Launch]
) -> None:
    started = " ".join(f'grep -q "^{name}" {prefix.record} &&' for name in EXECUTABLES[:3])
    prefix.behave("control_node", f"until {started} true; do sleep 0.1; done; exit 0")
    run = launch("sim.launch.py")
    assert run.wait() == 0, run.text()
    assert "pamiq_control ended" in run.text()
    assert not prefix.survivors()


def test_a_refused_configuration_ends_the_launch_with_an_error(
    prefix: Prefix, launch: Callable[..., Launch]
) -> None:
    prefix.behave("world_node", "exit 2")
    run = launch("sim.launch.py")
    assert run.wait() == 1, run.text()
    assert "pamiq_world refused to start" in run.text()
    assert len(prefix.starts("world_node")) == 1
    assert not prefix.survivors()


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ("rate:=-5", "rate: expected double from 0 to 1000, found -5"),
        ("rate:=fast", "rate: expected double from 0 to 1000, found 'fast'"),
        (
            "max_linear_velocity:=-1",
            "max_linear_velocity: expected double from 0 to 1000, found -1",
        ),
        (
            "max_angular_velocity:=x",
            "max_angular_velocity: expected double from 0 to 1000, found 'x'",
        ),
        ("params_file:=/nowhere.yaml", "params_file: expected a readable file"),
        ("overrides:=size", "overrides: expected key=value, found 'size'"),
    ],
)
def test_a_bad_argument_starts_nothing(
    prefix: Prefix, launch: Callable[..., Launch], argument: str, error: str
) -> None:
    run = launch("continual.launch.py", argument)
    assert run.wait() == 1, run.text()
    assert error in run.text()
    assert not prefix.record.read_text()


def test_the_real_nodes_drive_until_the_interrupt(
    prefix: Prefix, launch: Callable[..., Launch]
) -> None:
    rclpy = pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
    pytest.importorskip("gymnasium", reason="needs gymnasium for the simulated world")
    from geometry_msgs.msg import Twist
    from rclpy.executors import SingleThreadedExecutor

    for name in EXECUTABLES:
        prefix.behave(name, f'exec {sys.executable} -m pamiq_ros.nodes.{name} "$@"')
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=own_domain())
    node = rclpy.create_node("listener", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    moves: list[Twist] = []
    node.create_subscription(Twist, "r1/base/cmd_vel", moves.append, 10)
    try:
        parent = parent_of("sim.launch.py", prefix.folder)
        run = launch(parent, "namespace:=r1", "system:=vae", "world_command:=twist")

        def moving() -> bool:
            executor.spin_once(timeout_sec=0.1)
            return any(move.linear.x for move in moves)

        wait_until(moving, run)
        # What the parent launch file sets, not the default of 1 m/s.
        assert max(abs(move.linear.x) for move in moves) <= 0.05
        assert run.end() == 0, run.text()
    finally:
        executor.shutdown()
        context.try_shutdown()
    assert not prefix.survivors()
