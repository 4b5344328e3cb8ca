"""The file of `--report`: its place checked at the start, its content written in one piece."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def check_place(path: Path) -> None:
    """Check that a report could be written there.

    Raises:
        ValueError: The path is a folder, or its folder is missing or not writable.
    """
    if path.is_dir():
        raise ValueError(f"expected a file, found a folder at {path}")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"expected an existing folder, found none at {folder}")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"expected a writable folder, found {folder} without write permission")


def write_report(path: Path, report: Mapping[str, Any], restarts: Mapping[str, int]) -> None:
    """Write a report so that the file is whole or not there at all.

    Args:
        path: Where to write; a file that is there is replaced.
        report: The figures of `pamiq/status`.
        restarts: Restarts that were counted here, by the node's room, such as `inference`. They
            replace the reported ones where they are higher: a node that died before it could say
            anything was counted here alone.

    Raises:
        OSError: The file can't be written.
        ValueError: The report holds something that is no JSON.
    """
    text = json.dumps(with_restarts(report, restarts), indent=2, allow_nan=False) + "\n"
    beside = path.absolute().with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def with_restarts(report: Mapping[str, Any], restarts: Mapping[str, int]) -> dict[str, Any]:
    """The report with the higher of the reported and the counted restarts of each node."""
    reported = report.get("restarts")
    merged = dict(reported) if isinstance(reported, Mapping) else {}
    for room, count in restarts.items():
        known = merged.get(room)
        if not isinstance(known, int):
            if count:
                merged[room] = count
        elif count > known:
            merged[room] = count
    return {**report, "restarts": merged}
