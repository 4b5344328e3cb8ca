"""`pamiq-ros train`, `evaluate` and `export`: bags and worlds without nodes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
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
    world_kwargs_json,
)
from .options import absolute_namespace, config_option, positive, set_option, with_options

EPOCHS = 10
_ONLY_WORLD = ("steps", "save_every", "world_kwargs", "world_rate")
_WORLD_RATES_HZ = (0.001, 1000.0)
_ONLY_BAGS = ("held_out", "epochs", "patience", "remaps")
_SEED = click.IntRange(0, 2**31 - 1)
_TRAIN_EXAMPLES = """\b
Examples:
  pamiq-ros train vae drive
  pamiq-ros train vae monday tuesday --held-out friday --epochs 20 --patience 3
  pamiq-ros train vae drive --updates 2000 --states-dir states --set learning_rate=3e-4
  pamiq-ros train ppo --world CartPole-v1 --steps 50000 --train-every 32
  pamiq-ros train curiosity --world CarRacing-v3 --steps 10000 --train-every 8 --train-beside
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


schedule_options = with_options(
    click.option(
        "--train-every", type=click.IntRange(0), default=1, show_default=True, metavar="N",
        help="Run a training round after every N ticks; 0: never.",
    ),
    click.option(
        "--train-beside", is_flag=True,
        help="Keep ticking while a round runs, up to the next one; its weights act from then on.",
    ),
)  # fmt: skip


@click.command(epilog=_TRAIN_EXAMPLES)
@click.argument("system")
@click.argument("bags", nargs=-1)
@click.option(
    "--world", metavar="ENV_ID", help="Train in a Gymnasium environment, such as CarRacing-v3."
)
@click.option("--world-kwargs", metavar="YAML", help="The environment's keyword arguments.")
@click.option(
    "--world-rate", callback=positive("Hz"), metavar="HZ",
    help="Steps of the environment per second; without it the environment's own.",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(1), metavar="N", help="End after N ticks in the world."
)
@click.option(
    "--save-every", type=click.IntRange(1), metavar="N",
    help="Save a state after every N ticks in the world, too; without it one at the end.",
)  # fmt: skip
@click.option(
    "--states-keep", type=click.IntRange(1), default=3, show_default=True, metavar="N",
    help="How many of the newest states are kept.",
)  # fmt: skip
@click.option(
    "--held-out", multiple=True, metavar="BAG",
    help="Evaluate each epoch on this bag, and keep the best state; repeatable.",
)  # fmt: skip
@click.option(
    "--epochs", type=click.IntRange(1), metavar="N",
    help=f"Passes through the bags; {EPOCHS} without it.",
)  # fmt: skip
@click.option(
    "--updates", type=click.IntRange(1), metavar="N",
    help="On bags instead of epochs: fill the buffers once, then run trainers N times. In a world: "
    "end after trainers ran N times.",
)  # fmt: skip
@schedule_options
@click.option(
    "--patience", type=click.IntRange(1), metavar="N",
    help="End after N epochs without a better score on the held-out bags.",
)  # fmt: skip
@click.option(
    "--resume", default="latest", show_default=True, metavar="STATE",
    help="State to resume from: latest, none, or the id of one.",
)  # fmt: skip
@_shared_options
def train(system: str, **choices: Any) -> None:
    """Train SYSTEM on BAGS or in a simulated world, without nodes.

    The agent acts and collects, the trainers train, step by step in this process: as fast as that
    goes, and the same every time. The states can be resumed by `up` and the launch files with the
    same --states-dir. With held-out bags the best state is kept, else the last one. In a world,
    Ctrl-C ends training after a last state was saved.
    """
    _check_train(choices)
    choice = choice_of(system, choices)
    from pamiq_ros.offline import training  # torch takes seconds to import
    from pamiq_ros.offline.runner import Schedule
    from pamiq_ros.offline.training import Epoch, Plan

    plan = Plan(
        choices["epochs"] or EPOCHS,
        choices["updates"] or 0,
        choices["steps"] or 0,
        choices["patience"] or 0,
        choices["save_every"] or 0,
    )
    schedule = Schedule(choices["train_every"], choices["train_beside"])
    with output() as shown:

        def on_epoch(epoch: Epoch) -> None:
            scores = "".join(f" | {name} {value:.5g}" for name, value in epoch.scores.items())
            saved = f" | saved {epoch.saved.name}" if epoch.saved else ""
            shown.say(f"epoch {epoch.number} | {epoch.updates} updates{scores}{saved}")

        if choices["world"]:
            world = training.WorldChoice(
                choices["world"], choices["world_kwargs"] or "", choices["world_rate"]
            )
            training.train_in(choice, world, plan, schedule, choices["resume"], shown)
            return
        bags, held_out = ([Path(bag) for bag in choices[name]] for name in ("bags", "held_out"))
        training.train(choice, bags, held_out, plan, schedule, choices["resume"], shown, on_epoch)


