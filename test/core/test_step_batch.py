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

"""Steps become columns and come back as they were; columns from outside are checked."""

import contextlib
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pamiq_ros.core.data.batch import (
    DTYPES,
    StepBatch,
    flatten,
    read_signature,
    signature_of,
    values_of,
)

STEP = {
    "image": torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3),
    "pose": (1.5, 7, True),
    "lidar": [np.ones(4, np.float32), np.float32(2.5)],
    "mode": "drive",
    "goal": None,
}


def same(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    return type(a) is type(b) and a == b


def test_a_step_comes_back_as_it_was():
    batch = StepBatch.stack([STEP, STEP, STEP])
    assert len(batch) == 3
    assert same(batch.step(1), STEP)
    assert same(batch.step(-1), STEP)
    assert isinstance(batch.step(0)["lidar"][1], np.float32)


def test_tensors_of_a_step_are_views_of_the_columns():
    batch = StepBatch.stack([torch.zeros(2), torch.zeros(2)])
    batch.columns[0][1] = 5.0
    assert batch.step(1).tolist() == [5.0, 5.0]


def test_stacked_has_a_tensor_in_place_of_each_leaf():
    stacked = StepBatch.stack([STEP, STEP]).stacked()
    assert stacked["image"].shape == (2, 1, 2, 3)
    assert stacked["pose"][1].tolist() == [7, 7]
    assert stacked["mode"] == "drive"


def test_a_slice_is_a_batch():
    batch = StepBatch.stack([torch.tensor(i) for i in range(5)])
    assert batch[1:3].stacked().tolist() == [1, 2]
    assert len(batch[5:]) == 0
    with pytest.raises(IndexError, match="step 5 of a batch of 5"):
        batch.step(5)


def test_the_signature_says_nesting_kind_dtype_and_shape():
    assert json.loads(signature_of((torch.zeros(2, 3), 1.0))) == {
        "kind": "tuple",
        "items": [
            {"kind": "tensor", "dtype": "float32", "shape": [2, 3]},
            {"kind": "float", "dtype": "float64", "shape": []},
        ],
    }
    assert signature_of({"a": 1, "b": 2}) == signature_of({"b": 2, "a": 1})
    assert StepBatch.signature_of(STEP) == StepBatch.stack([STEP]).signature


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_every_dtype_goes_through(name):
    value = torch.ones(3).to(DTYPES[name])
    batch = StepBatch.stack([value, value])
    assert same(StepBatch.from_columns(batch.signature, batch.columns).step(1), value)


def test_gradients_inference_mode_and_byte_order_are_left_behind():
    with torch.inference_mode():
        step = {"a": torch.ones(2), "b": np.arange(3, dtype=">f4")}
        batch = StepBatch.stack([step])
    weight = torch.ones(2, requires_grad=True)
    (batch.stacked()["a"] * weight).sum().backward()
    assert weight.grad is not None
    assert batch.step(0)["b"].tolist() == [0.0, 1.0, 2.0]
    assert not StepBatch.stack([weight]).columns[0].requires_grad


@pytest.mark.parametrize(
    ("other", "place"),
    [
        ({"a": [1.0, torch.zeros(3)]}, r"step\['a'\]\[1\]: expected float32 \[2\], found float32"),
        (
            {"a": [1.0, torch.zeros(2).int()]},
            r"step\['a'\]\[1\]: expected float32 \[2\], found int",
        ),
        ({"a": [1.0, np.zeros(2, "f")]}, r"step\['a'\]\[1\]: expected a tensor, found a ndarray"),
        ({"a": [1, torch.zeros(2)]}, r"step\['a'\]\[0\]: expected float, found int"),
        ({"a": (1.0, torch.zeros(2))}, r"step\['a'\]: expected list of 2, found tuple of 2"),
        ({"b": [1.0, torch.zeros(2)]}, r"step: expected dict with keys \['a'\], found dict"),
    ],
)
def test_steps_that_differ_are_refused_with_the_place(other, place):
    with pytest.raises(ValueError, match=place):
        StepBatch.stack([{"a": [1.0, torch.zeros(2)]}, other])


def test_what_is_no_step_is_refused_with_the_place():
    with pytest.raises(TypeError, match=r"step\['a'\]\[1\]: .* found object"):
        StepBatch.stack([{"a": [1.0, object()]}])
    with pytest.raises(TypeError, match="text keys"):
        StepBatch.stack([{1: 1.0}])
    with pytest.raises(TypeError, match="complex128"):
        StepBatch.stack([torch.zeros(1, dtype=torch.complex128)])
    with pytest.raises(TypeError, match="numpy arrays of <U1"):
        StepBatch.stack([np.array(["a"])])
    with pytest.raises(ValueError, match=r"step\['n'\]: expected an int of 64 bits"):
        StepBatch.stack([{"n": 2**63}])
    with pytest.raises(ValueError, match="at least one number"):
        StepBatch.stack([{"only": "text"}])
    with pytest.raises(ValueError, match="at least one"):
        StepBatch.stack([])


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ([], "columns: expected 2, found 0"),
        ([torch.zeros(4, 3), torch.zeros(5).double()], r"columns\[1\]: expected as many steps"),
        ([torch.zeros(4, 2), torch.zeros(4).double()], r"columns\[0\]: expected float32 \[N, 3\]"),
        ([torch.zeros(4, 3).int(), torch.zeros(4).double()], "found int32"),
        ([torch.zeros(4, 3), torch.tensor(0.0)], "as many steps"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns, text):
    with pytest.raises(ValueError, match=text):
        StepBatch.from_columns(signature_of((torch.zeros(3), 1.0)), columns)


leaf = st.one_of(
    st.floats(allow_nan=False),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.text(max_size=3),
    st.none(),
    hnp.arrays(st.sampled_from(["f4", "u1", "i8", "?"]), hnp.array_shapes(max_dims=2, max_side=3)),
)
trees = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=8,
)


