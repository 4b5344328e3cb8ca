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

"""A system that runs in the test's process: a control node's services, status and parameters."""

import json
import threading

from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, SetParametersResult
from rclpy.qos import DurabilityPolicy, QoSProfile
from statuses import ACTIVE
from std_msgs.msg import String
from std_srvs.srv import Trigger

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
REFUSAL = "rate: read at configure, and the node is active; deactivate and clean it up first"


class RunningSystem:
    """Answers what it was told to answer.

    `answers` holds (success, message) by service; None in place of it gives no answer until
    `wake`. `called` holds what was called.
    """

    def __init__(self, ros, namespace=""):
        self.called = []
        self.wake = threading.Event()
        self.answers = {
            "pause": (True, "paused"),
            "resume": (True, "active"),
            "save_state": (True, "2026-11-21_09-35-25.595515"),
            "shutdown": (True, "shutdown"),
        }
        self.node = ros.node("pamiq_control", namespace=namespace)
        self.publisher = self.node.create_publisher(String, "pamiq/status", LATCHED)
        for name in self.answers:
            self.node.create_service(Trigger, f"pamiq/{name}", self._answering(name))
        self.configured = False
        limits = FloatingPointRange(from_value=0.0, to_value=1000.0, step=0.0)
        self.node.declare_parameter(
            "rate",
            10.0,
            ParameterDescriptor(description="Ticks in Hz", floating_point_range=[limits]),
        )
        self.node.declare_parameter("system", "vae", ParameterDescriptor(description="The system"))
        self.node.declare_parameter("overrides", ["a=1"])
        self.node.add_on_set_parameters_callback(self._take)

    def publish(self, status=ACTIVE):
        self.publish_text(json.dumps(status))

    def publish_text(self, text):
        self.publisher.publish(String(data=text))

    def value(self, name):
        return self.node.get_parameter(name).value

    def close(self):
        """Let calls that wait for an answer come to their end."""
        self.wake.set()
        self._in_turn(lambda: None)

    def leave(self):
        """Be gone."""
        executor = self.node.executor
        self._in_turn(lambda: (executor.remove_node(self.node), self.node.destroy_node()))

    def _in_turn(self, action):
        # In the executor's own thread, where nothing is being waited for or answered.
        done = threading.Event()
        self.node.executor.create_task(lambda: (action(), done.set()))
        assert done.wait(30.0)

    def _answering(self, name):
        def answer(_, response):
            self.called.append(name)
            if self.answers[name] is None:
                self.wake.wait(30.0)
                return response
            response.success, response.message = self.answers[name]
            return response

        return answer

    def _take(self, _):
        if self.configured:
            return SetParametersResult(successful=False, reason=REFUSAL)
        return SetParametersResult(successful=True)
