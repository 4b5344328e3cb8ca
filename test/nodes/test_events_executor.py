"""The executor of nodes in lockstep: it serves coroutines, and what it was not told of is taken."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from ros_helpers import wait_until
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.compat import events_executor, take_unread
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


def test_the_executor_in_lockstep_answers_for_a_coroutine(ros):
    async def serve(_, response):
        response.success = True
        return response

    rclpy.init(domain_id=ros.context.get_domain_id())
    try:
        node = rclpy.create_node("server")
        node.create_service(Trigger, "save_state", serve)
        executor = events_executor() or SingleThreadedExecutor()
        executor.add_node(node)
        client = ros.node("asker").create_client(Trigger, "save_state")

        def answered(future):
            executor.spin_once(timeout_sec=0.01)
            return future.done()

        wait_until(client.service_is_ready, "the service")
        future = client.call_async(Trigger.Request())
        wait_until(lambda: answered(future), "an answer")
        assert future.result().success
        executor.shutdown()
        node.destroy_node()
    finally:
        rclpy.shutdown()
