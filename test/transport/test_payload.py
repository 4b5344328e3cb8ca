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

"""Payloads come back as they were sent, and nothing but a payload is taken for one."""

import json
from array import array

import pytest
import safetensors
import safetensors.torch
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pamiq_ros.transport.header import DTYPES, MAX_HEADER_BYTES
from pamiq_ros.transport.payload import PayloadError, decode, encode

LIMIT = 10**6


def tensor_of(dtype, shape):
    count = int(torch.tensor(shape).prod()) if shape else 1
    raw = torch.arange(count * dtype.itemsize, dtype=torch.int64).remainder(7).to(torch.uint8)
    if dtype is torch.bool:
        raw = raw.remainder(2)
    return raw.view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)


def same(a, b):
    as_bytes = [t.contiguous().reshape(-1).view(torch.uint8) for t in (a, b)]
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(*as_bytes)


TENSORS = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name != "__metadata__"),
    st.builds(
        tensor_of,
        st.sampled_from(sorted(DTYPES.values(), key=str)),
        st.lists(st.integers(0, 3), max_size=3),
    ),
    max_size=5,
)
METADATA = st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4)


@settings(deadline=None)
@given(TENSORS, METADATA)
def test_what_is_sent_comes_back(tensors, metadata):
    data = encode(tensors, metadata)
    payload = decode(data, LIMIT)
    assert payload.metadata == metadata
    assert payload.tensors.keys() == tensors.keys()
    assert all(same(payload.tensors[name], tensors[name]) for name in tensors)
    # Anybody's reader takes it.
    assert safetensors.torch.load(data).keys() == tensors.keys()


@pytest.mark.parametrize(
    "kind",
    [bytes, bytearray, memoryview, lambda b: array("B", b), lambda b: memoryview(bytearray(b))],
)
def test_all_kinds_of_buffers_are_read(kind):
    data = encode({"w": torch.arange(6.0).reshape(2, 3)}, {"k": "v"})
    payload = decode(kind(data), LIMIT)
    assert torch.equal(payload.tensors["w"], torch.arange(6.0).reshape(2, 3))
    payload.tensors["w"].add_(1)  # writable, and without a change to read-only data
    assert data == encode({"w": torch.arange(6.0).reshape(2, 3)}, {"k": "v"})


def test_shared_memory_and_views_are_sent_each_by_itself():
    w = torch.arange(12.0).reshape(3, 4)
    payload = decode(encode({"a": w, "b": w, "t": w.t(), "row": w[1]}, {}), LIMIT)
    assert torch.equal(payload.tensors["b"], w)
    assert torch.equal(payload.tensors["t"], w.t())
    assert torch.equal(payload.tensors["row"], w[1])


def test_what_trains_is_sent_by_value():
    w = torch.nn.Parameter(torch.ones(2))
    got = decode(encode({"w": w}, {}), LIMIT).tensors["w"]
    assert not got.requires_grad and torch.equal(got, torch.ones(2))


@pytest.mark.parametrize(
    ("tensors", "metadata", "error", "words"),
    [
        ({"w": [1.0]}, {}, TypeError, "'w': expected a tensor, found list"),
        ({"w": torch.eye(2).to_sparse()}, {}, TypeError, "'w'.*sparse"),
        ({"w": torch.zeros(2, dtype=torch.complex128)}, {}, TypeError, "'w'.*complex128"),
        ({"w": torch.empty(2, device="meta")}, {}, TypeError, "'w'.*meta"),
        ({1: torch.zeros(2)}, {}, TypeError, "1"),
        ({"__metadata__": torch.zeros(2)}, {}, ValueError, "__metadata__"),
        ({}, {"version": 3}, TypeError, "'version'"),
    ],
)
def test_what_cannot_be_sent_is_named(tensors, metadata, error, words):
    with pytest.raises(error, match=words):
        encode(tensors, metadata)


def payload_of(header, body=b""):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + body


