"""The nodes' parameters: one table each, without ROS, so that options are checked by them too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Value = bool | int | float | str | list[str]
_TYPE_NAMES = {bool: "bool", int: "integer", float: "double", str: "string", list: "string array"}


@dataclass(frozen=True)
class Parameter:
    """One row of a node's parameter table.

    Attributes:
        name: Parameter name.
        default: Value when the user gives none; its type is the parameter's type.
        description: What it does, with its unit.
        minimum: Smallest value allowed, for numbers.
        maximum: Largest value allowed, for numbers.
        choices: The values allowed, for strings; empty for any.
        read_only: Whether it can only be given at the start.
    """

    name: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False

    def expected(self) -> str:
        """What a value must be, for an error message."""
        text = _TYPE_NAMES[type(self.default)]
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.minimum is not None and self.maximum is not None:
            return f"{text} from {self.minimum:g} to {self.maximum:g}"
        return text

    def accepts(self, value: object) -> bool:
        """Whether a value of the right type is one of the choices, finite and in the range."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low = -math.inf if self.minimum is None else self.minimum
            high = math.inf if self.maximum is None else self.maximum
            return math.isfinite(value) and low <= value <= high
        return not self.choices or value in self.choices


def require_accepted(table: Sequence[Parameter], name: str, value: object) -> None:
    """Check an option by the parameter that it sets.

    Raises:
        ValueError: The parameter does not accept the value; names it, what was expected and found.
    """
    [row] = [row for row in table if row.name == name]
    if not row.accepts(value):
        raise ValueError(f"{name}: expected {row.expected()}, found {value}")


LARGEST = 1000.0
TRAINING_POLICIES = ("retry", "reload", "stop", "exit")

# What names code to run, files to read or write, or which states are removed is read-only: it is
# for who starts the process, not for everybody who can reach its parameter services.

SYSTEM_PARAMETERS = (
    Parameter(
        "system",
        "vae",
        "The system to run: a name, module:callable or file.py:callable",
        read_only=True,
    ),
    Parameter(
        "system_config",
        "",
        "YAML file with the system's configuration; empty for none",
        read_only=True,
    ),
    Parameter(
        "overrides", [""], "key=value overrides of the system's configuration", read_only=True
    ),
)

SEED_PARAMETERS = (
    Parameter(
        "seed", -1, "Seed of all random generators; -1 for another one each time", -1, 2**31 - 1
    ),
)

STATE_PARAMETERS = (
    Parameter(
        "states_dir",
        "",
        "Folder of states: one is loaded at configure, one is saved at the end; empty for none",
        read_only=True,
    ),
    Parameter(
        "resume",
        "latest",
        "What to go on from: 'latest', 'none', or a state's id (the newest before it if there is "
        "none of that id)",
        read_only=True,
    ),
    Parameter(
        "resume_what_fits",
        False,
        "Take what fits of a state of another configuration instead of refusing it",
    ),
    Parameter("save_period", 0.0, "Time from state to state in s; 0 for no limit", 0.0, 1e7),
    Parameter("save_on_pause", True, "Save a state at each pause"),
    Parameter(
        "states_keep",
        3,
        "How many of the newest states are kept",
        1,
        100_000,
        read_only=True,
    ),
    Parameter(
        "states_keep_hourly",
        0,
        "For how many hours the last state of the hour is kept",
        0,
        100_000,
        read_only=True,
    ),
    Parameter(
        "states_keep_daily",
        0,
        "For how many days (UTC) the last state is kept",
        0,
        100_000,
        read_only=True,
    ),
)

ROBOT_PARAMETERS = (
    Parameter(
        "observation_clock",
        "stamp",
        "What an observation's age is: 'stamp', the larger of the ages by header stamp and by "
        "reception; 'reception', the latter alone, for sensors with a clock of their own",
        choices=("stamp", "reception"),
    ),
    Parameter(
        "max_linear_velocity", 1.0, "Largest velocity commanded on an axis in m/s", 0.0, LARGEST
    ),
    Parameter(
        "max_angular_velocity", 1.0, "Largest turn commanded on an axis in rad/s", 0.0, LARGEST
    ),
    Parameter(
        "max_linear_acceleration",
        10.0,
        "Largest change of a linear velocity in m/s²; a stop for safety is not limited",
        0.0,
        LARGEST,
    ),
    Parameter(
        "max_angular_acceleration",
        10.0,
        "Largest change of an angular velocity in rad/s²; a stop for safety is not limited",
        0.0,
        LARGEST,
    ),
    Parameter(
        "twist_stamped",
        False,
        "Publish velocities as TwistStamped instead of Twist",
        read_only=True,
    ),
    Parameter("frame_id", "base_link", "Frame of TwistStamped commands"),
)

