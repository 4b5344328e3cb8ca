"""Metadata fields: strings from outside, turned into what they should be or refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .header import PayloadError

MAX_TEXT = 256
"""Longest digest, source or buffer name, in characters."""

_INTEGER = re.compile(r"0|[1-9][0-9]{0,18}")


def text(metadata: Mapping[str, str], key: str, longest: int = MAX_TEXT) -> str:
    """The field `key`: a string of 1 to `longest` characters.

    Raises:
        PayloadError: It is missing, empty or too long.
    """
    value = metadata.get(key)
    if value is None:
        raise PayloadError(f"metadata {key!r}: expected, but it is missing")
    if not 0 < len(value) <= longest:
        raise PayloadError(
            f"metadata {key!r}: expected 1 to {longest} characters, found {len(value)}"
        )
    return value


def integer(metadata: Mapping[str, str], key: str, low: int, high: int) -> int:
    """The field `key`: a whole number in decimal digits, from `low` (0 or more) to `high`.

    Raises:
        PayloadError: It is missing, not such a number, or out of range.
    """
    value = metadata.get(key)
    if value is None:
        raise PayloadError(f"metadata {key!r}: expected, but it is missing")
    if not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
        raise PayloadError(
            f"metadata {key!r}: expected a whole number from {low} to {high}, found {value[:40]!r}"
        )
    return int(value)


def check_schema(metadata: Mapping[str, str], expected: str) -> None:
    """Check that a payload is of the schema `expected`.

    Raises:
        PayloadError: It is of another, or says of none; names both.
    """
    found = metadata.get("schema")
    if found != expected:
        raise PayloadError(f"metadata 'schema': expected {expected!r}, found {str(found)[:80]!r}")


class DigestMismatch(PayloadError):
    """A payload of another configuration; names both digests.

    Attributes:
        expected: The digest of this node's configuration.
        found: The digest in the payload.
        source: Where the payload is from.
    """

    def __init__(self, expected: str, found: str, source: str) -> None:
        super().__init__(
            f"from {source!r}: expected configuration digest {expected!r}, found {found!r}"
        )
        self.expected = expected
        self.found = found
        self.source = source


def check_digest(metadata: Mapping[str, str], expected: str) -> None:
    """Check that a payload is of the configuration whose digest is `expected`.

    Raises:
        DigestMismatch: It is of another; names both.
        PayloadError: It says of none, or of no source.
    """
    found, source = text(metadata, "digest"), text(metadata, "source")
    if found != expected:
        raise DigestMismatch(expected, found, source)


def check_field(name: str, value: str, longest: int = MAX_TEXT) -> str:
    """Check a text field before it is written.

    Raises:
        ValueError: It is empty or too long to be read back.
    """
    if not 0 < len(value) <= longest:
        raise ValueError(f"{name}: expected 1 to {longest} characters, found {len(value)}")
    return value
