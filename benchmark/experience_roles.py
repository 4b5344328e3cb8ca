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

"""The processes of an experience transfer: a robot that ticks and collects, a learner that stores.

Each takes commands as JSON lines and answers each with one. `sender` and `receiver` are made of
the package's own classes; `plain_sender` and `plain_receiver` are what one writes with rclpy: a
message published in the tick, a callback that reads it. All times are of the machine's monotonic
clock, which is one for all processes.
"""

from __future__ import annotations

import array
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import rclpy
import torch
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.core.data import DataUser, StepBatch
from pamiq_ros.core.data.impls import SequentialBuffer
from pamiq_ros.nodes.inference_node import SWITCH_INTERVAL_S
from pamiq_ros.nodes.process import keep_freed_memory
from pamiq_ros.nodes.topics import EXPERIENCE, ExperienceTopics
from pamiq_ros.runtime.ticker import Ticker
from pamiq_ros.transport import ExperienceCollector, ExperienceReceiver, ExperienceSender

BUFFER, DIGEST = "camera", "benchmark"
SHAPE = (480, 640, 3)
FRAME_BYTES = 480 * 640 * 3
CAPACITY = 500  # steps in the learner's buffer
DEPTH = 64  # `experience_depth`, as the nodes have it
UPDATES_PER_S = 20.0  # how often the learner looks into its buffer

Figures = dict[str, Any]


class WallClock:
    """A clock without the cost of rclpy's, 25 to 50 us per call."""

    nanoseconds = property(lambda self: time.time_ns())

    def now(self) -> WallClock:
        """Return a time whose `nanoseconds` is the time when it is read."""
        return self


class Sender:
    """The robot: a tick collects a frame, and nothing else; times each `collect`."""

    weights_version = 1

    def __init__(self, node: Node) -> None:
        keep_freed_memory()  # as every node does
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._sender = ExperienceSender(
            BUFFER,
            DIGEST,
            "robot",
            ExperienceTopics(node, DEPTH).publisher(BUFFER),
            max_bytes=262144,
            max_delay_s=0.5,
            on_error=lambda text: print(text, file=sys.stderr),  # noqa: T201
        )
        self._collector = ExperienceCollector(self._sender, WallClock(), self)
        self._frame = torch.zeros(SHAPE, dtype=torch.uint8)
        self._numbers = itertools.count()

    def _tick(self, taken: list[float]) -> None:
        number = next(self._numbers)
        frame = torch.full_like(self._frame, number % 251)  # as a decoder does: a fresh tensor
        step = {"frame": frame, "number": number, "action": torch.zeros(2)}
        begin = time.perf_counter()
        self._collector.collect(step)
        taken.append(time.perf_counter() - begin)

    def run(self, rate: float, seconds: float) -> Figures:
        """Tick, and send all that was collected."""
        before = self._sender.statistics()
        figures = tick(rate, seconds, self._tick)
        self._sender.flush(10.0)
        after = self._sender.statistics()
        return figures | {key: after[key] - before[key] for key in ("collected", "dropped")}


class PlainSender:
    """The robot, as one writes it with rclpy: each tick publishes its frame."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(UInt8MultiArray, EXPERIENCE, 10)
        self._frame = np.zeros(SHAPE, np.uint8)
        self._numbers = itertools.count()

    def _tick(self, taken: list[float]) -> None:
        frame = np.full_like(self._frame, next(self._numbers) % 251)
        begin = time.perf_counter()
        data = array.array("B", frame.tobytes())
        self._publisher.publish(UInt8MultiArray(data=data))
        taken.append(time.perf_counter() - begin)

    def run(self, rate: float, seconds: float) -> Figures:
        """Tick; all is published when it returns."""
        figures = tick(rate, seconds, self._tick)
        return figures | {"collected": figures["ticks"], "dropped": 0}


class Receiver:
    """The learner: receives, and a trainer's thread moves what came into the buffer."""

    def __init__(self, node: Node) -> None:
        keep_freed_memory()  # as every node does
        self._user = DataUser(SequentialBuffer[Any](CAPACITY))
        self._newest = 0.0
        self._receiver = ExperienceReceiver(DIGEST, [BUFFER], self._deliver)
        self._topics = ExperienceTopics(node, DEPTH)
        self._topics.subscribe(BUFFER, partial(self._receiver.receive, BUFFER))
        threading.Thread(target=self._train, daemon=True).start()

    def _deliver(self, buffer: str, batch: StepBatch) -> None:
        self._user.receive(batch)
        self._newest = time.monotonic()

    def _train(self) -> None:
        while True:
            time.sleep(1 / UPDATES_PER_S)
            self._user.update()

    def statistics(self) -> Figures:
        """Counts so far, and how many of the steps in the buffer are not what was collected."""
        self._user.update()
        steps = self._user.get_data()
        torn = sum(bool((s["frame"] != s["number"] % 251).any()) for s in steps[-50:])
        found = self._receiver.statistics()[BUFFER]
        return found | {"newest": self._newest, "dropped": self._user.dropped, "torn": torn}

    def received(self) -> int:
        """Steps received so far."""
        return self._receiver.statistics()[BUFFER]["received"]


class PlainReceiver:
    """The learner, as one writes it with rclpy: a callback that makes a tensor of each message."""

    def __init__(self, node: Node) -> None:
        self._frame = torch.empty(SHAPE, dtype=torch.uint8)
        self._count, self._newest = 0, 0.0
        node.create_subscription(UInt8MultiArray, EXPERIENCE, self._on_message, 10)

    def _on_message(self, message: UInt8MultiArray) -> None:
        self._frame.copy_(torch.frombuffer(message.data, dtype=torch.uint8).view(SHAPE))
        self._count += 1
        self._newest = time.monotonic()

    def statistics(self) -> Figures:
        """Counts so far."""
        return {"received": self._count, "newest": self._newest}

    def received(self) -> int:
        """Messages received so far."""
        return self._count


def tick(rate: float, seconds: float, step: Callable[[list[float]], None]) -> Figures:
    """Run the package's ticker, and give its lateness and what `step` noted."""
    taken: list[float] = []
    ticker = Ticker(rate, lambda: step(taken))
    began = time.monotonic()
    ticker.start()
    time.sleep(seconds)
    ticker.stop()
    lateness = ticker.lateness.milliseconds(50, 99, maximum=True)
    taken.sort()
    return {
        "began": began,
        "ticks": ticker.ticks,
        "skipped": ticker.skipped,
        "collect_p50_us": round(taken[len(taken) // 2] * 1e6, 1),
        "collect_p99_us": round(taken[int(len(taken) * 0.99)] * 1e6, 1),
        "collect_max_us": round(taken[-1] * 1e6, 1),
        "lateness_p99_ms": lateness["p99"],
        "lateness_max_ms": lateness["max"],
    }


ROLES = {
    "sender": Sender,
    "receiver": Receiver,
    "plain_sender": PlainSender,
    "plain_receiver": PlainReceiver,
}


def main(role: str) -> None:
    """Be the process `role` until standard input ends."""
    rclpy.init()
    node = Node(role)
    part: Any = ROLES[role](node)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(part, command.pop("do"))(**command)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    os._exit(0)  # without waiting for the threads


if __name__ == "__main__":
    main(sys.argv[1])
