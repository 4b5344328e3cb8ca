"""WeightsMail: written weights on their way from the trainer's thread to the one that publishes.

The trainer writes into a slot that nobody reads, the publishing thread takes the newest. Two slots
are enough: one holds the version that was published last and that others may be reading, the other
is being written or waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pamiq_ros.core.model.finite import copy_finite

from .parameters import non_finite
from .payload import Layout
from .slot_store import SlotStore
from .weights import tensors_of, weights_layout


@dataclass(frozen=True)
class Letter:
    """Weights in a slot, without a version yet.

    Attributes:
        store: Where the slot is.
        slot: Its number.
        layout: How the payload lies in it.
        form: How the parameters are nested; see `tensors_of`.
        stamp: When they were handed over, in ns since the epoch.
    """

    store: SlotStore
    slot: int
    layout: Layout
    form: Mapping[str, str]
    stamp: int


class WeightsMail:
    """Slots for one model, and which of them holds what.

    Args:
        digest: Digest that will be in the weights.
        source: Source that will be in them.
        folder: Folder for shared memory; None: the slots are not shared.
        slots: How many slots, two or more.
        warn: Told once why memory can't be shared.

    Attributes:
        superseded: Weights that were written and left out for newer ones.
    """

    def __init__(
        self,
        digest: str,
        source: str,
        folder: Path | None,
        slots: int,
        warn: Callable[[str], None],
    ) -> None:
        self.superseded = 0
        self._names = (digest, source)
        self._folder, self._slots = folder, slots
        self._warn = warn
        self._store: SlotStore | None = None
        self._layout: Layout | None = None
        self._form: Mapping[str, str] = {}
        self._waiting: Letter | None = None
        self._taken: Letter | None = None
        self._closed = False
        self._writing = threading.Lock()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> bool:
        """Whether weights wait to be taken."""
        return self._waiting is not None

    def write(self, parameters: Mapping[str, Any], stamp: int) -> str | None:
        """Write weights into a slot; they wait there to be taken.

        Args:
            parameters: Tensors by name, or any nesting a step may have.
            stamp: When they were handed over, in ns since the epoch.

        Returns:
            None, or the name of a parameter that is not finite: then nothing waits.

        Raises:
            TypeError: A parameter that cannot be written; names it.
            ValueError: Their header would be too long.
            OSError: There is no memory for them.
            RuntimeError: The mail is closed.
        """
        tensors, form = tensors_of(parameters)
        with self._writing:
            if self._closed:
                raise RuntimeError("expected an open sender, found it closed")
            self._prepare(tensors, form)
            assert self._store is not None and self._layout is not None
            slot = self._free_slot()
            memory = self._store.begin(slot)[self._layout.start :]
            for span in self._layout.spans:
                part = memory[span.begin : span.end].view(span.dtype).view(span.shape)
                if not copy_finite(tensors[span.name].detach().cpu(), part):
                    return non_finite(parameters) or span.name
            letter = Letter(self._store, slot, self._layout, form, stamp)
            with self._lock:
                self.superseded += self._waiting is not None
                self._waiting = letter
            return None

    def take(self) -> Letter | None:
        """The weights that wait; their slot is left alone until others are taken."""
        with self._lock:
            letter, self._waiting = self._waiting, None
            self._taken = letter or self._taken
            return letter

    def stop_sharing(self, reason: str) -> None:
        """Tell why, once, and share no memory from now on."""
        if self._folder is not None:
            self._folder = None
            self._warn(f"{reason}; weights travel over the topic in chunks")

    def close(self) -> None:
        """Give the memory back."""
        with self._writing, self._lock:
            self._closed = True
            self._waiting = self._taken = None
            if self._store is not None:
                self._store.close()
            self._store = self._layout = None

    def _prepare(self, tensors: Mapping[str, Any], form: Mapping[str, str]) -> None:
        if self._layout is not None and self._layout.fits(tensors) and self._form == form:
            return
        layout = weights_layout(tensors, form, *self._names)
        with self._lock:
            # A reader of the old slots reads on; they get no newer versions.
            self._waiting = self._taken = None
            if self._store is not None:
                self._store.close()
            self._store = self._layout = None
        self._store = self._make_store(layout.size)
        self._layout, self._form = layout, form

    def _make_store(self, size: int) -> SlotStore:
        if self._folder is not None:
            try:
                return SlotStore(self._slots, size, self._folder)
            except OSError as error:
                self.stop_sharing(
                    f"expected {self._slots} x {size} bytes of shared memory in {self._folder}, "
                    f"found none ({error})"
                )
        return SlotStore(self._slots, size, None)

    def _free_slot(self) -> int:
        with self._lock:
            waiting = -1 if self._waiting is None else self._waiting.slot
            taken = -1 if self._taken is None else self._taken.slot
            free = [s for s in range(self._slots) if s not in (waiting, taken)]
            if free:
                return free[0]
            self._waiting = None
            self.superseded += 1
            return waiting
