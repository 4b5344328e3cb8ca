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

"""Weights arrive whole, the newest wins, and nothing that is no number is sent."""

import random
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pamiq_ros.core.model import NotFiniteError
from pamiq_ros.supervision.reports import LARGEST_VERSION
from pamiq_ros.transport.chunks import chunk_count, split_weights
from pamiq_ros.transport.payload import decode, encode
from pamiq_ros.transport.versions import MAX_VERSION, MOST_AHEAD, VersionCounter
from pamiq_ros.transport.weights import (
    Weights,
    decode_weights,
    encode_weights,
    tensors_of,
    weights_layout,
)
from pamiq_ros.transport.weights_receiver import WeightsReceiver
from pamiq_ros.transport.weights_sender import WeightsSender

DEADLINE = 20.0


class Topic:
    """A channel that keeps all that is published on it; may be made to wait or to fail."""

    def __init__(self):
        self.payloads = []
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()
        self.error = None

    def publish(self, data):
        self.reached.set()
        assert self.open.wait(DEADLINE)
        if self.error is not None:
            raise self.error
        self.payloads.append(data)


@pytest.fixture
def closing():
    ends = []
    yield lambda end: ends.append(end) or end
    for end in ends:
        end.close(DEADLINE)


@pytest.fixture
def make_sender(closing):
    def make(topic, digest="d1", source="learner-1", **options):
        options = {"pace_s": 0.0, "chunk_bytes": 256, **options}
        return closing(WeightsSender("encoder", digest, source, topic.publish, **options))

    return make


@pytest.fixture
def make_receiver(closing):
    def make(digest="d1", stage=None, **options):
        staged, errors = [], []
        stage = stage or (lambda version, parameters: staged.append((version, parameters)))
        receiver = WeightsReceiver(digest, stage, on_error=errors.append, **options)
        return closing(receiver), staged, errors

    return make


def parameters(value):
    return {"w": torch.full((100,), float(value)), "b": torch.arange(3)}


def published(make_sender, values, **options):
    topic = Topic()
    sender = make_sender(topic, **options)
    for value in values:
        sender.send(parameters(value))
        assert sender.flush(DEADLINE)
    return topic.payloads


def receive_all(receiver, payloads):
    for data in payloads:
        receiver.receive(data)
    assert receiver.flush(DEADLINE)


def values_of(staged):
    return [(version, int(params["w"][0])) for version, params in staged]


def test_weights_arrive_as_they_were_sent(make_sender, make_receiver):
    topic = Topic()
    sender = make_sender(topic)
    receiver, staged, errors = make_receiver()
    sender.send(parameters(7))
    assert sender.flush(DEADLINE)
    assert len(topic.payloads) > 1
    receive_all(receiver, topic.payloads)
    [(version, got)] = staged
    assert version == receiver.version == sender.version == 1
    assert receiver.source == "learner-1"
    assert all(torch.equal(got[name], value) for name, value in parameters(7).items())
    assert errors == []
    figures = sender.statistics()
    assert figures["published"] == 1 and figures["chunks"] == len(topic.payloads)
    assert figures["bytes"] == sum(map(len, topic.payloads)) == receiver.statistics()["bytes"]
    assert receiver.statistics()["received"] == 1


def test_versions_rise_by_one(make_sender, make_receiver):
    receiver, staged, _ = make_receiver()
    receive_all(receiver, published(make_sender, [5, 6, 7]))
    assert values_of(staged) == [(1, 5), (2, 6), (3, 7)]


def test_numbering_goes_on_after_what_was_seen_in_use(make_sender):
    topic, versions = Topic(), VersionCounter()
    sender = make_sender(topic, chunk_bytes=2**20, versions=versions)
    versions.at_least(41)
    versions.at_least(7)
    sender.send(parameters(0))
    assert sender.flush(DEADLINE)
    assert sender.version == 42
    assert decode(topic.payloads[0], 10**6).metadata["version"] == "42"


def test_two_models_of_one_learner_share_their_numbers(make_sender):
    versions = VersionCounter()
    senders = [make_sender(Topic(), versions=versions) for _ in range(2)]
    for sender in [*senders, *senders]:
        sender.send(parameters(0))
        assert sender.flush(DEADLINE)
    assert [sender.version for sender in senders] == [3, 4]


