"""StateStore: a node's states on disk, each whole or not there at all, and which of them are kept.

A state is a directory, written beside its final name, synced and renamed. Files that did not change
are hard links to those of the state before; a file is never written to once its state is there.
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
    require_sound,
)

_FORMAT = "%Y-%m-%d_%H-%M-%S.%f"


@dataclass(frozen=True)
class RetentionPolicy:
    """What is kept.

    Attributes:
        newest: How many of the newest states, 1 or more.
        hourly: For how many hours the last state of the hour; hours without a state do not count.
        daily: For how many days (UTC) the last state of the day.
    """

    newest: int = 3
    hourly: int = 0
    daily: int = 0

    def superfluous(self, states: Sequence[str]) -> list[str]:
        """The states, by id, that none of this keeps."""
        ordered = sorted(filter(is_state_id, states), reverse=True)
        kept = {*ordered[: max(1, self.newest)]}
        kept.update(_last_of_each(ordered, lambda s: s[: len("2000-01-01_00")])[: self.hourly])
        kept.update(_last_of_each(ordered, lambda s: s[: len("2000-01-01")])[: self.daily])
        return [state for state in ordered if state not in kept]


def state_id(newest: str | None = None) -> str:
    """The id of a state that is saved now: UTC, so that ids sort by age.

    Args:
        newest: Id of the newest state so far: a clock that was set back must not make it look so.
    """
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    if newest is not None:
        now = max(now, datetime.strptime(newest, _FORMAT) + timedelta(microseconds=1))
    return now.strftime(_FORMAT)


def is_state_id(text: str) -> bool:
    """Whether a text is one."""
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
"""Writes a state's files into the first directory; the second is that of the state before."""


class StateStore:
    """The states of one node in a directory, oldest to newest by name.

    Others may put theirs into a shared folder: only this user's folders and regular files are read,
    and only this user's states are counted and removed.

    Args:
        directory: Where this node's states lie; made when the first is saved.
        configuration: States of another are not loaded, unless that is asked for.
        keepers: Which states are kept; the others are removed after each that is saved.

    Raises:
        NotADirectoryError: There is a file where a folder should be; names it.
    """

    def __init__(
        self, directory: Path, configuration: Configuration, keepers: RetentionPolicy | None = None
    ) -> None:
        _require_no_file(directory)
        self._directory = directory
        self._configuration = configuration
        self._keepers = keepers or RetentionPolicy()
        self._before: Path | None = None

    def save(self, write: Write, facts: Callable[[], Mapping[str, Any]]) -> Path:
        """Save a state.

        Args:
            write: Writes the state's files.
            facts: Plain values to keep in the manifest; asked for after all is written.

        Returns:
            The state's directory; its name is the state's id.

        Raises:
            OSError: It could not be written; nothing half-written keeps the final name.
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
                error.filename = str(partial)  # of a full disk writing does not tell the place
            raise
        _sync(self._directory)
        self._before = final
        self._remove_superfluous()
        return final

    def find(
        self,
        wanted: str,
        on_damage: Callable[[str], object],
        *,
        any_configuration: bool = False,
    ) -> tuple[Path, Mapping[str, Any]] | None:
        """A sound state to go on from.

        Args:
            wanted: `latest`, or a state's id: if there is none of that id, the newest before it,
                since the nodes of a system save theirs one after the other.
            on_damage: Called with a text for each damaged state that is passed over.
            any_configuration: Whether a state of another configuration will do.

        Returns:
            Its directory and its facts; None when there is none at all.

        Raises:
            StateError: It is of another configuration, or there is none of the id nor before it, or
                all there are are damaged: to begin anew then would throw away what was learned.
        """
        damaged: StateError | None = None
        for state in self._states(wanted):
            try:
                _require_own(state)
                manifest = read_manifest(state)
                require_sound(state, manifest)
            except StateError as error:
                on_damage(f"{error}; the one before it is used")
                damaged = damaged or error
                continue
            if not any_configuration:
                self._require_alike(state, manifest.configuration)
            self._before = state
            return state, manifest.facts
        if damaged is not None:
            raise StateError(
                f"expected a sound state in {self._directory}, found damaged ones alone (to begin "
                f"anew, resume 'none'); the newest: {damaged}"
            ) from damaged
        if wanted != LATEST:
            raise StateError(
                f"expected a state {wanted} or one before it in {self._directory}, found none"
            )
        return None

    def remove_leftovers(self) -> None:
        """Remove what a process that was killed left half written or half removed."""
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

    def _require_alike(self, state: Path, found: Configuration) -> None:
        if found.digest != self._configuration.digest:
            differing = "; ".join(self._configuration.differences(found)) or "no key differs"
            raise StateError(
                f"state {state}: expected one of the configuration {self._configuration.digest}, "
                f"found {found.digest} ({differing})"
            )

    def _remove_superfluous(self) -> None:
        for name in self._keepers.superfluous(self._own_names()):
            # Renamed first: half removed, it would look damaged.
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
