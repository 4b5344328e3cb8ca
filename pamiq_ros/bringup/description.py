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

"""The graph: which nodes run, with which parameters, for launch files and `pamiq-ros` alike."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from pamiq_ros.nodes.tables import TABLES, Value
from pamiq_ros.supervision.exit_policy import ExitPolicy

from .ros_environment import PACKAGE

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")

_NAMESPACE = re.compile(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*/?")
_PATHS = ("system_config", "states_dir", "bag")


@dataclass(frozen=True)
class GraphOptions:
    """Which graph to run.

    A parameter that is not given here is left to the parameter file and the nodes' defaults. The
    values are checked where they are read, by `Parameter.parse`; paths and overrides here.

    Attributes:
        parameters: Parameters of the inference, training and control node by name; each goes to
            all of these nodes that have it.
        world: Parameters of the world node; None to run no simulated world.
        replay: Parameters of the replay node; None to replay no bag. A replay's time is the nodes'
            time.
        namespace: Absolute namespace of all nodes; `/` for the root.
        params_file: ROS parameter file of all nodes; empty for none.
        use_sim_time: Whether nodes take their time from `/clock`; None leaves it to the file.
        log_level: One of LOG_LEVELS; empty for the default.
        remaps: Pairs of topics, as the bag names them and as they are published.

    Raises:
        ValueError: An option has a wrong value; names it, what was expected and found.
    """

    parameters: Mapping[str, Value] = field(default_factory=dict)
    world: Mapping[str, Value] | None = None
    replay: Mapping[str, Value] | None = None
    namespace: str = "/"
    params_file: str = ""
    use_sim_time: bool | None = None
    log_level: str = ""
    remaps: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_overrides(self.overrides)
        _check_readable("params_file", self.params_file)
        _check_readable("system_config", self.text("system_config"))
        states_dir = Path(self.text("states_dir"))
        if states_dir.exists() and not states_dir.is_dir():
            raise ValueError(f"states_dir: expected a folder, found a file at {states_dir}")
        if self.replay is not None and not Path(bag := str(self.replay.get("bag", ""))).exists():
            raise ValueError(f"bag: expected a folder or a file, found nothing at {bag}")

    def text(self, name: str) -> str:
        """Return a parameter of the robot's nodes that is a string; empty if it is not given."""
        return str(self.parameters.get(name, ""))

    @property
    def overrides(self) -> list[str]:
        """The `key=value` overrides of the system's configuration."""
        found = self.parameters.get("overrides", [])
        return found if isinstance(found, list) else []


def absolute_namespace(text: str) -> str:
    """Return a namespace with one leading slash and none at its end; `/` for the root.

    Raises:
        ValueError: The text is not a namespace.
    """
    if text not in ("", "/") and not _NAMESPACE.fullmatch(text):
        raise ValueError(
            f"namespace: expected names of letters, digits and '_' joined by '/', found {text!r}"
        )
    return "/" + text.strip("/")


def parse_remaps(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return pairs of names from texts such as `/image:=/camera/image_raw`.

    Raises:
        ValueError: A text has another form; names it.
    """
    for text in texts:
        if text.count(":=") != 1 or not all(text.split(":=")):
            raise ValueError(f"remap: expected BAG_TOPIC:=TOPIC, found {text!r}")
    return tuple((name, target) for name, target in (text.split(":=") for text in texts))


def check_overrides(overrides: Sequence[str]) -> None:
    """Check that each text is `key=value`.

    Raises:
        ValueError: A text has another form; names it.
    """
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"overrides: expected key=value, found {override!r}")


def _check_readable(name: str, path: str) -> None:
    if not path:
        return
    if not Path(path).is_file():
        raise ValueError(f"{name}: expected a readable file, found nothing of that kind at {path}")
    if not os.access(path, os.R_OK):
        raise ValueError(f"{name}: expected a readable file, found {path} without read permission")


@dataclass(frozen=True)
class NodeDescription:
    """One node, as a process to start.

    Attributes:
        executable: Name of the executable, also of its module in `pamiq_ros.nodes`.
        name: Node name.
        namespace: Absolute namespace; `/` for the root.
        parameters: Chosen parameters; they override the file.
        params_file: ROS parameter file; None for none.
        remappings: Pairs of names, from and to.
        log_level: Log level; empty for the default.
        respawn: Whether to restart it when it dies.
        ends_graph: Whether the graph ends when this node ends normally.
        package: The ROS package of the executable.
    """

    executable: str
    name: str
    namespace: str = "/"
    parameters: dict[str, Value] = field(default_factory=dict)
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
        """A new policy for the exits of this node."""
        return ExitPolicy(self.name, self.respawn, self.ends_graph)

    @property
    def restarted(self) -> NodeDescription:
        """The node as it is restarted after it died: it resumes from its newest state."""
        if "resume" not in self.parameters:
            return self
        return replace(self, parameters={**self.parameters, "resume": "latest"})

    def parameters_yaml(self) -> str:
        """Return the chosen parameters as text of a ROS parameter file for this node alone.

        As a second `--params-file` they override the first one, however it names the node; `-p`
        would lose to a file that names the node.
        """
        content = {self.full_name: {"ros__parameters": self.parameters}}
        return str(yaml.safe_dump(content, sort_keys=False))

    def ros_arguments(self, parameters_path: Path | None = None) -> list[str]:
        """Return the command line arguments that start the node without `ros2 launch`.

        Args:
            parameters_path: File with the text of `parameters_yaml`; None for none.
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
    """Return the nodes of a graph, in the order in which to start them.

    Args:
        options: Which graph.
        remappings: Pairs of names, from and to, for every node.

    Returns:
        The world or the replay if there is one, then inference, training and control.
    """
    nodes = []
    if options.replay is not None:
        replay = _node("replay", options.replay, options, (*options.remaps, *remappings))
        nodes.append(replace(replay, respawn=False, ends_graph=True))
    if options.world is not None:
        world = dict(options.world)
        if options.parameters.get("twist_stamped"):
            world.setdefault("command", "twist_stamped")
        nodes.append(_node("world", world, options, remappings))
    for role in ("inference", "training", "control"):
        names = [row.name for row in TABLES[f"pamiq_{role}"]]
        own = {name: value for name, value in options.parameters.items() if name in names}
        nodes.append(_node(role, own, options, remappings))
    nodes[-1] = replace(nodes[-1], ends_graph=True)
    return nodes


def _node(
    role: str,
    parameters: Mapping[str, Value],
    options: GraphOptions,
    remappings: Sequence[tuple[str, str]],
) -> NodeDescription:
    # Processes of a launch file may run in another folder.
    own = {n: str(Path(str(v)).absolute()) if n in _PATHS else v for n, v in parameters.items()}
    use_sim_time = True if options.replay is not None else options.use_sim_time
    if use_sim_time is not None:
        own["use_sim_time"] = use_sim_time
    return NodeDescription(
        executable=f"{role}_node",
        name=f"pamiq_{role}",
        namespace=options.namespace,
        parameters=own,
        params_file=Path(options.params_file).absolute() if options.params_file else None,
        remappings=tuple(remappings),
        log_level=options.log_level,
    )
