"""Saver: saves states in the background, by way of a scratch folder in memory."""

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
"""A folder that is younger and still empty may be one that is just being made."""

_PREFIX = "pamiq_ros-state-"


@contextlib.contextmanager
def scratch_folder(memory: Path = MEMORY) -> Iterator[Path]:
    """A new folder for this user alone, in memory if the system has such a place; removed after.

    It is locked as long as this process lives, so that others know whether it was left over.
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
    """Remove the folders of this user that processes which were killed left in memory."""
    for path in memory.glob(f"{_PREFIX}{os.getuid()}-*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or its owner lives
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                if _is_left(descriptor):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def _is_left(folder: int) -> bool:
    found = os.fstat(folder)
    is_new = time.time() - found.st_mtime < YOUNGEST_S and not os.listdir(folder)
    return found.st_uid == os.geteuid() and not is_new


class Saver:
    """Saves a state whenever it is asked to; whoever asks while another waits shares that one.

    Args:
        store: Where states are saved.
        write: Writes a state's files; called in the saver's thread.
        facts: Plain values for the manifest.
        on_saved: Called with the state's directory and how long it took, in s.
        on_error: Called with what made saving fail.
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
        """Ask for a state of from now on.

        Returns:
            Its directory, or what made saving fail, once that is known.

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
        """Save what was asked for and end the thread.

        Returns:
            Whether it ended within `timeout` s.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def figures(self) -> dict[str, Any]:
        """States `saved` and `failed`, the `newest` one's id, and how long it `took_s`."""
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
            except Exception as error:  # a full disk has many names, and states are users' code
                self._failed += 1
                self._on_error(error)
                request.set_exception(error)
                continue
            self._saved += 1
            self._newest, self._took_s = path.name, time.monotonic() - began
            self._on_saved(path, self._took_s)
            request.set_result(path)
