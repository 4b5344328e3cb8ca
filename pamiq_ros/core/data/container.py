"""Data users and collectors by name."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import Self

from ..state_persistence import PersistentParts
from .buffer import DataBuffer
from .interface import DataCollector, DataUser


class DataUsersDict(PersistentParts, UserDict[str, DataUser[Any]]):
    """Data users by name, and the collectors that belong to them."""

    def __init__(self, *args: Any, **kwds: Any) -> None:
        """Take what a dict takes."""
        self._data_collectors_dict = DataCollectorsDict()
        super().__init__(*args, **kwds)

    @classmethod
    def from_data_buffers(
        cls, buffer_map: Mapping[str, DataBuffer[Any, Any]] | None = None, /, **kwds: Any
    ) -> Self:
        """A data user for each buffer.

        Args:
            buffer_map: Buffers by name.
            **kwds: More buffers by name.
        """
        buffers: dict[str, DataBuffer[Any, Any]] = {**(buffer_map or {}), **kwds}
        return cls({name: DataUser(buffer) for name, buffer in buffers.items()})

    @property
    def data_collectors_dict(self) -> DataCollectorsDict:
        """The collector of each data user, by the same name."""
        return self._data_collectors_dict

    def __setitem__(self, key: str, item: DataUser[Any]) -> None:
        """Set a data user, and its collector with it."""
        super().__setitem__(key, item)
        self._data_collectors_dict[key] = item._collector

    def save_ahead(self, path: Path) -> None:
        """Write what may be written ahead of `save_state` of the same path; any thread."""
        path.mkdir(exist_ok=True)
        for name, user in self.data.items():
            user.save_ahead(path / name)

    def _parts(self) -> Mapping[str, Any]:
        return self.data


class DataCollectorsDict(UserDict[str, DataCollector[Any]]):
    """Collectors by name; each is given to one agent alone."""

    def __init__(self, *args: Any, **kwds: Any) -> None:
        """Take what a dict takes."""
        super().__init__(*args, **kwds)
        self._acquired: set[str] = set()

    def acquire(self, collector_name: str) -> DataCollector[Any]:
        """The collector of a name, once.

        Raises:
            KeyError: There is none of that name, or it was acquired before.
        """
        if collector_name not in self:
            known = ", ".join(sorted(self))
            raise KeyError(f"no data collector '{collector_name}', expected one of: {known}")
        if collector_name in self._acquired:
            raise KeyError(f"data collector '{collector_name}' is already acquired")
        self._acquired.add(collector_name)
        return self[collector_name]
