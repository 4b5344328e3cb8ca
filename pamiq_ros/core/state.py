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

"""State files: nested data as safetensors, small plain values as JSON.

A file contains tensors and text only, so opening one runs no code. It is written under a temporary
name and renamed, so a file under its final name is always complete. Files that have not changed
since the previous state are hard links to it.
"""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .own_files import open_own, read_own

SCHEMA = "pamiq_ros/tree/1"

_reused: ContextVar[tuple[Path, Path] | None] = ContextVar("reused", default=None)


def state_file(path: Path, suffix: str = ".safetensors") -> Path:
    """Return the file of a state's path: the suffix is appended, dots in the name stay."""
    return path.with_name(path.name + suffix)


def save_tree(path: Path, tree: Any) -> None:
    """Save nested data as `<path>.safetensors`.

    Args:
        path: The file without its suffix.
        tree: Any nesting of dict, list, tuple and Counter of tensors, numpy arrays and scalars,
            numbers, text and None. `load_tree` returns tensors on the CPU.

    Raises:
        OSError: The file can't be written; names it.
        TypeError: The data contains something else; names the place.
    """
    encoder = _Encoder()
    structure = json.dumps(encoder.encode(tree, ()), separators=(",", ":"))
    metadata = {"schema": SCHEMA, "tree": structure}
    _replace(state_file(path), lambda partial: save_file(encoder.tensors, partial, metadata))


def load_tree(path: Path) -> Any:
    """Load what `save_tree` saved.

    Args:
        path: The file without its suffix.

    Raises:
        FileNotFoundError: The file does not exist.
        PermissionError: It is not a regular file of this user.
        ValueError: The file is damaged or has another format; names it.
    """
    file = state_file(path)
    return _decode_tree(file, *_read_tensors(file, open_own(file)))


def load_state_dict(file: Path) -> dict[str, Any]:
    """Load the tensors of any safetensors file by name, or the dict that `save_tree` saved.

    The user names the file, so it may belong to another user.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is damaged, or has another format; names it and says how to convert.
    """
    if file.suffix != ".safetensors":
        raise ValueError(
            f"{file}: expected a .safetensors file, found '{file.suffix}'. Files of torch.save may "
            "run code when opened; convert one you trust: safetensors.torch.save_file(torch.load("
            "'model.pt', weights_only=True), 'model.safetensors')"
        )
    tensors, metadata = _read_tensors(file, os.open(file, os.O_RDONLY | os.O_NONBLOCK))
    if metadata.get("schema") != SCHEMA:
        return tensors
    tree = _decode_tree(file, tensors, metadata)
    if not isinstance(tree, dict):
        raise ValueError(f"{file}: expected a dict of parameters, found {type(tree).__name__}")
    return tree


def save_json(path: Path, value: Any) -> None:
    """Save a plain value as `<path>.json`.

    Raises:
        OSError: The file can't be written; names it.
    """
    text = json.dumps(value, indent=1) + "\n"
    _replace(state_file(path, ".json"), lambda partial: partial.write_text(text, encoding="utf-8"))


def load_json(path: Path) -> Any:
    """Load what `save_json` saved.

    Raises:
        FileNotFoundError: The file does not exist.
        PermissionError: It is not a regular file of this user.
        ValueError: The file is damaged; names it.
    """
    file = state_file(path, ".json")
    try:
        return json.loads(read_own(file).decode())
    except ValueError as error:
        raise ValueError(f"{file}: expected JSON: {error}") from error


@contextmanager
def reusing(previous: Path | None, current: Path) -> Iterator[None]:
    """Let `reuse_file` link files of the previous state, in this thread.

    Args:
        previous: Directory of the previous state; None if there is none.
        current: Directory of the state that is being saved.
    """
    token = _reused.set(None if previous is None else (previous, current))
    try:
        yield
    finally:
        _reused.reset(token)