@pytest.mark.parametrize(
    "params",
    [
        {"w": torch.zeros(1000), "b": torch.zeros(0)},
        {f"layer.{i}": torch.zeros(1) for i in range(300)},
        {"net": [{"\u5c64" * 40: torch.zeros(3), "beta": 1.0} for _ in range(40)], "kind": "vae"},
        {},
    ],
)
def test_one_version_fits_into_the_chunks_foretold(make_sender, params):
    topic = Topic()
    sender = make_sender(topic, chunk_bytes=256)
    foretold = chunk_count(weights_layout(*tensors_of(params), "d1", "learner-1").size, 256)
    sender.send(params)
    assert sender.flush(DEADLINE)
    assert 1 <= len(topic.payloads) <= foretold


def test_the_newest_waiting_weights_win(make_sender, make_receiver):
    topic = Topic()
    receiver, staged, _ = make_receiver()
    sender = make_sender(topic)
    topic.open.clear()
    sender.send(parameters(0))
    assert topic.reached.wait(DEADLINE)  # the first is on its way and will be finished
    for value in (1, 2, 3):
        sender.send(parameters(value))
    topic.open.set()
    assert sender.flush(DEADLINE)
    receive_all(receiver, topic.payloads)
    assert values_of(staged) == [(1, 0), (2, 3)]
    assert sender.statistics()["superseded"] == 2


def test_training_on_does_not_change_what_was_handed_over(make_sender, make_receiver):
    topic = Topic()
    receiver, staged, _ = make_receiver()
    sender = make_sender(topic)
    topic.open.clear()
    weight = torch.nn.Parameter(torch.full((100,), 1.0))
    array = np.ones(4)
    sender.send({"w": weight, "b": [array]})
    with torch.no_grad():
        weight.fill_(99.0)
    array[:] = 99
    topic.open.set()
    assert sender.flush(DEADLINE)
    receive_all(receiver, topic.payloads)
    assert float(staged[0][1]["w"].max()) == 1.0
    assert staged[0][1]["b"][0].max() == 1.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (lambda bad: {"layer.weight": torch.tensor([0.0, bad])}, "layer.weight"),
        (lambda bad: {"net": [{"w": np.array([bad])}]}, "net[0].w"),
        (lambda bad: {"half": torch.tensor([bad], dtype=torch.float16)}, "half"),
        (lambda bad: {"beta": bad}, "beta"),
    ],
)
def test_what_is_no_number_is_not_sent_and_named(make_sender, bad, wrap, name):
    topic, errors = Topic(), []
    sender = make_sender(topic, on_error=errors.append)
    with pytest.raises(NotFiniteError, match="'encoder'") as refused:
        sender.send(wrap(bad))
    assert sender.flush(DEADLINE)
    assert topic.payloads == errors == []
    assert repr(name) in str(refused.value)
    sender.send(parameters(1))
    assert sender.flush(DEADLINE)
    assert sender.version == 1 and sender.statistics()["refused"] == 1


def test_what_cannot_be_written_is_reported_and_the_next_is_sent(make_sender):
    topic, errors = Topic(), []
    sender = make_sender(topic, on_error=errors.append)
    sender.send({"w": object()})
    assert sender.flush(DEADLINE)
    assert "'encoder'" in errors[0] and "['w']" in errors[0]
    assert sender.statistics()["unwritable"] == 1
    sender.send(parameters(1))
    assert sender.flush(DEADLINE)
    assert sender.statistics()["published"] == 1


def test_failed_publishing_is_reported_and_its_version_not_used_again(make_sender):
    topic, errors = Topic(), []
    sender = make_sender(topic, on_error=errors.append)
    topic.error = OSError("no network")
    sender.send(parameters(1))
    assert sender.flush(DEADLINE)
    topic.error = None
    sender.send(parameters(2))
    assert sender.flush(DEADLINE)
    assert errors == ["model 'encoder': publishing failed: OSError: no network"]
    assert sender.version == 2 and sender.statistics()["unpublished"] == 1


def test_closing_publishes_what_is_left(make_sender, make_receiver):
    topic = Topic()
    receiver, staged, _ = make_receiver()
    sender = make_sender(topic, pace_s=30.0)
    sender.send(parameters(1))
    assert sender.close(DEADLINE)
    receive_all(receiver, topic.payloads)
    assert values_of(staged) == [(1, 1)]
    with pytest.raises(RuntimeError, match="'encoder'"):
        sender.send(parameters(2))


