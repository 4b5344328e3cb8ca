"""Bag: one recording, whatever its format, as messages in ROS 2's serialization."""

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

from .mended import MendedPath, cut_at


class BagError(ValueError):
    """A bag can't be read or written; says which one, what was expected and what was found."""


def listing(topics: Mapping[str, str]) -> str:
    """Topics in one line, as `name (type)`, from their types by name."""
    return ", ".join(f"{name} ({kind})" for name, kind in sorted(topics.items())) or "none"


def require(bag: Bag, found: Mapping[str, str], needed: Mapping[str, str]) -> None:
    """Make sure that a bag has what a system observes.

    Args:
        bag: The bag.
        found: Message types such as `sensor_msgs/msg/Image`, by the names under which the bag's
            topics are used.
        needed: The same, of what the system observes.

    Raises:
        BagError: It has not; lists what is needed and what there is.
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
        topic: Name of its topic.
        type: Its type, such as `sensor_msgs/msg/Image`.
        time_ns: When it was recorded, in ns since 1970.
        data: The message in CDR, as ROS 2 sends it.
    """

    topic: str
    type: str
    time_ns: int
    data: bytes


@dataclass(frozen=True)
class Topic:
    """One topic of a bag.

    Attributes:
        name: Its name.
        type: Its type, such as `sensor_msgs/msg/Image`.
        count: How many messages of it there are.
        qos: The profiles its publishers offered; empty where that was not recorded.
    """

    name: str
    type: str
    count: int
    qos: tuple[Qos, ...] = ()


class Bag:
    """An opened bag; to be closed, or used in a `with` statement.

    Reads folders of ROS 2 (MCAP and SQLite, compressed or not, with `metadata.yaml` or without it),
    single files of these, and ROS 1 bags. A file that was cut off is read as far as it goes.

    Args:
        path: Folder or file.

    Attributes:
        path: The same.
        topics: Its topics, by name.
        start_ns: Time of the first message, in ns since 1970.
        end_ns: Time of the last one.
        warnings: What a user should know, such as that a file was cut off.

    Raises:
        BagError: It can't be read, or there is nothing in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        files = self._files()
        with self._blamed(lambda: "expected a bag that can be read"):
            self._reader = AnyReader(files, default_typestore=get_typestore(Stores.LATEST))
            self._reader.open()
            self._ros2_types = _ros2_types(self._reader)
        self.topics = self._topics()
        if not self.topics or not self._reader.message_count:
            self.close()
            raise BagError(f"{path}: expected a bag with messages, found an empty one")
        self.start_ns, self.end_ns = self._reader.start_time, self._reader.end_time - 1

    def __enter__(self) -> Bag:
        """Nothing: it is open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def seconds(self) -> float:
        """Time from the first message to the last, in s."""
        return (self.end_ns - self.start_ns) * 1e-9

    def messages(
        self,
        topics: Collection[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Iterator[Recorded]:
        """The messages, oldest first.

        Args:
            topics: Names of the topics wanted; None for all.
            start_ns: None, or time of the first one wanted, in ns since 1970.
            end_ns: None, or the time before which the last one is.

        Raises:
            BagError: What comes next is damaged; says how many messages came before it.
        """
        wanted = [c for c in self._reader.connections if topics is None or c.topic in topics]
        if not wanted:
            return
        count = 0
        with self._blamed(lambda: f"it is damaged after {count} messages"):
            for connection, time_ns, data in self._reader.messages(wanted, start_ns, end_ns):
                yield Recorded(
                    connection.topic, connection.msgtype, time_ns, self._cdr(connection, data)
                )
                count += 1

    def close(self) -> None:
        """Close the files; safe to call twice."""
        with suppress(Exception):  # closed before, or never opened
            self._reader.close()

    def _files(self) -> list[Path]:
        path = self.path
        if not path.exists():
            raise BagError(f"{path}: expected a bag, found nothing")
        inside = sorted(p for p in path.iterdir() if p.suffix in _STORAGE) if path.is_dir() else []
        for file in inside or [path]:
            if file.is_file() and (end := cut_at(file)) is not None:
                lost = file.stat().st_size - end
                self.warnings.append(f"{file} was cut off: read without its last {lost} bytes")
        if not path.is_dir() or (path / "metadata.yaml").exists():
            return [MendedPath(path)]
        if not inside:
            raise BagError(f"{path}: expected a folder with a bag, found one without")
        self.warnings.append(f"{path} has no metadata.yaml: its files are read without it")
        return [MendedPath(file) for file in inside]

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
    def _blamed(self, wrong: Callable[[], str]) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # a damaged file makes a reader raise whatever it likes
            found = " ".join(str(error).split()) or type(error).__name__
            raise BagError(f"{self.path}: {wrong()}: {found}") from error


def _ros2_types(reader: AnyReader) -> Typestore:
    """The types of a bag, with the header of ROS 2, which has no sequence number."""
    header = get_typestore(Stores.LATEST).fielddefs[_HEADER]
    types = get_typestore(Stores.EMPTY)
    types.register({**reader.typestore.fielddefs, _HEADER: header})
    return types
