"""The user's ROS parameter file, read as the nodes will read it, before any of them starts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from pamiq_ros.nodes.ending import leaving
from pamiq_ros.nodes.parameters import declare
from pamiq_ros.nodes.tables import TABLES


@dataclass(frozen=True)
class SystemParameters:
    """What a parameter file says about the system's configuration.

    Attributes:
        config_file: YAML file with it; empty for none.
        overrides: `key=value` texts.
    """

    config_file: str = ""
    overrides: list[str] = field(default_factory=list)


def check_params_file(path: Path, namespace: str, names: Collection[str]) -> SystemParameters:
    """Read a parameter file the way the nodes will, and declare their parameters with it.

    Args:
        path: The file.
        namespace: Absolute namespace of the nodes.
        names: Names of the nodes that will run, the inference node among them.

    Returns:
        What the inference node gets from it for the system.

    Raises:
        ValueError: It is no ROS parameter file, has a wrong value, or one whose name is misspelt;
            says where.
    """
    context = Context()
    arguments = ["--ros-args", "--disable-stdout-logs", "--params-file", str(path)]
    try:
        rclpy.init(args=arguments, context=context, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # RCLError lives in a private module of rclpy
        reason = str(error).splitlines()[0].partition("Error: ")[2].partition(", at /")[0]
        raise ValueError(
            f"expected a ROS parameter file, found {path}: {reason or error}"
        ) from error
    errors: list[str] = []
    try:
        found = {name: _declared(name, namespace, context, path, errors) for name in names}
    finally:
        with leaving():
            rclpy.shutdown(context=context)
    if errors:
        raise ValueError(f"in {path}: {'; '.join(errors)}")
    return found["pamiq_inference"]


def _declared(
    name: str, namespace: str, context: Context, path: Path, errors: list[str]
) -> SystemParameters:
    node = Node(
        name,
        namespace=namespace,
        context=context,
        start_parameter_services=False,
        enable_rosout=False,
    )
    try:
        errors += [f"{name}: {text}" for text in declare(node, TABLES[name], [path]).values()]
        if not node.has_parameter("overrides"):
            return SystemParameters()
        overrides = node.get_parameter("overrides").value
        config_file = node.get_parameter("system_config").value
        return SystemParameters(config_file, [one for one in overrides if one])
    finally:
        with leaving():
            node.destroy_node()
