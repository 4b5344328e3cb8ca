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

"""Checks of a command line before any node starts, most of them without importing ROS or torch."""

from __future__ import annotations

import importlib.util
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from pamiq_ros.bringup import GraphOptions, graph
from pamiq_ros.supervision.claims import NameClaim

if TYPE_CHECKING:
    from rclpy.context import Context

SYSTEMS = Path(__file__).resolve().parents[1] / "systems"

# Python modules by what they are needed for, and the extra of the package that installs them.
_NEEDED = {
    "ros": {"rclpy": "ros", "std_msgs": "ros", "std_srvs": "ros"},
    "torch": {"torch": ""},
    "bags": {"rosbags": ""},
    "world": {"gymnasium": "sim"},
    "report": {"matplotlib": "report", "jinja2": "report"},
    "lerobot": {"av": "lerobot", "pyarrow": "lerobot"},
}


def option_error(name: str, text: str) -> click.BadParameter:
    """Return an error about one option; the command ends with exit status 2.

    Args:
        name: The option as on the command line, or the name of its value.
        text: What was expected and found.
    """
    option = name if name.startswith("--") else f"--{name.replace('_', '-')}"
    if context := click.get_current_context(silent=True):
        option = next((p.opts[0] for p in context.command.params if p.name == name), option)
    return click.BadParameter(text, param_hint=f"'{option}'")


def error_of(error: ValueError) -> click.BadParameter:
    """Return the error of an option that the text of a `GraphOptions` error names."""
    name, _, text = str(error).partition(": ")
    return option_error(name, text)


def check_installed(*needs: str) -> None:
    """Check that Python modules are installed, without importing them.

    Args:
        needs: What they are needed for: ros, torch, bags, world, report or lerobot.

    Raises:
        click.UsageError: One is not; says how to install it.
    """
    for module, extra in (pair for need in needs for pair in _NEEDED[need].items()):
        if importlib.util.find_spec(module) is None:
            package = f"'pamiq_ros[{extra}]'" if extra else module
            hint = " (or source a ROS 2 installation)" if extra == "ros" else ""
            raise click.UsageError(
                f"expected the Python module {module!r} to be installed, found none; "
                f"pip install {package}{hint}"
            )


def built_in_systems() -> list[str]:
    """Return the names of the systems in the package, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules([str(SYSTEMS)]))


def check_system(name: str) -> None:
    """Check the name of a system as far as possible without importing it.

    Raises:
        click.BadParameter: There is no such system.
    """
    module, colon, attribute = name.rpartition(":")
    text = ""
    if not colon and name not in built_in_systems():
        known = ", ".join(built_in_systems())
        text = f"expected one of {known}, 'module:callable' or 'file.py:callable', found {name!r}"
    elif colon and not attribute.isidentifier():
        text = f"expected 'module:callable' or 'file.py:callable', found {name!r}"
    elif module.endswith(".py") and not Path(module).is_file():
        text = f"expected an existing Python file before the ':', found none at {module}"
    if text:
        raise click.BadParameter(text, param_hint="'SYSTEM'")


def check_config(path: str) -> None:
    """Check that a file contains a YAML mapping; an empty path is accepted.

    Raises:
        click.BadParameter: It does not.
    """
    if not path:
        return
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        text = " ".join(str(error).split())
        raise option_error("--config", f"expected YAML, found {path}: {text}") from error
    if found is not None and not isinstance(found, dict):
        kind = type(found).__name__
        raise option_error("--config", f"expected a mapping of keys to values, found a {kind}")


def check_log_dir(path: str | None) -> Path | None:
    """Return the path of --log-dir; None if it is not given or empty.

    Raises:
        click.BadParameter: It is a file.
    """
    if path and Path(path).exists() and not Path(path).is_dir():
        raise option_error("--log-dir", f"expected a folder, found a file at {path}")
    return Path(path) if path else None


def check_report(path: str | None) -> Path | None:
    """Return the path of --report; None if it is not given.

    Raises:
        click.BadParameter: It is a folder, or its folder is missing or not writable.
    """
    if path is None:
        return None
    folder = Path(path).absolute().parent
    if Path(path).is_dir():
        text = f"expected a file, found a folder at {path}"
    elif not folder.is_dir():
        text = f"expected an existing folder, found none at {folder}"
    elif not os.access(folder, os.W_OK):
        text = f"expected a writable folder, found {folder} without write permission"
    else:
        return Path(path)
    raise option_error("--report", text)


def world_kwargs_json(text: str) -> str:
    """Return the YAML of --world-kwargs as the JSON that the world node reads.

    Raises:
        click.BadParameter: It is not a YAML mapping, or has values that JSON can't represent.
    """
    reason = ""
    try:
        found: Any = yaml.safe_load(text)
        if isinstance(found, dict):
            return json.dumps(found, allow_nan=False)
    except (yaml.YAMLError, TypeError, ValueError) as error:
        reason = f" ({' '.join(str(error).split())})"
    example = "a YAML mapping such as '{continuous: true}'"
    raise option_error("--world-kwargs", f"expected {example}, found {text!r}{reason}")


def robot_taken(control: str) -> str:
    """Return why the robot is not free; empty if no other system of this host has it.

    The control node's own check is exact; this one saves starting it in vain.

    Args:
        control: Full name of the control node.
    """
    domain = os.environ.get("ROS_DOMAIN_ID") or "0"
    if not domain.isdecimal():
        return f"ROS_DOMAIN_ID: expected a number, found {domain!r}"
    return NameClaim(control, int(domain)).holder()


def wrong_configuration(options: GraphOptions) -> str:
    """Return what is wrong with a graph's parameter file or its system; empty for nothing."""
    config_file, overrides = options.text("system_config"), options.overrides
    if options.params_file:
        names = [node.name for node in graph(options)]
        try:
            found = _read_params_file(Path(options.params_file), options.namespace, names)
        except ValueError as error:
            return f"--params: {error}"
        config_file, overrides = config_file or found[0], overrides or found[1]
    system = options.text("system")
    # Systems of the package need no check, and would start later with one.
    if config_file or overrides or ":" in system:
        return _try_system(system, config_file, overrides)
    return ""


