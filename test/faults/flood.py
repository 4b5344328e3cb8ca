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

"""A stranger on the topics: publishes what it likes, and knows what the nodes counted of it.

Its publishers stay: to destroy one while the probe's executor spins can end the executor.
"""

import array
import time
from pathlib import Path

from integration.harness import wait_until
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String, UInt8MultiArray

from pamiq_ros.supervision.reporter import LATCHED

PORTION = 500
"""So many payloads at most are on their way; `QOS` and the nodes' queues hold more."""

QUEUE = 2000
QOS = QoSProfile(depth=QUEUE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
PACE_S = 0.001
"""From text to text: a queue for the newest one keeps no other."""

_CDR_HEADER = b"\0\1\0\0"


def flood(probe, topic, payloads, counted):
    """Publish payloads on a topic until all of them are counted.

    Args:
        probe: Publishes.
        topic: Its name.
        payloads: They, as bytes.
        counted: Gives how many were counted so far.
    """
    publisher = probe.create_publisher(UInt8MultiArray, topic, QOS)
    wait_until(lambda: publisher.get_subscription_count() > 0, f"a subscription of {topic}")
    sent, before = 0, counted()
    for payload in payloads:
        publisher.publish(UInt8MultiArray(data=array.array("B", payload)))
        sent += 1
        if sent % PORTION == 0:
            wait_until(lambda s=sent: counted() - before >= s, f"{sent} of {topic} counted")
    wait_until(lambda: counted() - before >= sent, f"all {sent} of {topic} counted")
    return sent


def flood_texts(probe, topic, texts, listeners):
    """Publish texts, UTF-8 or not, on a topic of std_msgs/String with its newest one latched.

    Args:
        probe: Publishes.
        topic: Its name.
        texts: They, as text or bytes.
        listeners: How many nodes have to be there.
    """
    publisher = probe.create_publisher(String, topic, LATCHED)
    wait_until(lambda: publisher.get_subscription_count() >= listeners, f"all that hear {topic}")
    sent = 0
    for text in texts:
        data = text if isinstance(text, bytes) else text.encode()
        publisher.publish(_CDR_HEADER + (len(data) + 1).to_bytes(4, "little") + data + b"\0")
        sent += 1
        time.sleep(PACE_S)
    return sent


def memory_mb(process):
    """What a process has in memory of its own and shared, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
