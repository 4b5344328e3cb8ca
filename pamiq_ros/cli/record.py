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

"""`pamiq-ros record`: record topics into a bag, where there is no `ros2 bag`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pamiq_ros.bringup import environment
from pamiq_ros.bringup.stopping import Interrupts

from .checks import check_installed, option_error
from .options import namespace_option, positive

if TYPE_CHECKING:
    from pamiq_ros.nodes.record_node import RecordNode
    from pamiq_ros.offline.bags import BagRecorder

_POLL_S = 0.2
_EXAMPLES = """\b
Examples:
  pamiq-ros record
  pamiq-ros record -o drive camera/image_raw cmd_vel
  pamiq-ros record --exclude 'pamiq/debug/*' --duration 60
"""


@click.command(epilog=_EXAMPLES)
@click.argument("topics", nargs=-1)
@click.option(
    "-o", "--output", metavar="DIR", help="The bag; without it pamiq_ and the present time."
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="TOPIC",
    help="Leave these topics out; patterns, repeatable.",
)
@click.option(
    "--duration", callback=positive("seconds"), metavar="S",
    help="Stop after S seconds; without it at Ctrl-C.",
)  # fmt: skip
@click.option(
    "--weights", callback=positive("seconds"), metavar="S",
    help="Record the weights themselves, at most every S seconds, instead of only their place in "
    "shared memory.",
)  # fmt: skip
@namespace_option("ROS namespace of relative names, such as robot1.")
def record(
    topics: tuple[str, ...],
    output: str | None,
    exclude: tuple[str, ...],
    duration: float | None,
    weights: float | None,
    namespace: str,
) -> None:
    """Record TOPICS into a bag, or all topics if none is named.

    Names may be patterns, such as 'pamiq/*', and are relative to the namespace unless they begin
    with a slash. Topics that appear later are recorded too. The bag is a folder with an MCAP file
    and metadata.yaml, as `ros2 bag` writes it. If this process is killed, the bag loses at most its
    last second.
    """
    check_installed("ros", "bags")
    os.environ.update(environment(os.environ))
    import rclpy  # these take a while to import
    from rclpy.signals import SignalHandlerOptions

    from pamiq_ros.nodes.process import leaving
    from pamiq_ros.nodes.record_node import RecordNode

    interrupts = Interrupts()
    interrupts.install()
    recorder = _open(Path(output or time.strftime("pamiq_%Y_%m_%d-%H_%M_%S")))
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = RecordNode(recorder, topics, exclude, click.echo, weights or 0.0, namespace=namespace)
    click.echo(f"Recording into {recorder.path}; Ctrl-C ends it")
    try:
        _spin(node, interrupts, duration)
    finally:
        _close(node)
        with leaving():
            node.destroy_node()
            rclpy.try_shutdown()
    sys.exit(_outcome(node, topics))


def _open(path: Path) -> BagRecorder:
    from pamiq_ros.offline.bags import BagError, BagRecorder

    try:
        return BagRecorder(path)
    except BagError as error:
        raise option_error("--output", str(error)) from error


def _spin(node: RecordNode, interrupts: Interrupts, duration: float | None) -> None:
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor()
    executor.add_node(node)
    until = None if duration is None else time.monotonic() + duration
    try:
        while not (interrupts.count or node.failure):
            if until is not None and time.monotonic() >= until:
                return
            executor.spin_once(timeout_sec=_POLL_S)
    finally:
        executor.shutdown()


def _close(node: RecordNode) -> None:
    try:
        node.recorder.close()
    except OSError as error:
        text = f"{node.recorder.path}: could not be completed: {error.strerror}"
        node.failure = node.failure or text


def _outcome(node: RecordNode, topics: tuple[str, ...]) -> int:
    recorder = node.recorder
    click.echo(
        f"{recorder.count} messages of {len(node.topics)} topics, {recorder.bytes / 1e6:.1f} MB, "
        f"in {recorder.path}"
    )
    if node.failure:
        click.echo(f"Error: {node.failure}", err=True)
        return 1
    if not recorder.count:
        wanted = ", ".join(topics) or "any topic"
        domain = os.environ.get("ROS_DOMAIN_ID", "0")
        click.echo(f"Error: no message was received on {wanted} (ROS_DOMAIN_ID {domain})", err=True)
        return 1
    return 0
