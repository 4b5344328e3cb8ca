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

"""A node that drives hears every kind of bad weights; it counts them and drives on as before."""

import array
import contextlib
import os
import random
import uuid
from collections import Counter
from dataclasses import replace

import pytest
import torch

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from std_msgs.msg import UInt8MultiArray

from pamiq_ros.core.config import resolve_system
from pamiq_ros.nodes.topics import latched
from pamiq_ros.transport.chunks import split_weights
from pamiq_ros.transport.header import Layout
from pamiq_ros.transport.payload import encode
from pamiq_ros.transport.shared_weights import FOLDER, WeightsMemory, boot_id
from pamiq_ros.transport.weights import Descriptor, Weights, encode_descriptor, encode_weights
from pamiq_ros.transport.weights_sender import WeightsSender

from .harness import LENIENT_TIMEOUTS, TINY, graph, wait_until
from .mutations import damaged

pytestmark = pytest.mark.integration

CHUNK = 64
ROUNDS = 4
GOOD, BAD = 0.1, -0.4
CAPACITY = 4096
FOREIGN = "0123456789abcdef"
EITHER = ("malformed", "foreign", "unreadable", "half_written")
"""What damaged bytes may be counted as: it depends on where the damage is."""


def parameters(turn):
    """Weights of tiny_system's model, with which the robot turns at `turn` rad/s."""
    return {"weight": torch.zeros(1, 1), "bias": torch.tensor([turn])}


class Stranger:
    """Publishes bad weights as other learners, and knows what is to be counted for each.

    What it sends would turn the robot the other way if any of it came into use.
    """

    def __init__(self, publish, digest):
        self.digest, self.random = digest, random.Random(0)
        self.expected = Counter()
        self._publish = publish
        self._stores = contextlib.ExitStack()

    def close(self):
        self._stores.close()

    def publish(self, data, *counted):
        """Publish a payload that is to be counted under these names."""
        self._publish(data)
        self.expected.update(counted)

    def weights(self, version=1, digest=None, **changes):
        """Encoded weights of a new source, with some parameters changed or added."""
        source = uuid.UUID(int=self.random.getrandbits(128)).hex
        tensors = {**parameters(BAD), **changes}
        whole = Weights(digest or self.digest, source, version, 1, tensors)
        return whole, encode_weights(whole)

    def chunks(self, whole, data, chunk_bytes=CHUNK):
        names = {"digest": whole.digest, "source": whole.source, "version": whole.version}
        return list(split_weights(data, **names, chunk_bytes=chunk_bytes))

    def slot(self, whole, data):
        """A file with `data` in its one place, and the descriptor of it."""
        store = WeightsMemory(Layout((), CAPACITY, CAPACITY), 1)
        self._stores.callback(store.close)
        write(store, data)
        names = (whole.digest, whole.source, whole.version, boot_id(), store.file)
        return store, Descriptor(*names, store.offset(0), len(data))


def write(store, data):
    """Write to the begin of a file."""
    with (FOLDER / store.file).open("r+b") as file:
        file.write(data)


