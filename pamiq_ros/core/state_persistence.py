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

"""Mixins for objects whose state can be saved to a path and loaded from it; loading of parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class PersistentStateMixin:
    """An object with a state. Both methods do nothing unless overridden."""

    def save_state(self, path: Path) -> None:
        """Save the state as a file whose name begins with `path`, or as a directory `path`."""

    def load_state(self, path: Path) -> None:
        """Load what `save_state` saved to the same `path`."""


class PersistentParts(PersistentStateMixin):
    """Saves and loads named parts, each below the directory of the whole.

    List it before the class whose methods it extends.
    """

    def _parts(self) -> Mapping[str, Any]:
        """Return the parts by name."""
        raise NotImplementedError

    def save_state(self, path: Path) -> None:
        """Save every part below the directory `path`. Without parts no directory is created."""
        super().save_state(path)
        if parts := self._parts():
            path.mkdir(exist_ok=True)
            for name, part in parts.items():
                part.save_state(path / name)

    def load_state(self, path: Path) -> None:
        """Load every part from the directory `path`."""
        super().load_state(path)
        for name, part in self._parts().items():
            part.load_state(path / name)


def load_parts(
    parts: Mapping[str, PersistentStateMixin],
    path: Path,
    on_mismatch: Callable[[str], object] | None,
) -> None:
    """Load parts from a state's directory.

    Args:
        parts: The parts, by name. The values of a mapping are loaded one by one.
        path: The state's directory.
        on_mismatch: Called with a text for each part that does not match; None: a mismatch raises.

    Raises:
        ValueError: A part does not match, or is damaged; names the file.
    """
    for name, part in parts.items():
        if on_mismatch is None:
            part.load_state(path / name)
            continue
        each = part if isinstance(part, Mapping) else {"": part}
        for key, one in each.items():
            try:
                one.load_state(path / name / key)
            except (ValueError, KeyError, OSError, RuntimeError) as error:
                on_mismatch(f"{name}/{key}: {error}")