@pytest.mark.parametrize(
    "options", [{"chunk_bytes": 0}, {"pace_s": -1.0}, {"pace_s": float("nan")}]
)
def test_limits_out_of_range_are_refused_by_name(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        WeightsSender("encoder", "d1", "learner-1", print, **options)


def test_a_late_joiner_gets_one_whole_version(make_sender, make_receiver):
    receiver, staged, _ = make_receiver()
    receive_all(receiver, published(make_sender, [1, 2])[2:])
    assert values_of(staged) == [(2, 2)]


def test_what_was_staged_before_is_stale_and_a_new_learner_is_not(make_sender, make_receiver):
    receiver, staged, _ = make_receiver()
    first = published(make_sender, [1, 2, 3])
    receive_all(receiver, first + first)
    receive_all(receiver, published(make_sender, [9], source="learner-2"))
    assert values_of(staged) == [(1, 1), (2, 2), (3, 3), (4, 9)]
    assert receiver.statistics()["stale_chunks"] == len(first)


def test_weights_in_one_piece_are_taken_too(make_receiver):
    receiver, staged, _ = make_receiver()
    for version in (4, 4, 3, 5):
        whole = Weights("d1", "learner-1", version, 1, parameters(version))
        receiver.receive(encode_weights(whole))
    assert receiver.flush(DEADLINE)
    assert values_of(staged) == [(4, 4), (5, 5)]
    assert receiver.statistics()["stale"] == 2


def test_versions_never_fall_when_the_sender_is_started_again(make_sender, make_receiver):
    receiver, staged, _ = make_receiver()
    versions = VersionCounter()
    receive_all(receiver, published(make_sender, range(3)))
    receive_all(receiver, published(make_sender, (7, 8), source="again", versions=versions))
    assert values_of(staged) == [(1, 0), (2, 1), (3, 2), (4, 7), (5, 8)]
    versions.at_least(receiver.version)  # it hears how far the receiver is
    receive_all(receiver, published(make_sender, (9,), source="again", versions=versions))
    assert values_of(staged)[-1] == (6, 9) == (receiver.statistics()["version"], 9)


def forged_in_one_piece(version, source):
    return [encode_weights(Weights("d1", source, version, 1, parameters(0)))]


def forged_in_chunks(version, source):
    whole = forged_in_one_piece(version, source)[0]
    common = {"digest": "d1", "source": source, "version": version, "chunk_bytes": 256}
    return list(split_weights(whole, **common))


@pytest.mark.parametrize("forged", [forged_in_one_piece, forged_in_chunks])
@pytest.mark.parametrize("source", ["learner-1", "somebody"])
@pytest.mark.parametrize("version", [MAX_VERSION, 2**47, 1000])
def test_a_made_up_version_does_not_hide_those_that_follow(
    make_sender, make_receiver, forged, source, version
):
    receiver, staged, _ = make_receiver()
    payloads = published(make_sender, [1, 2, 3, 4], chunk_bytes=2**20)
    receive_all(receiver, payloads[:2])
    receive_all(receiver, forged(version, source))
    receive_all(receiver, payloads[2:])
    assert [value for _, value in values_of(staged)] == [1, 2, 0, 3, 4]
    numbers = [number for number, _ in staged]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < LARGEST_VERSION, "the node's report would be refused"


def test_a_version_that_no_learner_comes_to_is_refused(make_receiver):
    receiver, staged, errors = make_receiver()
    whole = forged_in_one_piece(MAX_VERSION, "somebody")[0]
    receive_all(receiver, [whole.replace(str(MAX_VERSION).encode(), str(2**48 + 1).encode())])
    assert staged == [] and "'version'" in errors[0]


def test_a_made_up_version_in_use_moves_no_numbering_and_is_not_saved(make_sender):
    versions = VersionCounter()
    assert not versions.at_least(2**61)
    assert (versions.given, versions.take()) == (0, 1)
    assert versions.at_least(1 + MOST_AHEAD) and versions.given == 1
    assert not versions.at_least(2 + MOST_AHEAD)
    for _ in range(1000):  # whatever is made up between two versions
        versions.at_least(versions.given + MOST_AHEAD)
        versions.take()
    assert versions.given < MAX_VERSION, "the weights would have no number"


def test_numbering_goes_on_after_a_state(make_sender):
    versions = VersionCounter()
    assert versions.resume(10**9) and versions.given == 10**9
    assert versions.at_least(10**9 + 5) and versions.given == 10**9
    assert versions.take() == versions.given == 10**9 + 6
    assert not VersionCounter().resume(2**61)


def test_another_configuration_is_refused_and_told_of_once(make_sender, make_receiver):
    receiver, staged, errors = make_receiver("ours")
    receive_all(receiver, published(make_sender, [1, 2], digest="theirs"))
    assert staged == [] and len(errors) == 1
    assert "'ours'" in errors[0] and "'theirs'" in errors[0]
    assert receiver.statistics()["foreign"] > 1


def test_malformed_payloads_are_counted_and_the_receiver_lives(make_sender, make_receiver):
    receiver, staged, errors = make_receiver()
    receive_all(receiver, [b"", b"nonsense", encode({}, {"schema": "other/1"})])
    assert receiver.statistics()["malformed"] == len(errors) == 3
    assert "other/1" in errors[2]
    receive_all(receiver, published(make_sender, [1]))
    assert values_of(staged) == [(1, 1)]


def test_weights_the_model_refuses_are_counted_and_the_next_are_taken(make_sender, make_receiver):
    taken = []

    def stage(version, parameters):
        if version == 1:
            raise ValueError("'w': expected [5], found [100]")
        taken.append(version)

    receiver, _, errors = make_receiver(stage=stage)
    receive_all(receiver, published(make_sender, [1, 2]))
    assert taken == [2]
    assert receiver.statistics()["refused"] == 1
    assert "version 1" in errors[0] and "expected [5]" in errors[0]


def test_receiving_does_not_wait_for_staging(make_sender, make_receiver):
    payloads = published(make_sender, [1, 2, 3])
    busy, go = threading.Event(), threading.Event()

    def stage(version, parameters):
        busy.set()
        assert go.wait(DEADLINE)

    receiver, _, _ = make_receiver(stage=stage, max_queue_bytes=len(payloads[0]) * 3)
    for data in payloads:
        receiver.receive(data)
    assert busy.wait(DEADLINE)
    for data in payloads:
        receiver.receive(data)  # returns although staging hangs
    assert receiver.statistics()["dropped"] > 0
    go.set()
    assert receiver.flush(DEADLINE)


def test_a_closed_receiver_takes_nothing(make_sender, make_receiver):
    receiver, staged, _ = make_receiver()
    assert receiver.close(DEADLINE)
    receiver.receive(published(make_sender, [1], chunk_bytes=2**20)[0])
    assert staged == [] and receiver.statistics()["bytes"] == 0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.floats(0, 0.1), st.floats(0, 0.5), st.floats(0, 3.0))
