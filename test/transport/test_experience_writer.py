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

"""Batches written in place are the payloads that anybody reads, however often memory is reused."""

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.core.data.batch import StepBatch, flatten
from pamiq_ros.transport.experience import (
    ExperienceBatch,
    ExperienceWriter,
    decode_experience,
    encode_experience,
)


def step(value, size=3):
    return {
        "picture": torch.full((size, 5), value % 256, dtype=torch.uint8),
        "flipped": torch.arange(size * 4.0).reshape(size, 4).t() + value,  # not contiguous
        "half": torch.tensor([value], dtype=torch.bfloat16),
        "count": np.uint16(value % 1000),
        "swapped": np.array([value, 2], dtype=">i4"),
        "nothing": torch.zeros(0, 7),
        "parts": [float(value), value, value % 2 == 0, "text", None],
    }


def write(writer, first, steps):
    pairs = [flatten(s) for s in steps]
    count = len(steps)
    return writer.write(
        first,
        list(range(100, 100 + count)),
        list(range(count)),
        pairs[0][0],
        [values for _, values in pairs],
    )


def encoded(first, steps):
    count = len(steps)
    return encode_experience(
        ExperienceBatch(
            "d1",
            "robot-1",
            "camera",
            first,
            torch.arange(100, 100 + count),
            torch.arange(count),
            StepBatch.stack(steps),
        )
    )


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 40)), min_size=1, max_size=6))
def test_each_payload_says_what_the_library_would_have_written(batches):
    writer = ExperienceWriter("d1", "robot-1", "camera")
    first = 0
    for count, size in batches:
        steps = [step(first + i, size) for i in range(count)]
        payload = bytes(write(writer, first, steps))
        ours, theirs = decode_experience(payload), decode_experience(encoded(first, steps))
        assert ours.steps.signature == theirs.steps.signature
        assert (ours.first_sequence, ours.source) == (first, "robot-1")
        assert torch.equal(ours.stamps, theirs.stamps)
        assert torch.equal(ours.weights_versions, theirs.weights_versions)
        for mine, other in zip(ours.steps.columns, theirs.steps.columns, strict=True):
            assert torch.equal(mine, other)
        assert safetensors.torch.load(payload)["stamps"].tolist() == theirs.stamps.tolist()
        first += count


def test_what_was_read_from_a_copy_does_not_change_with_the_next_batch():
    writer = ExperienceWriter("d1", "robot-1", "camera")
    payload = write(writer, 0, [step(1)])
    kept = decode_experience(bytearray(payload))
    write(writer, 1, [step(200)])
    assert int(kept.steps.step(0)["picture"][0, 0]) == 1
    assert decode_experience(bytearray(payload)).first_sequence == 1  # written over, as documented


def test_gradients_stay_behind():
    writer = ExperienceWriter("d1", "robot-1", "camera")
    value = torch.ones(2, requires_grad=True) * 2
    for steps in ([value], [value, value]):
        assert not decode_experience(bytes(write(writer, 0, steps))).steps.columns[0].requires_grad


def test_numbers_out_of_range_are_refused_and_the_writer_goes_on():
    writer = ExperienceWriter("d1", "robot-1", "camera")
    form, values = flatten(step(1))
    for first, stamp, version in ((-1, 0, 0), (0, -1, 0), (0, 0, -1), (2**62, 0, 0)):
        with pytest.raises(ValueError, match="expected"):
            writer.write(first, [stamp], [version], form, [values])
    assert decode_experience(bytes(write(writer, 5, [step(1)]))).first_sequence == 5
