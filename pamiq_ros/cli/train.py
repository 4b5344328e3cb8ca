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

"""`pamiq-ros train`: train a system on bags or in a simulated world, without nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .checks import option_error, world_kwargs_json
from .offline import choice_of, offline_options, output, schedule_options
from .options import positive, with_options

_EPOCHS = 10
_ONLY_WORLD = ("steps", "save_every", "world_kwargs", "world_rate")
_ONLY_BAGS = ("held_out", "epochs", "patience", "remaps")
_WORLD_RATES_HZ = (0.001, 1000.0)
_EXAMPLES = """\b
Examples:
  pamiq-ros train vae drive
  pamiq-ros train vae monday tuesday --held-out friday --epochs 20 --patience 3
  pamiq-ros train vae drive --updates 2000 --states-dir states --set learning_rate=3e-4
  pamiq-ros train ppo --world CartPole-v1 --steps 50000 --train-every 32
  pamiq-ros train curiosity --world CarRacing-v3 --steps 10000 --train-every 8 --train-beside
"""
_options = with_options(
    click.option(
        "--world", metavar="ENV_ID",
        help="Train in a Gymnasium environment, such as CarRacing-v3.",
    ),
    click.option("--world-kwargs", metavar="YAML", help="The environment's keyword arguments."),
    click.option(
        "--world-rate", callback=positive("Hz"), metavar="HZ",
        help="Steps of the environment per second; without it the environment's own.",
    ),
    click.option(
        "--steps", type=click.IntRange(1), metavar="N", help="End after N ticks in the world."
    ),
    click.option(
        "--save-every", type=click.IntRange(1), metavar="N",
        help="Also save a state after every N ticks in the world; without it one at the end.",
    ),
    click.option(
        "--states-keep", type=click.IntRange(1), default=3, show_default=True, metavar="N",
        help="How many of the newest states are kept.",
    ),
    click.option(
        "--held-out", multiple=True, metavar="BAG",
        help="Evaluate each epoch on this bag, and keep the best state; repeatable.",
    ),
    click.option(
        "--epochs", type=click.IntRange(1), metavar="N",
        help=f"Passes through the bags; {_EPOCHS} without it.",
    ),
    click.option(
        "--updates", type=click.IntRange(1), metavar="N",
        help="On bags instead of epochs: fill the buffers once, then run N training rounds. In a "
        "world: end after N training rounds.",
    ),
    schedule_options,
    click.option(
        "--patience", type=click.IntRange(1), metavar="N",
        help="End after N epochs without a better score on the held-out bags.",
    ),
    click.option(
        "--resume", default="latest", show_default=True, metavar="STATE",
        help="State to resume from: latest, none, or the id of one.",
    ),
    offline_options,
)  # fmt: skip


@click.command(epilog=_EXAMPLES)
@click.argument("system")
@click.argument("bags", nargs=-1)
@_options
def train(system: str, **choices: Any) -> None:
    """Train SYSTEM on BAGS or in a simulated world, without nodes.

    The agent acts and collects, the trainers train, step by step in this process: as fast as
    possible, and with the same result every time. `up` and the launch files resume the states with
    the same --states-dir. With held-out bags the best state is kept, else the last one. In a world,
    Ctrl-C ends training after a final state was saved.
    """
    _check(choices)
    choice = choice_of(system, choices)
    from pamiq_ros.offline import training  # torch takes seconds to import
    from pamiq_ros.offline.runner import Schedule
    from pamiq_ros.offline.training import Epoch, Plan

    plan = Plan(
        choices["epochs"] or _EPOCHS,
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


def _check(choices: dict[str, Any]) -> None:
    if not (choices["world"] or choices["bags"]):
        raise click.UsageError("expected BAGS or --world, found neither")
    if choices["world"] and choices["bags"]:
        raise option_error("--world", "expected BAGS or a world, found both")
    for name in _ONLY_WORLD if choices["bags"] else _ONLY_BAGS:
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
