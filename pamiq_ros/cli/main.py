"""The commands of `pamiq-ros`."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Any

import click

from pamiq_ros.bringup import WorldOptions

from .analyze import analyze
from .checks import option_error, world_kwargs_json
from .offline import evaluate, export, train
from .one_shots import console, one_shots
from .options import Request, make_request, rate_option, shared_options
from .record import record
from .replay import replay_in_lockstep, replay_options, replay_request

DEMO_WORLD = "CarRacing-v3"
DEMO_SYSTEM = "curiosity"

# A backslash-b line keeps click from filling the paragraph after it.
_EXAMPLES = """\b
Examples:
  pamiq-ros demo
  pamiq-ros demo --duration 60 --report report.json
  pamiq-ros up vae --namespace robot1 --rate 20
  pamiq-ros up my_robot.py:system --set learning_rate=0.001 --params robot.yaml
  pamiq-ros console --namespace robot1
  pamiq-ros pause
  pamiq-ros record -o drive
"""
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
_REPLAY_EXAMPLES = """\b
Examples:
  pamiq-ros replay drive vae
  pamiq-ros replay drive vae --start 30 --end 90 --rate 2 --states-dir states
  pamiq-ros replay drive vae --lockstep --train-every 0 --compare
  pamiq-ros replay drive.bag vae --remap /usb_cam/image_raw:=/camera/image_raw
"""
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _version() -> str:
    try:
        return metadata.version("pamiq_ros")
    except metadata.PackageNotFoundError:
        return "unknown (the package is not installed)"


@click.group(context_settings=_SETTINGS, epilog=_EXAMPLES)
@click.version_option(_version(), "--version", prog_name="pamiq-ros")
def main() -> None:
    """A robot that keeps learning while it drives.

    `demo` and `up` start the nodes of pamiq_ros where there is no `ros2 launch`, show how they do,
    and stop the robot first when they end. Ctrl-C ends them. The other commands are for a system
    that runs, however it was started.

    The exit status is 0 when all went well, 1 when something failed, 2 when the configuration
    or the command line is wrong, and 3 when no system answers.
    """


@main.command(epilog=_DEMO_EXAMPLES)
@click.option(
    "--system", default=DEMO_SYSTEM, show_default=True, metavar="SYSTEM", help="The system to run."
)
@rate_option
@shared_options
def demo(system: str, **choices: Any) -> None:
    """A simulated car with a camera explores, and learns to see, to foresee and to move.

    Runs the world (CarRacing-v3) and the three nodes. `--system vae` drives at random and learns to
    see alone. They stay on this machine, whatever other robots there are in the network, unless
    ROS_AUTOMATIC_DISCOVERY_RANGE says otherwise.
    """
    world = WorldOptions(env_id=DEMO_WORLD)
    _run(make_request(f"demo · {system}", system, world, choices))


@main.command(epilog=_UP_EXAMPLES)
@click.argument("system")
@click.option(
    "--world", metavar="ENV_ID", help="Run a Gymnasium environment too, such as CarRacing-v3."
)
@click.option("--world-kwargs", metavar="YAML", help="The environment's keyword arguments.")
@click.option(
    "--world-command",
    type=click.Choice(("twist", "twist_stamped", "array")),
    help="What drives the environment: velocities on cmd_vel, or the action's numbers on action.",
)
@rate_option
@shared_options
def up(
    system: str,
    world: str | None,
    world_kwargs: str | None,
    world_command: str | None,
    **choices: Any,
) -> None:
    """Run SYSTEM on a robot, or on a simulated world.

    SYSTEM is the name of one that comes with the package, `module:callable` or `file.py:callable`.
    The nodes stay on this machine and drive a robot whose nodes run on it. For a robot on another
    machine, set ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET, on ROS 2 Humble ROS_LOCALHOST_ONLY=0.
    """
    if world is None and world_kwargs is not None:
        raise option_error("--world-kwargs", "expected --world beside it, found none")
    if world is None and world_command:
        raise option_error("--world-command", "expected --world beside it, found none")
    if world == "":
        raise option_error("--world", "expected the id of an environment, found an empty text")
    kwargs = "" if world_kwargs is None else world_kwargs_json(world_kwargs)
    options = None if world is None else WorldOptions(world, kwargs, world_command or "")
    _run(make_request(f"up · {system}", system, options, choices))


@main.command(epilog=_REPLAY_EXAMPLES)
@click.argument("bag")
@click.argument("system")
@replay_options
@shared_options
def replay(bag: str, system: str, **choices: Any) -> None:
    """Run SYSTEM on what is in BAG, as if that happened now.

    BAG is a recording by `pamiq-ros record` or `ros2 bag`, or one of ROS 1. The nodes take their
    time from it, and run as on a robot: commands go to cmd_vel. Velocity commands in the bag are
    not replayed unless they are named. The nodes stay on this machine, unless
    ROS_AUTOMATIC_DISCOVERY_RANGE says otherwise.
    """
    if choices["lockstep"]:
        replay_in_lockstep(bag, system, choices)
    else:
        _run(replay_request(bag, system, choices))


for _command in (record, train, evaluate, export, analyze, console, *one_shots()):
    main.add_command(_command)


def _run(request: Request) -> None:
    from .session import run  # what draws and what talks to ROS takes a while to import

    sys.exit(run(request))


if __name__ == "__main__":
    main()
