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

"""Buffers keep what they promise, whether the steps are objects or columns."""

import collections
import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.core.data import DataBuffer, StepBatch
from pamiq_ros.core.data import storage as memory
from pamiq_ros.core.data.impls import (
    DictRandomReplacementBuffer,
    DictSequentialBuffer,
    RandomReplacementBuffer,
    SequentialBuffer,
)


def step(number: int) -> dict:
    return {"obs": torch.full((2,), float(number)), "number": number}


def numbers(steps) -> list[int]:
    return [s["number"] for s in steps]


def numbers_of(buffer) -> list[int]:
    return [s["n"] for s in buffer.get_data()]


additions = st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=8)


def fill(buffer, plan) -> list[int]:
    """Adds as planned, by batches or one by one; returns all numbers in order."""
    added = []
    for batched, count in plan:
        new = [len(added) + i for i in range(count)]
        if batched:
            buffer.add_batch(StepBatch.stack([step(n) for n in new]))
        else:
            for n in new:
                buffer.add(step(n))
        added += new
    return added


@given(st.integers(1, 7), additions)
def test_sequential_keeps_the_newest_in_order(size, plan):
    buffer = SequentialBuffer(size)
    model = collections.deque(fill(buffer, plan), maxlen=size)
    assert numbers(buffer.get_data()) == list(model)
    assert [s["obs"].tolist() for s in buffer.get_data()] == [[n, n] for n in model]
    assert len(buffer) == len(model)


@given(st.integers(1, 7), additions)
def test_random_replacement_at_1_always_keeps_the_last_and_no_step_twice(size, plan):
    buffer = RandomReplacementBuffer(size)
    added = fill(buffer, plan)
    kept = numbers(buffer.get_data())
    assert len(kept) == len(buffer) == min(size, len(added))
    assert buffer.is_full == (len(kept) == size)
    assert len(set(kept)) == len(kept) and set(kept) <= set(added)
    assert not added or added[-1] in kept
    if len(added) <= size:
        assert kept == added


@pytest.mark.parametrize("make", [SequentialBuffer, RandomReplacementBuffer])
@pytest.mark.parametrize("batch", [1, 3, 25])
def test_large_steps_are_kept_whole(make, batch):
    buffer = make(10)
    added = list(range(50))
    for start in range(0, 50, batch):
        steps = [{"n": n, "obs": torch.full((2000,), n)} for n in added[start : start + batch]]
        buffer.add_batch(StepBatch.stack(steps))
        for kept in buffer.get_data():
            assert bool((kept["obs"] == kept["n"]).all())
    kept = numbers_of(buffer)
    assert len(set(kept)) == 10 and 49 in kept
    assert make is not SequentialBuffer or kept == added[-10:]


@given(st.integers(1, 7), additions)
def test_random_replacement_at_0_keeps_the_first(size, plan):
    buffer = RandomReplacementBuffer(size, replace_probability=0.0)
    added = fill(buffer, plan)
    assert numbers(buffer.get_data()) == added[:size]


@pytest.mark.parametrize("batch", [1, 7, 400])
@pytest.mark.parametrize("probability", [1.0, 0.3])
def test_random_replacement_survival_is_that_of_the_rule(batch, probability):
    # A kept step outlives k new ones with probability (1 - p/n)^k, whatever the batches are.
    size, new, runs = 20, 40, 60
    torch.manual_seed(0)
    survived = 0
    for _ in range(runs):
        buffer = RandomReplacementBuffer(size, replace_probability=probability)
        steps = torch.arange(size + new)
        for start in range(0, size + new, batch):
            chunk = steps[start : start + batch]
            buffer.add_batch(StepBatch.stack([{"n": n} for n in chunk]))
        survived += sum(s["n"] < size for s in buffer.get_data())
    expected = size * (1 - probability / size) ** new
    assert survived / runs == pytest.approx(expected, rel=0.15)


