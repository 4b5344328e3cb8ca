"""A bag through the real nodes in lockstep: how much faster than real time, twice, the same or not.

The reference is the bag's own time. What can't be undercut is the time to read and decode its
pictures in a plain loop without nodes, which is measured too.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

RATE = 10.0
TOPIC = "/camera/image_raw"
HEIGHT, WIDTH = 240, 320
TRAIN_EVERY = 10
_TOOK = re.compile(r"replayed \d+ messages in ([\d.]+) s")


def main() -> None:
    """Make a bag, replay it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the bag")
    parser.add_argument(
        "--training-runs", type=int, default=2, help="replays with training, 1 or more"
    )
    options = parser.parse_args()
    from machine import report

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = make_bag(folder / "bag", round(options.seconds * RATE))
        plain_s = read_plainly(folder / "bag")
        acting_s = replay(folder, "acting", 0)
        runs = [f"training_{number}" for number in range(options.training_runs)]
        training_s = [replay(folder, run, TRAIN_EVERY) for run in runs]
        same = same_weights([folder / run for run in runs])
    report(
        "replay_lockstep",
        bag_s=round(seconds, 1),
        acting_s=acting_s,
        times_real_time=round(seconds / acting_s, 1),
        training_s=training_s,
        training_times_real_time=round(seconds / max(training_s), 1),
        same_weights=same,
        plain_loop_s=round(plain_s, 2),
        ratio_to_plain_loop=round(acting_s / plain_s, 1),
    )


def make_bag(path: Path, count: int) -> float:
    """A camera of 320x240 that looks along a moving pattern; gives its length in s."""
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
    """Seconds to read the bag and decode each picture, without nodes."""
    from pamiq_ros.core.devices import ImageTopic
    from pamiq_ros.offline.bag_robot import BagRobot
    from pamiq_ros.offline.bags import Bag

    robot = BagRobot()
    camera = robot.open_sensor(ImageTopic(TOPIC))
    began = time.perf_counter()
    with Bag(path) as bag:
        for message in bag.messages(robot.topics(bag)):
            robot.take(message)
            camera.read()
    return time.perf_counter() - began


def replay(folder: Path, name: str, train_every: int) -> float:
    """Seconds from the first step to the last one, starting the nodes not counted."""
    from processes import pamiq

    command = ["replay", str(folder / "bag"), "vae", "--lockstep", "--seed", "0"]
    command += ["--train-every", str(train_every)]
    command += ["--states-dir", str(folder / name), "--log-dir", str(folder / f"{name}_log")]
    pamiq(folder, *command)
    logs = [log.read_text() for log in (folder / f"{name}_log").rglob("pamiq_replay.log")]
    took = _TOOK.search("\n".join(logs))
    if took is None:
        raise SystemExit(f"expected the time of a replay in {folder / name}_log, found none")
    return max(float(took[1]), 0.1)  # the log has one decimal: a short bag may take 0.0 s


def same_weights(states: Sequence[Path]) -> bool | None:
    """Whether every run saved the same weights, to the byte; None with less than two runs."""
    if len(states) < 2:
        return None
    first, *others = (weights(folder) for folder in states)
    return bool(first) and all(other == first for other in others)


def weights(states: Path) -> list[dict[str, bytes]]:
    """The bytes of all weights that the learner saved."""
    from safetensors.numpy import load_file

    return [
        {name: values.tobytes() for name, values in load_file(file).items()}
        for file in sorted(states.glob("pamiq_training/*/models/*.safetensors"))
    ]


if __name__ == "__main__":
    main()
