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

"""Published payloads are received byte for byte."""

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")

import rclpy
from domains import own_domain
from rclpy.serialization import serialize_message
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.nodes.topics import EXPERIENCE, ExperienceTopics, latched, serialized

DEADLINE = 20.0


@pytest.fixture
def node():
    rclpy.init(domain_id=own_domain())
    node = rclpy.create_node("topics")
    yield node
    node.destroy_node()
    rclpy.try_shutdown()


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 40])
def test_a_payload_is_serialized_as_the_middleware_does(data):
    assert serialized(data) == serialize_message(UInt8MultiArray(data=data))


def test_payloads_are_received_as_they_were_published(node):
    received = []
    node.create_subscription(
        UInt8MultiArray,
        f"{EXPERIENCE}/camera",
        lambda m: received.append((m.layout, bytes(m.data))),
        latched(10),
    )
    publish = ExperienceTopics(node, 10).publisher("camera")
    whole = bytes(range(256)) * 4000
    memory = bytearray(whole)
    for data in (b"x", whole, memory, memoryview(memory)[5:77]):
        publish(data)
    memory[:] = bytes(len(memory))  # read only during the call
    deadline = time.monotonic() + DEADLINE
    while len(received) < 4 and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
    assert [data for _, data in received] == [b"x", whole, whole, whole[5:77]]
    assert all(not layout.dim and layout.data_offset == 0 for layout, _ in received)


def test_a_destroyed_publisher_is_an_error_and_no_crash(node):
    topics = ExperienceTopics(node, 1)
    publish = topics.publisher("gone")
    topics.close()
    with pytest.raises(Exception, match=r"(?i)destroy|invalid"):
        publish(b"late")
