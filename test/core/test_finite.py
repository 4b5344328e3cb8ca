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

"""Finding NaN and infinity by the block."""

import pytest
import torch

from pamiq_ros.core.model.parameters import BLOCK_BYTES, copy_finite, is_finite

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.complex64,
    torch.float8_e5m2,
]
SMALL = torch.tensor([torch.nan, torch.inf, -torch.inf])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", SMALL)
@pytest.mark.parametrize("blocks", [0, 2])
def test_one_value_is_enough(dtype, bad, blocks):
    length = blocks * BLOCK_BYTES // dtype.itemsize + 3
    for place in (0, length // 2, length - 1):
        tensor = torch.ones(length).to(dtype)
        into = torch.zeros_like(tensor)
        assert is_finite(tensor) and copy_finite(tensor, into)
        assert torch.equal(tensor.view(torch.uint8), into.view(torch.uint8))
        tensor[place] = bad.to(dtype)
        assert not is_finite(tensor)
        assert not copy_finite(tensor, into)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_that_overflow_deceive_nobody(dtype):
    real = torch.float32 if dtype.is_complex else dtype
    largest = torch.full((4096,), torch.finfo(real).max, dtype=torch.float64).to(dtype)
    into = torch.empty_like(largest)
    assert is_finite(largest) and copy_finite(largest, into)
    largest.view(-1)[77] = torch.tensor(torch.nan).to(dtype)
    assert not is_finite(largest) and not copy_finite(largest, into)


def test_infinities_that_cancel_are_found():
    assert not is_finite(torch.tensor([torch.inf, -torch.inf]))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(3),
        torch.tensor(3.0),
        torch.ones(0, 4),
        torch.tensor([True, False]),
        torch.arange(12.0).reshape(3, 4).t(),
        torch.ones(1).expand(5),
        torch.ones(2, dtype=torch.complex64).conj(),
        torch.nn.Parameter(torch.ones(3)),
    ],
)
def test_any_shape_will_do(tensor):
    into = torch.zeros(tensor.shape, dtype=tensor.dtype)
    assert is_finite(tensor) and copy_finite(tensor, into)
    assert torch.equal(into, tensor)
