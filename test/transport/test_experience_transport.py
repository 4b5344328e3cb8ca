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

"""What an agent collects arrives once and in order, and what does not is counted."""

import json
import random
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pamiq_ros.transport.experience import decode_experience
from pamiq_ros.transport.experience_receiver import ExperienceReceiver
from pamiq_ros.transport.experience_sender import ExperienceSender

DEADLINE = 20.0


class Topic:
    """A channel that keeps all that is published on it; may be made to wait or to fail."""

    def __init__(self):
        self.payloads = []
        self.open = threading.Event()
        self.open.set()
        self.came = threading.Event()
        self.error = None

    def publish(self, data):
        assert self.open.wait(DEADLINE)
        if self.error is not None:
            raise self.error
        self.payloads.append(bytes(data))  # the sender writes the next one over it
        self.came.set()

    def batches(self):
        return [decode_experience(data) for data in self.payloads]


class Learner:
    """A receiver and what it delivered."""

    def __init__(self, digest="d1"):
        self.values = []
        self.errors = []
        self.receiver = ExperienceReceiver(
            digest, ["camera"], self.deliver, on_error=self.errors.append
        )

    def deliver(self, buffer, batch):
        assert buffer == "camera"
        self.values += [int(batch.step(i)["x"]) for i in range(len(batch))]

    @property
    def statistics(self):
        return self.receiver.statistics()["camera"]


@pytest.fixture
def make_sender():
    senders = []

    def make(topic, buffer="camera", digest="d1", source="robot-1", **options):
        options = {"max_delay_s": 3600.0, **options}
        senders.append(ExperienceSender(buffer, digest, source, topic.publish, **options))
        return senders[-1]

    yield make
    for sender in senders:
        sender.close(DEADLINE)


def step(value):
    return {"x": torch.tensor(value), "picture": torch.zeros(10)}


def published(make_sender, count, **options):
    """The payloads of `count` steps, value = sequence number."""
    topic = Topic()
    sender = make_sender(topic, **options)
    for value in range(count):
        sender.collect(step(value), 1, value)
    assert sender.flush(DEADLINE)
    return topic.payloads


def test_a_receiver_drops_what_the_one_before_it_has_delivered(make_sender):
    payloads = published(make_sender, 10, max_steps=2)
    before, after = Learner(), Learner()
    for data in payloads[:3]:
        before.receiver.receive("camera", data)
    after.receiver.restore_received(json.loads(json.dumps(before.receiver.received())))
    for data in payloads:
        after.receiver.receive("camera", data)
    assert after.values == [6, 7, 8, 9]
    assert (after.statistics["duplicates"], after.statistics["lost"]) == (6, 0)


