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

"""From a camera's publish to the tensor an agent gets: `ImageTopic` against plain rclpy.

Each way is a pair of processes, one that publishes and one that reads: the package's with its Fast
DDS profile, the reference with Fast DDS as it comes and a callback as it is usually written. The
time of publishing travels in the picture itself, as blocks of one brightness that survive resizing.
"""

from __future__ import annotations

import argparse
import array
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

HEIGHT, WIDTH = 480, 640
BLOCK = 64  # pixels a side; ten of them in a row: eight bytes of time, two of number
TOPIC = "camera/image_raw"
START_S = 30.0
_END = 0xFFFF


def main() -> None:
    """Run every way once and print the figures, or be one process of a way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=250, help="pictures for each way")
    parser.add_argument("--rate", type=float, default=30.0, help="pictures per s")
    parser.add_argument("--resize", type=int, default=96, help="side of the resized observation")
    parser.add_argument("--role", choices=("all", "camera", "reference", "ours"), default="all")
    options = parser.parse_args()
    if options.role == "all":
        compare(options)
    elif options.role == "camera":
        publish(options.frames, options.rate)
    elif options.role == "reference":
        report_readings(read_reference())
    else:
        report_readings(read_ours(options.resize or HEIGHT, options.resize or WIDTH))


def compare(options: argparse.Namespace) -> None:
    """Run the three ways one after another and print the one line."""
    from machine import report
    from processes import own_environment, with_profile, without_profile

    plain = without_profile(own_environment())
    profiled = with_profile(plain)
    reference = run_way(options, plain, "reference", options.resize)
    ours = run_way(options, profiled, "ours", 0)
    resized = run_way(options, profiled, "ours", options.resize)
    report(
        "image_path",
        p50_ms=ours["p50_ms"],
        reference_p50_ms=reference["p50_ms"],
        speedup=round(reference["p50_ms"] / ours["p50_ms"], 2),
        p99_ms=ours["p99_ms"],
        reference_p99_ms=reference["p99_ms"],
        lost=options.frames - ours["frames"],
        reference_lost=options.frames - reference["frames"],
        decode_ms=ours["decode_ms"],
        received_ms=ours["received_ms"],
        resized_p50_ms=resized["p50_ms"],
        resized_p99_ms=resized["p99_ms"],
        resized_decode_ms=resized["decode_ms"],
        resized_lost=options.frames - resized["frames"],
        frames=options.frames,
        rate_hz=options.rate,
    )


def run_way(
    options: argparse.Namespace, environment: dict[str, str], role: str, side: int
) -> dict[str, Any]:
    """Start a camera and a reader, and give what the reader measured."""
    common = ["--frames", str(options.frames), "--rate", str(options.rate), "--resize", str(side)]
    command = [sys.executable, __file__, *common, "--role"]
    reader = subprocess.Popen([*command, role], env=environment, stdout=subprocess.PIPE, text=True)
    camera = subprocess.Popen([*command, "camera"], env=environment)
    try:
        out, _ = reader.communicate(timeout=START_S + options.frames / options.rate + 10)
        camera.wait(10)  # an orderly end leaves no shared memory behind
        return dict(json.loads(out.splitlines()[-1]))
    finally:
        for process in (reader, camera):
            process.kill()
            process.wait()


def publish(frames: int, rate: float) -> None:
    """Be the camera: publish as soon as somebody listens, then say that it was all."""
    import rclpy
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("camera")
    publisher = node.create_publisher(Image, TOPIC, 10)
    message = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=WIDTH * 3)
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    message.data = array.array("B", noise.tobytes())
    picture = np.frombuffer(message.data, np.uint8).reshape(HEIGHT, WIDTH, 3)  # a view of it
    deadline = time.monotonic() + START_S
    while publisher.get_subscription_count() == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    start = time.monotonic()
    for number in [*range(frames), *[_END] * 10]:
        time.sleep(max(0.0, start - time.monotonic()))
        start += 1 / rate
        mark(picture, time.monotonic_ns(), number)
        publisher.publish(message)
    node.destroy_node()
    rclpy.shutdown()


def mark(picture: np.ndarray[Any, Any], stamp_ns: int, number: int) -> None:
    """Write the time and the number into the picture's upper row of blocks."""
    for place, value in enumerate(stamp_ns.to_bytes(8, "big") + number.to_bytes(2, "big")):
        picture[:BLOCK, place * BLOCK : (place + 1) * BLOCK] = value


