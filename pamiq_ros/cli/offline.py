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

"""What the commands without nodes share: options, the system they name, progress, failures."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pamiq_ros.bringup import parse_remaps
from pamiq_ros.bringup.description import check_overrides

from .checks import check_config, check_installed, check_system, error_of
from .options import config_option, namespace_option, set_option, with_options

if TYPE_CHECKING:
    from pamiq_ros.offline.session import Choice, Output

_LINE_PERIOD_S = 5.0
_SHOW_PERIOD_S = 0.1

offline_options = with_options(
    click.option(
        "--states-dir", metavar="DIR", default="states", show_default=True,
        help="Folder of states.",
    ),
    set_option,
    config_option,
    namespace_option("ROS namespace of the robot whose states these are, such as robot1."),
    click.option(
        "--remap", "remaps", multiple=True, metavar="BAG_TOPIC:=TOPIC",
        help="Rename a topic of the bags; repeatable.",
    ),
    click.option(
        "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, metavar="N",
        help="Seed of all random generators.",
    ),
    click.option(
        "--torch-threads", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N",
        help="Threads of torch; runs with the same number have the same results.",
    ),
)  # fmt: skip
schedule_options = with_options(
    click.option(
        "--train-every", type=click.IntRange(0), default=5, show_default=True, metavar="N",
        help="Run a training round after every N ticks; 0: never.",
    ),
    click.option(
        "--train-beside", is_flag=True,
        help="Keep ticking while a round runs, up to the next one; its weights act from then on.",
    ),
)  # fmt: skip


def choice_of(system: str, choices: Mapping[str, Any]) -> Choice:
    """Return the system that the options name, checked.

    Raises:
        click.UsageError: An option is wrong; names it, what was expected and found.
    """
    check_system(system)
    check_config(choices["system_config"] or "")
    check_installed("ros", "torch", "world" if choices.get("world") else "bags")
    try:
        check_overrides(choices["overrides"])
        names = dict(parse_remaps(choices["remaps"]))
    except ValueError as error:
        raise error_of(error) from error
    from pamiq_ros.offline.session import Choice  # torch takes seconds to import

    return Choice(
        system,
        choices["system_config"] or "",
        choices["overrides"],
        choices["seed"],
        choices.get("torch_threads", 1),
        Path(choices["states_dir"]) if choices["states_dir"] else None,
        choices["namespace"],
        names,
        choices.get("states_keep", 3),
    )


@contextmanager
def failures() -> Iterator[None]:
    """Turn errors into one line and an exit status: 1 for a failure, 2 for bad input."""
    from pamiq_ros.offline.drive import OfflineError

    try:
        yield
    except (OfflineError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except ValueError as error:  # the system, a bag or a state can't be used
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


@contextmanager
def output() -> Iterator[Output]:
    """Show progress and metrics while the block runs, and handle its errors as `failures` does."""
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from pamiq_ros.offline.session import Metrics, Output

    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[metrics]}"),
    )
    metrics = Metrics()
    with failures(), Progress(*columns, disable=not sys.stdout.isatty()) as bar:
        display = _ProgressDisplay(bar, metrics.values)
        yield Output(metrics, display.say, display.progress)


class _ProgressDisplay:
    """A progress bar on a terminal, a line every five seconds elsewhere."""

    def __init__(self, bar: Any, metrics: Mapping[str, float]) -> None:
        self._bar = bar
        self._metrics = metrics
        self._began = self._line = self._shown = time.monotonic()
        self._task = bar.add_task("", total=1.0, metrics="")

    def say(self, text: str) -> None:
        """Print a line."""
        if self._bar.disable:
            click.echo(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)

    def progress(self, share: float) -> None:
        """Show how much is done, from 0 to 1; cheap if called often."""
        now = time.monotonic()
        if share < 1.0 and now - self._shown < _SHOW_PERIOD_S:
            return
        self._shown = now
        metrics = "  ".join(f"{name} {value:.4g}" for name, value in self._metrics.items())
        self._bar.update(self._task, completed=share, metrics=metrics)
        if self._bar.disable and now - self._line >= _LINE_PERIOD_S and share > 0.0:
            self._line = now
            left = (now - self._began) * (1.0 / share - 1.0)
            click.echo(f"{share:.0%} | {left:.0f} s left | {metrics}")
