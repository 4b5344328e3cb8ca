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

"""`pamiq-ros replay --lockstep`: its speed, and whether two runs give the same weights.

It replays a bag of pictures with the system `vae`, each time in a fresh process: once acting
without training, then with training. The references are the length of the bag and a plain loop that
reads and decodes the same pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

RATE = 10.0
TOPIC = "/camera/image_raw"
HEIGHT, WIDTH = 240, 320
TRAIN_EVERY = 10


def main() -> None:
    """Make a bag, replay it and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the bag")
    parser.add_argument(
        "--training-runs", type=int, default=2, help="replays with training, 1 or more"
    )
    options = parser.parse_args()
    from machine import report
    from runner_process import in_fresh_process

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = make_bag(folder / "bag", round(options.seconds * RATE))
        plain_s = read_plainly(folder / "bag")
        acting_s = in_fresh_process(replay, folder / "bag", None, 0)
        runs = [folder / f"training_{number}" for number in range(options.training_runs)]
        training_s = [in_fresh_process(replay, folder / "bag", run, TRAIN_EVERY) for run in runs]
        same = same_weights(runs)
    report(
        "replay_lockstep",
        bag_s=round(seconds, 1),
        acting_s=round(acting_s, 3),
        times_real_time=round(seconds / acting_s, 1),
        training_s=[round(value, 3) for value in training_s],
        training_times_real_time=round(seconds / max(training_s), 1),
        same_weights=same,
        plain_loop_s=round(plain_s, 3),
        ratio_to_plain_loop=round(acting_s / plain_s, 1),
    )


def make_bag(path: Path, count: int) -> float:
    """Write a bag with pictures of a moving pattern, 320x240; return its length in s."""
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.LATEST)
    types: Any = store.types
    kind = "sensor_msgs/msg/Image"
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection(TOPIC, kind, typestore=store)
        for number in range(count):
            waves = [np.sin((x + 5 * number) / (9 + 7 * c)) + np.cos(y / 17) for c in range(3)]
            picture = (np.stack(waves, -1) * 60 + 125).astype(np.uint8)
            time_ns = 10**18 + round(number / RATE * 1e9)
            stamp = types["builtin_interfaces/msg/Time"](*divmod(time_ns, 10**9))
            header = types["std_msgs/msg/Header"](stamp, "camera")
            message = types[kind](header, HEIGHT, WIDTH, "rgb8", 0, WIDTH * 3, picture.reshape(-1))
            writer.write(camera, time_ns, store.serialize_cdr(message, kind))
    return (count - 1) / RATE


def read_plainly(path: Path) -> float:
    """Return the seconds from the first picture to the last in a plain loop with one thread."""
    from rclpy.serialization import deserialize_message
    from sensor_msgs.msg import Image

    from pamiq_ros.core.devices import ImageTopic
    from pamiq_ros.offline.bags import Bag

    torch.set_num_threads(1)
    camera = ImageTopic(TOPIC)
    decoded_at = []
    with Bag(path) as bag:
        for message in bag.messages([TOPIC]):
            camera.decode(deserialize_message(message.data, Image), lambda _: None)
            decoded_at.append(time.perf_counter())
    return decoded_at[-1] - decoded_at[0]


def replay(bag: Path, states: Path | None, train_every: int) -> float:
    """Replay the bag in this process.

    Args:
        bag: The bag.
        states: Folder to save a state in; None for none.
        train_every: Ticks from training round to training round; 0 for none.

    Returns:
        The seconds from the first tick to the end, saving included.
    """
    from runner_process import time_from_first_tick

    from pamiq_ros.offline.runner import Schedule
    from pamiq_ros.offline.session import Choice
    from pamiq_ros.offline.session import replay as run

    choice = Choice("vae", "", [], 0, 1, states, "", {})
    whole = (0.0, 0.0)
    seconds, _ = time_from_first_tick(
        partial(run, choice, bag, whole, Schedule(train_every), "none")
    )
    return seconds


def same_weights(states: Sequence[Path]) -> bool | None:
    """Return whether all runs saved the same weights, to the byte; None for fewer than two runs."""
    if len(states) < 2:
        return None
    first, *others = (weights(folder) for folder in states)
    return bool(first) and all(other == first for other in others)


def weights(states: Path) -> list[dict[str, bytes]]:
    """Return the bytes of all saved weights."""
    from safetensors.numpy import load_file

    return [
        {name: values.tobytes() for name, values in load_file(file).items()}
        for file in sorted(states.glob("pamiq_training/*/models/*.safetensors"))
    ]


if __name__ == "__main__":
    main()
