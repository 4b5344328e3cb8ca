"""BagRecorder: writes a bag as `ros2 bag record` does: a folder with MCAP and metadata.yaml."""

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
"""A recorder that is killed loses what came since then, at most."""


class BagRecorder:
    """One bag that is being written; not for several threads at once.

    Args:
        path: A folder that is not there yet.

    Attributes:
        count: Messages written.
        bytes: Bytes of these.

    Raises:
        BagError: The folder is there already, or can't be made.
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
            raise BagError(f"{path}: expected a new folder, found one that is there") from error
        except OSError as error:
            raise BagError(f"{path}: could not be made: {error.strerror}") from error

    def add_topic(self, topic: str, kind: str, qos: Sequence[Qos] = ()) -> None:
        """Have a topic in the bag.

        Args:
            topic: Its full name.
            kind: Its type, such as `sensor_msgs/msg/Image`.
            qos: What its publishers offer.

        Raises:
            BagError: The type is none of ROS 2's own, whose definitions go into the bag.
        """
        if kind not in self._typestore.fielddefs:
            raise BagError(f"topic '{topic}': expected a type of ROS 2's own, found {kind}")
        self._connections[topic] = self._writer.add_connection(
            topic, kind, typestore=self._typestore, offered_qos_profiles=list(qos)
        )

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Write a message.

        Args:
            topic: One that was added.
            time_ns: When it was received, in ns since 1970; not before the message written last,
                or that one's time is written.
            data: The message in CDR.

        Raises:
            OSError: It can't be written: the disk is full, say.
        """
        # Readers of a bag without an index, as it is after a crash, rely on the order.
        self._newest_ns = max(self._newest_ns, time_ns)
        self._writer.write(self._connections[topic], self._newest_ns, data)
        self.count += 1
        self.bytes += len(data)

    def flush(self) -> None:
        """Hand what was written to the operating system, if the last time was a while ago.

        Raises:
            OSError: It can't be written.
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
        """Write index and metadata.

        Raises:
            OSError: They can't be written; what was flushed can be read all the same.
        """
        self._writer.close()
