"""WeightsExport: the newest weights of a model in a bag, as a file."""

from __future__ import annotations

from pathlib import Path

from pamiq_ros.transport.chunks import SCHEMA as CHUNK_SCHEMA
from pamiq_ros.transport.chunks import ChunkAssembler
from pamiq_ros.transport.payload import decode
from pamiq_ros.transport.weights import MAX_WEIGHTS_BYTES, Weights, encode_weights, weights_of
from pamiq_ros.transport.weights import SCHEMA as WEIGHTS_SCHEMA


class WeightsExport:
    """The newest whole weights of one model."""

    def __init__(self) -> None:
        self.newest: Weights | None = None
        self.announced = 0
        self._assemblers: dict[str, ChunkAssembler] = {}

    def take(self, data: bytes) -> None:
        """Take a message's payload.

        Raises:
            PayloadError: It is damaged.
        """
        payload = decode(data, MAX_WEIGHTS_BYTES)
        schema, digest = payload.metadata.get("schema"), payload.metadata.get("digest", "")
        if schema == CHUNK_SCHEMA:
            assembler = self._assemblers.setdefault(digest, ChunkAssembler(digest))
            self.newest = assembler.add_payload(payload) or self.newest
        elif schema == WEIGHTS_SCHEMA:
            self.newest = weights_of(payload, digest)
        else:
            self.announced += 1

    def write(self, path: Path) -> None:
        """Write them as a safetensors file."""
        assert self.newest is not None
        path.write_bytes(encode_weights(self.newest))
