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

"""The manifest of a state: its configuration, and size and digest of each file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pamiq_ros.core.own_files import open_own, read_own

if TYPE_CHECKING:
    from pamiq_ros.core.config import ResolvedSystem

MANIFEST = "manifest.json"
SCHEMA = "pamiq_ros/state/1"
_BLOCK_BYTES = 2**20

Fingerprints = dict[str, dict[str, Any]]


class StateError(ValueError):
    """A state cannot be used; names the state and the reason."""


@dataclass(frozen=True)
class Configuration:
    """The system and configuration of a state.

    Attributes:
        digest: Digest of the configuration.
        values: Its values, nested.
    """

    digest: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, resolved: ResolvedSystem) -> Configuration:
        """Return the configuration of a system."""
        values = {"system": resolved.name, "configuration": resolved.config}
        return cls(resolved.digest, values)

    def differences(self, other: Configuration) -> list[str]:
        """Return the keys whose values differ, each with both values."""
        own, theirs = _flat(self.values), _flat(other.values)
        return [
            f"{key}: expected {own.get(key, 'none')!r}, found {theirs.get(key, 'none')!r}"
            for key in sorted({*own, *theirs})
            if own.get(key) != theirs.get(key)
        ]


@dataclass(frozen=True)
class Manifest:
    """A state's manifest.

    Attributes:
        configuration: Its system and configuration.
        facts: Plain values saved with the state.
        files: Size (`bytes`) and digest (`blake2b`) of each file, by path within the state.
    """

    configuration: Configuration
    facts: Mapping[str, Any]
    files: Fingerprints

    def write(self, state: Path) -> None:
        """Write the manifest into the state's directory."""
        content: dict[str, Any] = {
            "schema": SCHEMA,
            "digest": self.configuration.digest,
            "configuration": self.configuration.values,
            "facts": self.facts,
            "files": self.files,
        }
        content["blake2b"] = _digest_of(content)
        (state / MANIFEST).write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_manifest(state: Path) -> Manifest:
    """Read a state's manifest, without checking its files.

    Raises:
        StateError: The manifest is missing or damaged.
    """
    try:
        content = json.loads(read_own(state / MANIFEST).decode())
        if content["schema"] != SCHEMA:
            raise StateError(
                f"state {state}: {MANIFEST}: expected schema {SCHEMA}, found {content['schema']!r}"
            )
        if content.pop("blake2b") != _digest_of(content):
            raise StateError(f"state {state}: {MANIFEST} is damaged: its digest does not match")
        kinds = (("digest", str), ("configuration", dict), ("facts", dict), ("files", dict))
        for key, kind in kinds:
            if not isinstance(content[key], kind):
                raise StateError(f"state {state}: {MANIFEST} has a malformed '{key}'")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, StateError):
            raise
        raise StateError(f"state {state}: {MANIFEST} is missing or damaged ({error})") from error
    configuration = Configuration(content["digest"], content["configuration"])
    return Manifest(configuration, content["facts"], content["files"])


def verify_files(state: Path, manifest: Manifest) -> None:
    """Check that a state has exactly the files of its manifest, undamaged.

    Raises:
        StateError: A file is missing, unknown or damaged; names it.
    """
    found = {str(f.relative_to(state)): f for f in files_of(state) if f.name != MANIFEST}
    for name in sorted({*manifest.files, *found}):
        expected = manifest.files.get(name)
        if name not in found:
            raise StateError(f"state {state}: {name} is missing")
        if expected is None:
            raise StateError(f"state {state}: {name} is unknown: {MANIFEST} does not list it")
        if expected != (now := fingerprint(found[name])):
            raise StateError(
                f"state {state}: {name} is damaged: expected {_shown(expected)}, "
                f"found {_shown(now)}"
            )


def fingerprints(state: Path, before: Path | None) -> Fingerprints:
    """Return size and digest of a state's files, for its manifest.

    Args:
        state: The state's directory.
        before: Directory of an undamaged state; files shared with it are not read again.
    """
    known: Fingerprints = {}
    if before is not None:
        try:
            known = read_manifest(before).files
        except StateError:
            before = None
    return {
        name: known[name]
        if before is not None and name in known and _is_same(before / name, file)
        else fingerprint(file)
        for name, file in ((str(f.relative_to(state)), f) for f in files_of(state))
    }


def fingerprint(file: Path) -> dict[str, Any]:
    """Return a file's size and digest.

    Raises:
        StateError: The file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=32)
    size = 0
    try:
        with os.fdopen(open_own(file), "rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise StateError(f"{file} cannot be read ({error})") from error
    return {"bytes": size, "blake2b": digest.hexdigest()}


def files_of(directory: Path) -> list[Path]:
    """Return all files in a directory and below it, sorted."""
    return sorted(p for p in directory.rglob("*") if p.is_symlink() or not p.is_dir())


def _digest_of(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()


def _shown(fingerprint: Mapping[str, Any]) -> str:
    return f"{fingerprint.get('bytes')} bytes of digest {str(fingerprint.get('blake2b'))[:12]}"


def _is_same(before: Path, file: Path) -> bool:
    try:
        return before.samefile(file)
    except OSError:
        return False


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, Mapping):
        return {prefix: values}
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return found
