"""The graph as actions of the ROS 2 launch system. Only the launch files import this module."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable

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

from pamiq_ros.supervision.exit_policy import ENDS_WITHIN_S, ExitPolicy

from .description import NodeDescription, graph
from .options import (
    LOG_LEVELS,
    GraphOptions,
    ReplayOptions,
    WorldOptions,
    parse_remaps,
)
from .places import environment

_ARGUMENTS = {
    "system": "The system to run: a name, module:callable or file.py:callable",
    "namespace": "ROS namespace of all nodes",
    "params_file": "ROS parameter file of all nodes; config/continual.yaml of the package is a "
    "template",
    "overrides": "Overrides of the system's configuration: 'key=value key=value'",
    "system_config": "YAML file with the system's configuration",
    "rate": "Ticks per second of the inference node, in Hz; the system's own if empty",
    "states_dir": "Folder for saved states",
    "resume": "State to go on from: latest, none or a state's id",
    "max_linear_velocity": "Largest velocity commanded on an axis, in m/s",
    "max_angular_velocity": "Largest turn commanded on an axis, in rad/s",
    "frame_id": "Frame of TwistStamped commands",
}
_WORLD_ARGUMENTS = {
    "env_id": "Gymnasium environment of the world",
    "env_kwargs": "Keyword arguments of the environment, a YAML mapping",
    "world_command": "What drives it: twist, twist_stamped or array; twist if empty",
}
_REPLAY_ARGUMENTS = {
    "bag": "The bag to replay: a folder, or a file (.mcap, .db3, .bag)",
    "start": "Where to begin, in s from the bag's first message",
    "end": "Where to end, in s",
    "topics": "Topics to replay: 'a b'; all but velocity commands if empty",
    "remaps": "Topics to rename: '/bag_topic:=/topic /another:=/other'",
}
_REPLAY_BOOLEANS = {
    "loop": "Whether to begin anew at the end",
    "compare": "Whether the commands are compared with those in the bag, on pamiq/comparison",
}
_REPLAY_RATE = "Seconds of the bag in a second"
_BOOLEANS = {"": None, "true": True, "True": True, "false": False, "False": False}
_BOOLEAN_ARGUMENTS = {
    "resume_what_fits": "Whether to take what fits of a state of another configuration",
    "use_sim_time": "Whether nodes take their time from /clock",
    "autostart": "Whether the control node activates the other nodes",
    "twist_stamped": "Whether velocities are TwistStamped instead of Twist",
}


def graph_launch_description(*, world: bool = False, replay: bool = False) -> LaunchDescription:
    """The whole of a launch file: its arguments and the graph that they choose.

    Every argument is empty unless given, which leaves the matter to the parameter file, to what a
    parent launch file sets (`SetParameter`), and at last to the nodes' own defaults.

    Args:
        world: Whether a simulated world runs too.
        replay: Whether a bag is replayed; `rate` is then how fast.

    Returns:
        The launch description.
    """
    texts = {**_ARGUMENTS, **(_WORLD_ARGUMENTS if world else {})}
    booleans = dict(_BOOLEAN_ARGUMENTS)
    if replay:
        texts = {**_REPLAY_ARGUMENTS, **texts, "rate": _REPLAY_RATE}
        booleans |= _REPLAY_BOOLEANS
    arguments = [
        DeclareLaunchArgument(name, default_value="", description=text)
        for name, text in texts.items()
    ]
    arguments += [
        DeclareLaunchArgument(name, default_value="", description=text, choices=list(_BOOLEANS))
        for name, text in booleans.items()
    ]
    arguments.append(
        DeclareLaunchArgument(
            "log_level",
            default_value="",
            description="Log level of all nodes",
            choices=["", *LOG_LEVELS],
        )
    )
    start = OpaqueFunction(function=_start_graph, kwargs={"world": world, "replay": replay})
    return LaunchDescription([*arguments, start])


def _start_graph(context: LaunchContext, *, world: bool, replay: bool) -> list[Node]:
    nodes = graph(_options(context.launch_configurations, world, replay))
    scope = _Scope(context)
    return [_node_action(node, node.exit_policy, scope, context) for node in nodes]


def _options(given: dict[str, str], world: bool, replay: bool) -> GraphOptions:
    return GraphOptions(
        system=given["system"],
        namespace=given["namespace"],
        rate=0.0 if replay else _number(given, "rate", "number of Hz"),
        overrides=tuple(shlex.split(given["overrides"])),
        params_file=given["params_file"],
        system_config=given["system_config"],
        states_dir=given["states_dir"],
        resume=given["resume"],
        resume_what_fits=_BOOLEANS[given["resume_what_fits"]],
        use_sim_time=_BOOLEANS[given["use_sim_time"]],
        log_level=given["log_level"],
        autostart=_BOOLEANS[given["autostart"]],
        max_linear_velocity=_limit(given, "max_linear_velocity"),
        max_angular_velocity=_limit(given, "max_angular_velocity"),
        twist_stamped=_BOOLEANS[given["twist_stamped"]],
        frame_id=given["frame_id"],
        world=_world_options(given) if world else None,
        replay=_replay_options(given) if replay else None,
    )


def _world_options(given: dict[str, str]) -> WorldOptions:
    return WorldOptions(given["env_id"], given["env_kwargs"], given["world_command"])


def _replay_options(given: dict[str, str]) -> ReplayOptions:
    return ReplayOptions(
        bag=given["bag"],
        rate=_number(given, "rate"),
        start=_number(given, "start"),
        end=_number(given, "end"),
        loop=bool(_BOOLEANS[given["loop"]]),
        topics=tuple(given["topics"].split()),
        remaps=parse_remaps(given["remaps"].split()),
        compare=bool(_BOOLEANS[given["compare"]]),
    )


def _limit(given: dict[str, str], name: str) -> float | None:
    return _number(given, name) if given[name] else None


def _number(given: dict[str, str], name: str, what: str = "number") -> float:
    try:
        return float(given[name] or "0")
    except ValueError as error:
        raise ValueError(f"{name}: expected a {what}, found {given[name]!r}") from error


class _Scope:
    """What surrounding launch files set, which ends with their group's actions."""

    def __init__(self, context: LaunchContext) -> None:
        self._configurations = dict(context.launch_configurations)
        self._environment = dict(context.environment)

    def around(self, node: Node) -> GroupAction:
        """The node in this scope, whenever it is started."""
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
    # respawn=True of launch would start clean ends and refused configurations again as well.
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
            # An error is the one way for a launch file to end `ros2 launch` with a status of 1.
            raise RuntimeError(reaction.reason)
        shutdown = EmitEvent(event=Shutdown(reason=reaction.reason))
        return [LogInfo(msg=reaction.reason), shutdown]

    return on_exit


def _restart(
    context: LaunchContext, node: NodeDescription, policy: ExitPolicy, scope: _Scope
) -> list[GroupAction]:
    # launch_ros counts names to warn of twins; the one that died is none.
    names = getattr(context.locals, "unique_ros_node_names", {})
    if names.get(node.full_name):
        names[node.full_name] -= 1
    return [scope.around(_node_action(node.restarted, policy, scope, context))]