def test_survival_length_gives_the_documented_probability():
    compute = RandomReplacementBuffer.compute_replace_probability_from_expected_survival_length
    assert compute(100, 1000) == pytest.approx(0.1 * (math.log(100) + 0.5772156649))
    assert compute(100, 10) == 1.0
    buffer = RandomReplacementBuffer(100, expected_survival_length=1000)
    assert buffer.max_queue_size == int(100 / compute(100, 1000))


@pytest.mark.parametrize(
    "make",
    [
        lambda: SequentialBuffer(0),
        lambda: RandomReplacementBuffer(0),
        lambda: RandomReplacementBuffer(5, 1.5),
        lambda: RandomReplacementBuffer(5, -0.1),
        lambda: RandomReplacementBuffer(5, 0.5, 100),
        lambda: RandomReplacementBuffer(5, expected_survival_length=0),
    ],
)
def test_bad_sizes_and_probabilities_are_refused(make):
    with pytest.raises(ValueError, match="expected"):
        make()


@pytest.mark.parametrize("make", [SequentialBuffer, RandomReplacementBuffer])
def test_objects_are_kept_as_they_are(make):
    buffer = make(3)
    items = [object(), "text", {"a": 1}]
    for item in items:
        buffer.add(item)
    assert all(a is b for a, b in zip(buffer.get_data(), items, strict=True))
    buffer.get_data().clear()
    assert len(buffer) == 3


def test_numbers_of_other_kinds_may_mix_while_they_are_objects():
    buffer = SequentialBuffer(2)
    for value in (1, 2.5, "three"):
        buffer.add(value)
    assert buffer.get_data() == [2.5, "three"]


def test_a_step_of_another_form_is_refused_with_both():
    buffer = SequentialBuffer(4)
    buffer.add({"obs": torch.zeros(2)})
    with pytest.raises(
        ValueError, match=r"step\['obs'\]: expected float32 \[2\], found float32 \[3\]"
    ):
        buffer.add({"obs": torch.zeros(3)})
    with pytest.raises(ValueError, match=r'"shape":\[2\].*"shape":\[3\]'):
        buffer.add_batch(StepBatch.stack([{"obs": torch.zeros(3)}]))
    assert len(buffer) == 1


def test_data_that_was_given_out_does_not_change():
    buffer = SequentialBuffer(1)
    source = torch.zeros(2)
    buffer.add(source)
    source += 1
    (before,) = buffer.get_data()
    buffer.add(torch.full((2,), 9.0))
    assert before.tolist() == [0.0, 0.0]


def test_tensors_that_require_gradients_are_kept_without():
    buffer = SequentialBuffer(2)
    buffer.add(torch.ones(2, requires_grad=True) * 2)
    assert not buffer.get_data()[0].requires_grad


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64, torch.bfloat16])
def test_unusual_dtypes_are_kept(dtype):
    buffer = SequentialBuffer(3)
    buffer.add(torch.ones(2, dtype=dtype))
    buffer.add_batch(StepBatch.stack([torch.zeros(2, dtype=dtype)] * 2))
    assert [d.tolist() for d in buffer.get_data()] == [[1, 1], [0, 0], [0, 0]]
    assert buffer.sample(5).dtype == dtype


@pytest.mark.parametrize("make", [SequentialBuffer, RandomReplacementBuffer])
@pytest.mark.parametrize("batched", [True, False])
def test_sample_draws_whole_steps_from_what_is_there(make, batched):
    buffer = make(50)
    fill(buffer, [(batched, 30)])
    sample = buffer.sample(64, torch.Generator().manual_seed(1))
    assert sample["obs"].shape == (64, 2)
    assert torch.equal(sample["obs"][:, 0], sample["number"].float())
    assert sample["number"].min() >= 0 and sample["number"].max() < 30
    again = buffer.sample(64, torch.Generator().manual_seed(1))
    assert torch.equal(sample["number"], again["number"])
    assert len(set(sample["number"].tolist())) > 10


