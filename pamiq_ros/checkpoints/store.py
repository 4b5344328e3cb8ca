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

"""StateStore: a node's states on disk, written atomically, and which of them are kept.

A state is a directory, written under a temporary name, synced and renamed. Unchanged files are hard
links to those of the state before; the files of a finished state are never written to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from .manifest import (
    Configuration,
    Manifest,
    StateError,
    files_of,
    fingerprints,
    read_manifest,
    verify_files,
)

_FORMAT = "%Y-%m-%d_%H-%M-%S.%f"


@dataclass(frozen=True)
class RetentionPolicy:
    """Which states are kept.

    Attributes:
        newest: Number of newest states to keep, 1 or more.
        hourly: Number of hours of which to keep the last state; hours without one do not count.
        daily: Number of days (UTC) of which to keep the last state.
    """

    newest: int = 3
    hourly: int = 0
    daily: int = 0

    def superfluous(self, states: Sequence[str]) -> list[str]:
        """Return the ids of the states to remove."""
        ordered = sorted(filter(is_state_id, states), reverse=True)
        kept = {*ordered[: max(1, self.newest)]}
        kept.update(_last_of_each(ordered, lambda s: s[: len("2000-01-01_00")])[: self.hourly])
        kept.update(_last_of_each(ordered, lambda s: s[: len("2000-01-01")])[: self.daily])
        return [state for state in ordered if state not in kept]


def state_id(newest: str | None = None) -> str:
    """Return the id of a state saved now: the time in UTC, so that ids sort by age.

    Args:
        newest: Id of the newest state. The new id is later even if the clock was set back.
    """
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    if newest is not None:
        now = max(now, datetime.strptime(newest, _FORMAT) + timedelta(microseconds=1))
    return now.strftime(_FORMAT)


def is_state_id(text: str) -> bool:
    """Return whether a text is the id of a state."""
    try:
        return datetime.strptime(text, _FORMAT).strftime(_FORMAT) == text
    except ValueError:
        return False


def _last_of_each(newest_first: Sequence[str], period: Callable[[str], str]) -> list[str]:
    last: dict[str, str] = {}
    for state in newest_first:
        last.setdefault(period(state), state)
    return list(last.values())


LATEST = "latest"
_PARTIAL, _REMOVED = ".partial", ".removed"

Write = Callable[[Path, "Path | None"], object]
"""Writes a state's files into the first directory; the second is the previous state's."""


class StateStore:
    """The states of one node in a directory.

    The directory may be shared with other users: only this user's folders and regular files are
    read, and only this user's states are counted and removed.

    Args:
        directory: The node's states; created when the first state is saved.
        configuration: The system's configuration. States of another one are refused by default.
        retention: Which states are kept; others are removed after each save.

    Raises:
        NotADirectoryError: The path of the directory leads through a file; names it.
    """

    def __init__(
        self,
        directory: Path,
        configuration: Configuration,
        retention: RetentionPolicy | None = None,
    ) -> None:
        _require_no_file(directory)
        self._directory = directory
        self._configuration = configuration
        self._retention = retention or RetentionPolicy()
        self._before: Path | None = None

    def save(self, write: Write, facts: Callable[[], Mapping[str, Any]]) -> Path:
        """Save a state.

        Args:
            write: Writes the state's files.
            facts: Returns plain values for the manifest; called after `write`.

        Returns:
            The state's directory; its name is the state's id.

        Raises:
            OSError: The state cannot be written; no incomplete state has the final name.
        """
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = state_id(max(self._own_names(), default=None))
        partial = self._directory / f"{name}{_PARTIAL}"
        partial.mkdir(mode=0o700)
        try:
            write(partial, self._before)
            files = fingerprints(partial, self._before)
            Manifest(self._configuration, facts(), files).write(partial)
            for path in (*files_of(partial), *_folders(partial)):
                _sync(path)
            final = partial.rename(self._directory / name)
        except BaseException as error:
            shutil.rmtree(partial, ignore_errors=True)
            if isinstance(error, OSError) and error.errno and not error.filename:
                error.filename = str(partial)  # errors of a full disk have no path
            raise
        _sync(self._directory)
        self._before = final
        self._remove_old()
        return final

    def find(
        self,
        wanted: str,
        on_damage: Callable[[str], object],
        *,
        any_configuration: bool = False,
    ) -> tuple[Path, Mapping[str, Any]] | None:
        """Find an undamaged state to resume from.

        Args:
            wanted: `latest`, or a state's id. If no state has that id, the newest before it
                is used: the nodes of a system save one after the other.
            on_damage: Called with a text for each damaged state that is skipped.
            any_configuration: Whether to accept a state of another configuration.

        Returns:
            Its directory and its facts; None if there are no states.

        Raises:
            StateError: The state has another configuration, no state has the id or is before it, or
                all states are damaged. Starting from scratch would then discard what was learned.
        """
        damaged: StateError | None = None
        for state in self._states(wanted):
            try:
                _require_own(state)
                manifest = read_manifest(state)
                verify_files(state, manifest)
            except StateError as error:
                on_damage(f"{error}; the state before it is used")
                damaged = damaged or error
                continue
            if not any_configuration:
                self._require_configuration(state, manifest.configuration)
            self._before = state
            return state, manifest.facts
        if damaged is not None:
            raise StateError(
                f"expected an undamaged state in {self._directory}, found only damaged ones (to "
                f"start from scratch, resume 'none'); the newest: {damaged}"
            ) from damaged
        if wanted != LATEST:
            raise StateError(
                f"expected a state {wanted} or one before it in {self._directory}, found none"
            )
        return None

    def remove_leftovers(self) -> None:
        """Remove the incomplete states that a killed process left."""
        if self._directory.is_dir():
            for path in self._directory.iterdir():
                if path.suffix in (_PARTIAL, _REMOVED) and is_state_id(path.stem):
                    shutil.rmtree(path, ignore_errors=True)

    def _states(self, wanted: str) -> list[Path]:
        if wanted != LATEST and not is_state_id(wanted):
            raise StateError(
                f"expected {LATEST} or a state's id such as {state_id()}, found {wanted!r}"
            )
        if not self._directory.is_dir():
            return []
        found = [p for p in self._directory.iterdir() if p.is_dir() and is_state_id(p.name)]
        allowed = (p for p in found if wanted == LATEST or p.name <= wanted)
        return sorted(allowed, key=lambda path: path.name, reverse=True)

    def _own_names(self) -> list[str]:
        return [state.name for state in self._states(LATEST) if _owner(state) == os.geteuid()]

    def _require_configuration(self, state: Path, found: Configuration) -> None:
        if found.digest != self._configuration.digest:
            differing = "; ".join(self._configuration.differences(found)) or "no key differs"
            raise StateError(
                f"state {state}: expected one of the configuration {self._configuration.digest}, "
                f"found {found.digest} ({differing})"
            )

    def _remove_old(self) -> None:
        for name in self._retention.superfluous(self._own_names()):
            # Renamed first: a partly removed state would look damaged.
            removed = (self._directory / name).rename(self._directory / f"{name}{_REMOVED}")
            shutil.rmtree(removed, ignore_errors=True)


def _folders(directory: Path) -> list[Path]:
    return [*(path for path in directory.rglob("*") if path.is_dir()), directory]


def _owner(state: Path) -> int:
    link, folder = state.lstat().st_uid, state.stat().st_uid
    return folder if link == os.geteuid() else link


def _require_own(state: Path) -> None:
    if (owner := _owner(state)) != os.geteuid():
        raise StateError(
            f"state {state}: expected a folder of this user ({os.geteuid()}), found one of user "
            f"{owner}; if you trust it, chown it and all that is in it"
        )


def _require_no_file(directory: Path) -> None:
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if not there.is_dir():
        raise NotADirectoryError(f"expected a folder for states, found a file: {there}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
