"""The nodes of a graph: executables, names and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from pamiq_ros.supervision.exit_policy import ExitPolicy

from .options import GraphOptions, ReplayOptions, WorldOptions
from .places import PACKAGE

ParameterValue = bool | int | float | str | list[str]


@dataclass(frozen=True)
class NodeDescription:
    """One node, as a process to start.

    Attributes:
        executable: Name of the executable, also of its module in `pamiq_ros.nodes`.
        name: Node name.
        namespace: Absolute namespace; `/` for the root.
        parameters: Parameters that were chosen; they win over the file.
        params_file: ROS parameter file; None for none.
        remappings: Pairs of names, from and to.
        log_level: Log level; empty for the default.
        respawn: Whether to start it again when it dies.
        ends_graph: Whether the graph ends with it when it ends well.
        package: The ROS package of the executable.
    """

    executable: str
    name: str
    namespace: str = "/"
    parameters: dict[str, ParameterValue] = field(default_factory=dict)
    params_file: Path | None = None
    remappings: tuple[tuple[str, str], ...] = ()
    log_level: str = ""
    respawn: bool = True
    ends_graph: bool = False
    package: str = PACKAGE

    @property
    def full_name(self) -> str:
        """The node's name with its namespace, such as `/robot1/pamiq_control`."""
        return f"{self.namespace.rstrip('/')}/{self.name}"

    @property
    def exit_policy(self) -> ExitPolicy:
        """A new policy of what this node's ends mean."""
        return ExitPolicy(self.name, self.respawn, self.ends_graph)

    @property
    def restarted(self) -> NodeDescription:
        """The node as it is to be started again after it died.

        It goes on from its newest state, whatever its first start went on from.
        """
        if "resume" not in self.parameters:
            return self
        return replace(self, parameters={**self.parameters, "resume": "latest"})

    def parameters_yaml(self) -> str:
        """The chosen parameters as text of a ROS parameter file for this node alone.

        As a second `--params-file` after the first they win over it whichever way it names the
        node; with `-p` they would lose to a file that names the node.
        """
        content = {self.full_name: {"ros__parameters": self.parameters}}
        return str(yaml.safe_dump(content, sort_keys=False))

    def ros_arguments(self, parameters_path: Path | None = None) -> list[str]:
        """Command line arguments that start the node without `ros2 launch`.

        Args:
            parameters_path: Where the text of `parameters_yaml` was written; None for nowhere.

        Returns:
            Arguments to follow the executable.
        """
        arguments = ["--ros-args", "-r", f"__node:={self.name}", "-r", f"__ns:={self.namespace}"]
        for source, target in self.remappings:
            arguments += ["-r", f"{source}:={target}"]
        for path in (self.params_file, parameters_path):
            if path is not None:
                arguments += ["--params-file", str(path)]
        if self.log_level:
            arguments += ["--log-level", self.log_level]
        return arguments


def graph(
    options: GraphOptions, remappings: Sequence[tuple[str, str]] = ()
) -> list[NodeDescription]:
    """Describe the nodes of a graph, in the order to start them in.

    Args:
        options: Which graph.
        remappings: Pairs of names, from and to, for every node.

    Returns:
        The world or the replay if there is one, then inference, training and control.
    """
    params_file = Path(options.params_file).absolute() if options.params_file else None
    use_sim_time = True if options.replay is not None else options.use_sim_time

    def describe(
        room: str, parameters: dict[str, ParameterValue], ends_graph: bool = False
    ) -> NodeDescription:
        if use_sim_time is not None:
            parameters["use_sim_time"] = use_sim_time
        return NodeDescription(
            executable=f"{room}_node",
            name=f"pamiq_{room}",
            namespace=options.absolute_namespace,
            parameters=parameters,
            params_file=params_file,
            remappings=tuple(remappings),
            log_level=options.log_level,
            ends_graph=ends_graph,
        )

    nodes = []
    if options.world is not None:
        nodes.append(describe("world", _world_parameters(options.world, options)))
    nodes.append(describe("inference", _inference_parameters(options)))
    nodes.append(describe("training", _learning_parameters(options)))
    nodes.append(describe("control", _control_parameters(options), ends_graph=True))
    if options.replay is not None:
        replay = describe("replay", _replay_parameters(options.replay), ends_graph=True)
        remappings = (*options.replay.remaps, *replay.remappings)
        nodes.insert(0, replace(replay, remappings=remappings, respawn=False))
    return nodes


def _world_parameters(world: WorldOptions, options: GraphOptions) -> dict[str, ParameterValue]:
    chosen: dict[str, ParameterValue] = {
        "env_id": world.env_id,
        "env_kwargs": world.env_kwargs,
        "command": world.command or ("twist_stamped" if options.twist_stamped else ""),
    }
    return _chosen(chosen)


def _replay_parameters(replay: ReplayOptions) -> dict[str, ParameterValue]:
    return _chosen(
        {
            "bag": str(Path(replay.bag).absolute()),
            "rate": replay.rate,
            "start": replay.start,
            "end": replay.end,
            "loop": replay.loop,
            "compare": replay.compare,
            "topics": list(replay.topics),
        }
    )


def _system_parameters(options: GraphOptions) -> dict[str, ParameterValue]:
    config = options.system_config and str(Path(options.system_config).absolute())
    return _chosen(
        {"system": options.system, "system_config": config, "overrides": list(options.overrides)}
    )


def _state_parameters(options: GraphOptions) -> dict[str, ParameterValue]:
    states_dir = options.states_dir and str(Path(options.states_dir).absolute())
    own = _chosen({"states_dir": states_dir, "resume": options.resume})
    if options.resume_what_fits is not None:
        own["resume_what_fits"] = options.resume_what_fits
    return own


def _inference_parameters(options: GraphOptions) -> dict[str, ParameterValue]:
    own = _chosen({"rate": options.rate, "frame_id": options.frame_id})
    limits: dict[str, bool | float | None] = {
        "max_linear_velocity": options.max_linear_velocity,
        "max_angular_velocity": options.max_angular_velocity,
        "twist_stamped": options.twist_stamped,
    }
    given = {name: value for name, value in limits.items() if value is not None}
    return {**_learning_parameters(options), **own, **given}


def _learning_parameters(options: GraphOptions) -> dict[str, ParameterValue]:
    return {**_system_parameters(options), **_state_parameters(options)}


def _control_parameters(options: GraphOptions) -> dict[str, ParameterValue]:
    return {} if options.autostart is None else {"autostart": options.autostart}


def _chosen(parameters: dict[str, ParameterValue]) -> dict[str, ParameterValue]:
    # What is empty was not chosen, and would hide what the parameter file says.
    return {name: value for name, value in parameters.items() if value}
