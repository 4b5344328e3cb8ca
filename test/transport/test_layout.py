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

"""A payload written in place is one that the safetensors library reads, and our own reader."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load

from pamiq_ros.transport.header import ALIGNMENT, layout_of
from pamiq_ros.transport.payload import decode

DTYPES = [
    torch.bool, torch.uint8, torch.int16, torch.float16, torch.bfloat16, torch.float32,
    torch.int64, torch.float64, torch.complex64,
]  # fmt: skip
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def written(layout, tensors, metadata):
    memory = torch.zeros(layout.size, dtype=torch.uint8)
    memory[: layout.start] = torch.frombuffer(bytearray(layout.header(metadata)), dtype=torch.uint8)
    for span in layout.spans:
        part = memory[layout.start + span.begin : layout.start + span.end]
        part.view(span.dtype).view(span.shape).copy_(tensors[span.name])
    return memory.numpy().tobytes()


@st.composite
def tensor(draw):
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    dtype = draw(st.sampled_from(DTYPES))
    return torch.arange(torch.Size(shape).numel()).reshape(shape).to(dtype)


@given(st.dictionaries(NAMES, tensor(), max_size=6), st.integers(1, 2**62))
def test_what_is_written_in_place_is_read_by_the_library_and_by_us(tensors, version):
    tensors.pop("__metadata__", None)
    layout = layout_of(tensors, {"version": str(2**62), "schema": "s"})
    data = written(layout, tensors, {"version": str(version), "schema": "s"})
    assert len(data) == layout.size and layout.start % ALIGNMENT == 0
    ours = decode(bytearray(data), 10**6)
    assert ours.metadata == {"version": str(version), "schema": "s"}
    for found in (load(data), ours.tensors):
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], value) for name, value in tensors.items())
        assert all(found[name].dtype == value.dtype for name, value in tensors.items())
    assert layout.fits(tensors)


def test_each_tensor_is_aligned_to_its_type():
    tensors = {
        "a": torch.zeros(3, dtype=torch.uint8),
        "b": torch.zeros(3),
        "c": torch.zeros(1).double(),
    }
    for span in layout_of(tensors, {}).spans:
        assert span.begin % span.dtype.itemsize == 0


@pytest.mark.parametrize(
    "others",
    [
        {"w": torch.zeros(3)},
        {"w": torch.zeros(2, dtype=torch.float64)},
        {"v": torch.zeros(2)},
        {},
        {"w": torch.zeros(2), "v": torch.zeros(2)},
    ],
)
def test_other_tensors_do_not_fit(others):
    assert not layout_of({"w": torch.zeros(2)}, {}).fits(others)


def test_longer_metadata_than_planned_is_refused():
    layout = layout_of({}, {"a": "b"})
    with pytest.raises(ValueError, match="expected a header of"):
        layout.header({"a": "b" * 100})


def test_what_cannot_be_written_is_refused_by_name():
    with pytest.raises(TypeError, match="'w'"):
        layout_of({"w": torch.zeros(2, device="meta")}, {})
    with pytest.raises(TypeError, match="'w'"):
        layout_of({"w": torch.zeros(2, dtype=torch.complex128)}, {})
    with pytest.raises(ValueError, match="header: expected at most"):
        layout_of({}, {"a": "b" * 2**23})