def _check_train(choices: dict[str, Any]) -> None:
    if not (choices["world"] or choices["bags"]):
        raise click.UsageError("expected BAGS or --world, found neither")
    if choices["world"] and choices["bags"]:
        raise option_error("--world", "expected BAGS or a world, found both")
    only = _ONLY_WORLD if choices["bags"] else _ONLY_BAGS
    for name in only:
        if choices[name]:
            where = "with --world" if choices["bags"] else "with BAGS"
            raise option_error(name, f"expected only {where}, found it without")
    if choices["world"]:
        if not (choices["steps"] or choices["updates"]):
            raise option_error("--world", "expected --steps or --updates beside it, found neither")
        if choices["world_kwargs"] is not None:
            choices["world_kwargs"] = world_kwargs_json(choices["world_kwargs"])
        rate, (lowest, highest) = choices["world_rate"], _WORLD_RATES_HZ
        if rate is not None and not lowest <= rate <= highest:
            text = f"expected {lowest:g} to {highest:g} Hz, found {rate:g}"
            raise option_error("--world-rate", text)
    if choices["patience"] is not None and not choices["held_out"]:
        raise option_error("--patience", "expected --held-out beside it, found none")


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
    choice = choice_of(system, choices)
    from pamiq_ros.offline.evaluation import evaluate as run
    from pamiq_ros.offline.report import as_html, as_json, table

    from .training_display import print_table

    with failures():
        with output() as shown:
            paths = [Path(bag) for bag in bags]
            judged = run(choice, states, paths, shown.say, shown.on_progress)
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
    from pamiq_ros.offline.export import export as run  # torch takes seconds to import

    with failures():
        with Bag(Path(bag)) as opened:
            for warning in opened.warnings:
                click.echo(warning)
            written = run(opened, target, click.echo, lerobot)
        if not written:
            text = f"{bag}: expected weights or experience of pamiq_ros, found none"
            raise ValueError(text)


def choice_of(system: str, choices: Mapping[str, Any]) -> Any:
    """Which system the options name, checked; a `Choice`.

    Raises:
        click.UsageError: Something is wrong; names it, what was found and what was expected.
    """
    check_system(system)
    check_config(choices["config"])
    is_world = bool(choices.get("world"))
    check_installed(with_world=is_world)
    if not is_world:
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
        choices.get("torch_threads", 1),
        Path(choices["states_dir"]) if choices["states_dir"] else None,
        choices["namespace"],
        names,
        choices.get("states_keep", 3),
    )


@contextmanager
def output() -> Iterator[Any]:
    """A display of progress and metrics, as an `Output`; failures become lines and statuses."""
    from pamiq_ros.offline.session import Metrics, Output

    from .training_display import TrainingDisplay

    metrics = Metrics()
    with failures(), TrainingDisplay(metrics.values) as display:
        yield Output(metrics, display.say, display.progress)


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
