"""Saver: saves states in a thread of its own, one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from .store import StateStore, Write


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