def test_sampling_objects_that_are_steps_works_too():
    buffer = SequentialBuffer(4)
    buffer.add({"reward": 1.0})
    assert buffer.sample(3)["reward"].tolist() == [1.0, 1.0, 1.0]


def test_sampling_nothing_is_refused():
    buffer = SequentialBuffer(4)
    with pytest.raises(ValueError, match="empty"):
        buffer.sample(1)
    buffer.add(torch.zeros(1))
    with pytest.raises(ValueError, match="batch_size: expected 1 or more, found 0"):
        buffer.sample(0)


def test_a_buffer_that_does_not_fit_says_what_it_needs():
    example = {"image": torch.zeros(3, 1000, 1000)}
    with pytest.raises(MemoryError, match=r"needs 12000000000000 bytes, \d+ bytes are available"):
        SequentialBuffer(10**6, example=example)
    buffer = DictSequentialBuffer(["image"], 10**6)
    with pytest.raises(MemoryError, match="12000000000000"):
        buffer.add(example)
    assert len(buffer) == 0


def test_an_example_is_not_a_step():
    buffer = RandomReplacementBuffer(5, example=torch.zeros(2))
    assert len(buffer) == 0 and buffer.get_data() == []
    with pytest.raises(ValueError, match="expected float32"):
        buffer.add(torch.zeros(3))


def test_a_copy_that_does_not_fit_is_refused(monkeypatch):
    buffer = SequentialBuffer(10)
    buffer.add(torch.zeros(100))
    monkeypatch.setattr(memory, "available_memory", lambda: 10)
    with pytest.raises(MemoryError, match=r"get_data of 1 steps .* needs 400 bytes, 10 bytes"):
        buffer.get_data()


def test_available_memory_without_proc(monkeypatch, tmp_path):
    assert memory.available_memory() > 0
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    assert memory.available_memory() > 0


@pytest.mark.parametrize("make", [DictSequentialBuffer, DictRandomReplacementBuffer])
def test_dict_buffers_give_a_list_for_each_key(make):
    buffer = make(["obs", "number"], 3)
    assert buffer.get_data() == {"obs": [], "number": []}
    for n in range(2):
        buffer.add(step(n))
    buffer.add_batch(StepBatch.stack([step(2)]))
    data = buffer.get_data()
    assert data["number"] == [0, 1, 2]
    assert torch.stack(data["obs"]).shape == (3, 2)
    assert buffer.sample(4)["obs"].shape == (4, 2)
    assert buffer.keys == {"obs", "number"} and buffer.max_size == 3 and len(buffer) == 3
    buffer.keys.clear()
    for wrong in ({"obs": torch.zeros(2)}, {**step(1), "more": 1}):
        with pytest.raises(ValueError, match=r"expected the keys \['number', 'obs'\], found"):
            buffer.add(wrong)
        with pytest.raises(ValueError, match=r"expected the keys \['number', 'obs'\], found"):
            buffer.add_batch(StepBatch.stack([wrong]))
    with pytest.raises(ValueError, match="expected a dict"):
        buffer.add_batch(StepBatch.stack([torch.zeros(2)]))


@given(st.integers(1, 6), st.integers(1, 6), additions)
def test_a_sequential_buffer_comes_back_from_its_file(tmp_path_factory, size, new_size, plan):
    path = tmp_path_factory.mktemp("buffer") / "experience.v1"
    buffer = SequentialBuffer(size)
    fill(buffer, plan)
    buffer.save_state(path)
    loaded = SequentialBuffer(new_size)
    loaded.add(step(99))
    loaded.load_state(path)
    assert numbers(loaded.get_data()) == numbers(buffer.get_data())[-new_size:]