def test_steps_arrive_in_order_with_versions_and_stamps(make_sender):
    topic, learner = Topic(), Learner()
    sender = make_sender(topic, max_steps=4)
    for value in range(10):
        sender.collect(step(value), value // 5, 1000 + value)
    assert sender.flush(DEADLINE)
    for data in topic.payloads:
        learner.receiver.receive("camera", data)
    assert learner.values == list(range(10))
    batches = topic.batches()
    assert [v for b in batches for v in b.weights_versions.tolist()] == [0] * 5 + [1] * 5
    assert [v for b in batches for v in b.stamps.tolist()] == list(range(1000, 1010))
    assert max(len(b.steps) for b in batches) <= 4
    size = sum(map(len, topic.payloads))
    assert sender.statistics() == {
        "collected": 10,
        "dropped": 0,
        "queued": 0,
        "sent": 10,
        "numbered": 10,
        "unwritable": 0,
        "unpublished": 0,
        "batches": len(batches),
        "bytes": size,
    }
    assert learner.statistics == {
        "received": 10,
        "up_to": 10,
        "batches": len(batches),
        "bytes": size,
        "duplicates": 0,
        "malformed": 0,
        "foreign": 0,
        "rejected": 0,
        "lost": 0,
    }


def test_a_full_batch_goes_out_by_itself(make_sender):
    topic = Topic()
    sender = make_sender(topic, max_steps=3)
    for value in range(3):
        sender.collect(step(value), 0, 0)
    assert topic.came.wait(DEADLINE)
    assert len(topic.batches()[0].steps) == 3


def test_enough_bytes_go_out_by_themselves(make_sender):
    topic = Topic()
    make_sender(topic, max_bytes=5000).collect({"x": torch.zeros(5000)}, 0, 0)
    assert topic.came.wait(DEADLINE)


def test_a_lonely_step_goes_out_after_the_delay(make_sender):
    topic = Topic()
    make_sender(topic, max_delay_s=0.01).collect(step(0), 0, 0)
    assert topic.came.wait(DEADLINE)


def test_without_a_delay_each_step_goes_out_at_once(make_sender):
    topic = Topic()
    make_sender(topic, max_delay_s=0.0).collect(step(0), 0, 0)
    assert topic.came.wait(DEADLINE)


def test_figures_are_there_before_the_first_step():
    figures = Learner().statistics
    assert figures["received"] == figures["lost"] == 0


def test_payloads_keep_to_their_bytes(make_sender):
    topic = Topic()
    sender = make_sender(topic, max_bytes=20_000)
    for value in range(50):
        sender.collect({"x": torch.full((1000,), value)}, 0, 0)
    assert sender.flush(DEADLINE)
    assert sum(len(b.steps) for b in topic.batches()) == 50
    assert all(len(data) < 25_000 for data in topic.payloads)


def test_a_full_queue_drops_the_oldest_and_the_receiver_sees_it(make_sender):
    topic, learner = Topic(), Learner()
    topic.open.clear()  # the network hangs
    sender = make_sender(topic, max_steps=1, max_queue_bytes=2000)
    for value in range(100):
        sender.collect(step(value), 0, 0)
    topic.open.set()
    assert sender.flush(DEADLINE)
    for data in topic.payloads:
        learner.receiver.receive("camera", data)
    dropped = sender.statistics()["dropped"]
    assert dropped > 50
    assert learner.values[-1] == 99 and len(learner.values) == 100 - dropped
    # All but what was lost before the first step that came.
    assert learner.statistics["lost"] == 99 - learner.values[0] + 1 - len(learner.values)
    assert [b.first_sequence for b in topic.batches()] == learner.values


def test_steps_of_another_form_go_separately_and_keep_their_order(make_sender):
    topic, learner = Topic(), Learner()
    topic.open.clear()
    sender = make_sender(topic)
    for value in range(9):
        extra = {"more": 1.0} if value in (3, 4, 7) else {}
        sender.collect({"x": value, **extra}, 0, 0)
    topic.open.set()
    assert sender.flush(DEADLINE)
    for data in topic.payloads:
        learner.receiver.receive("camera", data)
    assert learner.values == list(range(9))
    assert learner.statistics["lost"] == 0


def test_a_step_that_cannot_be_sent_is_reported_and_leaves_no_gap(make_sender):
    topic, learner, errors = Topic(), Learner(), []
    sender = make_sender(topic, on_error=errors.append)
    for value in (0, 1, 2, 3):
        sender.collect({"x": object()} if value == 2 else {"x": value}, 0, 0)
    sender.collect({"x": 4}, 0, -1)  # no such time
    assert sender.flush(DEADLINE)
    sender.collect({"x": 5}, 0, 0)
    assert sender.flush(DEADLINE)
    for data in topic.payloads:
        learner.receiver.receive("camera", data)
    assert learner.statistics["lost"] == 0
    assert learner.values[-1] == 5 and 2 not in learner.values
    assert sender.statistics()["unwritable"] + sender.statistics()["sent"] == 6
    assert any("'camera'" in text and "['x']" in text for text in errors)


def test_failed_publishing_is_reported_and_seen_as_lost(make_sender):
    topic, learner, errors = Topic(), Learner(), []
    sender = make_sender(topic, on_error=errors.append)
    for value in range(3):
        topic.error = OSError("no network") if value == 1 else None
        sender.collect(step(value), 0, 0)
        assert sender.flush(DEADLINE)
    for data in topic.payloads:
        learner.receiver.receive("camera", data)
    assert learner.values == [0, 2]
    assert learner.statistics["lost"] == sender.statistics()["unpublished"] == 1
    assert errors == ["buffer 'camera': publishing failed: OSError: no network"]


def test_flush_says_when_it_did_not_get_done(make_sender):
    topic = Topic()
    sender = make_sender(topic)
    assert sender.flush(0.0)
    topic.open.clear()
    sender.collect(step(0), 0, 0)
    assert not sender.flush(0.05)
    topic.open.set()
    assert sender.flush(DEADLINE)


def test_closing_sends_what_is_left(make_sender):
    topic = Topic()
    sender = make_sender(topic)
    for value in range(200):
        sender.collect(step(value), 0, 0)
    assert sender.close(DEADLINE)
    assert sum(len(b.steps) for b in topic.batches()) == 200
    with pytest.raises(RuntimeError, match="'camera'"):
        sender.collect(step(0), 0, 0)
    assert sender.close(DEADLINE)


@pytest.mark.parametrize(
    "options",
    [{"max_steps": 0}, {"max_bytes": -1}, {"max_delay_s": -0.1}, {"max_delay_s": float("inf")}],
)
def test_limits_out_of_range_are_refused_by_name(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ExperienceSender("camera", "d1", "robot-1", print, **options)


def test_a_restarted_robot_is_another_source(make_sender):
    learner = Learner()
    for source in ("robot-1", "robot-2"):
        for data in published(make_sender, 5, source=source):
            learner.receiver.receive("camera", data)
    assert learner.values == [0, 1, 2, 3, 4] * 2
    assert learner.statistics["lost"] == learner.statistics["duplicates"] == 0


def test_a_learner_that_joins_late_counts_from_what_it_sees_first(make_sender):
    learner = Learner()
    for data in published(make_sender, 30, max_steps=5)[-2:]:
        learner.receiver.receive("camera", data)
    assert learner.statistics["lost"] == 0
    assert learner.values[-1] == 29


def test_another_configuration_is_refused_and_told_of_once(make_sender):
    learner = Learner(digest="ours")
    for data in published(make_sender, 30, max_steps=5, digest="theirs"):
        learner.receiver.receive("camera", data)
    assert learner.values == []
    assert learner.statistics["foreign"] > 1
    assert len(learner.errors) == 1
    assert "'ours'" in learner.errors[0] and "'theirs'" in learner.errors[0]


def test_malformed_and_misdirected_payloads_are_counted(make_sender):
    learner = Learner()
    misdirected = published(make_sender, 1, buffer="lidar")
    for data in [b"", b"nonsense" * 10, *misdirected]:
        learner.receiver.receive("camera", data)
    assert learner.statistics["malformed"] == 3 and learner.statistics["received"] == 0
    assert "'lidar'" in learner.errors[-1]
    for data in published(make_sender, 3):
        learner.receiver.receive("camera", data)
    assert learner.values == [0, 1, 2]


def test_steps_the_buffer_does_not_take_are_counted(make_sender):
    def refuse(buffer, batch):
        raise ValueError("another form")

    errors = []
    receiver = ExperienceReceiver("d1", ["camera"], refuse, on_error=errors.append)
    for data in published(make_sender, 3):
        receiver.receive("camera", data)
    assert receiver.statistics()["camera"]["rejected"] == 3
    assert receiver.statistics()["camera"]["received"] == 0
    assert "'camera'" in errors[0] and "another form" in errors[0]


def test_many_sources_take_bounded_memory_and_their_losses_stay_counted(make_sender):
    learner = Learner()
    for number in range(70):
        made = published(make_sender, 3, source=f"robot-{number}", max_steps=1)
        for data in made[:1] + made[2:]:
            learner.receiver.receive("camera", data)
    assert learner.statistics["received"] == 140
    assert learner.statistics["lost"] == 70


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 1.0))
def test_over_a_bad_channel_each_step_arrives_once_or_is_counted(seed, loss, doubling, disorder):
    dice = random.Random(seed)
    topic, learner = Topic(), Learner()
    sender = ExperienceSender(
        "camera", "d1", "robot-1", topic.publish, max_steps=3, max_delay_s=3600.0
    )
    for value in range(60):
        sender.collect({"x": value}, 0, 0)
    assert sender.close(DEADLINE)
    kept = [data for data in topic.payloads if dice.random() >= loss] or topic.payloads[:1]
    channel = [(i + dice.random() * disorder * 9, data) for i, data in enumerate(kept)]
    channel += [(dice.random() * 60, data) for data in kept if dice.random() < doubling]
    for _, data in sorted(channel, key=lambda pair: pair[0]):
        learner.receiver.receive("camera", data)
    expected = sorted(v for data in kept for v in decode_experience(data).steps.stacked()["x"])
    assert sorted(learner.values) == [int(value) for value in expected]
    assert learner.statistics["received"] == len(expected)
    assert learner.statistics["lost"] == expected[-1] - expected[0] + 1 - len(expected)
    doubled = sum(len(decode_experience(data).steps) for _, data in channel) - len(expected)
    assert learner.statistics["duplicates"] == doubled


def test_two_threads_may_collect(make_sender):
    topic, learner = Topic(), Learner()
    sender = make_sender(topic, max_steps=7)

    def collect(first):
        for value in range(first, first + 500):
            sender.collect({"x": value}, 0, 0)

    threads = [threading.Thread(target=collect, args=(first,)) for first in (0, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert sender.flush(DEADLINE)
    for data in topic.payloads:
        learner.receiver.receive("camera", data)
    assert sorted(learner.values) == [*range(500), *range(1000, 1500)]
    assert learner.statistics["lost"] == 0
