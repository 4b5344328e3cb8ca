"""`pamiq-ros record`: a bag of what a running graph sends, where there is no `ros2 bag`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pamiq_ros.bringup import environment
from pamiq_ros.bringup.stopping import Interrupts

from .checks import check_bags, check_ros, option_error
from .options import absolute_namespace, positive

if TYPE_CHECKING:
    from pamiq_ros.nodes.record_node import RecordNode

_LOOK_S = 0.2
_EXAMPLES = """\b
Examples:
  pamiq-ros record
  pamiq-ros record -o drive camera/image_raw cmd_vel
  pamiq-ros record --exclude 'pamiq/debug/*' --duration 60
"""


@click.command(epilog=_EXAMPLES)
@click.argument("topics", nargs=-1)
@click.option(
    "-o", "--output", metavar="DIR", help="The bag; without it pamiq_ and the time of now."
)
@click.option(
    "--exclude", multiple=True, metavar="TOPIC", help="Leave these out; patterns, repeatable."
)
@click.option(
    "--duration", callback=positive("seconds"), metavar="S",
    help="Stop after S seconds; without it Ctrl-C does.",
)  # fmt: skip
@click.option(
    "--weights", callback=positive("seconds"), metavar="S",
    help="Record the weights themselves at most every S seconds, not only where they lie in shared "
    "memory.",
)  # fmt: skip
@click.option(
    "--namespace", metavar="NAME", default="", callback=absolute_namespace,
    help="ROS namespace of relative names, such as robot1.",
)  # fmt: skip
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
    and metadata.yaml, as `ros2 bag` writes it; if this process is killed, all but its last second
    can be read.
    """
    check_ros()
    check_bags()
    os.environ.update(environment(os.environ))
    import rclpy  # these take a while to import
    from rclpy.signals import SignalHandlerOptions

    from pamiq_ros.nodes.ending import leaving
    from pamiq_ros.nodes.record_node import RecordNode
    from pamiq_ros.offline.bags import BagError, BagRecorder

    interrupts = Interrupts()
    interrupts.install()
    path = Path(output or time.strftime("pamiq_%Y_%m_%d-%H_%M_%S"))
    try:
        recorder = BagRecorder(path)
    except BagError as error:
        raise option_error("--output", str(error)) from error
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = RecordNode(recorder, topics, exclude, click.echo, weights or 0.0, namespace=namespace)
    click.echo(f"Recording into {path}; Ctrl-C ends it")
    try:
        _spin(node, interrupts, duration)
    finally:
        _close(node)
        with leaving():
            node.destroy_node()
            rclpy.try_shutdown()
    sys.exit(_outcome(node, topics))


def _spin(node: RecordNode, interrupts: Interrupts, duration: float | None) -> None:
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor()
    executor.add_node(node)
    until = None if duration is None else time.monotonic() + duration
    try:
        while not (interrupts.count or node.failure):
            if until is not None and time.monotonic() >= until:
                return
            executor.spin_once(timeout_sec=_LOOK_S)
    finally:
        executor.shutdown()


def _close(node: RecordNode) -> None:
    try:
        node.recorder.close()
    except OSError as error:
        node.failure = node.failure or f"{node.recorder.path}: could not be ended: {error.strerror}"


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
        click.echo(f"Error: nothing came on {wanted} (ROS_DOMAIN_ID {domain})", err=True)
        return 1
    return 0
