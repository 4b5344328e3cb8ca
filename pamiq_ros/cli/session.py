"""One whole call of `pamiq-ros demo` or `up`: folders, processes, display, report, exit status."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pamiq_ros.bringup import GraphOptions, NodeDescription, graph
from pamiq_ros.bringup.ros_environment import node_variables, range_text, shared_variables
from pamiq_ros.bringup.run_directory import RunDirectory
from pamiq_ros.bringup.shm_cleanup import files_there, remove_leftovers
from pamiq_ros.bringup.stopping import CONTROL, Interrupts
from pamiq_ros.bringup.supervisor import Supervisor
from pamiq_ros.bringup.trial import try_system
from pamiq_ros.supervision.claims import NameClaim
from pamiq_ros.supervision.exit_policy import BAD_CONFIGURATION

from .display import SafeDisplay, make_display
from .options import Request
from .outcome import FAILED, OK, judge
from .report_file import write_report
from .runner import Runner

if TYPE_CHECKING:
    from .monitor import Monitor


def run(request: Request) -> int:
    """Run the graph until it ends.

    Args:
        request: What to run.

    Returns:
        The exit status.
    """
    files = files_there()
    try:
        wrong = _wrong(request.graph)
        return _complain(wrong, BAD_CONFIGURATION) if wrong else _run_logged(request)
    finally:
        remove_leftovers(files)


def _run_logged(request: Request) -> int:
    interrupts = Interrupts()
    interrupts.install()
    try:
        run_directory = RunDirectory(request.log_dir)
    except OSError as error:
        return _complain(f"--log-dir: {error}", BAD_CONFIGURATION)
    status = FAILED
    try:
        status = _run(request, run_directory, interrupts)
    finally:
        run_directory.keep_logs |= status != OK
        if run_directory.leave():
            click.echo(f"The nodes' logs are in {run_directory.log_dir}", err=True)
    return status


def _wrong(options: GraphOptions) -> str:
    config_file, overrides = options.system_config, list(options.overrides)
    if options.params_file:
        from .params_file import check_params_file  # see `_run`

        try:
            names = [node.name for node in graph(options)]
            found = check_params_file(Path(options.params_file), options.absolute_namespace, names)
        except ValueError as error:
            return f"--params: {error}"
        config_file = config_file or found.config_file
        overrides = overrides or found.overrides
    # Systems that come with the package are sound as they are; their start is not to wait.
    if config_file or overrides or ":" in options.system:
        return try_system(options.system, config_file, overrides)
    return ""


def _run(request: Request, run_directory: RunDirectory, interrupts: Interrupts) -> int:
    added = shared_variables(os.environ, run_directory.ros_log_dir)
    reach = range_text(os.environ, added)
    os.environ.update(added)
    nodes = graph(request.graph)
    if wrong := _robot_taken(nodes):
        return _complain(wrong, BAD_CONFIGURATION)
    supervisor = Supervisor(run_directory.processes(nodes, node_variables(os.environ)))
    try:
        supervisor.start()
        monitor = _monitor(request, supervisor)
    except BaseException as error:
        supervisor.kill()
        if isinstance(error, RuntimeError):
            return _complain(str(error), BAD_CONFIGURATION)
        raise
    display = make_display()
    runner = Runner(request, supervisor, monitor, display, interrupts)
    try:
        if reach:
            display.say(reach)
        ending = runner.run()
    finally:
        display.close(runner.view())
        if monitor.comparison:
            display.say(f"Commands compared: {monitor.comparison}")
        monitor.close()
    run_directory.keep_logs = any(runner.restarts.values())
    code, why = judge(ending, runner.last_status, supervisor.killed, runner.failures)
    written = _write_report(request.report, runner, display)
    if why:
        return _complain(why, code)
    return code if written else FAILED


def _robot_taken(nodes: Sequence[NodeDescription]) -> str:
    """Why these nodes can't have their robot; empty as far as is known before they start."""
    domain = os.environ.get("ROS_DOMAIN_ID") or "0"
    if not domain.isdecimal():
        return f"ROS_DOMAIN_ID: expected a number, found {domain!r}"
    [control] = [node for node in nodes if node.name == CONTROL]
    # The control node finds out for sure; what need not be started for that is said at once.
    return NameClaim(control.full_name, int(domain)).holder()


def _monitor(request: Request, supervisor: Supervisor) -> Monitor:
    # rclpy takes half a second to import, and LTTng's files come with it.
    from .monitor import Monitor

    control = supervisor.processes[CONTROL]
    return Monitor(
        request.graph.absolute_namespace,
        is_replay=request.graph.replay is not None,
        is_ours=lambda status: status.is_of(control.pid),
    )


def _write_report(path: Path | None, runner: Runner, display: SafeDisplay) -> bool:
    if path is None:
        return True
    status = runner.last_status
    if status is None or not status.report:
        display.say(f"{path}: not written, the nodes measured nothing")
        return True
    try:
        write_report(path, status.report, runner.restarts)
    except (OSError, ValueError) as error:
        _complain(f"--report: {path} could not be written: {error}", FAILED)
        return False
    display.say(f"The report is in {path}")
    return True


def _complain(text: str, status: int) -> int:
    click.echo(f"Error: {text}", err=True)
    return status
