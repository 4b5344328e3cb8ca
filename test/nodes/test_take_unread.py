"""What an executor was not told of is taken all the same, once and in order."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from rclpy.node import Node
from ros_helpers import wait_until
from std_msgs.msg import String

from pamiq_ros.compat import take_unread
from pamiq_ros.nodes.topics import latched


def test_what_nobody_was_told_of_is_taken_once_and_in_order(ros):
    publisher = ros.node("speaker").create_publisher(String, "words", latched(10))
    for number in range(3):
        publisher.publish(String(data=str(number)))
    node = Node("listener", context=ros.context)  # nobody spins it
    heard, with_info = [], []
    node.create_subscription(String, "words", lambda said: heard.append(said.data), latched(10))
    node.create_subscription(
        String, "words", lambda said, info: with_info.append(said.data), latched(10)
    )

    def have_come():
        take_unread(node)
        return len(heard + with_info) >= 6

    wait_until(have_come, "what was said")
    take_unread(node)
    assert heard == with_info == ["0", "1", "2"]
    node.destroy_node()
