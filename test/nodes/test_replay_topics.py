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

"""A replay requires the topics that a node observes, also if DDS discovers them late."""

import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from bag_files import bag2
from ros_helpers import ros_domain
from sensor_msgs.msg import Image

from pamiq_ros.nodes.replay_topics import ReplayTopics
from pamiq_ros.offline.bags import Bag, BagError


@pytest.mark.parametrize("is_there", [True, False])
def test_topics_that_are_discovered_late_are_required_of_a_node_that_is_there(is_there, tmp_path):
    with ros_domain() as ros, Bag(bag2(tmp_path / "bag", 2)) as bag:
        topics = ReplayTopics(ros.node("pamiq_replay"), bag, ["/cmd_vel"])
        actor = ros.node("pamiq_inference")

        def subscribe() -> None:
            time.sleep(0.5)  # what DDS may take to discover a subscription on a busy machine
            actor.create_subscription(Image, "front/image_raw", lambda _: None, 1)

        thread = threading.Thread(target=subscribe)
        thread.start()
        try:
            if is_there:
                with pytest.raises(BagError, match="front/image_raw"):
                    topics.require_observed("pamiq_inference", True, lambda: False)
            else:
                topics.require_observed("pamiq_inference", False, lambda: False)
        finally:
            thread.join()
