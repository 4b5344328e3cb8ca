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

"""Bag: reads a recording of any format as CDR messages. Playback: when each message is due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection, ConnectionExtRosbag2, Qos
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from .mcap_recovery import RecoveredPath, truncated_at


class BagError(ValueError):
    """A bag cannot be read or written; names it, what was expected and what was found."""


def listing(topics: Mapping[str, str]) -> str:
    """Return topics as one line of `name (type)`, from their types by name."""
    return ", ".join(f"{name} ({kind})" for name, kind in sorted(topics.items())) or "none"


def require(bag: Bag, found: Mapping[str, str], needed: Mapping[str, str]) -> None:
    """Check that a bag has the topics that a system observes.

    Args:
        bag: The bag.
        found: Message types of the bag's topics, such as `sensor_msgs/msg/Image`, by the names
            under which they are used.
        needed: Message types of the observed topics, by name.

    Raises:
        BagError: It has not; lists the needed and the existing topics.
    """
    missing = {name: kind for name, kind in needed.items() if found.get(name) != kind}
    if missing:
        raise BagError(
            f"{bag.path}: expected what the system observes, {listing(missing)}; "
            f"found {listing(found)}"
        )


_STORAGE = (".mcap", ".db3")
_HEADER = "std_msgs/msg/Header"


class Recorded(NamedTuple):
    """One message of a bag.

    Attributes:
        topic: Topic name.
        type: Message type, such as `sensor_msgs/msg/Image`.
        time_ns: Time of recording in ns since 1970.
        data: The message in CDR, ROS 2's serialization.
    """

    topic: str
    type: str
    time_ns: int
    data: bytes


@dataclass(frozen=True)
class Topic:
    """One topic of a bag.

    Attributes:
        name: Topic name.
        type: Message type, such as `sensor_msgs/msg/Image`.
        count: Number of messages.
        qos: QoS profiles that the publishers offered; empty if not recorded.
    """

    name: str
    type: str
    count: int
    qos: tuple[Qos, ...] = ()


class Bag:
    """An open bag; close it, or use it in a `with` statement.

    Reads ROS 2 bags (MCAP and SQLite, compressed or not, with or without `metadata.yaml`), their
    single files, and ROS 1 bags. A truncated MCAP file is read up to its last complete record.

    Args:
        path: The bag's folder or file.

    Attributes:
        path: The bag's folder or file.
        topics: Its topics, by name.
        start_ns: Time of the first message in ns since 1970.
        end_ns: Time of the last message in ns since 1970.
        warnings: Warnings, such as of a truncated file.

    Raises:
        BagError: The bag cannot be read, or has no messages.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        files = self._files()
        with self._as_bag_error(lambda: "expected a bag that can be read"):
            self._reader = AnyReader(files, default_typestore=get_typestore(Stores.LATEST))
            self._reader.open()
            self._ros2_types = _ros2_types(self._reader)
        self.topics = self._topics()
        if not self.topics or not self._reader.message_count:
            self.close()
            raise BagError(f"{path}: expected a bag with messages, found an empty one")
        self.start_ns, self.end_ns = self._reader.start_time, self._reader.end_time - 1

    def __enter__(self) -> Bag:
        """Return the bag."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the bag."""
        self.close()

    @property
    def seconds(self) -> float:
        """Time from the first to the last message in s."""
        return (self.end_ns - self.start_ns) * 1e-9

    def messages(
        self,
        topics: Collection[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Iterator[Recorded]:
        """Yield messages, oldest first.

        Args:
            topics: Names of the topics to read; None for all.
            start_ns: Skip messages before this time in ns since 1970; None: from the first.
            end_ns: Stop before this time in ns since 1970; None: to the last.

        Raises:
            BagError: The next message is damaged; names the number of messages before it.
        """
        wanted = [c for c in self._reader.connections if topics is None or c.topic in topics]
        if not wanted:
            return
        count = 0
        with self._as_bag_error(lambda: f"it is damaged after {count} messages"):
            for connection, time_ns, data in self._reader.messages(wanted, start_ns, end_ns):
                yield Recorded(
                    connection.topic, connection.msgtype, time_ns, self._cdr(connection, data)
                )
                count += 1

    def close(self) -> None:
        """Close the files; can be called twice."""
        with suppress(Exception):  # closed before, or never opened
            self._reader.close()

    def _files(self) -> list[Path]:
        path = self.path
        if not path.exists():
            raise BagError(f"{path}: expected a bag, found nothing")
        inside = sorted(p for p in path.iterdir() if p.suffix in _STORAGE) if path.is_dir() else []
        for file in inside or [path]:
            if file.is_file() and (end := truncated_at(file)) is not None:
                lost = file.stat().st_size - end
                self.warnings.append(f"{file} is truncated: read without its last {lost} bytes")
        if not path.is_dir() or (path / "metadata.yaml").exists():
            return [RecoveredPath(path)]
        if not inside:
            raise BagError(f"{path}: expected a folder with a bag, found one without")
        self.warnings.append(f"{path} has no metadata.yaml: its files are read without it")
        return [RecoveredPath(file) for file in inside]

    def _topics(self) -> dict[str, Topic]:
        found: dict[str, Topic] = {}
        for connection in self._reader.connections:
            name, before = connection.topic, found.get(connection.topic)
            count, qos = (before.count, before.qos) if before else (0, ())
            if isinstance(connection.ext, ConnectionExtRosbag2):
                qos = (*qos, *connection.ext.offered_qos_profiles)
            found[name] = Topic(name, connection.msgtype, count + connection.msgcount, qos)
        return found

    def _cdr(self, connection: Connection, data: bytes) -> bytes:
        if self._reader.is2:
            return data
        return bytes(self._ros2_types.ros1_to_cdr(data, connection.msgtype))

    @contextmanager
    def _as_bag_error(self, wrong: Callable[[], str]) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # readers of damaged files raise errors of any kind
            found = " ".join(str(error).split()) or type(error).__name__
            raise BagError(f"{self.path}: {wrong()}: {found}") from error


def _ros2_types(reader: AnyReader) -> Typestore:
    """Return the types of a bag with ROS 2's header, which has no sequence number."""
    header = get_typestore(Stores.LATEST).fielddefs[_HEADER]
    types = get_typestore(Stores.EMPTY)
    types.register({**reader.typestore.fielddefs, _HEADER: header})
    return types


class Playback:
    """The schedule of a bag's messages.

    Args:
        bag: The bag.
        rate: Seconds of the bag per second.
        start_s: Start in s from the bag's first message.
        end_s: End in s from the bag's first message; 0 for the bag's end.
        loop: Whether to repeat the bag endlessly.

    Attributes:
        start_ns: The bag's time at the start in ns since 1970.
        seconds: Duration of one pass in s.

    Raises:
        BagError: The start is not before the end.
    """

    def __init__(
        self,
        bag: Bag,
        rate: float = 1.0,
        start_s: float = 0.0,
        end_s: float = 0.0,
        loop: bool = False,
    ) -> None:
        last_s = min(end_s or bag.seconds, bag.seconds)
        if not 0.0 <= start_s <= last_s:
            raise BagError(
                f"{bag.path}: expected a start before the end at {last_s:.2f} s, "
                f"found {start_s:g} s"
            )
        self._bag, self._rate, self._loop = bag, rate, loop
        self.start_ns = bag.start_ns + int(start_s * 1e9)
        self._end_ns = bag.start_ns + int(last_s * 1e9)
        self.seconds = (self._end_ns - self.start_ns) * 1e-9 / rate

    def due(self, topics: Collection[str] | None = None) -> Iterator[tuple[float, Recorded]]:
        """Yield pairs of the time in s since the start and the message due at that time.

        Args:
            topics: Names of the topics to read; None for all.

        Raises:
            BagError: The bag is damaged.
        """
        began_s = 0.0
        while True:
            for message in self._bag.messages(topics, self.start_ns, self._end_ns + 1):
                yield began_s + (message.time_ns - self.start_ns) * 1e-9 / self._rate, message
            if not self._loop:
                return
            began_s += self.seconds

    def time_ns(self, elapsed_s: float) -> int:
        """Return the bag's time in ns since 1970, `elapsed_s` seconds after the start."""
        if self._loop and self.seconds:
            elapsed_s %= self.seconds
        return self.start_ns + round(elapsed_s * self._rate * 1e9)
