"""Exporting: the weights and the experience in a bag as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rclpy.serialization import deserialize_message
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.offline.bags import Bag
from pamiq_ros.transport.chunks import SCHEMA as CHUNK_SCHEMA
from pamiq_ros.transport.chunks import ChunkAssembler
from pamiq_ros.transport.header import PayloadError
from pamiq_ros.transport.payload import decode
from pamiq_ros.transport.weights import MAX_WEIGHTS_BYTES, Weights, encode_weights, weights_of
from pamiq_ros.transport.weights import SCHEMA as WEIGHTS_SCHEMA

from .experience_export import ExperienceExport


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


WEIGHTS, EXPERIENCE = "/pamiq/weights/", "/pamiq/experience/"


def export(bag: Bag, folder: Path, say: Callable[[str], object], lerobot: bool = False) -> int:
    """Write the weights and the experience of a bag.

    Args:
        bag: The bag.
        folder: Where to; made if it is not there.
        say: Told what was written, and what could not be.
        lerobot: Whether to write the experience as LeRobotDatasets too.

    Returns:
        How many models and buffers were written.

    Raises:
        BagError: The bag is damaged.
        ValueError: LeRobot has no way to store the steps.
        OSError: A file can't be written.
    """
    weights: dict[str, WeightsExport] = {}
    experience: dict[str, ExperienceExport] = {}
    for text, count in _read(bag, folder / "experience", weights, experience).items():
        say(f"left out {count} messages on {text}")
    written = sum(
        _write_weights(folder / "weights" / f"{name}.safetensors", found, say)
        for name, found in weights.items()
    )
    for name, steps in experience.items():
        steps.end()
        say(f"{steps.steps} steps of '{name}' in {folder / 'experience' / name}")
        if lerobot and steps.steps:
            _write_lerobot(folder / "lerobot" / name, name, steps, say)
    return written + len(experience)


def _read(
    bag: Bag,
    folder: Path,
    weights: dict[str, WeightsExport],
    experience: dict[str, ExperienceExport],
) -> Counter[str]:
    damaged: Counter[str] = Counter()
    for message in bag.messages(
        [name for name in bag.topics if WEIGHTS in name or EXPERIENCE in name]
    ):
        name = message.topic.rpartition("/")[2]
        data = bytes(deserialize_message(message.data, UInt8MultiArray).data)
        try:
            if WEIGHTS in message.topic:
                weights.setdefault(name, WeightsExport()).take(data)
            else:
                if name not in experience:
                    experience[name] = ExperienceExport(folder / name, name)
                experience[name].take(data)
        except PayloadError as error:
            damaged[f"{message.topic}: {error}"] += 1
    return damaged


def _write_weights(path: Path, found: WeightsExport, say: Callable[[str], object]) -> int:
    if found.newest is None:
        say(
            f"no weights of '{path.stem}': the bag has {found.announced} times where they lay in "
            "shared memory; record with --weights"
        )
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    found.write(path)
    say(f"version {found.newest.version} of the weights of '{path.stem}' in {path}")
    return 1


def _write_lerobot(
    folder: Path, name: str, steps: ExperienceExport, say: Callable[[str], object]
) -> None:
    from pamiq_ros.offline.lerobot import write_dataset  # its libraries are an extra

    signature = next(steps.batches()).steps.signature
    episodes, frames = write_dataset(folder, name, lambda: steps.batches(signature))
    if frames < steps.steps:
        say(f"left out {steps.steps - frames} steps of '{name}', of another form than the first")
    say(f"{frames} frames in {episodes} episodes of '{name}' in {folder}")
