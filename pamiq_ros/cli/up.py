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

"""`pamiq-ros demo` and `up`: from the options to the end of the graph."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pamiq_ros.bringup import GraphOptions, graph
from pamiq_ros.bringup.description import LOG_LEVELS
from pamiq_ros.bringup.ros_environment import node_variables, range_text, shared_variables
from pamiq_ros.bringup.shm_cleanup import files_there, remove_leftovers
from pamiq_ros.bringup.stopping import CONTROL, Interrupts
from pamiq_ros.bringup.supervisor import RunDirectory, Supervisor
from pamiq_ros.nodes.tables import INFERENCE_PARAMETERS, WORLD_PARAMETERS, Parameter, Value
from pamiq_ros.supervision.exit_policy import BAD_CONFIGURATION

from .checks import (
    check_config,
    check_installed,
    check_log_dir,
    check_report,
    check_system,
    error_of,
    option_error,
    robot_taken,
    world_kwargs_json,
    wrong_configuration,
)
from .options import Command, config_option, namespace_option, positive, set_option, with_options

if TYPE_CHECKING:
    from .display import SafeDisplay
    from .status import Status
    from .system_client import Monitor

_DEMO_WORLD = "CarRacing-v3"
_DEMO_SYSTEM = "curiosity"
# A backslash-b line keeps click from filling the paragraph after it.
_DEMO_EXAMPLES = """\b
Examples:
  pamiq-ros demo
  pamiq-ros demo --duration 60 --report report.json
  pamiq-ros demo --system vae --rate 20
"""
_UP_EXAMPLES = """\b
Examples:
  pamiq-ros up vae --namespace robot1 --params robot.yaml
  pamiq-ros up my_robot.py:system --set learning_rate=0.001
  ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET pamiq-ros up vae
  pamiq-ros up vae --world CarRacing-v3 --world-kwargs '{lap_complete_percent: 0.9}'