INFERENCE_PARAMETERS = (
    *SYSTEM_PARAMETERS,
    Parameter("rate", 0.0, "Ticks per second in Hz; 0: the system's own", 0.0, 1000.0),
    Parameter(
        "trigger",
        "rate",
        "What a tick begins at: 'rate', deadlines at that rate; 'observation', each new message of "
        "trigger_topic, at the rate at most, so choose one somewhat above the sensor's",
        choices=("rate", "observation"),
    ),
    Parameter(
        "trigger_topic",
        "",
        "Topic of the sensor that triggers; empty: the system's only one of pictures, or only one",
    ),
    Parameter(
        "observation_timeout",
        0.5,
        "Oldest observation to act on in s; beyond it the robot is stopped",
        0.01,
        3600.0,
    ),
    Parameter("torch_threads", 1, "Threads of torch for inference", 1, 256),
    Parameter(
        "cpu_affinity", "", "CPUs of the tick's thread, such as '0,2-3'; empty: whichever is free"
    ),
    Parameter(
        "realtime_priority",
        20,
        "Real-time priority (SCHED_FIFO) of the tick's thread, where the user may, and one less of "
        "the node's other Python threads; 0 for none",
        0,
        99,
    ),
    Parameter("experience_depth", 64, "Batches kept for a late training node", 1, 10000),
    Parameter(
        "step_timeout", 0.3, "Longest step of the agent in s; then the robot stops", 0.01, 3600.0
    ),
    Parameter(
        "on_agent_error",
        "hold",
        "What follows when the agent raises, hangs, or wants what is no command, besides that the "
        "robot stops: 'hold', and drive on at the next good step; 'pause' the system until it is "
        "resumed; 'exit', end the system",
        choices=("hold", "pause", "exit"),
    ),
    Parameter("experience_max_delay", 0.5, "Longest a step waits to be sent in s", 0.001, 60.0),
    Parameter("experience_max_bytes", 262144, "Bytes of steps in one batch", 1, 1 << 26),
    Parameter("experience_max_steps", 64, "Steps in one batch", 1, 65536),
    *SEED_PARAMETERS,
    *STATE_PARAMETERS,
    *ROBOT_PARAMETERS,
)

TRAINING_PARAMETERS = (
    *SYSTEM_PARAMETERS,
    Parameter("torch_threads", 1, "Threads of torch for training", 1, 256),
    Parameter(
        "niceness",
        10,
        "Niceness of the training thread, half as much of the rest; 0 yields to nobody",
        0,
        19,
    ),
    Parameter(
        "scheduling",
        "other",
        "Scheduling policy of the training thread: 'other'; 'batch', no preference when it wakes "
        "up; 'idle', runs only when nothing else wants to",
        choices=("other", "batch", "idle"),
    ),
    Parameter(
        "cpu_affinity", "", "CPUs of the training thread, such as '1,2-3'; empty: whichever is free"
    ),
    Parameter("experience_depth", 64, "Batches that may wait to be received", 1, 10000),
    Parameter(
        "weights_carrier",
        "auto",
        "How weights travel: 'auto', by shared memory to receivers on this host and in chunks over "
        "the topic to others; 'topic', in chunks alone",
        choices=("auto", "topic"),
    ),
    Parameter("weights_slots", 2, "Versions that the shared memory of a model holds", 2, 16),
    Parameter("weights_chunk_bytes", 1 << 20, "Bytes in one message of weights", 4096, 1 << 26),
    Parameter("weights_pace", 0.002, "Least time between two messages of weights in s", 0.0, 1.0),
    Parameter("picture_rate", 2.0, "Most debug pictures of one name per second in Hz", 0.0, 100.0),
    Parameter(
        "tensorboard_dir",
        "",
        "Directory for TensorBoard event files; empty for none",
        read_only=True,
    ),
    Parameter(
        "on_trainer_error",
        "retry",
        "What follows when a trainer raises: 'retry' after a second; 'reload' models and trainers "
        "from the newest state, three times from one at most; 'stop' training until it is paused "
        "and resumed; 'exit', end the system",
        choices=TRAINING_POLICIES,
    ),
    Parameter(
        "on_not_finite",
        "reload",
        "The same for a trainer that leaves a NaN or an infinity in its models; such weights never "
        "reach the robot nor a state. Where there is no state to reload, training stops",
        choices=TRAINING_POLICIES,
    ),
    *SEED_PARAMETERS,
    *STATE_PARAMETERS,
    Parameter("save_updates", 0, "Runs of trainers from state to state; 0 for no limit", 0, 10**9),
    Parameter("inference_node", "pamiq_inference", "Name of the node that acts", read_only=True),
)

CONTROL_PARAMETERS = (
    Parameter("autostart", True, "Configure and activate the nodes as soon as they appear"),
    Parameter(
        "transition_timeout", 20.0, "Longest a node may take for a transition in s", 0.1, 3600.0
    ),
    Parameter("max_uptime", 0.0, "Time after which all shuts down in s; 0 for no limit", 0.0, 1e8),
    Parameter("save_timeout", 120.0, "Longest a node may take to save in s", 0.1, 36000.0),
)