@given(trees)
def test_any_step_goes_through_signature_and_columns(tree):
    tree = {"value": 1.0, "rest": tree}
    batch = StepBatch.stack([tree, tree])
    assert same(StepBatch.from_columns(batch.signature, batch.columns).step(1), tree)


@given(trees, trees)
def test_the_fast_comparison_agrees_with_the_form(tree, other):
    form, values = flatten(tree)
    for step in (tree, other):
        found = values_of(form, step)
        if found is not None:
            assert flatten(step)[0] == form
            assert same(found, flatten(step)[1])
    if not any(isinstance(value, np.ndarray) for value in values):
        assert values_of(form, tree) is not None


def test_the_fast_comparison_leaves_what_is_odd_to_the_slow_one():
    form, _ = flatten({"a": 1, "b": None, "c": torch.zeros(2), "d": 1.0})
    step = {"a": 1, "b": None, "c": torch.zeros(2), "d": 1.0}
    assert values_of(form, step) == [1, step["c"], 1.0]
    odd = (2**63, True, np.int64(1), 1.0)
    for key, value in (*(("a", value) for value in odd), ("c", torch.zeros(2).to_sparse())):
        assert values_of(form, {**step, key: value}) is None
    assert values_of(form, {"a": 1, "x": None, "c": torch.zeros(2), "d": 1.0}) is None
    assert values_of(form, {**step, "b": "text"}) is None
    assert values_of(form, {**step, "d": np.float64(1.0)}) is None
    with pytest.raises(ValueError, match="64 bits"):
        StepBatch.stack([step, {**step, "a": 2**63}])


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.fixed_dictionaries(
            {},
            optional={
                "kind": st.one_of(inner, st.sampled_from(["dict", "list", "tensor", "float"])),
                "items": inner,
                "dtype": st.one_of(inner, st.sampled_from(sorted(DTYPES))),
                "shape": st.one_of(inner, st.lists(st.integers(-2, 3), max_size=2)),
            },
        ),
    ),
    max_leaves=10,
)


@given(st.one_of(st.text(), json_values.map(json.dumps)))
def test_signatures_from_outside_raise_nothing_but_value_error(text):
    with contextlib.suppress(ValueError):
        StepBatch.from_columns(text, [torch.zeros(1, 2)])


def test_huge_and_deep_signatures_are_refused():
    with pytest.raises(ValueError, match="at most"):
        read_signature(" " * (1 << 19))
    deep = '{"items":[' * 10_000 + "]}" * 10_000
    with pytest.raises(ValueError):
        read_signature(deep)
    with pytest.raises(ValueError, match="canonical"):
        read_signature(signature_of(1.0).replace(",", ", "))