"""
_ROBOT_PARAMETERS = (
    "overrides", "system_config", "rate", "states_dir", "resume", "resume_what_fits",
)  # fmt: skip


def parameter_option(
    flag: str, table: Sequence[Parameter], name: str, metavar: str = "", help: str = ""
) -> Callable[[Command], Command]:
    """Return an option that sets a parameter of a node, with the type and range of its row.

    Args:
        flag: The option, such as `--rate`.
        table: The node's parameters.
        name: The parameter.
        metavar: What stands for the value in the help; empty for the parameter's choices.
        help: The help text; empty for the parameter's description.
    """
    [row] = [row for row in table if row.name == name]

    def parse(_: click.Context, __: click.Parameter, text: str | None) -> Value | None:
        try:
            return None if text is None else row.parse(text)
        except ValueError as error:
            raise option_error(flag, str(error)) from error

    help = help or f"{row.description}."
    if isinstance(row.default, bool):
        return click.option(flag, name, is_flag=True, help=help)
    metavar = metavar or f"[{'|'.join(row.choices)}]"
    default = row.default if isinstance(row.default, str) and row.default else None
    return click.option(
        flag, name, callback=parse, metavar=metavar, help=help, show_default=default
    )


rate_option = parameter_option("--rate", INFERENCE_PARAMETERS, "rate", "HZ")
run_options = with_options(
    click.option(
        "--duration", callback=positive("seconds"), metavar="S",
        help="Stop after S seconds, counted from when the nodes are active.",
    ),
    click.option(
        "--report", metavar="FILE", help="Write the report, one JSON object, at the end."
    ),
    set_option,
    config_option,
    click.option(
        "--params", "params_file", metavar="FILE",
        help="ROS parameter file for every node. Options of this command override it.",
    ),
    namespace_option("ROS namespace, such as robot1."),
    parameter_option("--states-dir", INFERENCE_PARAMETERS, "states_dir", "DIR"),
    parameter_option("--resume", INFERENCE_PARAMETERS, "resume", "STATE"),
    parameter_option("--resume-what-fits", INFERENCE_PARAMETERS, "resume_what_fits"),
    click.option(
        "--log-dir", metavar="DIR",
        help="Keep the nodes' logs here. Without it they are kept only if something went wrong.",
    ),
    click.option("--log-level", type=click.Choice(LOG_LEVELS), help="Log level of the nodes."),
)  # fmt: skip


@click.command(epilog=_DEMO_EXAMPLES)
@click.option(
    "--system", default=_DEMO_SYSTEM, show_default=True, metavar="SYSTEM", help="The system to run."
)
@rate_option
@run_options
def demo(system: str, **choices: Any) -> None:
    """A simulated car with a camera explores, and learns to see, to foresee and to move.

    Runs the world (CarRacing-v3) and the three nodes. `--system vae` drives at random and learns to
    see alone. They stay on this machine, whatever other robots there are in the network, unless
    ROS_AUTOMATIC_DISCOVERY_RANGE says otherwise.
    """
    sys.exit(run(make_request(f"demo · {system}", system, choices, world={"env_id": _DEMO_WORLD})))


@click.command(epilog=_UP_EXAMPLES)
@click.argument("system")
@click.option(
    "--world", metavar="ENV_ID", help="Run a Gymnasium environment too, such as CarRacing-v3."
)
@click.option("--world-kwargs", metavar="YAML", help="The environment's keyword arguments.")
@parameter_option("--world-command", WORLD_PARAMETERS, "command")
@rate_option
@run_options
def up(
    system: str,
    world: str | None,
    world_kwargs: str | None,
    command: str | None,
    **choices: Any,
) -> None:
    """Run SYSTEM on a robot, or on a simulated world.

    SYSTEM is the name of one that comes with the package, `module:callable` or `file.py:callable`.
    The nodes stay on this machine and drive a robot whose nodes run on it. For a robot on another
    machine, set ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET, on ROS 2 Humble ROS_LOCALHOST_ONLY=0.
    """
    if world is None and world_kwargs is not None:
        raise option_error("--world-kwargs", "expected --world beside it, found none")
    if world is None and command:
        raise option_error("--world-command", "expected --world beside it, found none")
    if world == "":
        raise option_error("--world", "expected the id of an environment, found an empty text")
    kwargs = None if world_kwargs is None else world_kwargs_json(world_kwargs)
    of_world = {"env_id": world, "env_kwargs": kwargs, "command": command}
    parameters = None if world is None else given_parameters(of_world, of_world)
    sys.exit(run(make_request(f"up · {system}", system, choices, world=parameters)))


@dataclass(frozen=True)
class Request:
    """A run that the command line asks for.

    Attributes:
        graph: The graph to run.
        title: What is run, in a word or two.
        duration_s: How long to run in s, from when the nodes are active; None for no limit.
        report: File for the report; None for none.
        log_dir: Folder for the nodes' logs; None for a temporary one.
    """

    graph: GraphOptions
    title: str
    duration_s: float | None = None
    report: Path | None = None
    log_dir: Path | None = None


def given_parameters(choices: Mapping[str, Any], names: Collection[str]) -> dict[str, Value]:
    """Return the options that were given, as parameters; flags only if they were set."""
    found = {name: choices[name] for name in names if name in choices}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in found.items()
        if value is not None and value is not False and value not in ("", ())
    }


def make_request(
    title: str,
    system: str,
    choices: Mapping[str, Any],
    world: Mapping[str, Value] | None = None,
    replay: Mapping[str, Value] | None = None,
    remaps: tuple[tuple[str, str], ...] = (),
) -> Request:
    """Return the run that the options ask for, checked.

    Args:
        title: What is run, in a word or two.
        system: The system's name.
        choices: The values of the options, by name.
        world: Parameters of the world node; None for no world.
        replay: Parameters of the replay node; None for no replay.
        remaps: Pairs of topics, as the bag names them and as they are published.

    Raises:
        click.UsageError: An option is wrong; names it, what was expected and found.
    """
    check_system(system)
    parameters = {"system": system, **given_parameters(choices, _ROBOT_PARAMETERS)}
    try:
        options = GraphOptions(
            parameters,
            world,
            replay,
            choices["namespace"],
            choices["params_file"] or "",
            log_level=choices["log_level"] or "",
            remaps=remaps,
        )
    except ValueError as error:
        raise error_of(error) from error
    check_config(choices["system_config"] or "")
    check_installed("ros", "torch", *(["world"] if world is not None else []))
    return Request(
        options,
        title,
        choices["duration"],
        check_report(choices["report"]),
        check_log_dir(choices["log_dir"]),
    )


def run(request: Request) -> int:
    """Run the graph until it ends, and return the exit status."""
    files = files_there()
    try:
        wrong = wrong_configuration(request.graph)
        return _complain(wrong, BAD_CONFIGURATION) if wrong else _run_with_logs(request)
    finally:
        remove_leftovers(files)


def _run_with_logs(request: Request) -> int:
    interrupts = Interrupts()
    interrupts.install()
    try:
        folder = RunDirectory(request.log_dir)
    except OSError as error:
        return _complain(f"--log-dir: {error}", BAD_CONFIGURATION)
    status = 1
    try:
        status = _run_nodes(request, folder, interrupts)
    finally:
        folder.keep_logs |= status != 0
        if folder.remove():
            click.echo(f"The nodes' logs are in {folder.log_dir}", err=True)
    return status


def _run_nodes(request: Request, folder: RunDirectory, interrupts: Interrupts) -> int:
    from .display import make_display  # rich takes a while to import
    from .runner import FAILED, Runner, exit_status

    added = shared_variables(os.environ, folder.ros_log_dir)
    reach = range_text(os.environ, added)
    os.environ.update(added)
    nodes = graph(request.graph)
    [control] = [node for node in nodes if node.name == CONTROL]
    if taken := robot_taken(control.full_name):
        return _complain(taken, BAD_CONFIGURATION)
    supervisor = Supervisor(folder.processes(nodes, node_variables(os.environ)))
    try:
        monitor = _start(supervisor, request.graph)
    except RuntimeError as error:
        return _complain(str(error), BAD_CONFIGURATION)
    display = make_display()
    runner = Runner(request.title, request.duration_s, supervisor, monitor, display, interrupts)
    try:
        if reach:
            display.say(reach)
        reason = runner.run()
    finally:
        display.close(runner.view())
        if monitor.comparison:
            display.say(f"Commands compared: {monitor.comparison}")
        monitor.close()
    folder.keep_logs = any(runner.restarts.values())
    code, why = exit_status(reason, monitor.status, supervisor.killed, runner.failures)
    written = _write_report(request.report, monitor.status, runner.restarts, display)
    if why:
        return _complain(why, code)
    return code if written else FAILED


def _start(supervisor: Supervisor, options: GraphOptions) -> Monitor:
    try:
        supervisor.start()
        # rclpy takes half a second to import, while the nodes start.
        from .system_client import Monitor

        control = supervisor.processes[CONTROL]
        is_replay = options.replay is not None
        return Monitor(options.namespace, is_replay, lambda status: status.is_of(control.pid))
    except BaseException:
        supervisor.kill()
        raise


def _write_report(
    path: Path | None, status: Status | None, restarts: Mapping[str, int], display: SafeDisplay
) -> bool:
    from .runner import write_report

    if path is None:
        return True
    if status is None or not status.report:
        display.say(f"{path}: not written, the nodes measured nothing")
        return True
    try:
        write_report(path, status.report, restarts)
    except (OSError, ValueError) as error:
        _complain(f"--report: {path} could not be written: {error}", 1)
        return False
    display.say(f"The report is in {path}")
    return True


def _complain(text: str, status: int) -> int:
    click.echo(f"Error: {text}", err=True)
    return status
