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

"""The graph as actions of the ROS 2 launch system. Only the launch files import this module."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    GroupAction,
    LogInfo,
    OpaqueFunction,
    TimerAction,
)
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from pamiq_ros.nodes.tables import (
    BOOLEANS,
    CONTROL_PARAMETERS,
    INFERENCE_PARAMETERS,
    REPLAY_PARAMETERS,
    WORLD_PARAMETERS,
    Parameter,
    Value,
)
from pamiq_ros.supervision.exit_policy import ENDS_WITHIN_S, ExitPolicy

from .description import (
    LOG_LEVELS,
    GraphOptions,
    NodeDescription,
    absolute_namespace,
    graph,
    parse_remaps,
)
from .ros_environment import environment

_Rows = dict[str, Parameter]
"""Launch arguments that set a node parameter, with the parameter's row."""


def _chosen_rows(names: Collection[str], *tables: Sequence[Parameter]) -> _Rows:
    return {row.name: row for table in tables for row in table if row.name in names}


_ROBOT_NAMES = (
    *("system", "overrides", "system_config", "rate", "states_dir", "resume", "resume_what_fits"),
    *("max_linear_velocity", "max_angular_velocity", "twist_stamped", "frame_id", "autostart"),
)
_ROBOT = _chosen_rows(_ROBOT_NAMES, INFERENCE_PARAMETERS, CONTROL_PARAMETERS)
_WORLD = _chosen_rows(("env_id", "env_kwargs", "command"), WORLD_PARAMETERS)
_WORLD["world_command"] = _WORLD.pop("command")
_REPLAY = _chosen_rows(
    ("bag", "rate", "start", "end", "loop", "topics", "compare"), REPLAY_PARAMETERS
)
# `rate` of a replay is the speed of the bag.
_ROBOT_OF_REPLAY = {name: row for name, row in _ROBOT.items() if name not in _REPLAY}
_OTHER_ARGUMENTS = {
    "namespace": "ROS namespace of all nodes",
    "params_file": "ROS parameter file of all nodes; config/continual.yaml of the package is a "
    "template",
}


def graph_launch_description(*, world: bool = False, replay: bool = False) -> LaunchDescription:
    """Return the content of a launch file: its arguments and the graph that they choose.

    An argument that is not given is empty. That leaves the parameter to the parameter file, then
    to a parent launch file (`SetParameter`), then to the node's default.

    Args:
        world: Whether a simulated world runs too.
        replay: Whether a bag is replayed; `rate` is then its speed.

    Returns:
        The launch description.
    """
    texts = dict(_OTHER_ARGUMENTS)
    choices = {
        "log_level": ("Log level of all nodes", LOG_LEVELS),
        "use_sim_time": ("Take the time from /clock", tuple(BOOLEANS)),
    }
    if replay:
        texts["remaps"] = "Topics of the bag to rename: '/bag_topic:=/topic /another:=/other'"
    rows = {**(_WORLD if world else {}), **_ROBOT, **(_REPLAY if replay else {})}
    for name, row in rows.items():
        if isinstance(row.default, bool):
            choices[name] = (row.description, tuple(BOOLEANS))
        else:
            texts[name] = row.description
    arguments = [
        *(DeclareLaunchArgument(n, default_value="", description=t) for n, t in texts.items()),
        *(
            DeclareLaunchArgument(name, default_value="", description=text, choices=["", *values])
            for name, (text, values) in choices.items()
        ),
    ]
    start = OpaqueFunction(function=_start_graph, kwargs={"world": world, "replay": replay})
    return LaunchDescription([*arguments, start])


def _start_graph(context: LaunchContext, *, world: bool, replay: bool) -> list[Node]:
    nodes = graph(_options(context.launch_configurations, world, replay))
    scope = _Scope(context)
    return [_node_action(node, node.exit_policy, scope, context) for node in nodes]


def _options(given: dict[str, str], world: bool, replay: bool) -> GraphOptions:
    return GraphOptions(
        parameters=_parsed(given, _ROBOT_OF_REPLAY if replay else _ROBOT),
        world=_parsed(given, _WORLD) if world else None,
        replay=_parsed(given, _REPLAY) if replay else None,
        namespace=absolute_namespace(given["namespace"]),
        params_file=given["params_file"],
        use_sim_time=BOOLEANS.get(given["use_sim_time"]),
        log_level=given["log_level"],
        remaps=parse_remaps(given["remaps"].split()) if replay else (),
    )


def _parsed(given: dict[str, str], rows: _Rows) -> dict[str, Value]:
    values = {}
    for argument, row in rows.items():
        if text := given[argument].strip():
            try:
                values[row.name] = row.parse(text)
            except ValueError as error:
                raise ValueError(f"{argument}: {error}") from error
    return values


class _Scope:
    """What surrounding launch files set; launch restores it after their group's actions."""

    def __init__(self, context: LaunchContext) -> None:
        self._configurations = dict(context.launch_configurations)
        self._environment = dict(context.environment)

    def around(self, node: Node) -> GroupAction:
        """Return an action that starts the node in this scope."""
        return GroupAction([OpaqueFunction(function=self._enter), node])

    def _enter(self, context: LaunchContext) -> None:
        context.launch_configurations.update(self._configurations)
        context.environment.update(self._environment)


def _node_action(
    node: NodeDescription, policy: ExitPolicy, scope: _Scope, context: LaunchContext
) -> Node:
    policy.started(time.monotonic())
    return Node(
        package=node.package,
        executable=node.executable,
        name=node.name,
        namespace=node.namespace if node.namespace != "/" else "",
        parameters=[
            *([str(node.params_file)] if node.params_file else []),
            *([node.parameters] if node.parameters else []),
        ],
        remappings=list(node.remappings),
        ros_arguments=["--log-level", node.log_level] if node.log_level else [],
        additional_env=environment(context.environment),
        output="both",
        sigterm_timeout=LaunchConfiguration("sigterm_timeout", default=str(ENDS_WITHIN_S)),
        on_exit=_exit_handler(node, policy, scope),
    )


def _exit_handler(
    node: NodeDescription, policy: ExitPolicy, scope: _Scope
) -> Callable[[ProcessExited, LaunchContext], list[object] | None]:
    # respawn=True of launch would also restart nodes that ended normally or were refused.
    def on_exit(event: ProcessExited, context: LaunchContext) -> list[object] | None:
        if context.is_shutdown:
            return None
        reaction = policy.exited(event.returncode, time.monotonic())
        if reaction.action == "leave":
            return [LogInfo(msg=reaction.reason)]
        if reaction.action == "restart":
            restart = OpaqueFunction(function=_restart, args=[node, policy, scope])
            timer = TimerAction(period=reaction.delay_s, actions=[restart])
            return [LogInfo(msg=reaction.reason), timer]
        if reaction.status:
            # Only an error lets a launch file end `ros2 launch` with exit status 1.
            raise RuntimeError(reaction.reason)
        shutdown = EmitEvent(event=Shutdown(reason=reaction.reason))
        return [LogInfo(msg=reaction.reason), shutdown]

    return on_exit


def _restart(
    context: LaunchContext, node: NodeDescription, policy: ExitPolicy, scope: _Scope
) -> list[GroupAction]:
    # launch_ros counts node names to warn of duplicates; the node that died no longer counts.
    names = getattr(context.locals, "unique_ros_node_names", {})
    if names.get(node.full_name):
        names[node.full_name] -= 1
    return [scope.around(_node_action(node.restarted, policy, scope, context))]
