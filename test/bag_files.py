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

"""Bags for tests: pictures with their number in the first pixel, and twists."""

from pathlib import Path

import numpy as np
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from safetensors import safe_open

IMAGE, TWIST = "sensor_msgs/msg/Image", "geometry_msgs/msg/Twist"
CAMERA, COMMAND = "/camera/image_raw", "/cmd_vel"
BEGAN_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
FOREVER = QosTime(9_223_372_036, 854_775_807)
SENSOR_QOS = Qos(
    history=QosHistory.KEEP_LAST,
    depth=5,
    reliability=QosReliability.BEST_EFFORT,
    durability=QosDurability.VOLATILE,
    deadline=FOREVER,
    lifespan=FOREVER,
    liveliness=QosLiveliness.AUTOMATIC,
    liveliness_lease_duration=FOREVER,
    avoid_ros_namespace_conventions=False,
)


def shade(number):
    """The grey of a picture; never black or white."""
    return 1 + number % 250


def image(store, number, ros1=False):
    """A picture of 4 by 2 pixels."""
    types = store.types
    stamp = types["builtin_interfaces/msg/Time"](*divmod(BEGAN_NS + number * PERIOD_NS, 10**9))
    header = {"stamp": stamp, "frame_id": "camera", **({"seq": number} if ros1 else {})}
    data = np.full(24, shade(number), np.uint8)
    make_header = types["std_msgs/msg/Header"]
    return types[IMAGE](make_header(**header), 2, 4, "rgb8", 0, 12, data)


def twist(store, speed):
    """A command to drive."""
    vector = store.types["geometry_msgs/msg/Vector3"]
    return store.types[TWIST](vector(speed, 0.0, 0.0), vector(0.0, 0.0, 0.25))


def write(writer, store, count, serialize, ros1=False):
    """`count` pictures at 10 Hz, and a command after each."""
    offered = {} if ros1 else {"offered_qos_profiles": [SENSOR_QOS]}
    camera = writer.add_connection(CAMERA, IMAGE, typestore=store, **offered)
    command = writer.add_connection(COMMAND, TWIST, typestore=store)
    for number in range(count):
        time_ns = BEGAN_NS + number * PERIOD_NS
        writer.write(camera, time_ns, serialize(image(store, number, ros1), IMAGE))
        writer.write(command, time_ns + 5_000_000, serialize(twist(store, number / 8), TWIST))


def bag2(path, count=20, storage=StoragePlugin.MCAP, compression=CompressionMode.NONE):
    """A bag of ROS 2."""
    store = get_typestore(Stores.LATEST)
    writer = Writer(path, version=9, storage_plugin=storage)
    writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        write(writer, store, count, store.serialize_cdr)
    return path


def bag1(path, count=20):
    """A bag of ROS 1."""
    store = get_typestore(Stores.ROS1_NOETIC)
    with Writer1(path) as writer:
        write(writer, store, count, store.serialize_ros1, ros1=True)
    return path


class McapAsWriter:
    """The mcap package's own writer, with the methods of the others."""

    def __init__(self, writer):
        self.writer = writer

    def add_connection(self, topic, kind, typestore, **_):
        """A schema and a channel, as rosbag2's storage has them."""
        text, _ = typestore.generate_msgdef(kind, ros_version=2)
        schema = self.writer.register_schema(kind, "ros2msg", text.encode())
        return self.writer.register_channel(topic, "cdr", schema)

    def write(self, channel, time_ns, data):
        """One message."""
        self.writer.add_message(channel, time_ns, bytes(data), time_ns)


def bag_of_mcap(path, compression, count=20):
    """A single file by the mcap package."""
    store = get_typestore(Stores.LATEST)
    path = path.with_suffix(".mcap")
    with path.open("wb") as file:
        writer = McapWriter(file, chunk_size=500, compression=compression)
        writer.start(profile="ros2", library="tests")
        write(McapAsWriter(writer), store, count, store.serialize_cdr)
        writer.finish()
    return path


KINDS = {
    "mcap": bag2,
    "sqlite": lambda path: bag2(path, storage=StoragePlugin.SQLITE3),
    "mcap, each message compressed": lambda path: bag2(path, compression=CompressionMode.MESSAGE),
    "mcap, chunks compressed": lambda path: bag2(path, compression=CompressionMode.STORAGE),
    "mcap, file compressed": lambda path: bag2(path, compression=CompressionMode.FILE),
    "sqlite, each message compressed": lambda path: bag2(
        path, storage=StoragePlugin.SQLITE3, compression=CompressionMode.MESSAGE
    ),
    "sqlite, file compressed": lambda path: bag2(
        path, storage=StoragePlugin.SQLITE3, compression=CompressionMode.FILE
    ),
    "ROS 1": lambda path: bag1(path.with_suffix(".bag")),
    "the mcap package": lambda path: bag_of_mcap(path, CompressionType.NONE),
    "the mcap package, lz4": lambda path: bag_of_mcap(path, CompressionType.LZ4),
    "the mcap package, zstd": lambda path: bag_of_mcap(path, CompressionType.ZSTD),
}


def mcap_file(bag: Path) -> Path:
    """The one MCAP file of a bag."""
    [file] = bag.glob("*.mcap")
    return file


def weights(states: Path) -> list[dict[str, bytes]]:
    """The bytes of all weights in the states of a learner; a file's header has no certain order."""
    found = []
    for path in sorted(states.glob("pamiq_training/*/models/*")):
        with safe_open(path, "numpy") as file:
            found.append({name: file.get_tensor(name).tobytes() for name in file.keys()})  # noqa: SIM118
    return found