def _try_system(system: str, config_file: str, overrides: Sequence[str]) -> str:
    """Build a system as the nodes will, in a process of its own, and return what is wrong with it.

    A wrong override, configuration or system is reported after one start of torch, instead of
    after two nodes have loaded it. This process never loads torch, which would delay its end.

    Returns:
        The error; empty for none, or if the process died: then the nodes report more.
    """
    question = json.dumps([system, config_file, list(overrides)])
    done = subprocess.run(
        [sys.executable, "-m", "pamiq_ros.cli.checks"],
        input=question,
        capture_output=True,
        text=True,
    )
    answers = done.stdout.splitlines()
    return str(json.loads(answers[-1])) if done.returncode == 0 and answers else ""


def _answer() -> None:
    from pamiq_ros.core.config import ConfigurationError, resolve_system

    system, config_file, overrides = json.load(sys.stdin)
    answers, sys.stdout = sys.stdout, sys.stderr  # a system that prints adds nothing to the answer
    try:
        resolve_system(system, config_file, overrides)
        found = ""
    except ConfigurationError as error:
        found = str(error)
    answers.write(f"{json.dumps(found)}\n")


def _read_params_file(path: Path, namespace: str, names: Collection[str]) -> tuple[str, list[str]]:
    """Read a ROS parameter file as the nodes will, and declare their parameters with it.

    Returns:
        The values of `system_config` and `overrides` that the inference node gets from it.

    Raises:
        ValueError: It is no ROS parameter file, or has a wrong value or a misspelt name; says
            where.
    """
    import rclpy  # takes half a second, which other checks don't need
    from rclpy.context import Context
    from rclpy.signals import SignalHandlerOptions

    from pamiq_ros.nodes.process import leaving

    context = Context()
    arguments = ["--ros-args", "--disable-stdout-logs", "--params-file", str(path)]
    try:
        rclpy.init(args=arguments, context=context, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # RCLError is in a private module of rclpy
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
) -> tuple[str, list[str]]:
    from rclpy.node import Node

    from pamiq_ros.nodes.parameters import declare
    from pamiq_ros.nodes.process import leaving
    from pamiq_ros.nodes.tables import TABLES

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
            return "", []
        overrides = [text for text in node.get_parameter("overrides").value if text]
        return node.get_parameter("system_config").value, overrides
    finally:
        with leaving():
            node.destroy_node()


if __name__ == "__main__":
    _answer()
