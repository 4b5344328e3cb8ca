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

"""Nodes are destroyed only once nobody spins them any more."""

import sys
import threading
from functools import partial

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

import rclpy
from domains import own_domain
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from ros_helpers import wait_until
from std_msgs.msg import String

from pamiq_ros.nodes import spin_thread
from pamiq_ros.nodes.spin_thread import SpinThread


@pytest.fixture
def context():
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=own_domain())
    yield context
    context.try_shutdown()


def test_a_node_is_destroyed_after_its_last_callback(context):
    spinning, node = SpinThread(context), Node("node", context=context)
    begun, go_on, seen = threading.Event(), threading.Event(), []

    def callback():
        begun.set()
        assert go_on.wait(30.0)
        seen.append(node.get_name())  # raises InvalidHandle when the node is destroyed

    timer = node.create_timer(0.001, callback)
    spinning.add(node)
    assert begun.wait(30.0)
    closing = threading.Thread(target=spinning.close)
    closing.start()
    go_on.set()
    closing.join(30.0)
    assert seen == ["node"] * len(seen)
    assert not closing.is_alive()
    with pytest.raises(InvalidHandle):
        timer.handle.__enter__()


def test_what_another_thread_destroys_does_not_end_the_spinning(context, request):
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)
    spinning, node = SpinThread(context), Node("node", context=context)
    heard = []
    node.create_timer(0.0001, lambda: None)  # the executor begins to wait again and again
    node.create_subscription(String, "heard", heard.append, 10)
    spinning.add(node)
    for _ in range(1000):
        node.destroy_publisher(node.create_publisher(String, "gone", 10))
    publisher = node.create_publisher(String, "heard", 10)
    wait_until(lambda: publisher.get_subscription_count(), "the subscription")
    publisher.publish(String(data="still"))
    wait_until(lambda: heard, "the message")
    spinning.close()


def test_a_node_whose_callback_hangs_is_left_alone(context, monkeypatch):
    monkeypatch.setattr(spin_thread, "LONGEST_CALLBACK_S", 0.01)
    spinning, node = SpinThread(context), Node("node", context=context)
    begun, go_on = threading.Event(), threading.Event()
    node.create_timer(0.001, lambda: (begun.set(), go_on.wait(30.0)))
    spinning.add(node)
    assert begun.wait(30.0)
    with pytest.raises(TimeoutError, match="a callback of node did not return"):
        spinning.close()
    assert node.get_name() == "node"
    go_on.set()


def test_the_thread_ends_with_its_context(context):
    spinning = SpinThread(context)
    spinning.add(Node("node", context=context))
    context.shutdown()
    wait_until(lambda: not spinning._thread.is_alive(), "the end of the thread")
    spinning.close()
    spinning.close()
