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

"""The two processes of a weight transfer: a learner that sends, and a robot that ticks.

Both are rclpy nodes with the package's own topics, senders and receivers. They talk to the script
that started them by lines: a word comes in, a JSON object goes out. All times are of the machine's
monotonic clock, which is one for all processes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
import torch
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import UInt8MultiArray
from torch import Tensor, nn

from pamiq_ros.core.model import StagedWeights
from pamiq_ros.core.torch import TorchTrainingModel
from pamiq_ros.nodes.inference_node import SWITCH_INTERVAL_S
from pamiq_ros.nodes.process import keep_freed_memory
from pamiq_ros.nodes.topics import WeightsTopics, latched
from pamiq_ros.runtime.histogram import Histogram
from pamiq_ros.runtime.scheduling import Scheduling, prefer_this_thread
from pamiq_ros.runtime.ticker import Ticker
from pamiq_ros.transport import SHARED_MEMORY, WeightsReceiver, WeightsSender
from pamiq_ros.transport.chunks import chunk_count
from pamiq_ros.transport.weights import Weights, encode_weights, tensors_of, weights_layout

MODEL = "policy"
DIGEST, SOURCE = "benchmark", "learner"
WIDTH = 1024


class Policy(nn.Module):
    """Square layers, as many as make the size; a tick uses the first of them alone.

    One step of a policy reads all its weights: 200 MB take longer than 10 ms from memory. What is
    measured here is the transfer, so a step is kept small.
    """

    def __init__(self, size_mb: float) -> None:
        super().__init__()
        width = self.width = WIDTH if size_mb >= 8 else WIDTH // 4
        count = max(1, round(size_mb * 2**20 / (4 * width * width)))
        self.layers = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        """One layer's work: [width] to [width]."""
        found: Tensor = self.layers[0](x)
        return found


def rss_mb() -> float:
    """Memory that this process has, in MB; shared memory it has mapped counts."""
    with Path("/proc/self/status").open(encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


def answer(**content: Any) -> None:
    """Tell the script that started this process."""
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def spin(node: Node) -> None:
    """Run the node's callbacks in a thread."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()


def learner(size_mb: float, carrier: str) -> None:
    """Sends new weights for each line; says when it was asked to, and when it had handed over."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as every node does
    rclpy.init(args=[])
    node = rclpy.create_node("learner", enable_rosout=False)
    model = TorchTrainingModel(Policy(size_mb))
    send = (
        _single_message(node, model)
        if carrier == "single_message"
        else _sender(node, model, carrier)
    )
    spin(node)
    answer(ready=True)
    for version, _ in enumerate(sys.stdin, start=1):
        with torch.no_grad():
            for parameter in model.model.parameters():
                parameter.view(-1)[0] = float(version)
        asked = time.monotonic()
        send(version)
        answer(asked=asked, handed_over=time.monotonic(), rss_mb=rss_mb())
    os._exit(0)


def _sender(node: Node, model: TorchTrainingModel[Policy], carrier: str) -> Callable[[int], None]:
    topics = WeightsTopics(node)
    tensors, form = tensors_of(model.export_parameters())
    size = weights_layout(tensors, form, DIGEST, SOURCE).size
    sender = WeightsSender(
        MODEL,
        DIGEST,
        SOURCE,
        topics.publisher(MODEL, chunk_count(size)),
        folder=SHARED_MEMORY if carrier == "shm" else None,
        on_error=lambda text: answer(error=text),
    )
    topics.on_request(MODEL, sender.request)

    def send(version: int) -> None:
        sender.send(model.export_parameters())

    return send


def _single_message(node: Node, model: TorchTrainingModel[Policy]) -> Callable[[int], None]:
    import array

    publisher = node.create_publisher(UInt8MultiArray, "whole", latched(1))

    def send(version: int) -> None:
        weights = Weights(DIGEST, SOURCE, version, 1, model.export_parameters())
        publisher.publish(UInt8MultiArray(data=array.array("B", encode_weights(weights))))

    return send


def robot(size_mb: float, carrier: str, rate: float, priority: int) -> None:
    """Ticks, swaps, and tells at the end when each version was first used and how late it was."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    torch.set_num_threads(1)
    keep_freed_memory()  # as every node does
    rclpy.init(args=[])
    node = rclpy.create_node("robot", enable_rosout=False)
    # As in an inference node, the training side is only there to make the other one.
    model = TorchTrainingModel(Policy(size_mb)).inference_model
    with model.unwrap() as policy:
        observation = torch.ones(policy.width)
    slot = StagedWeights(model)
    used: dict[int, float] = {}

    def tick() -> None:
        if slot.swap():
            used[slot.version] = time.monotonic()
        model(observation)

    if carrier == "single_message":
        # How it is done where nobody minds: the whole message, in the executor's thread.
        def receive(message: UInt8MultiArray) -> None:
            from safetensors.torch import load

            parameters = load(bytes(message.data))
            slot.stage(int(parameters["layers.0.weight"].view(-1)[0]), parameters)

        node.create_subscription(UInt8MultiArray, "whole", receive, latched(1))
    else:
        topics = WeightsTopics(node)
        receiver = WeightsReceiver(
            DIGEST,
            slot.stage,
            stage_from=slot.stage_from,
            make_room=slot.release_spare,
            ask=topics.requester(MODEL),
            on_error=lambda text: answer(error=text),
        )
        topics.subscribe(MODEL, receiver.receive)

    def prepare() -> None:
        prefer_this_thread(Scheduling(priority=priority))
        torch.set_num_threads(1)  # matrix products take a number that each thread has for itself

    ticker = Ticker(rate, tick, prepare=prepare)
    spin(node)
    answer(ready=True)
    for line in sys.stdin:
        if line == "start\n":
            ticker.start()
            answer(started=True)
        elif line == "forget\n":  # what the first version cost: memory is taken with it
            found, ticker.lateness = ticker.lateness, Histogram()
            answer(lateness=found.milliseconds(50, 99, maximum=True))
        elif line == "used\n":
            answer(used=used.copy(), version=slot.version)
        else:
            ticker.stop()
            lateness = ticker.lateness.milliseconds(50, 99, maximum=True)
            answer(lateness=lateness, ticks=ticker.ticks, rss_mb=rss_mb())
    os._exit(0)


if __name__ == "__main__":
    role, size, name, *rest = sys.argv[1:]
    if role == "learner":
        learner(float(size), name)
    else:
        robot(float(size), name, float(rest[0]), int(rest[1]))