@pytest.mark.parametrize(
    "items",
    [
        [{"a": [1, 2.5, None], "b": ("x", True)}, {"a": [], "b": ("y", False)}, {"c": {}}],
        [{"n": np.arange(3), "s": "x", "t": torch.ones(2)}] * 2,
        [1.0, 2, "three", None],
    ],
)
@pytest.mark.parametrize("make", [SequentialBuffer, RandomReplacementBuffer])
def test_buffers_of_any_plain_data_come_back(make, items, tmp_path):
    buffer = make(10)
    for item in items:
        buffer.add(item)
    buffer.save_state(tmp_path / "b")
    assert (tmp_path / "b.safetensors").is_file()
    loaded = make(10)
    loaded.load_state(tmp_path / "b")
    assert str(loaded.get_data()) == str(items)


def test_objects_that_no_file_can_hold_are_named(tmp_path):
    buffer = SequentialBuffer(2)
    buffer.add({"a": object()})
    with pytest.raises(TypeError, match=r"state\['steps'\]\['0'\]\['a'\].*found object"):
        buffer.save_state(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_dict_buffer_comes_back(tmp_path):
    buffer = DictSequentialBuffer(["obs", "number"], 3)
    fill(buffer, [(True, 5)])
    buffer.save_state(tmp_path / "b")
    loaded = DictSequentialBuffer(["obs", "number"], 3)
    loaded.load_state(tmp_path / "b")
    assert loaded.get_data()["number"] == [2, 3, 4]


class OwnBuffer(DataBuffer):
    def __init__(self, queue=5):
        super().__init__(queue)
        self.items = []

    def add(self, data):
        self.items.append(data)

    def get_data(self):
        return self.items

    def __len__(self):
        return len(self.items)


def test_a_buffer_of_ones_own_takes_batches_step_by_step():
    buffer = OwnBuffer()
    buffer.add_batch(StepBatch.stack([step(0), step(1)]))
    assert numbers(buffer.get_data()) == [0, 1]
    with pytest.raises(NotImplementedError, match="OwnBuffer does not sample"):
        buffer.sample(1)


def test_queue_sizes_are_checked():
    with pytest.raises(ValueError, match="max_queue_size"):
        OwnBuffer(-1)
    with pytest.warns(RuntimeWarning, match="max_queue_size is None"):
        OwnBuffer(None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert OwnBuffer(7).max_queue_size == 7


@pytest.mark.parametrize("batched", [False, True])
def test_the_newest_steps_come_in_order_also_around_the_end(batched):
    buffer = SequentialBuffer(10)
    steps = [{"number": n, "obs": torch.full((2,), float(n))} for n in range(23)]
    if batched:
        buffer.add_batch(StepBatch.stack(steps))
    else:
        for step in steps:
            buffer.add(step)
    assert buffer.newest(4)["number"].tolist() == [19, 20, 21, 22]
    assert buffer.newest(99)["obs"][:, 1].tolist() == [float(n) for n in range(13, 23)]


def test_sequences_are_steps_in_a_row():
    buffer = SequentialBuffer(10)
    for n in range(23):
        buffer.add({"number": n, "parts": [torch.full((3,), float(n))]})
    drawn = buffer.sample_sequences(64, 4, torch.Generator().manual_seed(0))
    assert drawn["number"].shape == (64, 4) and drawn["parts"][0].shape == (64, 4, 3)
    assert bool((drawn["number"].diff(dim=1) == 1).all())
    assert set(drawn["number"][:, 0].tolist()) == set(range(13, 20))
    assert torch.equal(drawn["parts"][0][..., 0], drawn["number"].float())


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda buffer: buffer.newest(0), "count: expected 1 or more, found 0"),
        (lambda buffer: buffer.sample_sequences(0, 1), "batch_size: expected 1 or more"),
        (lambda buffer: buffer.sample_sequences(1, 4), "length: expected at most the 3 steps kept"),
    ],
)
def test_what_can_not_be_drawn_in_order_is_said(ask, expected):
    buffer = SequentialBuffer(10)
    for n in range(3):
        buffer.add({"number": n})
    with pytest.raises(ValueError, match=expected):
        ask(buffer)