def test_over_a_bad_channel_only_whole_rising_versions_are_staged(seed, loss, doubling, disorder):
    dice = random.Random(seed)
    topic, staged = Topic(), []
    sender = WeightsSender("m", "d1", "a", topic.publish, chunk_bytes=128, pace_s=0.0)
    for value in range(1, 5):
        sender.send(parameters(value))
        assert sender.flush(DEADLINE)
    assert sender.close(DEADLINE)
    kept = [data for data in topic.payloads if dice.random() >= loss]
    channel = [(i + dice.random() * disorder, data) for i, data in enumerate(kept)]
    channel += [(dice.random() * len(kept), data) for data in kept if dice.random() < doubling]
    receiver = WeightsReceiver("d1", lambda version, params: staged.append((version, params)))
    receive_all(receiver, [data for _, data in sorted(channel, key=lambda pair: pair[0])])
    assert receiver.close(DEADLINE)
    versions = [version for version, _ in staged]
    assert versions == sorted(set(versions))
    for version, params in staged:
        assert torch.equal(params["w"], parameters(version)["w"])
    if len(kept) == len(topic.payloads) and disorder == 0 and doubling == 0:
        assert versions == [1, 2, 3, 4]


def test_what_travels_are_chunks_of_readable_weights(make_sender):
    [data] = published(make_sender, [3], chunk_bytes=2**20)
    from safetensors.torch import load

    inner = bytes(load(data)["data"].numpy())
    assert decode_weights(inner).version == 1
    assert load(inner)["w"][0] == 3.0
