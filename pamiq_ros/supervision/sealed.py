"""Sealed JSON: an object with a checksum of its own text, for what nodes act on.

Nodes tell each other how they are in JSON that anybody can read. What was damaged on its way, or
comes from somebody else, must not make them do anything: it is told from theirs by the seal.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 4 << 20
"""A longer text is refused unread."""

MOST_LEVELS = 32
"""Deeper nestings are refused: to write them anew could take more stack than there is."""

_MARK = ', "crc32": '
_SEAL = re.compile(r"(\d{1,10})\}")


def seal(content: Mapping[str, Any]) -> str:
    """An object as JSON whose last entry, `crc32`, is the checksum of the others' text.

    Args:
        content: At least one entry.
    """
    text = json.dumps(content)
    return f"{text[:-1]}{_MARK}{_checksum(text)}}}"


def unseal(text: str) -> dict[str, Any]:
    """The object that was sealed.

    Raises:
        ValueError: It is none, or was damaged; says what was found.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"expected at most {MOST_CHARACTERS} characters, found {len(text)}")
    body, _, rest = text.rpartition(_MARK)
    found = _SEAL.fullmatch(rest)
    if found is None:
        raise ValueError(f"expected a JSON object with a crc32 at its end, found {text[:40]!r}")
    body += "}"
    if int(found[1]) != _checksum(body):
        raise ValueError(f"damaged: its crc32 is {_checksum(body)}, and it says {found[1]}")
    try:
        content = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, found {text[:40]!r}")
    _require_levels(content, MOST_LEVELS)
    return content


def _require_levels(value: Any, levels: int) -> None:
    if isinstance(value, (dict, list)):
        if levels == 0:
            raise ValueError(f"expected at most {MOST_LEVELS} levels, found more")
        for inner in value.values() if isinstance(value, dict) else value:
            _require_levels(inner, levels - 1)


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode(errors="replace"))
