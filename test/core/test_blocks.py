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

"""Large buffers are saved in blocks: only what changed is written, and all of it comes back."""

import threading
from contextlib import nullcontext

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.core.data import DataUser, StepBatch, blocks
from pamiq_ros.core.data.impls import RandomReplacementBuffer, SequentialBuffer
from pamiq_ros.core.state import reusing, save_tree

STEPS_IN_BLOCK = 4
FORM = {"x": torch.zeros(2), "done": False}


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", STEPS_IN_BLOCK * 9)
        yield


def step(n):
    return {"x": torch.full((2,), float(n)), "done": n % 3 == 0}


def fill(buffer, numbers):
    for n in numbers:
        buffer.add(step(n))


def numbers(buffer):
    return [int(kept["x"][0]) for kept in buffer.get_data()]


def files(folder):
    return {f.name: f.stat().st_ino for f in (folder / "b.blocks").iterdir()}


def save(buffer, folder, before=None):
    folder.mkdir()
    with reusing(before, folder):
        buffer.save_state(folder / "b")
    return files(folder)


@given(
    capacity=st.integers(1, 20),
    other=st.integers(1, 20),
    first=st.integers(0, 30),
    more=st.lists(st.integers(0, 9), max_size=4),
)
def test_a_ring_comes_back_whatever_was_added_between_saves(
    tmp_path_factory, capacity, other, first, more
):
    folder = tmp_path_factory.mktemp("states")
    buffer, added, before = SequentialBuffer(capacity, example=FORM), 0, None
    for index, count in enumerate([first, *more]):
        fill(buffer, range(added, added + count))
        added += count
        save(buffer, folder / str(index), before)
        before = folder / str(index)
    for size in (capacity, other):
        loaded = SequentialBuffer(size)
        loaded.load_state(before / "b")
        assert numbers(loaded) == numbers(buffer)[-size:]
        fill(loaded, [777])
        assert numbers(loaded) == [*numbers(buffer), 777][-size:]


def test_only_blocks_that_changed_are_written_anew(tmp_path):
    buffer = SequentialBuffer(20, example=FORM)
    fill(buffer, range(18))
    first = save(buffer, tmp_path / "1")
    assert len(first) == 5
    fill(buffer, [18])
    second = save(buffer, tmp_path / "2", tmp_path / "1")
    assert len(second) == 5 and len(first.items() & second.items()) == 4
    assert save(buffer, tmp_path / "3", tmp_path / "2") == second
    fill(buffer, range(19, 22))  # the last slot, and round to the first two
    fourth = save(buffer, tmp_path / "4", tmp_path / "3")
    assert len(fourth.items() & second.items()) == 3


def test_blocks_of_a_loaded_state_are_taken_over(tmp_path):
    buffer = RandomReplacementBuffer(16, example=FORM)
    fill(buffer, range(16))
    first = save(buffer, tmp_path / "1")
    loaded = RandomReplacementBuffer(16)
    loaded.load_state(tmp_path / "1" / "b")
    assert save(loaded, tmp_path / "2", tmp_path / "1") == first
    fill(loaded, [99])
    assert len(save(loaded, tmp_path / "3", tmp_path / "2").items() & first.items()) == 3


def test_a_state_stays_as_it_is_while_the_buffer_goes_on_and_states_before_it_go(tmp_path):
    buffer = SequentialBuffer(8, example=FORM)
    fill(buffer, range(8))
    save(buffer, tmp_path / "1")
    save(buffer, tmp_path / "2", tmp_path / "1")
    fill(buffer, range(8, 16))
    for file in (tmp_path / "1" / "b.blocks").iterdir():
        file.unlink()
    loaded = SequentialBuffer(8)
    loaded.load_state(tmp_path / "2" / "b")
    assert numbers(loaded) == list(range(8))


def test_what_was_saved_ahead_is_not_written_again_unless_it_changed(tmp_path):
    buffer = SequentialBuffer(16, example=FORM)
    fill(buffer, range(16))
    buffer.save_ahead(tmp_path / "b", nullcontext())
    ahead = files(tmp_path)
    assert len(ahead) == 4
    fill(buffer, [16])
    buffer.save_state(tmp_path / "b")
    assert len(files(tmp_path)) == 4 and len(files(tmp_path).items() & ahead.items()) == 3
    loaded = SequentialBuffer(16)
    loaded.load_state(tmp_path / "b")
    assert numbers(loaded) == list(range(1, 17))


def test_saving_ahead_beside_a_trainer_ends_in_a_state_of_the_end(tmp_path):
    user = DataUser(SequentialBuffer(32, example=FORM))
    end = threading.Event()
    added = 0

    def train():
        nonlocal added
        while not end.is_set():
            user.receive(StepBatch.stack([step(added)]))
            user.update()
            added += 1

    trainer = threading.Thread(target=train)
    trainer.start()
    for _ in range(20):
        user.save_ahead(tmp_path / "user")
    end.set()
    trainer.join()
    user.save_state(tmp_path / "user")
    loaded = DataUser(SequentialBuffer(32))
    loaded.load_state(tmp_path / "user")
    assert [int(s["x"][0]) for s in loaded.get_data()] == list(range(added))[-32:]


def test_steps_that_fill_a_block_while_it_is_being_saved_ahead_are_in_it(tmp_path):
    buffer = SequentialBuffer(16, example=FORM)
    fill(buffer, range(6))

    class Late:
        """A lock that is got only once others have added steps."""

        def __enter__(self):
            fill(buffer, [len(buffer)])

        def __exit__(self, *_):
            pass

    buffer.save_ahead(tmp_path / "b", Late())
    buffer.save_state(tmp_path / "b")
    loaded = SequentialBuffer(16)
    loaded.load_state(tmp_path / "b")
    assert numbers(loaded) == numbers(buffer) == list(range(8))


def test_a_block_that_is_too_short_is_refused_by_name(tmp_path):
    buffer = SequentialBuffer(16, example=FORM)
    fill(buffer, range(6))
    *_, name = sorted(save(buffer, tmp_path / "1"))
    file = tmp_path / "1" / "b.blocks" / name.removesuffix(".safetensors")
    save_tree(file, [torch.zeros(1, dtype=torch.bool), torch.zeros(1, 2)])
    with pytest.raises(ValueError, match=rf"{file.name}: expected .* \[2\], found .* \[1\]"):
        SequentialBuffer(16).load_state(tmp_path / "1" / "b")


def test_a_block_of_another_shape_is_refused_by_name(tmp_path):
    buffer = SequentialBuffer(4, example=FORM)
    fill(buffer, range(4))
    [name] = save(buffer, tmp_path / "1")
    save_tree(
        tmp_path / "1" / "b.blocks" / name.removesuffix(".safetensors"),
        [torch.zeros(4, dtype=torch.bool), torch.zeros(4, 3)],
    )
    with pytest.raises(ValueError, match=r"expected .*\[4, 2\], found .*\[4, 3\]") as caught:
        SequentialBuffer(4).load_state(tmp_path / "1" / "b")
    assert name.removesuffix(".safetensors") in str(caught.value)
