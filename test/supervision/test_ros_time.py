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

"""Simulated time moves a node's ticks and its observations' ages, forwards and back."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

import gc
import threading

import rclpy.parameter
from ros_helpers import wait_until
from rosgraph_msgs.msg import Clock

from pamiq_ros.runtime.ticker import SteadyTime, Ticker
from pamiq_ros.supervision.ros_time import RosTime, tick_time


def simulated(ros):
    node = ros.node("follower")
    node.set_parameters([rclpy.parameter.Parameter("use_sim_time", value=True)])
    publisher = ros.node("simulator").create_publisher(Clock, "/clock", 1)
    time = tick_time(node)

    def set_clock(seconds):
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(round(seconds * 1e9), 10**9)

        def arrived():
            publisher.publish(message)
            return abs(time.now() - seconds) < 1e-6

        wait_until(arrived, f"the clock at {seconds} s")

    return time, set_clock


def test_a_node_without_simulated_time_ticks_by_a_steady_clock(ros):
    assert isinstance(tick_time(ros.node("plain")), SteadyTime)


def test_ticks_follow_the_clock_topic_and_begin_anew_when_it_goes_back(ros):
    time, set_clock = simulated(ros)
    assert isinstance(time, RosTime)
    set_clock(50.0)
    jumps, ticked = [], threading.Event()
    ticker = Ticker(10.0, ticked.set, clock=time, on_jump_back=jumps.append)
    ticker.start()
    try:
        wait_until(lambda: ticker.ticks == 1, "the first tick")
        ticked.clear()
        set_clock(50.05)
        assert not ticked.wait(0.3)
        set_clock(50.1)
        wait_until(lambda: ticker.ticks == 2, "the second tick")
        set_clock(10.0)
        wait_until(lambda: ticker.ticks == 3, "the first tick after the jump")
        assert [round(jump) for jump in jumps] == [40]
        set_clock(10.1)
        wait_until(lambda: ticker.ticks == 4, "the next tick")
    finally:
        assert ticker.stop()


def test_a_clock_goes_on_when_nobody_ticks_by_it_any_more(ros):
    time, set_clock = simulated(ros)
    set_clock(50.0)
    node = time._clock
    for _ in range(20):
        tick_time(ros.nodes[0])  # forgotten at once
        gc.collect(0)  # it is among the youngest
    gc.collect()
    set_clock(60.0)
    assert node.now().nanoseconds == 60 * 10**9
