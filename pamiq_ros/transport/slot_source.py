"""SlotSource: opens the slots that descriptors tell of, one learner's file at a time."""

from __future__ import annotations

from pathlib import Path

from pamiq_ros.core.model import StaleParameters

from .host import boot_id
from .payload import PayloadError, check_digest, check_schema, integer, text
from .slot_reader import SlotFile, SlotReader
from .slots import SlotDescriptor
from .weights import MAX_VERSION, SCHEMA


class SlotUnreadable(Exception):
    """A slot that can't be read here.

    Attributes:
        is_fault: Whether it should have been: it is of this running system.
    """

    def __init__(self, slot: SlotDescriptor, reason: object) -> None:
        super().__init__(f"shared memory {slot.file} can't be read: {reason}")
        self.is_fault = slot.host == boot_id()


class SlotSource:
    """Keeps the newest learner's file open between versions.

    Args:
        folder: Folder for shared memory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: SlotFile | None = None

    def open(self, slot: SlotDescriptor) -> SlotReader:
        """A reader of the slot's weights.

        Raises:
            SlotUnreadable: The file can't be opened, or holds something else.
            StaleParameters: The slot does not hold the version any more, or not whole.
        """
        try:
            reader = SlotReader(self._opened(slot.file), slot)
            check_schema(reader.metadata, SCHEMA)
            check_digest(reader.metadata, slot.digest)
            found = (
                text(reader.metadata, "source"),
                integer(reader.metadata, "version", 1, MAX_VERSION),
            )
            if found != (slot.source, slot.version):
                raise PayloadError(
                    f"expected version {slot.version} of {slot.source!r}, "
                    f"found {found[1]} of {found[0]!r}"
                )
            return reader
        except (OSError, PayloadError) as error:
            raise SlotUnreadable(slot, error) from error

    def newer_in(self, slot: SlotDescriptor) -> bool:
        """Whether the slot holds a newer version whole."""
        try:
            begun, done = self._opened(slot.file).mark(slot.offset)
        except (OSError, StaleParameters):
            return False
        return begun == done > slot.version

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self, name: str) -> SlotFile:
        if self._file is None or self._file.name != name:
            self.close()
            self._file = SlotFile(name, self._folder)
        return self._file
