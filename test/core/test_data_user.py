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

"""Steps reach the trainer's buffer from the same process and from another."""

import threading

import pytest
import torch

from pamiq_ros.core import time
from pamiq_ros.core.data import (
    DataCollectorsDict,
    DataUser,
    DataUsersDict,
    StepBatch,
)
from pamiq_ros.core.data import (
    users as users_module,
)
from pamiq_ros.core.data.impls import DictSequentialBuffer, SequentialBuffer
from pamiq_ros.core.data.users import ArrivalTimes


def batch(*values: float) -> StepBatch:
    return StepBatch.stack([torch.tensor([v]) for v in values])


def values(user) -> list[float]:
    return [d.item() for d in user.get_data()]


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves by hand."""
    now = [100.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_collected_steps_arrive_with_the_next_update():
    users = DataUsersDict.from_data_buffers({"a": SequentialBuffer(10)}, b=SequentialBuffer(10))
    collector = users.data_collectors_dict.acquire("a")
    collector.collect(torch.tensor([1.0]))
    assert len(users["a"]) == 0
    assert values(users["a"]) == [1.0]
    assert set(users.data_collectors_dict) == {"a", "b"}


def test_received_and_collected_steps_both_arrive():
    user = DataUser(SequentialBuffer(10))
    user.receive(batch(1.0, 2.0))
    user._collector.collect(torch.tensor([3.0]))
    user.update()
    assert sorted(values(user)) == [1.0, 2.0, 3.0]
    assert user.sample(5).shape == (5, 1)


def test_only_the_newest_steps_wait():
    user = DataUser(SequentialBuffer(3))
    for n in range(5):
        user._collector.collect(torch.tensor([float(n)]))
    assert values(user) == [2.0, 3.0, 4.0]
    for n in range(5):
        user.receive(batch(10.0 + n, 20.0 + n))
    assert user.dropped == 6
    assert values(user) == [23.0, 14.0, 24.0]


def test_what_takes_too_much_memory_does_not_wait(monkeypatch):
    monkeypatch.setattr(users_module, "MAX_PENDING_BYTES", 40)
    user = DataUser(SequentialBuffer(1000))
    user.receive(batch(*map(float, range(10))))
    assert len(user) == 0  # 40 bytes wait for the trainer
    user.receive(batch(10.0))
    assert len(user) == 11 and user.dropped == 0
    assert values(user) == list(range(11))


def test_while_the_trainer_uses_the_buffer_the_oldest_steps_give_way(monkeypatch):
    monkeypatch.setattr(users_module, "MAX_PENDING_BYTES", 40)
    user = DataUser(SequentialBuffer(1000))
    using, done = threading.Event(), threading.Event()

    def use(count, generator):
        using.set()
        assert done.wait(20.0)

    monkeypatch.setattr(user._buffer, "sample", use)
    trainer = threading.Thread(target=user.sample, args=(1,))
    trainer.start()
    assert using.wait(20.0)
    for n in range(5):  # never waits for the trainer
        user.receive(batch(*[float(n)] * 4))
    done.set()
    trainer.join(20.0)
    assert user.dropped == 12
    assert values(user) == [3.0] * 4 + [4.0] * 4


def test_counts_are_of_the_steps_that_arrived_after(clock):
    user = DataUser(SequentialBuffer(10))
    user._collector.collect(torch.tensor([1.0]))
    clock[0] = 101.0
    user.receive(batch(2.0, 3.0))
    user.update()
    assert [user.count_data_added_since(t) for t in (99.0, 100.0, 100.5, 101.0)] == [3, 2, 2, 0]


def test_arrival_is_when_it_was_received_and_not_when_it_was_moved(clock):
    user = DataUser(SequentialBuffer(10))
    user.receive(batch(1.0))
    clock[0] = 200.0
    user.update()
    assert user.count_data_added_since(150.0) == 0


def test_a_step_that_is_refused_takes_no_other_along():
    user = DataUser(SequentialBuffer(10))
    for value in (torch.zeros(1), torch.zeros(2), torch.ones(1)):
        user._collector.collect(value)
    with pytest.raises(ValueError, match=r"expected float32 \[1\], found float32 \[2\]"):
        user.update()
    assert values(user) == [0.0, 1.0]


@pytest.mark.parametrize(
    "buffer",
    [
        SequentialBuffer(10, example={"a": torch.zeros(1)}),
        DictSequentialBuffer(["a"], 10, example={"a": torch.zeros(1)}),
    ],
)
def test_received_steps_of_another_form_are_refused_at_once(buffer):
    user = DataUser(buffer)
    fits = StepBatch.stack([{"a": torch.ones(1)}])
    user.receive(fits)
    for other in ({"a": torch.zeros(2)}, {"b": torch.zeros(1)}, {"a": 0.0}):
        with pytest.raises(ValueError, match="expected"):
            user.receive(StepBatch.stack([other]))
    user.receive(fits)
    user.update()
    assert len(user) == 2


def test_a_collector_is_acquired_once():
    collectors = DataUsersDict.from_data_buffers(a=SequentialBuffer(1)).data_collectors_dict
    collectors.acquire("a")
    with pytest.raises(KeyError, match="already acquired"):
        collectors.acquire("a")
    with pytest.raises(KeyError, match="no data collector 'b', expected one of: a"):
        collectors.acquire("b")
    assert isinstance(collectors, DataCollectorsDict)


def test_nothing_is_lost_between_threads():
    user = DataUser(SequentialBuffer(4000))
    senders = [
        threading.Thread(
            target=lambda: (
                [user.receive(batch(1.0)) for _ in range(500)]
                + [user._collector.collect(torch.tensor([1.0])) for _ in range(500)]
            )
        )
        for _ in range(3)
    ]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        user.update()
    assert len(values(user)) == 3000
    assert user.count_data_added_since(0.0) == 3000


def test_users_come_back_from_their_directory(tmp_path, clock):
    def make():
        return DataUsersDict.from_data_buffers(
            a=SequentialBuffer(5), b=DictSequentialBuffer(["x"], 5)
        )

    users = make()
    users["a"].receive(batch(1.0, 2.0))
    users["b"]._collector.collect({"x": 7})
    users.save_state(tmp_path / "users")
    loaded = make()
    loaded.load_state(tmp_path / "users")
    assert values(loaded["a"]) == [1.0, 2.0]
    assert loaded["b"].get_data() == {"x": [7]}
    assert loaded["a"].count_data_added_since(99.0) == 2
    assert loaded["a"].count_data_added_since(100.0) == 0


def test_steps_that_arrive_at_once_are_one_pair():
    times = ArrivalTimes(max_steps=10)
    for count in (2, 0, 3):
        times.add(1.0, count)
    assert times.pairs() == [(1.0, 5)]
    assert times.count_since(0.5) == 5 and times.count_since(1.0) == 0


def test_arrival_times_take_bounded_memory():
    times = ArrivalTimes(max_steps=None)
    for n in range(70_000):
        times.add(float(n), 1)
    assert len(times.pairs()) == 1 << 16
    assert times.count_since(-1.0) == 70_000
    assert times.count_since(69_990.0) == 9
    limited = ArrivalTimes(max_steps=5)
    for n in range(20):
        limited.add(float(n), 2)
    assert limited.count_since(-1.0) == 5
    assert len(limited.pairs()) == 3
    none = ArrivalTimes(max_steps=0)
    none.add(1.0, 1)
    assert none.count_since(0.0) == 0
