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

"""What real nodes publish on each of our topics, recorded to be mutated."""

import json

from flood import QOS
from integration.harness import TINY, wait_until
from std_msgs.msg import String, UInt8MultiArray

from pamiq_ros.core.config import resolve_system
from pamiq_ros.supervision.reporter import LATCHED
from pamiq_ros.transport.weights import Request, encode_request

EXPERIENCE, WEIGHTS = "pamiq/experience/pictures", "pamiq/weights/policy"
REQUEST = "pamiq/weights_request/policy"
REPORTS = ("pamiq_inference/report", "pamiq_training/report")
STATUS = "pamiq/status"
_MOST = 1000


def recorded(probe):
    """Payloads as bytes and texts, by topic, of nodes that drive with tiny_system.

    The weights come as where they lie in shared memory and, as they are asked for once, in chunks.
    """
    found = {topic: [] for topic in (EXPERIENCE, WEIGHTS, *REPORTS, STATUS)}

    def subscribe(topic, message_type, kind, qos):
        def keep(message):
            if len(found[topic]) < _MOST:
                found[topic].append(kind(message.data))

        probe.create_subscription(message_type, topic, keep, qos)

    for topic in (EXPERIENCE, WEIGHTS):
        subscribe(topic, UInt8MultiArray, bytes, QOS)
    for topic in (*REPORTS, STATUS):
        subscribe(topic, String, str, LATCHED)
    wait_until(lambda: len(found[EXPERIENCE]) >= 3 and len(found[WEIGHTS]) >= 3, "payloads")
    source = json.loads(found[WEIGHTS][0][8:])["__metadata__"]["source"]
    request = Request(resolve_system(TINY).digest, source, 1, "none of yours")
    asking = probe.create_publisher(UInt8MultiArray, REQUEST, QOS)
    wait_until(lambda: asking.get_subscription_count() > 0, "the learner's subscription")
    asking.publish(UInt8MultiArray(data=encode_request(request)))
    wait_until(lambda: any(b"weights_chunk" in data for data in found[WEIGHTS]), "a chunk")
    wait_until(lambda: all(found.values()) and '"topic": ' in found[REPORTS[0]][-1], "texts")
    # Copied: what comes from now on may be mutated.
    return {**{t: list(p) for t, p in found.items()}, REQUEST: [encode_request(request)]}
