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

"""Experience comes back step by step as it was collected, or is refused with a reason."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pamiq_ros.core.data.batch import StepBatch
from pamiq_ros.transport.experience import (
    MAX_SEQUENCE,
    ExperienceBatch,
    decode_experience,
    encode_experience,
)
from pamiq_ros.transport.payload import PayloadError, decode, encode


def step(value):
    return {
        "observation": {"camera": torch.full((3, 4, 4), value, dtype=torch.uint8)},
        "action": [torch.tensor([value / 2, -1.0]), np.float32(value)],
        "reward": float(value),
        "count": value,
        "done": value % 2 == 0,
        "mode": "drive",
        "previous": None,
    }


def batch_of(steps, first=7, **changes):
    count = len(steps)
    batch = ExperienceBatch(
        digest="d1",
        source="robot-1",
        buffer="camera",
        first_sequence=first,
        stamps=torch.arange(count) + 10**18,
        weights_versions=torch.arange(count),
        steps=StepBatch.stack(steps),
    )
    return dataclasses.replace(batch, **changes)


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return type(a) is type(b) and a == b


def test_steps_come_back_as_they_were_collected():
    steps = [step(value) for value in range(5)]
    got = decode_experience(encode_experience(batch_of(steps)))
    assert (got.digest, got.source, got.buffer, got.first_sequence) == (
        "d1",
        "robot-1",
        "camera",
        7,
    )
    assert got.stamps.tolist() == [10**18 + i for i in range(5)]
    assert got.weights_versions.tolist() == [0, 1, 2, 3, 4]
    assert all(same(got.steps.step(i), steps[i]) for i in range(5))


def test_a_payload_can_be_read_by_anyone():
    payload = decode(encode_experience(batch_of([step(1)])), 10**6)
    assert payload.metadata["schema"] == "pamiq_ros/experience/1"
    assert payload.metadata["first_sequence"] == "7"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first_sequence": -1}, "first_sequence"),
        ({"first_sequence": MAX_SEQUENCE}, "first_sequence"),
        ({"stamps": torch.zeros(2, dtype=torch.int64)}, r"stamps: expected int64 \[3\]"),
        ({"stamps": torch.zeros(3)}, "stamps: expected int64"),
        ({"stamps": torch.tensor([1, -1, 1])}, "stamps: expected 0 or more, found -1"),
        ({"weights_versions": torch.zeros(3, 1, dtype=torch.int64)}, "weights_versions"),
        ({"digest": ""}, "digest"),
        ({"source": "s" * 300}, "source"),
    ],
)
def test_what_does_not_agree_is_not_sent(changes, words):
    with pytest.raises(ValueError, match=words):
        encode_experience(batch_of([step(i) for i in range(3)], **changes))


def tampered(metadata=None, tensors=None, drop=()):
    payload = decode(encode_experience(batch_of([step(i) for i in range(3)])), 10**6)
    merged = {**payload.metadata, **(metadata or {})}
    kept = {**payload.tensors, **(tensors or {})}
    for name in drop:
        merged.pop(name, None)
        kept.pop(name, None)
    return encode(kept, merged)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tampered({"schema": "pamiq_ros/experience/2"}), "pamiq_ros/experience/1"),
        (tampered(drop=["schema"]), "schema"),
        (tampered(drop=["digest"]), "'digest': expected, but it is missing"),
        (tampered({"source": ""}), "'source': expected 1 to 256"),
        (tampered({"buffer": "b" * 257}), "'buffer'"),
        (tampered({"first_sequence": "-1"}), "'first_sequence'"),
        (tampered({"first_sequence": "1.0"}), "'first_sequence'"),
        (tampered({"first_sequence": "\u0661"}), "'first_sequence'"),
        (tampered({"first_sequence": str(MAX_SEQUENCE)}), "first_sequence"),
        (tampered({"first_sequence": "9" * 5000}), "'first_sequence'"),
        (tampered({"signature": "{}"}), "signature"),
        (tampered({"signature": "[" * 50_000}), "signature"),
        (tampered(tensors={"more": torch.zeros(1)}), "more"),
        (tampered(tensors={"column.99": torch.zeros(3)}), "column.99"),
        (tampered(drop=["column.0"]), "column"),
        (tampered(drop=["stamps"]), "stamps"),
        (tampered(tensors={"stamps": torch.zeros(2, dtype=torch.int64)}), "stamps"),
        (tampered(tensors={"weights_versions": torch.tensor([0, -1, 0])}), "weights_versions"),
        (tampered(tensors={"column.0": torch.zeros(3, 7)}), "columns[0]"),
    ],
)
def test_what_is_no_experience_is_refused_with_its_reason(data, words):
    with pytest.raises(PayloadError) as caught:
        decode_experience(data)
    assert words in str(caught.value)


def test_a_batch_without_steps_is_refused():
    empty = batch_of([step(1)])
    empty = dataclasses.replace(
        empty, stamps=empty.stamps[:0], weights_versions=empty.stamps[:0], steps=empty.steps[:0]
    )
    with pytest.raises(ValueError, match="at least one"):
        encode_experience(empty)


VALID = encode_experience(batch_of([step(1), step(2)]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=5))
def test_damaged_experience_raises_nothing_else(changes):
    data = bytearray(VALID)
    for place, value in changes:
        data[place] = value
    try:
        got = decode_experience(data)
    except PayloadError:
        return
    # Only what says nothing may be another: white space, or a value that was there already.
    sent = batch_of([step(1), step(2)])
    assert (got.digest, got.source, got.buffer) == (sent.digest, sent.source, sent.buffer)
    assert got.first_sequence == sent.first_sequence
    for name in ("stamps", "weights_versions"):
        assert torch.equal(getattr(got, name), getattr(sent, name))
    for index in range(2):
        assert same(got.steps.step(index), sent.steps.step(index))


def test_parts_that_changed_places_are_refused():
    payload = decode(VALID, 10**6)
    tensors = {**payload.tensors}
    tensors["stamps"], tensors["weights_versions"] = tensors["weights_versions"], tensors["stamps"]
    with pytest.raises(PayloadError, match="steps from 7 on: their checksum is wrong"):
        decode_experience(encode(tensors, payload.metadata))


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["schema", "digest", "source", "buffer", "first_sequence", "signature"]),
        st.text(max_size=30) | st.integers().map(str),
    ),
    st.lists(st.sampled_from(["stamps", "weights_versions", "column.0", "column.3"]), max_size=2),
)
def test_tampered_experience_raises_nothing_else(metadata, drop):
    try:
        decode_experience(tampered(metadata, drop=drop))
    except PayloadError:
        return