def reuse_file(file: Path) -> bool:
    """Link a file of the same relative path in the previous state, see `reusing`.

    Args:
        file: The file to create. Its name must identify its content.

    Returns:
        Whether the file was linked. If not, the caller writes it.
    """
    states = _reused.get()
    if states is None:
        return False
    previous, current = states
    try:
        os.link(previous / file.relative_to(current), file)
    except (OSError, ValueError):  # no such file, or a file system without hard links
        return False
    return True


def _read_tensors(file: Path, descriptor: int) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return tensors and metadata of a safetensors file. Closes the descriptor."""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{file}: expected a regular file")
        # safe_open takes only a path: this one leads to the descriptor that was checked.
        with safe_open(f"/proc/self/fd/{descriptor}", framework="pt") as opened:
            names = opened.keys()
            return {name: opened.get_tensor(name) for name in names}, opened.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{file}: damaged, or not a safetensors file: {error}") from error
    finally:
        os.close(descriptor)


def _decode_tree(file: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> Any:
    if metadata.get("schema") != SCHEMA:
        raise ValueError(f"{file}: expected schema {SCHEMA}, found {metadata.get('schema')}")
    try:
        return _decode(json.loads(metadata["tree"]), tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file}: the structure does not fit the tensors: {error!r}") from error


class _Encoder:
    """Splits nested data into JSON and named tensors. Tensors that share memory are saved once."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._storages: set[int] = set()

    def encode(self, value: Any, place: tuple[str, ...]) -> Any:
        if isinstance(value, torch.Tensor):
            return {"tensor": self._keep(value, place)}
        if isinstance(value, (np.ndarray, np.generic)):
            return {"ndarray": self._keep(_from_numpy(value, place), place)}
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        if type(value) in (list, tuple):
            items = [self.encode(item, (*place, str(i))) for i, item in enumerate(value)]
            return {type(value).__name__: items}
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, (str, int, float)):
                    raise TypeError(f"{_where(place)}: keys of {type(key).__name__} can't be saved")
            items = [[k, self.encode(v, (*place, str(k)))] for k, v in value.items()]
            return {"counter" if isinstance(value, Counter) else "dict": items}
        raise TypeError(
            f"{_where(place)}: expected tensors, arrays, numbers, text or None, found "
            f"{type(value).__name__}, which can't be saved; override save_state and load_state"
        )

    def _keep(self, tensor: torch.Tensor, place: tuple[str, ...]) -> str:
        tensor = tensor.detach()
        identity = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.device)
        if tensor.numel() > 0 and identity in self._known:
            return self._known[identity]
        stored = tensor.cpu().contiguous()
        pointer = stored.untyped_storage().data_ptr()
        if pointer in self._storages:  # safetensors refuses two views of one storage
            stored = stored.clone()
        self._storages.add(pointer)
        name = first = ".".join(place) or "value"
        number = 1
        while name in self.tensors:
            name, number = f"{first}~{number}", number + 1
        self.tensors[name] = stored
        self._known[identity] = name
        return name


def _decode(data: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "ndarray":
        return tensors[content].numpy()[()]
    if kind in ("list", "tuple"):
        items = [_decode(item, tensors) for item in content]
        return items if kind == "list" else tuple(items)
    if kind in ("dict", "counter"):
        pairs = {key: _decode(item, tensors) for key, item in content}
        return pairs if kind == "dict" else Counter(pairs)
    raise ValueError(f"unknown kind {kind!r}")


def _from_numpy(value: Any, place: tuple[str, ...]) -> torch.Tensor:
    try:
        native = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        return torch.from_numpy(native)
    except TypeError as error:
        raise TypeError(f"{_where(place)}: arrays of {value.dtype} can't be saved") from error


def _where(place: tuple[str, ...]) -> str:
    return "state" + "".join(f"[{key!r}]" for key in place)


def _replace(file: Path, write: Callable[[Path], Any]) -> None:
    partial = file.with_name(f".{file.name}.partial")
    try:
        write(partial)
        partial.replace(file)
    except (OSError, SafetensorError) as error:  # a full disk raises SafetensorError
        raise OSError(f"{file} can't be written: {error}") from error