def read_mark(tensor: Any) -> tuple[int, int]:
    """The time and the number that were written into an observation [3, height, width]."""
    height, width = tensor.shape[1:]
    row, column = BLOCK * height // HEIGHT // 2, BLOCK * width / WIDTH
    values = bytes(int(tensor[0, row, int((place + 0.5) * column)]) for place in range(10))
    return int.from_bytes(values[:8], "big"), int.from_bytes(values[8:], "big")


def read_reference() -> list[tuple[int, ...]]:
    """Be the plain subscriber: a callback that makes a tensor, in `spin`."""
    import rclpy
    import torch
    from sensor_msgs.msg import Image

    torch.set_num_threads(1)
    readings: list[tuple[int, ...]] = []
    rclpy.init()
    node = rclpy.create_node("reader")

    def receive(message: Image) -> None:
        received = time.monotonic_ns()
        array = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        tensor = torch.from_numpy(array.copy()).permute(2, 0, 1).contiguous()
        ready = time.monotonic_ns()
        stamp, number = read_mark(tensor)
        readings.append((number, stamp, received, ready))

    node.create_subscription(Image, TOPIC, receive, 10)
    parent = os.getppid()
    while not (readings and readings[-1][0] == _END) and os.getppid() == parent:
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_node()
    rclpy.shutdown()
    return readings


def read_ours(height: int, width: int) -> list[tuple[int, ...]]:
    """Be the inference node: the executor receives, a thread of its own reads."""
    import rclpy
    import torch

    from pamiq_ros.core.devices import ImageTopic
    from pamiq_ros.nodes.inference_node import SWITCH_INTERVAL_S
    from pamiq_ros.nodes.process import keep_freed_memory
    from pamiq_ros.nodes.ros_robot import RosRobot

    keep_freed_memory()
    torch.set_num_threads(1)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    readings: list[tuple[int, ...]] = []
    rclpy.init()
    node = rclpy.create_node("reader")
    robot = RosRobot(node)
    camera = ImageTopic(TOPIC, height, width)
    source = robot.open_sensor(camera)
    arrived = threading.Event()
    robot.on_observation(TOPIC, arrived.set)

    def tick() -> None:
        while not (readings and readings[-1][0] == _END):
            arrived.wait()
            arrived.clear()
            received = time.monotonic_ns()
            tensor = source.read()
            ready = time.monotonic_ns()
            stamp, number = read_mark(tensor)
            readings.append((number, stamp, received, ready))

    ticking = threading.Thread(target=tick, daemon=True)
    ticking.start()
    executor = rclpy.executors.SingleThreadedExecutor()
    executor.add_node(node)
    parent = os.getppid()
    while ticking.is_alive() and os.getppid() == parent:
        executor.spin_once(timeout_sec=0.05)
    robot.close()
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return readings


def report_readings(readings: list[tuple[int, ...]]) -> None:
    """Print the figures of one way; its first tenth, which starts everything, is left out."""
    frames = [reading for reading in readings if reading[0] != _END]
    steady = np.array(frames[len(frames) // 10 :], np.float64)
    stamps, received, ready = steady[:, 1], steady[:, 2], steady[:, 3]
    latency = (ready - stamps) / 1e6
    figures = {
        "frames": len({number for number, *_ in frames}),
        "p50_ms": round(float(np.percentile(latency, 50)), 3),
        "p99_ms": round(float(np.percentile(latency, 99)), 3),
        "received_ms": round(float(np.median(received - stamps)) / 1e6, 3),
        "decode_ms": round(float(np.median(ready - received)) / 1e6, 3),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
