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

"""A stand-in for control_node: real topics and services, invented figures."""

import json
import os
import socket
import threading
import time

import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.supervision.claims import NameClaim
from stand_in.behaviour import be, behaviour, die_with_parent, on_sigterm, say

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def status(what, state, uptime_s):
    """A status with a report in it."""
    errors = ["camera/image_raw: encoding 'smoke' can't be converted"] if what == "errors" else []
    return {
        "state": state,
        "control": f"stand-in-{os.getpid()}",
        "claim": {"host": socket.gethostname(), "pid": os.getpid()},
        "uptime_s": uptime_s,
        "errors": errors,
        "last_error": errors[-1] if errors else "",
        "configuration_error": "system: expected a car, found a boat" if what == "refuses" else "",
        "report": {
            "system": "stand_in",
            "restarts": {"inference": 0, "training": 0, "control": 0},
            "inference": {"ticks": int(10 * uptime_s)},
            "errors": errors,
        },
    }


def main():
    """Publish a status ten times a second until shutdown is called."""
    what = behaviour("control")
    if what in ("dies", "silent"):
        be("control")
        return
    die_with_parent()
    stopped = threading.Event()
    ended = on_sigterm(what)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("pamiq_control")
    claim = NameClaim(node.get_fully_qualified_name(), node.context.get_domain_id())
    claim.take()
    publisher = node.create_publisher(String, "pamiq/status", LATCHED)
    began = time.monotonic()

    def publish():
        state = "shutdown" if stopped.is_set() else "active"
        content = status(what, state, round(time.monotonic() - began, 2))
        publisher.publish(String(data=json.dumps(content)))

    def shut_down(_, response):
        say("shutdown was called")
        if what != "deaf":
            stopped.set()
        publish()
        response.success = True
        return response

    node.create_service(Trigger, "pamiq/shutdown", shut_down)
    node.create_timer(0.1, publish)
    while not ended and not stopped.is_set():
        rclpy.spin_once(node, timeout_sec=0.1)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.05)
    rclpy.shutdown()


main()
