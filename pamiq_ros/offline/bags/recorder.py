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

"""BagRecorder: writes a bag like `ros2 bag record`: an MCAP file and metadata.yaml."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, get_typestore

from .bag import BagError

FLUSH_PERIOD_S = 1.0
"""A killed recorder loses at most the messages of this time."""


class BagRecorder:
    """Writes a bag; not thread-safe.

    Args:
        path: The folder to create.

    Attributes:
        count: Number of messages written.
        bytes: Bytes of these messages.

    Raises:
        BagError: The folder exists already or cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = self.bytes = 0
        self._typestore = get_typestore(Stores.LATEST)
        self._connections: dict[str, Connection] = {}
        self._newest_ns = 0
        self._flushed = time.monotonic()
        try:
            self._writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
            self._writer.open()
        except WriterError as error:
            raise BagError(f"{path}: expected a new folder, found an existing one") from error
        except OSError as error:
            raise BagError(f"{path}: cannot be created: {error.strerror}") from error

    def add_topic(self, topic: str, kind: str, qos: Sequence[Qos] = ()) -> None:
        """Add a topic to the bag.

        Args:
            topic: Full topic name.
            kind: Message type, such as `sensor_msgs/msg/Image`.
            qos: QoS profiles that its publishers offer.

        Raises:
            BagError: The type does not come with ROS 2, so its definition is unknown.
        """
        if kind not in self._typestore.fielddefs:
            raise BagError(
                f"topic '{topic}': expected a message type that comes with ROS 2, found {kind}"
            )
        self._connections[topic] = self._writer.add_connection(
            topic, kind, typestore=self._typestore, offered_qos_profiles=list(qos)
        )

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Write a message.

        Args:
            topic: A topic added before.
            time_ns: Time of reception in ns since 1970. If it is before the last message's, that
                message's time is written.
            data: The message in CDR.

        Raises:
            OSError: It cannot be written, for example because the disk is full.
        """
        # Readers rely on the order in a bag without an index, as a crash leaves it.
        self._newest_ns = max(self._newest_ns, time_ns)
        self._writer.write(self._connections[topic], self._newest_ns, data)
        self.count += 1
        self.bytes += len(data)

    def flush(self) -> None:
        """Hand written messages to the operating system, at most once per FLUSH_PERIOD_S.

        Raises:
            OSError: They cannot be written.
        """
        now = time.monotonic()
        storage = self._writer.storage
        if now - self._flushed < FLUSH_PERIOD_S or not isinstance(storage, McapWriter):
            return
        self._flushed = now
        if storage.chunk.msgs:
            storage.close_chunk()
        storage.bio.flush()

    def close(self) -> None:
        """Write the index and the metadata.

        Raises:
            OSError: They cannot be written; flushed messages can be read nevertheless.
        """
        self._writer.close()