def bad_chunks(stranger):
    # Something is always under assembly, which the next version makes give way.
    stranger.publish(stranger.chunks(*stranger.weights())[0])
    whole, data = stranger.weights()
    for chunk in stranger.chunks(whole, data):
        stranger.publish(damaged(stranger.random, chunk), "damaged")

    # Reordered and twice, but one of them never comes: the version is given up for the next one.
    *kept, _ = stranger.chunks(*stranger.weights(version=2))
    stranger.random.shuffle(kept)
    stranger.publish(kept[0], "abandoned")
    for chunk in kept[1:]:
        stranger.publish(chunk)
    for chunk in kept:
        stranger.publish(chunk, "duplicate")
    whole, data = stranger.weights(version=5)
    first, *rest = stranger.chunks(whole, data)
    stranger.publish(first, "abandoned")

    # Other cuts of the same version, and older versions of the same source.
    for chunk in stranger.chunks(whole, data, CHUNK // 2):
        stranger.publish(chunk, "mixed")
    for version in (4, 3):
        for chunk in stranger.chunks(replace(whole, version=version), data):
            stranger.publish(chunk, "stale_chunks")
    # A newer version in the place of half of this one: neither becomes whole.
    stranger.publish(rest[0])
    newer = replace(whole, version=6)
    newer_chunks = stranger.chunks(newer, encode_weights(newer))
    stranger.publish(newer_chunks[1], "abandoned")
    for chunk in rest[1:]:
        stranger.publish(chunk, "stale_chunks")
    # All of its chunks are right, and what they make is not.
    made = replace(newer, version=7)
    *begun, last = stranger.chunks(made, stranger.random.randbytes(5 * CHUNK))
    stranger.publish(begun[0], "abandoned")
    for chunk in begun[1:]:
        stranger.publish(chunk)
    stranger.publish(last, "broken", "malformed")
    # They make weights, of another version than was said.
    *begun, last = stranger.chunks(replace(newer, version=8), encode_weights(newer))
    for chunk in begun:
        stranger.publish(chunk)
    stranger.publish(last, "broken", "malformed")


def bad_payloads(stranger):
    stranger.publish(b"", "malformed")
    stranger.publish(stranger.random.randbytes(stranger.random.randint(1, 500)), "malformed")
    stranger.publish(encode({}, {"schema": "pamiq_ros/experience/1"}), "malformed")
    whole, data = stranger.weights(digest=FOREIGN)
    stranger.publish(data, "foreign")
    stranger.publish(stranger.chunks(whole, data)[0], "foreign")
    stranger.publish(stranger.weights()[1][:-1], "malformed")
    stranger.publish(stranger.weights(bias=torch.tensor([torch.nan]))[1], "refused")


def bad_slots(stranger):
    whole, data = stranger.weights(version=3)

    # Writing was begun and not finished: however its descriptor is damaged, nothing can be read.
    store, slot = stranger.slot(whole, data)
    write(store, bytes(8))
    stranger.publish(encode_descriptor(slot), "half_written")
    for _ in range(5):
        stranger.publish(damaged(stranger.random, encode_descriptor(slot)), "damaged")

    # A whole one, about which the descriptor does not tell the truth.
    _, slot = stranger.slot(whole, data)
    for lie, counted in (
        ({"version": 2}, "overtaken"),
        ({"version": 4}, "half_written"),
        ({"offset": 8}, "unreadable"),
        ({"offset": 2**40}, "half_written"),
        ({"size": len(data) - 1}, "unreadable"),
        ({"size": len(data) + 1}, "unreadable"),
        ({"source": "another"}, "unreadable"),
        ({"digest": FOREIGN}, "foreign"),
        ({"file": "../../etc/passwd"}, "malformed"),
        ({"file": "pamiq_ros-0-" + "a" * 32}, "unreadable"),
    ):
        stranger.publish(encode_descriptor(replace(slot, **lie)), counted)

    # What is no weights, and weights that may not be used.
    _, slot = stranger.slot(whole, stranger.random.randbytes(len(data)))
    stranger.publish(encode_descriptor(slot), "unreadable")
    _, slot = stranger.slot(*stranger.weights(bias=torch.tensor([torch.inf])))
    stranger.publish(encode_descriptor(slot), "refused")
    store, slot = stranger.slot(whole, data)
    (FOLDER / store.file).chmod(0o666)
    stranger.publish(encode_descriptor(slot), "unreadable")
    store, slot = stranger.slot(whole, data)
    store.close()
    stranger.publish(encode_descriptor(slot), "unreadable")


def shortened_slots(stranger, wait_until_counted):
    """A file that gets shorter while the node has it mapped: reading on would be its end."""
    store, slot = stranger.slot(*stranger.weights(version=3))
    stranger.publish(encode_descriptor(replace(slot, version=2)), "overtaken")
    wait_until_counted()
    for length in (40, 0):
        os.truncate(FOLDER / store.file, length)
        stranger.publish(encode_descriptor(slot), "half_written")
        wait_until_counted()


def unfit_weights(stranger):
    """Whole weights of another model; yields what must be said of each."""
    for chunk in stranger.chunks(*stranger.weights(weight=torch.zeros(1, 3))):
        stranger.publish(chunk)
    stranger.expected["refused"] += 1
    yield "parameter weight: expected float32 [1, 1], found float32 [1, 3]"
    _, slot = stranger.slot(*stranger.weights(bias=torch.zeros(2)))
    stranger.publish(encode_descriptor(slot), "refused")
    yield "parameter bias: expected float32 [1], found float32 [2]"
    _, slot = stranger.slot(*stranger.weights(bias=torch.zeros(1, dtype=torch.float64)))
    stranger.publish(encode_descriptor(slot), "refused")
    yield "parameter bias: expected float32 [1], found float64 [1]"
    stranger.publish(stranger.weights(scale=torch.ones(1))[1], "refused")
    yield "missing [], unknown ['scale']"


def figures(probe):
    return probe.inference().get("weights", {}).get("policy", {})


def turns(probe, since=0):
    return {(round(c.linear.x, 3), round(c.angular.z, 3)) for c in probe.commands[since:]}


def test_bad_weights_are_counted_under_their_names_and_the_robot_drives_on():
    digest = resolve_system(TINY).digest
    with graph() as made, contextlib.ExitStack() as ends:
        probe = made.probe
        made.start("control_node")
        node = made.start("inference_node", "-p", f"system:={TINY}", *LENIENT_TIMEOUTS)
        topic = probe.create_publisher(UInt8MultiArray, "pamiq/weights/policy", latched(4096))
        wait_until(lambda: topic.get_subscription_count() > 0, "the node's subscription")

        def publish(data):
            topic.publish(UInt8MultiArray(data=array.array("B", data)))

        learner = WeightsSender("policy", digest, "learner", publish, folder=FOLDER)
        ends.callback(learner.close)
        learner.send(parameters(GOOD))
        wait_until(lambda: turns(probe, -1) == {(0.3, GOOD)}, "good weights to drive with")
        wait_until(lambda: figures(probe).get("shared") == 1, "them in the report")
        before, ticks, driving = figures(probe), probe.inference()["ticks"], len(probe.commands)
        stops = probe.inference()["stops"]

        stranger = Stranger(publish, digest)
        ends.callback(stranger.close)

        def risen(*names):
            return sum(figures(probe)[name] - before[name] for name in names)

        def counted(*names):
            return sum(stranger.expected[name] for name in names)

        def wait_until_counted():
            names = (*EITHER, "refused", "broken", "overtaken", "mixed", "stale_chunks")
            wanted = counted(*names, "damaged")
            try:
                wait_until(lambda: risen(*names) >= wanted, "all of it in the report")
            except AssertionError as error:
                found = {name: risen(name) for name in names}
                raise AssertionError(f"{error}: {found} of {stranger.expected}") from error

        for _ in range(ROUNDS):
            bad_chunks(stranger)
            bad_payloads(stranger)
            bad_slots(stranger)
        wait_until_counted()
        shortened_slots(stranger, wait_until_counted)
        for text in unfit_weights(stranger):
            wait_until(lambda t=text: t in probe.errors(), text)
        wait_until_counted()

        # Each under its name; what was damaged, under one of those it may have.
        for name in ("duplicate", "mixed", "stale_chunks", "abandoned", "broken", "refused",
                     "overtaken"):  # fmt: skip
            assert risen(name) == stranger.expected[name] > 0, name
        for name in EITHER:
            assert risen(name) >= stranger.expected[name] > 0, name
        assert risen(*EITHER) == counted(*EITHER, "damaged")

        # None of it came into use, and nothing about it held the robot up.
        assert risen("received", "shared", "version", "stale", "dropped") == 0
        assert probe.inference()["weights_version"] == 1
        assert probe.inference()["ticks"] > ticks
        assert probe.inference()["stops"] == stops
        # On a busy machine the control node may miss signs of life.
        zeros = {(0.0, 0.0)} if probe.status["report"]["robot_stops"] else set()
        assert turns(probe, driving) - zeros == {(0.3, GOOD)}
        assert probe.inference()["stops"] == 0 and node.poll() is None

        # Good weights are still taken, by either carrier, whatever the order of their chunks.
        learner.send(parameters(0.2))
        wait_until(lambda: turns(probe, -1) == {(0.3, 0.2)}, "the learner's next version")
        whole = Weights(digest, "another learner", 1, 1, parameters(0.3))
        chunks = stranger.chunks(whole, encode_weights(whole)) * 2
        stranger.random.shuffle(chunks)
        for chunk in chunks:
            publish(chunk)
        wait_until(lambda: turns(probe, -1) == {(0.3, 0.3)}, "another learner's weights")
        wait_until(lambda: risen("received") == 2 and risen("shared") == 1, "both in the report")
