"""Bytes that are published are the bytes that arrive, by either way."""

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")

import rclpy
from domains import own_domain
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.nodes import unlocked

DEADLINE = 20.0
QOS = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def node():
    rclpy.init(domain_id=own_domain())
    node = rclpy.create_node("unlocked")
    yield node
    node.destroy_node()
    rclpy.try_shutdown()


def test_the_libraries_of_this_installation_are_used():
    assert unlocked._libraries() is not None and unlocked._is_as_expected()


@pytest.mark.parametrize("direct", [True, False])
def test_bytes_arrive_as_they_were(node, direct, monkeypatch):
    if not direct:
        monkeypatch.setattr(unlocked, "_libraries", lambda: None)
    arrived = []
    node.create_subscription(
        UInt8MultiArray, "bytes", lambda m: arrived.append((m.layout, bytes(m.data))), QOS
    )
    publish = unlocked.bytes_publisher(node.create_publisher(UInt8MultiArray, "bytes", QOS))
    whole = bytes(range(256)) * 4000
    memory = bytearray(whole)
    for data in (b"x", whole, memory, memoryview(memory)[5:77]):
        publish(data)
    memory[:] = bytes(len(memory))  # read during the call alone
    deadline = time.monotonic() + DEADLINE
    while len(arrived) < 4 and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
    assert [data for _, data in arrived] == [b"x", whole, whole, whole[5:77]]
    assert all(not layout.dim and layout.data_offset == 0 for layout, _ in arrived)


def test_a_publisher_that_is_gone_is_an_error_and_no_crash(node):
    publisher = node.create_publisher(UInt8MultiArray, "gone", QOS)
    publish = unlocked.bytes_publisher(publisher)
    node.destroy_publisher(publisher)
    with pytest.raises(Exception, match=r"(?i)destroy|invalid"):
        publish(b"late")
