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

"""Saver: saves states in a thread. Scratch folders: states written to memory first."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from .store import StateStore, Write

MEMORY = Path("/dev/shm")
YOUNGEST_S = 10.0
"""An empty folder younger than this may be one that another process is creating."""

_PREFIX = "pamiq_ros-state-"


@contextlib.contextmanager
def scratch_folder(memory: Path = MEMORY) -> Iterator[Path]:
    """Create a folder that only this user can read, in memory if possible, and remove it at exit.

    The folder is locked while this process lives, so that other processes recognize leftovers.
    """
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getuid()}-", dir=place))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def remove_left_scratch(memory: Path = MEMORY) -> None:
    """Remove the scratch folders of this user that killed processes left in memory."""
    for path in memory.glob(f"{_PREFIX}{os.getuid()}-*"):
        with contextlib.suppress(OSError):  # removed meanwhile, or its owner lives
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                if _is_leftover(descriptor):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def _is_leftover(folder: int) -> bool:
    found = os.fstat(folder)
    is_new = time.time() - found.st_mtime < YOUNGEST_S and not os.listdir(folder)
    return found.st_uid == os.geteuid() and not is_new


class Saver:
    """Saves a state on request, in a thread; requests made while one waits share its state.

    Args:
        store: The store to save to.
        write: Writes a state's files; called in the saver's thread.
        facts: Returns plain values for the manifest.
        on_saved: Called with the state's directory and the time that saving took in s.
        on_error: Called with the error if saving fails.
    """

    def __init__(
        self,
        store: StateStore,
        write: Write,
        facts: Callable[[], Mapping[str, Any]],
        *,
        on_saved: Callable[[Path, float], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        self._store, self._write, self._facts = store, write, facts
        self._on_saved, self._on_error = on_saved, on_error
        self._saved = self._failed = 0
        self._newest, self._took_s = "", 0.0
        self._waiting: Future[Path] | None = None
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)
        self._thread.start()

    def request(self) -> Future[Path]:
        """Request that a state is saved, written after this call.

        Returns:
            A future of its directory, or of the error if saving fails.

        Raises:
            RuntimeError: The saver is closed.
        """
        with self._changed:
            if self._closing:
                raise RuntimeError("expected an open saver, found it closed")
            if self._waiting is None:
                self._waiting = Future()
                self._changed.notify_all()
            return self._waiting

    def close(self, timeout: float) -> bool:
        """Save the requested state, if any, and end the thread.

        Returns:
            Whether the thread ended within `timeout` s.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def statistics(self) -> dict[str, Any]:
        """Return the number of states `saved` and `failed`, the `newest` id and its `took_s`."""
        return {
            "saved": self._saved,
            "failed": self._failed,
            "newest": self._newest,
            "took_s": round(self._took_s, 3),
        }

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closing)
                request, self._waiting = self._waiting, None
            if request is None:
                return
            began = time.monotonic()
            try:
                path = self._store.save(self._write, self._facts)
            except Exception as error:  # disk errors of any kind, and errors of users' save_state
                self._failed += 1
                self._on_error(error)
                request.set_exception(error)
                continue
            self._saved += 1
            self._newest, self._took_s = path.name, time.monotonic() - began
            self._on_saved(path, self._took_s)
            request.set_result(path)
