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

"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from pamiq_ros.bringup import absolute_namespace

from .checks import error_of, option_error

Command = TypeVar("Command", bound=Callable[..., Any])


def positive(unit: str) -> Callable[..., float | None]:
    """Return a click callback that accepts only a positive, finite number.

    Args:
        unit: Its unit, for the error message.
    """

    def convert(_: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0.0 < number < math.inf:
            text = f"expected a positive number of {unit}, found {value!r}"
            raise option_error(param.opts[0], text)
        return number

    return convert


def with_options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command several options, in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def namespace_option(help: str) -> Callable[[Command], Command]:
    """Return the option --namespace, whose value is an absolute namespace.

    Args:
        help: Its help text.
    """

    def convert(_: click.Context, __: click.Parameter, value: str) -> str:
        try:
            return absolute_namespace(value)
        except ValueError as error:
            raise error_of(error) from error

    return click.option("--namespace", metavar="NAME", default="", callback=convert, help=help)


set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Override a value of the system's configuration; repeatable.",
)  # fmt: skip
config_option = click.option(
    "--config", "system_config", metavar="FILE",
    help="YAML file with the system's configuration.",
)  # fmt: skip
