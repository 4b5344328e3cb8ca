"""CommandContext: what a command needs, in the console and as a command of `pamiq-ros` alike."""

from __future__ import annotations

import os
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

import click

from pamiq_ros.bringup import environment

from .checks import check_ros

if TYPE_CHECKING:
    from .node_parameters import NodeParameters
    from .system_client import SystemClient


class CommandContext:
    """The system that commands are given to, reached for when one needs it.

    Args:
        namespace: Absolute namespace of the nodes.
        timeout: Longest to wait in s; None for what suits the command.
    """

    def __init__(self, namespace: str, timeout: float | None = None) -> None:
        self.namespace = namespace
        self.timeout = timeout

    def __enter__(self) -> CommandContext:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if "client" in self.__dict__:
            self.client.close()

    @cached_property
    def client(self) -> SystemClient:
        """The system.

        Raises:
            click.UsageError: ROS is not installed, or can't be used as it is configured.
        """
        check_ros()
        os.environ.update(environment(os.environ))
        from .system_client import SystemClient  # rclpy takes half a second to import

        try:
            return SystemClient(self.namespace)
        except RuntimeError as error:
            raise click.UsageError(f"ROS could not be started: {error}") from error

    @cached_property
    def parameters(self) -> NodeParameters:
        """The parameters of its nodes."""
        from .node_parameters import NodeParameters  # see `client`

        return NodeParameters(self.client, self.timeout)

    def say(self, text: str) -> None:
        """Print lines; what nodes sent can't move the cursor or change the terminal."""
        click.echo("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}"
                           for c in text))  # fmt: skip
