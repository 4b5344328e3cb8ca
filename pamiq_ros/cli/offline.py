"""`pamiq-ros train`, `evaluate` and `export`: bags without a robot or a graph."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pamiq_ros.bringup import parse_remaps

from .checks import (
    check_bags,
    check_config,
    check_installed,
    check_lerobot,
    check_report_page,
    check_ros,
    check_system,
    option_error,
)
from .options import absolute_namespace, config_option, set_option, with_options

_SEED = click.IntRange(0, 2**31 - 1)
_TRAIN_EXAMPLES = """\b
Examples:
  pamiq-ros train vae drive
  pamiq-ros train vae monday tuesday --held-out friday --epochs 20 --patience 3
  pamiq-ros train vae drive --updates 2000 --states-dir states --set learning_rate=3e-4
"""
_EVALUATE_EXAMPLES = """\b
Examples:
  pamiq-ros evaluate vae --state none --state latest friday
  pamiq-ros evaluate vae --state latest friday --html report.html --json report.json
"""
_EXPORT_EXAMPLES = """\b
Examples:
  pamiq-ros record -o drive --weights 10
  pamiq-ros export drive exported
  pamiq-ros export drive exported --lerobot
"""
_shared_options = with_options(
    click.option(
        "--states-dir", metavar="DIR", default="states", show_default=True,
        help="Folder of states.",
    ),
    set_option,
    config_option,
    click.option(
        "--namespace", metavar="NAME", default="", callback=absolute_namespace,
        help="ROS namespace of the robot whose states these are, such as robot1.",
    ),
    click.option(
        "--remap", "remaps", multiple=True, metavar="BAG_TOPIC:=TOPIC",
        help="Take a topic of the bags under another name; repeatable.",
    ),
    click.option(
        "--seed", type=_SEED, default=0, show_default=True, metavar="N",
        help="Seed of all random generators.",
    ),
    click.option(
        "--torch-threads", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N",
        help="Threads of torch; results are those of another run with the same number.",
    ),
)  # fmt: skip


@click.command(epilog=_TRAIN_EXAMPLES)
@click.argument("system")
@click.argument("bags", nargs=-1, required=True)
@click.option(
    "--held-out", multiple=True, metavar="BAG",
    help="Judge each epoch by this bag, and keep the best state; repeatable.",
)  # fmt: skip
@click.option(
    "--epochs", type=click.IntRange(1), default=10, show_default=True, metavar="N",
    help="Passes through the bags.",
)  # fmt: skip
@click.option(
    "--updates", type=click.IntRange(1), metavar="N",
    help="Instead of epochs: fill the buffers once, then run trainers N times.",
)  # fmt: skip
@click.option(
    "--train-every", type=click.IntRange(1), default=1, show_default=True, metavar="N",
    help="In an epoch, give each trainer a turn after every N ticks.",
)  # fmt: skip
@click.option(
    "--patience", type=click.IntRange(1), metavar="N",
    help="End after N epochs without a better score on the held-out bags.",
)  # fmt: skip
@click.option(
    "--resume", default="latest", show_default=True, metavar="STATE",
    help="State to go on from: latest, none, or the id of one.",
)  # fmt: skip
@_shared_options
def train(
    system: str,
    bags: tuple[str, ...],
    held_out: tuple[str, ...],
    epochs: int,
    updates: int | None,
    train_every: int,
    patience: int | None,
    resume: str,
    **choices: Any,
) -> None:
    """Train SYSTEM on BAGS, without a robot.

    The system goes through the bags as in a replay in lockstep, in this process: its agent observes
    and collects, its trainers train. The state can be resumed by `up` and the launch files, with
    the same --states-dir. With bags held out the best state is kept, else the last one.
    """
    if patience is not None and not held_out:
        raise option_error("--patience", "expected --held-out beside it, found none")
    choice = _choice(system, choices)
    from pamiq_ros.offline.session import Metrics  # torch takes seconds to import
    from pamiq_ros.offline.session import train as run
    from pamiq_ros.offline.training import Epoch, Plan

    from .training_display import TrainingDisplay

    metrics = Metrics()
    plan = Plan(epochs, updates or 0, train_every, patience or 0)
    with failures(), TrainingDisplay(metrics.values) as display:

        def on_epoch(epoch: Epoch) -> None:
            scores = "".join(f" | {name} {value:.5g}" for name, value in epoch.scores.items())
            saved = f" | saved {epoch.saved.name}" if epoch.saved else ""
            display.say(f"epoch {epoch.number} | {epoch.updates} updates{scores}{saved}")

        run(
            choice,
            [Path(bag) for bag in bags],
            [Path(bag) for bag in held_out],
            plan,
            resume,
            metrics,
            display.say,
            display.progress,
            on_epoch,
        )


@click.command(epilog=_EVALUATE_EXAMPLES)
@click.argument("system")
@click.argument("bags", nargs=-1, required=True)
@click.option(
    "--state", "states", multiple=True, metavar="STATE", default=("latest",), show_default=True,
    help="Id of a state, latest, or none for weights as they are made; repeatable.",
)  # fmt: skip
@click.option("--html", metavar="FILE", help="Write a report with plots and pictures.")
@click.option("--json", "json_file", metavar="FILE", help="Write all values as JSON.")
@_shared_options
def evaluate(
    system: str,
    bags: tuple[str, ...],
    states: tuple[str, ...],
    html: str | None,
    json_file: str | None,
    **choices: Any,
) -> None:
    """Judge states of SYSTEM on BAGS, side by side.

    The metrics are those of the system's evaluators, and how far its commands are from the recorded
    ones. Less is better in each.
    """
    if html:
        check_report_page()
    choice = _choice(system, choices)
    from pamiq_ros.offline.report import as_html, as_json, table
    from pamiq_ros.offline.session import evaluate as run

    from .training_display import TrainingDisplay, print_table

    with failures():
        with TrainingDisplay({}) as display:
            paths = [Path(bag) for bag in bags]
            judged = run(choice, states, paths, display.say, display.progress)
        print_table(list(judged), table(judged))
        if json_file:
            _write(json_file, lambda: json.dumps(as_json(judged, bags), allow_nan=False))
        if html:
            _write(html, lambda: as_html(judged, f"{system}: {', '.join(judged)}", bags))


@click.command(epilog=_EXPORT_EXAMPLES)
@click.argument("bag")
@click.argument("folder")
@click.option(
    "--lerobot", is_flag=True,
    help="Also write each buffer's steps as a LeRobotDataset v3, in lerobot/<buffer>.",
)  # fmt: skip
def export(bag: str, folder: str, lerobot: bool) -> None:
    """Write the weights and the experience in BAG as files in FOLDER.

    weights/<model>.safetensors is the newest whole version of each model; experience/<buffer> has
    the steps in safetensors files, and dataset.json, which says what they hold.
    """
    check_ros()
    check_bags()
    if lerobot:
        check_lerobot()
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise click.BadParameter(
            f"expected a new or an empty folder, found {folder}", param_hint="'FOLDER'"
        )
    from pamiq_ros.offline.bags import Bag
    from pamiq_ros.offline.exporting import export as run  # torch takes seconds to import

    with failures():
        with Bag(Path(bag)) as opened:
            for warning in opened.warnings:
                click.echo(warning)
            written = run(opened, target, click.echo, lerobot)
        if not written:
            text = f"{bag}: expected weights or experience of pamiq_ros, found none"
            raise ValueError(text)


def _choice(system: str, choices: dict[str, Any]) -> Any:
    check_system(system)
    check_config(choices["config"])
    check_installed(with_world=False)
    check_bags()
    for override in choices["overrides"]:
        if "=" not in override.lstrip("="):
            raise option_error("--set", f"expected key=value, found {override!r}")
    try:
        names = dict(parse_remaps(choices["remaps"]))
    except ValueError as error:
        raise option_error("--remap", str(error).partition(": ")[2]) from error
    from pamiq_ros.offline.session import Choice

    return Choice(
        system,
        choices["config"] or "",
        choices["overrides"],
        choices["seed"],
        choices["torch_threads"],
        Path(choices["states_dir"]),
        choices["namespace"],
        names,
    )


def _write(path: str, make: Callable[[], str]) -> None:
    Path(path).write_text(make(), encoding="utf-8")
    click.echo(f"Written: {path}")


@contextmanager
def failures() -> Iterator[None]:
    """Turn what goes wrong into one line and an exit status: 1 for a failure, 2 for bad input."""
    from pamiq_ros.offline.drive import OfflineError

    try:
        yield
    except (OfflineError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except ValueError as error:  # the system, a bag or a state can't be used
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