WORLD_PARAMETERS = (
    Parameter("env_id", "CarRacing-v3", "Gymnasium's name of the environment", read_only=True),
    Parameter("env_kwargs", "{}", "Its keyword arguments, as a YAML mapping", read_only=True),
    Parameter(
        "rate",
        0.0,
        "Steps per second in Hz; 0: the environment's own (render_fps)",
        0.0,
        1000.0,
        read_only=True,
    ),
    Parameter(
        "seed",
        0,
        "Seed of the first episode; -1 for a fresh one at every start",
        -1,
        2**31 - 1,
        read_only=True,
    ),
    Parameter(
        "action_map",
        [""],
        "A term of the twist for each number of an action, such as 'angular.z * -1', "
        "'positive(linear.x) * 0.5 + 0.1' or '0.2'; empty: the environment's preset",
        read_only=True,
    ),
    Parameter(
        "command",
        "twist",
        "What drives it: 'twist' and 'twist_stamped' on cmd_vel, 'array' on action",
        choices=("twist", "twist_stamped", "array"),
        read_only=True,
    ),
    Parameter(
        "observe",
        "observation",
        "What is published: what the environment gives, or the picture that it draws for people",
        choices=("observation", "render"),
        read_only=True,
    ),
    Parameter("frame_id", "camera", "Frame of the pictures", read_only=True),
)

REPLAY_PARAMETERS = (
    Parameter("bag", "", "The bag: a folder, or a file (.mcap, .db3, .bag)", read_only=True),
    Parameter("rate", 1.0, "Seconds of the bag in a second", 0.001, 1e6, read_only=True),
    Parameter("loop", False, "Whether to begin anew at the end", read_only=True),
    Parameter(
        "start", 0.0, "Where to begin, in s from the bag's first message", 0.0, 1e9, read_only=True
    ),
    Parameter("end", 0.0, "Where to end in s; 0 for the bag's end", 0.0, 1e9, read_only=True),
    Parameter(
        "topics",
        [""],
        "Topics to replay; empty for all but velocity commands, those of pamiq_ros, and what "
        "somebody else publishes",
        read_only=True,
    ),
    Parameter(
        "compare",
        False,
        "Whether to compare the commands of today with those in the bag, on pamiq/comparison",
        read_only=True,
    ),
    Parameter("clock_rate", 200.0, "Messages on /clock in Hz", 1.0, 10_000.0, read_only=True),
    Parameter(
        "wait_for_system",
        True,
        "Whether to begin once pamiq/status says active and the weights have come",
        read_only=True,
    ),
    Parameter("inference_node", "pamiq_inference", "Name of the node that acts", read_only=True),
)

VRCHAT_PARAMETERS = (
    Parameter(
        "capture",
        "0",
        "Where its view comes from: a device's number, a file or an address",
        read_only=True,
    ),
    Parameter("loop", False, "Whether a file begins anew at its end", read_only=True),
    Parameter(
        "rate",
        0.0,
        "Pictures per second in Hz; 0: the source's own, or 30",
        0.0,
        240.0,
        read_only=True,
    ),
    Parameter("frame_id", "camera", "Frame of the pictures", read_only=True),
    Parameter("osc_host", "127.0.0.1", "Where VRChat runs", read_only=True),
    Parameter("osc_port", 9000, "Where it listens for OSC", 1, 65535, read_only=True),
    Parameter("osc_rate", 30.0, "Inputs sent per second in Hz", 1.0, 240.0, read_only=True),
    Parameter("twist_stamped", False, "Whether cmd_vel is a TwistStamped", read_only=True),
    Parameter(
        "command_timeout",
        0.5,
        "Time in s after which the avatar stands still if no command comes",
        0.05,
        60.0,
        read_only=True,
    ),
    Parameter("walk_speed", 2.0, "Its speed in m/s", 0.01, 100.0, read_only=True),
    Parameter("run_speed", 4.0, "Its speed in m/s when it runs", 0.01, 100.0, read_only=True),
    Parameter("turn_speed", 1.5, "Its turn in rad/s", 0.01, 100.0, read_only=True),
    Parameter(
        "jump_speed",
        0.5,
        "Upward velocity in m/s from which on it jumps",
        0.01,
        100.0,
        read_only=True,
    ),
    Parameter(
        "smoothing",
        0.1,
        "Time in s after which 1/e of a change is to come",
        0.0,
        10.0,
        read_only=True,
    ),
)

TABLES = {
    "pamiq_inference": INFERENCE_PARAMETERS,
    "pamiq_training": TRAINING_PARAMETERS,
    "pamiq_control": CONTROL_PARAMETERS,
    "pamiq_world": WORLD_PARAMETERS,
    "pamiq_replay": REPLAY_PARAMETERS,
    "pamiq_vrchat": VRCHAT_PARAMETERS,
}
"""The parameters of each node, by its name."""
