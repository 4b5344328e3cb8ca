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

"""Mutations: payloads and JSON that were damaged, or that lie about themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

HUGE = (2**31, 2**63, 2**64 - 1, 10**30, -1)
TEXTS = ("", "0", "-1", "1e9", "\u0661", "\udc80", "NaN", "x" * 100_000)
NESTED = "[" * 10**5
ODD: tuple[Any, ...] = (
    None, True, -1, 0.5, 2**70, float("nan"), float("inf"), 1e308, "7", "\ud800", "\0", [], {},
    [[]], [1], {"": 0}, "x" * 10_000,
)  # fmt: skip
"""Values that are of another kind than most."""


def damaged(chance: Random, data: bytes) -> bytes:
    """The payload with some bytes changed, or cut off; never what is still the same."""
    if chance.random() < 0.3:
        return data[: chance.randrange(len(data))]
    changed = bytearray(data)
    # Spaces fill headers up: another white space there is no damage.
    places = [place for place, byte in enumerate(data) if byte != ord(" ")]
    for place in chance.sample(places, chance.randint(1, 4)):
        changed[place] ^= chance.randint(1, 255)
    return bytes(changed)


def mutated_payload(chance: Random, data: bytes) -> bytes:
    """A safetensors payload, mutated in one of many ways."""
    return _any_of(chance, data, (damaged, damaged, _flipped, *_SIZES, *_FIELDS))


def mutated_json(chance: Random, text: str) -> bytes:
    """A JSON object as UTF-8 or not, mutated in one of many ways."""
    return _any_of(chance, text.encode(), (damaged, _flipped, *_SIZES, _odd_value, _nested))


def _any_of(
    chance: Random, data: bytes, ways: tuple[Callable[[Random, bytes], bytes], ...]
) -> bytes:
    while (mutated := chance.choice(ways)(chance, data)) == data:
        pass
    return mutated


def _flipped(chance: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    places = [place for place, byte in enumerate(data) if byte != ord(" ")]
    changed[chance.choice(places)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _extended(chance: Random, data: bytes) -> bytes:
    return data + chance.choice((b"\0", data, chance.randbytes(chance.randint(1, 5000))))


def _empty(chance: Random, data: bytes) -> bytes:
    return b""


def _noise(chance: Random, data: bytes) -> bytes:
    return chance.randbytes(chance.randint(1, 2 * len(data)))


def _another_length(chance: Random, data: bytes) -> bytes:
    size = int.from_bytes(data[:8], "little")
    length = chance.choice((0, 1, size - 1, size + 1, size + 2**20, 2**32, 2**63, 2**64 - 1))
    return length.to_bytes(8, "little") + data[8:]


def _another_number(chance: Random, data: bytes) -> bytes:
    header, body = _split(data)
    specs = [spec for name, spec in header.items() if name != "__metadata__"]
    if not specs:
        return _another_text(chance, data)
    numbers = chance.choice(specs)[chance.choice(("shape", "data_offsets"))]
    if numbers:
        numbers[chance.randrange(len(numbers))] = chance.choice(HUGE)
    return _joined(data, header, body)


def _another_text(chance: Random, data: bytes) -> bytes:
    header, body = _split(data)
    metadata = header["__metadata__"]
    key = chance.choice(sorted(metadata))
    metadata[key] = chance.choice((*TEXTS, *map(str, HUGE), *ODD))
    return _joined(data, header, body)


def _missing_field(chance: Random, data: bytes) -> bytes:
    header, body = _split(data)
    fields = chance.choice([fields for fields in header.values() if fields])
    del fields[chance.choice(sorted(fields))]
    return _joined(data, header, body)


def _swapped_fields(chance: Random, data: bytes) -> bytes:
    header, body = _split(data)
    fields = chance.choice((header, header["__metadata__"]))
    keys = [key for key in sorted(fields) if key != "__metadata__"]
    one, other = chance.choices(keys or [""], k=2)
    if one != other:
        fields[one], fields[other] = fields[other], fields[one]
    return _joined(data, header, body)


def _not_utf8(chance: Random, data: bytes) -> bytes:
    size = int.from_bytes(data[:8], "little")
    place = 8 + chance.randrange(len(data[8 : 8 + size].rstrip()))
    return data[:place] + bytes([chance.randint(0x80, 0xFF)]) + data[place + 1 :]


def _odd_value(chance: Random, data: bytes) -> bytes:
    content = json.loads(data)
    inside = content
    while True:
        key = chance.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        if isinstance(inside[key], (dict, list)) and inside[key] and chance.random() < 0.8:
            inside = inside[key]
            continue
        inside[key] = chance.choice(ODD)
        return json.dumps(content).encode()


def _nested(chance: Random, data: bytes) -> bytes:
    depth = chance.choice((900, 10**5))
    return data[:-1] + b', "figures": ' + b"[" * depth + b"]" * depth + b"}"


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def _joined(data: bytes, header: dict[str, Any], body: bytes) -> bytes:
    if header == _split(data)[0]:
        return data
    text = json.dumps(header, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + body


_SIZES = (_extended, _empty, _noise)
_FIELDS = (
    _another_length, _another_number, _another_text, _missing_field, _swapped_fields, _not_utf8,
)  # fmt: skip
