"""StateStore: a node's states on disk, each whole or not there at all.

A state is a directory, written beside its final name, synced and renamed. A manifest holds the size
and SHA-256 digest of every file, so that a damaged state is found out and the one before it used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
SCHEMA = "pamiq_ros/state/1"
_PARTIAL = ".partial"


class StateError(ValueError):
    """A state that can't be used: names the state and says what is wrong with it."""


class StateStore:
    """The states of one node in a directory, oldest to newest by name.

    Args:
        directory: Where this node's states lie; made when the first is saved.
        digest: Digest of the configuration; states of another are not loaded.
    """

    def __init__(self, directory: Path, digest: str) -> None:
        self._directory = directory
        self._digest = digest

    def save(self, write: Callable[[Path], None], facts: dict[str, Any]) -> Path:
        """Save a state.

        Args:
            write: Writes the state's files into the directory it is given.
            facts: Plain values to keep in the manifest.

        Returns:
            The state's directory.

        Raises:
            OSError: It could not be written; nothing half-written keeps the final name.
        """
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = datetime.now(timezone.utc).strftime("%Y-%m-%d_%H-%M-%S.%f")
        partial = self._directory / f"{name}{_PARTIAL}"
        partial.mkdir(mode=0o700)
        try:
            write(partial)
            files = {str(f.relative_to(partial)): _fingerprint(f) for f in _files(partial)}
            manifest = {"schema": SCHEMA, "digest": self._digest, "facts": facts, "files": files}
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            for path in (*_files(partial), *_folders(partial)):
                _sync(path)
            final = partial.rename(self._directory / name)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _sync(self._directory)
        return final

    def newest(self, on_damage: Callable[[str], object]) -> tuple[Path, dict[str, Any]] | None:
        """The newest sound state.

        Args:
            on_damage: Called with a text for each damaged state that is passed over.

        Returns:
            Its directory and its facts; None when there is none.

        Raises:
            StateError: The newest sound state is of another configuration.
        """
        if not self._directory.is_dir():
            return None
        names = sorted((p for p in self._directory.iterdir() if p.is_dir()), reverse=True)
        for state in names:
            if state.name.endswith(_PARTIAL):
                continue
            try:
                manifest = _read(state)
            except StateError as error:
                on_damage(f"{error}; the one before it is used")
                continue
            if manifest["digest"] != self._digest:
                raise StateError(
                    f"state {state}: expected one of the configuration {self._digest}, "
                    f"found {manifest['digest']}"
                )
            return state, dict(manifest["facts"])
        return None


def _read(state: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((state / MANIFEST).read_text(encoding="utf-8"))
        expected = dict(manifest["files"])
        if manifest["schema"] != SCHEMA:
            raise StateError(f"state {state}: expected schema {SCHEMA}")
        for key, kind in (("digest", str), ("facts", dict)):
            if not isinstance(manifest[key], kind):
                raise StateError(f"state {state}: {MANIFEST} has a malformed '{key}'")
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, StateError):
            raise
        raise StateError(f"state {state}: {MANIFEST} is missing or damaged ({error})") from error
    found = {str(f.relative_to(state)): f for f in _files(state) if f.name != MANIFEST}
    for name in sorted({*expected, *found}):
        if name not in found or expected.get(name) != _fingerprint(found[name]):
            raise StateError(f"state {state}: {name} is missing, foreign or damaged")
    return dict(manifest)


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _folders(directory: Path) -> list[Path]:
    return [*(path for path in directory.rglob("*") if path.is_dir()), directory]


def _fingerprint(file: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return {"bytes": file.stat().st_size, "sha256": digest.hexdigest()}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
