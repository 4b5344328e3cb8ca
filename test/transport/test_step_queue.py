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

"""The queue keeps the newest steps and says how many gave way."""

import numpy as np
import torch

from pamiq_ros.transport.experience_sender import StepQueue, step_bytes


def test_steps_come_out_in_order_with_what_was_said_of_them():
    queue = StepQueue(10_000)
    for value in range(3):
        queue.put({"x": value}, value + 10, value + 100)
    taken = queue.take(10, 10_000)
    assert [(s.number, s.step["x"], s.weights_version, s.stamp_ns) for s in taken] == [
        (0, 0, 10, 100),
        (1, 1, 11, 101),
        (2, 2, 12, 102),
    ]
    assert len(queue) == queue.nbytes == 0


def test_the_oldest_give_way_when_it_is_full():
    step = torch.zeros(1000)
    queue = StepQueue(3 * step_bytes(step))
    for _ in range(5):
        queue.put(step, 0, 0)
    assert queue.dropped_count == 2
    assert [s.number for s in queue.take(10, 10**6)] == [2, 3, 4]


def test_one_step_is_kept_however_large():
    queue = StepQueue(10)
    queue.put(torch.zeros(1000), 0, 0)
    assert len(queue.take(1, 1)) == 1


def test_a_batch_is_bounded_by_count_and_bytes():
    step = torch.zeros(100)
    queue = StepQueue(10**6)
    for _ in range(10):
        queue.put(step, 0, 0)
    assert len(queue.take(4, 10**6)) == 4
    assert len(queue.take(100, 2 * step_bytes(step))) == 2
    assert len(queue.take(100, 1)) == 1


def test_the_size_of_a_step_counts_what_it_holds():
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    nested = {"a": [picture, np.zeros(4, np.float32)], "b": (1.0, True, "text", None)}
    assert 192 + 16 <= step_bytes(nested) <= 192 + 16 + 200
