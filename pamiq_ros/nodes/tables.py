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

"""The parameters of every node: name, default, description, range. Needs no ROS.

The nodes declare their parameters from these tables. Options of `pamiq-ros` and arguments of the
launch files that set a parameter take their description, type and range from its row.
"""

from __future__ import annotations

import functools
import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass

Value = bool | int | float | str | list[str]
_TYPE_NAMES = {bool: "bool", int: "integer", float: "double", str: "string", list: "string array"}
BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_READERS: dict[type, Callable[[str], Value]] = {
    bool: BOOLEANS.__getitem__, int: int, float: float, str: str, list: shlex.split,
}  # fmt: skip


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
        """Return what a value must be, for an error message."""
        text = _TYPE_NAMES[type(self.default)]
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.minimum is not None and self.maximum is not None:
            return f"{text} from {self.minimum:g} to {self.maximum:g}"
        return text

    def accepts(self, value: object) -> bool:
        """Return whether a value of the right type is a choice, or finite and in the range."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low = -math.inf if self.minimum is None else self.minimum
            high = math.inf if self.maximum is None else self.maximum
            return math.isfinite(value) and low <= value <= high
        return not self.choices or value in self.choices

    def parse(self, text: str) -> Value:
        """Return the value of an option or a launch argument.

        Args:
            text: The value; a string array as words of a shell.

        Raises:
            ValueError: The parameter does not accept it; says what was expected and found.
        """
        value: Value = text
        try:
            value = _READERS[type(self.default)](text)
        except (KeyError, ValueError):
            pass
        else:
            if self.accepts(value):
                return value
        raise ValueError(f"expected {self.expected()}, found {value!r}")


# What names code to run, files to read or write, or which states are removed is read-only: only
# whoever starts the process may choose it, not everybody who can reach its parameter services.
_read_only = functools.partial(Parameter, read_only=True)

SYSTEM_PARAMETERS = (
    _read_only("system", "vae", "The system to run: a name, module:callable or file.py:callable"),
    _read_only("system_config", "", "YAML file with the system's configuration; empty: none"),
    _read_only("overrides", [""], "key=value overrides of the system's configuration"),
)

SEED_PARAMETERS = (
    Parameter("seed", -1, "Seed of all random generators; -1: random", -1, 2**31 - 1),
)

STATE_PARAMETERS = (
    _read_only(
        "states_dir",
        "",
        "Folder for saved states: one is loaded at configure, one saved at shutdown; empty: none",
    ),
    _read_only(
        "resume",
        "latest",
        "State to resume from: latest, none, or a state's id (the newest before it if there is "
        "none of that id)",
    ),
    Parameter(
        "resume_what_fits",
        False,
        "Load the fitting parts of a state of another configuration instead of refusing it",
    ),
    Parameter("save_period", 0.0, "Time between two states in s; 0: off", 0.0, 1e7),
    Parameter("save_on_pause", True, "Save a state at each pause"),
    _read_only("states_keep", 3, "How many of the newest states are kept", 1, 100_000),
    _read_only("states_keep_hourly", 0, "Number of hours whose last state is kept", 0, 100_000),
    _read_only("states_keep_daily", 0, "Number of days (UTC) whose last state is kept", 0, 100_000),
)

ROBOT_PARAMETERS = (
    Parameter(
        "observation_clock",
        "stamp",
        "How an observation's age is measured: 'stamp', the larger of the ages by header stamp and "
        "by reception; 'reception', for sensors whose clock is not this machine's",
        choices=("stamp", "reception"),
    ),
    Parameter("max_linear_velocity", 1.0, "Largest velocity on an axis in m/s", 0.0, 1000.0),
    Parameter("max_angular_velocity", 1.0, "Largest turn on an axis in rad/s", 0.0, 1000.0),
    Parameter(
        "max_linear_acceleration",
        10.0,
        "Largest change of a linear velocity in m/s²; a stop for safety is not limited",
        0.0,
        1000.0,
    ),
    Parameter(
        "max_angular_acceleration",
        10.0,
        "Largest change of an angular velocity in rad/s²; a stop for safety is not limited",
        0.0,
        1000.0,
    ),
    _read_only("twist_stamped", False, "Publish velocities as TwistStamped instead of Twist"),
    Parameter("frame_id", "base_link", "Frame of TwistStamped commands"),
)

INFERENCE_PARAMETERS = (
    *SYSTEM_PARAMETERS,
    Parameter("rate", 0.0, "Ticks per second in Hz; 0: the system's own", 0.0, 1000.0),
    Parameter(
        "trigger",
        "rate",
        "What starts a tick: 'rate', deadlines at that rate; 'observation', each new message of "
        "trigger_topic, at the rate at most, so choose one somewhat above the sensor's",
        choices=("rate", "observation"),
    ),
    Parameter(
        "trigger_topic",
        "",
        "Topic of the sensor that triggers; empty: the system's only image topic, or its only one",
    ),
    Parameter(
        "observation_timeout",
        0.5,
        "Oldest observation to act on in s; an older one stops the robot",
        0.01,
        3600.0,
    ),
    Parameter("torch_threads", 1, "Threads of torch for inference", 1, 256),
    Parameter("cpu_affinity", "", "CPUs of the tick's thread, such as '0,2-3'; empty: any"),
    Parameter(
        "realtime_priority",
        20,
        "Real-time priority (SCHED_FIFO) of the tick's thread, if the user has the right; the "
        "node's other Python threads get one less; 0: none",
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
        "What follows when the agent raises, hangs, or returns an invalid action and the robot "
        "stops: 'hold', drive on at the next good step; 'pause', until resumed; 'exit', end the "
        "system",
        choices=("hold", "pause", "exit"),
    ),
    Parameter("experience_max_delay", 0.5, "Longest a step waits to be sent in s", 0.001, 60.0),
    Parameter("experience_max_bytes", 262144, "Bytes of steps in one batch", 1, 1 << 26),
    Parameter("experience_max_steps", 64, "Steps in one batch", 1, 65536),
    *SEED_PARAMETERS,
    *STATE_PARAMETERS,
    *ROBOT_PARAMETERS,
)

TRAINING_POLICIES = ("retry", "reload", "stop", "exit")
TRAINING_PARAMETERS = (
    *SYSTEM_PARAMETERS,
    Parameter("torch_threads", 1, "Threads of torch for training", 1, 256),
    Parameter(
        "niceness",
        10,
        "Niceness of the training thread; half of it for the rest of the process",
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
    Parameter("cpu_affinity", "", "CPUs of the training thread, such as '1,2-3'; empty: any"),
    Parameter("experience_depth", 64, "Batches that may wait to be received", 1, 10000),
    Parameter(
        "weights_carrier",
        "auto",
        "How weights travel: 'auto', in shared memory to receivers on this host and in chunks on "
        "the topic to others; 'topic', in chunks only",
        choices=("auto", "topic"),
    ),
    Parameter("weights_slots", 2, "Versions in the shared memory of a model", 2, 16),
    Parameter("weights_chunk_bytes", 1 << 20, "Bytes in one message of weights", 4096, 1 << 26),
    Parameter("weights_pace", 0.002, "Least time between two messages of weights in s", 0.0, 1.0),
    Parameter("picture_rate", 2.0, "Most debug images of one name per second in Hz", 0.0, 100.0),
    _read_only("tensorboard_dir", "", "Folder for TensorBoard event files; empty: none"),
    Parameter(
        "on_trainer_error",
        "retry",
        "What follows when a trainer raises: 'retry' after a second; 'reload' models and trainers "
        "from the newest state, at most three times from one state; 'stop' training until paused "
        "and resumed; 'exit', end the system",
        choices=TRAINING_POLICIES,
    ),
    Parameter(
        "on_not_finite",
        "reload",
        "The same for a trainer that leaves NaN or infinity in its models; such weights are "
        "neither sent nor saved. Without a state to reload, training stops",
        choices=TRAINING_POLICIES,
    ),
    *SEED_PARAMETERS,
    *STATE_PARAMETERS,
    Parameter("save_updates", 0, "Training rounds between two states; 0: off", 0, 10**9),
    _read_only("inference_node", "pamiq_inference", "Name of the inference node"),
)

CONTROL_PARAMETERS = (
    Parameter("autostart", True, "Configure and activate the nodes as soon as they appear"),
    Parameter("transition_timeout", 20.0, "Longest transition of a node in s", 0.1, 3600.0),
    Parameter("max_uptime", 0.0, "Time after which all nodes end in s; 0: no limit", 0.0, 1e8),
    Parameter("save_timeout", 120.0, "Longest a node may take to save in s", 0.1, 36000.0),
)

WORLD_PARAMETERS = (
    _read_only("env_id", "CarRacing-v3", "The Gymnasium environment, such as CarRacing-v3"),
    _read_only("env_kwargs", "{}", "Keyword arguments of the environment, a YAML mapping"),
    _read_only(
        "rate", 0.0, "Steps per second in Hz; 0: the environment's own (render_fps)", 0.0, 1000.0
    ),
    _read_only("seed", 0, "Seed of the first episode; -1: random", -1, 2**31 - 1),
    _read_only(
        "action_map",
        [""],
        "A term of the twist for each number of an action, such as 'angular.z * -1', "
        "'positive(linear.x) * 0.5 + 0.1' or '0.2'; empty: the environment's preset",
    ),
    _read_only(
        "command",
        "twist",
        "What drives the environment: 'twist' or 'twist_stamped', velocities on cmd_vel; 'array', "
        "the action's numbers on action",
        choices=("twist", "twist_stamped", "array"),
    ),
    _read_only(
        "observe",
        "observation",
        "What is published: the environment's observation, or the image that it renders",
        choices=("observation", "render"),
    ),
    _read_only("frame_id", "camera", "Frame of the images"),
)

REPLAY_PARAMETERS = (
    _read_only("bag", "", "The bag: a folder, or a file (.mcap, .db3, .bag)"),
    _read_only("rate", 1.0, "Speed: seconds of the bag per second", 0.001, 1e6),
    _read_only("loop", False, "Start again at the end"),
    _read_only("start", 0.0, "Start in s from the bag's first message", 0.0, 1e9),
    _read_only("end", 0.0, "End in s from the bag's first message; 0: the bag's end", 0.0, 1e9),
    _read_only(
        "topics",
        [""],
        "Topics to replay; empty: all but velocity commands, those of pamiq_ros, and those that "
        "another node publishes",
    ),
    _read_only("compare", False, "Compare the commands with those in the bag, on pamiq/comparison"),
    _read_only("clock_rate", 200.0, "Messages on /clock per second in Hz", 1.0, 10_000.0),
    _read_only(
        "wait_for_system",
        True,
        "Start once pamiq/status is active and the inference node has weights",
    ),
    _read_only("inference_node", "pamiq_inference", "Name of the inference node"),
)

VRCHAT_PARAMETERS = (
    _read_only("capture", "0", "Video source: a device's number, a file or an address"),
    _read_only("loop", False, "Start a file again at its end"),
    _read_only("rate", 0.0, "Images per second in Hz; 0: the source's own, or 30", 0.0, 240.0),
    _read_only("frame_id", "camera", "Frame of the images"),
    _read_only("osc_host", "127.0.0.1", "Host that runs VRChat"),
    _read_only("osc_port", 9000, "Port on which VRChat listens for OSC", 1, 65535),
    _read_only("osc_rate", 30.0, "Inputs sent per second in Hz", 1.0, 240.0),
    _read_only("twist_stamped", False, "Subscribe to cmd_vel as TwistStamped instead of Twist"),
    _read_only(
        "command_timeout", 0.5, "Time without commands after which it stops in s", 0.05, 60.0
    ),
    _read_only("walk_speed", 2.0, "The avatar's speed in m/s", 0.01, 100.0),
    _read_only("run_speed", 4.0, "The avatar's speed in m/s when it runs", 0.01, 100.0),
    _read_only("turn_speed", 1.5, "The avatar's turn in rad/s", 0.01, 100.0),
    _read_only("jump_speed", 0.5, "Upward velocity in m/s from which on it jumps", 0.01, 100.0),
    _read_only("smoothing", 0.1, "Time constant in s of the low-pass filter", 0.0, 10.0),
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