def spec(dtype="F32", shape=(1,), offsets=(0, 4), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "at least 8 bytes, found 0"),
        (b"1234567", "found 7"),
        ((2**63).to_bytes(8, "little"), f"at most {MAX_HEADER_BYTES} bytes"),
        ((100).to_bytes(8, "little") + b"{}", "expected 100 bytes, found 2"),
        (payload_of(b""), "expected '{' first"),
        (payload_of(b"[]"), "expected '{' first"),
        (payload_of(b"{"), "JSON"),
        (payload_of(b'{"\xff": 1}'), "UTF-8"),
        (payload_of(b'{"\\ud800": {}}'), "JSON"),
        (payload_of(b'{"a":' + b"[" * 100_000), "JSON"),
        (payload_of(b'{"__metadata__":{"a":"1","a":"2"}}'), "'a' twice"),
        (payload_of({"__metadata__": []}), "metadata: expected an object, found list"),
        (payload_of({"__metadata__": {"version": 3}}), "'version': expected a string, found int"),
        (payload_of({"w": []}, bytes(4)), "'w': expected dtype"),
        (payload_of({"w": spec(more=1)}, bytes(4)), "'w': expected dtype"),
        (payload_of({"w": spec(dtype="F31")}, bytes(4)), "'w': unknown dtype 'F31'"),
        (payload_of({"w": spec(dtype=["F32"])}, bytes(4)), "'w': unknown dtype"),
        (payload_of({"w": spec(shape=(2,))}, bytes(4)), "'w': expected 8 bytes"),
        (payload_of({"w": spec(shape=(1.0,))}, bytes(4)), "'w' shape"),
        (payload_of({"w": spec(shape=(True,))}, bytes(4)), "'w' shape"),
        (payload_of({"w": spec(shape=(-1,))}, bytes(4)), "number -1"),
        (payload_of({"w": spec(shape=(1,) * 99)}, bytes(4)), "'w' shape"),
        (payload_of({"w": spec(shape=(2**63, 0), offsets=(0, 0))}), "'w': shape"),
        (payload_of({"w": spec(offsets=(0, 4, 8))}, bytes(4)), "'w'"),
        (payload_of({"w": spec(offsets=(4, 0))}, bytes(4)), "'w': expected 4 bytes"),
        (payload_of({"w": spec(offsets=(4, 8))}, bytes(8)), "'w': expected its data at 0, found 4"),
        (payload_of({"a": spec(), "b": spec()}, bytes(8)), "'b': expected its data at 4, found 0"),
        (payload_of({"w": spec()}, bytes(3)), "expected 4 bytes of data, found 3"),
        (payload_of({"w": spec()}, bytes(5)), "expected 4 bytes of data, found 5"),
        (payload_of({"w": spec("BOOL", (1,), (0, 1))}, b"\x02"), "'w': expected bools"),
        (array("d", [1.0])[:0], "found 0"),
        ([1, 2, 3], "expected contiguous bytes, found list"),
        (memoryview(bytes(64))[::2], "expected contiguous bytes"),
        (None, "found NoneType"),
    ],
)
def test_what_is_no_payload_is_refused_with_its_reason(data, words):
    with pytest.raises(PayloadError) as caught:
        decode(data, LIMIT)
    assert words in str(caught.value)


def test_too_long_payloads_are_refused_unread():
    data = encode({"w": torch.zeros(100)}, {})
    with pytest.raises(PayloadError, match=f"at most 99 bytes, found {len(data)}"):
        decode(data, 99)


def test_unaligned_tensors_of_other_writers_are_read():
    header = {"a": spec("U8", (1,), (0, 1)), "w": spec("F32", (2,), (1, 9))}
    for padding in range(4):
        raw = json.dumps(header).encode() + b" " * padding
        data = payload_of(raw, b"\x07" + torch.tensor([1.0, -2.0]).numpy().tobytes())
        assert torch.equal(decode(data, LIMIT).tensors["w"], torch.tensor([1.0, -2.0]))


def accepts(data):
    """Whether our reader takes it; anything but PayloadError escapes and fails the test."""
    try:
        decode(data, LIMIT)
    except PayloadError:
        return False
    return True


def library_accepts(data):
    try:
        safetensors.deserialize(bytes(data))
    except safetensors.SafetensorError:
        return False
    return True


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_read(data):
    assert not accepts(data) or library_accepts(data)


VALID = encode(
    {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(3, dtype=torch.bool)}, {"key": "value"}
)
OTHER = encode({"a": torch.zeros(5, dtype=torch.int64)}, {})


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=5))
@example([])
def test_mutated_payloads_are_refused_or_read(changes):
    data = bytearray(VALID)
    for place, value in changes:
        data[place] = value
    assert not accepts(bytearray(data)) or library_accepts(data)


@given(st.integers(0, len(VALID) - 1))
def test_truncated_payloads_are_refused(length):
    assert not accepts(VALID[:length])


def test_a_header_over_anothers_data_is_refused():
    def split(data):
        end = 8 + int.from_bytes(data[:8], "little")
        return data[:end], data[end:]

    assert not accepts(split(VALID)[0] + split(OTHER)[1])
    assert not accepts(split(OTHER)[0] + split(VALID)[1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
SPEC = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "BOOL", "U8"]) | JSON,
        "shape": st.lists(st.integers(0, 3), max_size=2) | JSON,
        "data_offsets": st.lists(st.integers(0, 12), min_size=2, max_size=2) | JSON,
    }
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "__metadata__"]), SPEC | JSON), st.binary())
def test_any_header_is_refused_or_read(header, body):
    data = payload_of(header, body)
    assert not accepts(data) or library_accepts(data)
