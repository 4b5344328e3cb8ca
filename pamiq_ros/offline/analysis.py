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

"""`pamiq-ros analyze`: read the channels of bags and find how to normalize each.

A channel is one number of a sensor or velocity topic, or one colour of its images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rclpy.serialization import deserialize_message

from pamiq_ros.compat import message_class
from pamiq_ros.core.devices import (
    AXES,
    ImageTopic,
    ImuTopic,
    LaserScanTopic,
    OdometryTopic,
    TopicSensor,
)
from pamiq_ros.core.normalization import Channel, Normalizer, save_normalization
from pamiq_ros.offline.bags import Bag, BagError

from .recorded_commands import axis_values

Values = npt.NDArray[np.float64]

BINS = 24
MAX_PIXELS = 64
"""Number of pixels read from each image, evenly spaced."""

MAX_CATEGORIES = 16
MIN_PER_CATEGORY = 5
MAX_DISTANCE = 0.05
"""Largest Kolmogorov distance at which values count as normally or uniformly distributed."""

QUANTILES = 65
_MAX_VALUES = 100_000


@dataclass(frozen=True)
class Finding:
    """How one channel is normalized, and its histograms.

    Attributes:
        topic: The topic.
        channel: The normalization.
        before: Counts in BINS bins from the smallest to the largest value.
        after: The same of the normalized values; empty for categories.
    """

    topic: str
    channel: Channel
    before: list[int]
    after: list[int]


def analyze(bags: Sequence[Path], file: Path, say: Callable[[str], object]) -> list[Finding]:
    """Find the normalization of each channel and write the specification.

    Args:
        bags: The bags.
        file: The specification to write.
        say: Called with each warning.

    Raises:
        BagError: A bag is damaged, or no bag has a channel.
        ValueError: scipy is not installed.
        OSError: The file cannot be written.
    """
    recorded: dict[str, dict[str, list[Values]]] = {}
    for path in bags:
        with Bag(path) as bag:
            for warning in bag.warnings:
                say(warning)
            for topic, channels in channels_of(bag).items():
                for name, values in channels.items():
                    recorded.setdefault(topic, {}).setdefault(name, []).append(values)
    if not recorded:
        names = ", ".join(map(str, bags))
        raise BagError(f"{names}: expected topics of sensors or velocities, found none")
    findings = [
        _finding(topic, name, np.concatenate(values))
        for topic, channels in recorded.items()
        for name, values in channels.items()
    ]
    topics: dict[str, list[Channel]] = {}
    for finding in findings:
        topics.setdefault(finding.topic, []).append(finding.channel)
    save_normalization(file, topics)
    return findings


def _finding(topic: str, name: str, values: Values) -> Finding:
    try:
        channel = channel_of(name, values)
    except ValueError as error:
        raise BagError(f"topic '{topic}': {error}") from error
    values = values[np.isfinite(values)]
    after: list[int] = []
    if channel.size == 1:
        normalized = Normalizer([channel])(torch.from_numpy(values)[:, None])[:, 0].numpy()
        after = np.histogram(normalized, BINS)[0].tolist()
    return Finding(topic, channel, np.histogram(values, BINS)[0].tolist(), after)


def channel_of(name: str, values: Values) -> Channel:
    """Classify a channel and return how it is normalized.

    Args:
        name: The channel's name.
        values: The recorded values; those that are not finite are ignored.

    Raises:
        ValueError: No value is finite, or scipy is not installed.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError(f"{name}: expected finite numbers, found none")
    if len(values) > _MAX_VALUES:
        values = values[:: len(values) // _MAX_VALUES + 1]
    distinct = np.unique(values)
    if len(distinct) == 1:
        return Channel(name, "constant", mean=float(distinct[0]))
    if len(distinct) == 2:
        return Channel(name, "binary", values=(float(distinct[0]), float(distinct[1])))
    is_whole = bool((distinct == np.round(distinct)).all())
    if is_whole and len(distinct) <= MAX_CATEGORIES <= len(values) // MIN_PER_CATEGORY:
        return Channel(name, "categorical", values=tuple(map(float, distinct)))
    return _continuous(name, values)


def _continuous(name: str, values: Values) -> Channel:
    try:
        from scipy import optimize, stats  # an extra, which takes a while to import
    except ModuleNotFoundError as error:
        raise ValueError("expected scipy, found none: pip install 'pamiq_ros[analyze]'") from error

    mean, deviation = float(values.mean()), float(values.std())
    low, high = float(values.min()), float(values.max())
    if stats.kstest(values, "norm", (mean, deviation)).statistic <= MAX_DISTANCE:
        return Channel(name, "normal", mean, deviation)
    if stats.kstest(values, "uniform", (low, high - low)).statistic <= MAX_DISTANCE:
        # The standard deviation of a uniform distribution is its width over the root of 12.
        return Channel(name, "bounded", (low + high) / 2.0, (high - low) / np.sqrt(12.0))
    shift = 0.01 * (high - low) - low if low <= 0.0 else 0.0
    if low + shift > 0.0:
        search = partial(optimize.minimize_scalar, bounds=(-2.0, 2.0), method="bounded")
        transformed, exponent = stats.boxcox(values + shift, optimizer=search)
        fit = float(transformed.mean()), float(transformed.std())
        if (
            0.0 < fit[1] < np.inf
            and stats.kstest(transformed, "norm", fit).statistic <= MAX_DISTANCE
        ):
            return Channel(name, "boxcox", *fit, float(exponent), shift)
    quantiles = np.quantile(values, np.linspace(0.0, 1.0, QUANTILES))
    return Channel(name, "quantile", mean, deviation, values=tuple(map(float, quantiles)))


def channels_of(bag: Bag) -> dict[str, dict[str, Values]]:
    """Return the recorded values of each channel by topic and name, without pamiq_ros's topics.

    Raises:
        BagError: The bag is damaged.
    """
    classes: dict[str, Any] = {
        topic.name: message_class(topic.type)
        for topic in bag.topics.values()
        if topic.type in _READERS and "/pamiq" not in topic.name
    }
    found: dict[str, dict[str, list[Any]]] = {name: {} for name in classes}
    for message in bag.messages([name for name, kind in classes.items() if kind is not None]):
        content = deserialize_message(message.data, classes[message.topic])
        for name, value in _READERS[message.type](content).items():
            found[message.topic].setdefault(name, []).append(value)
    return {
        topic: {
            name: np.concatenate([np.ravel(v) for v in values]).astype(np.float64)
            for name, values in rows.items()
        }
        for topic, rows in found.items()
        if rows
    }


Reader = Callable[[Any], dict[str, Any]]
"""Returns the values of a message by the names of its channels."""


def _ignore(_: str) -> None:
    """Ignore warnings about resized images: the size does not matter here."""


def _image_reader(compressed: bool) -> Reader:
    side = int(MAX_PIXELS**0.5)
    sensor = ImageTopic("image", side, side, "rgb8", compressed)

    def read(message: Any) -> dict[str, Any]:
        planes = sensor.decode(message, _ignore)
        return dict(zip(("red", "green", "blue"), planes.numpy(), strict=True))

    return read


def _vector_reader(sensor: TopicSensor, *groups: tuple[str, str]) -> Reader:
    names = [f"{part}.{axis}" for part, axes in groups for axis in axes]

    def read(message: Any) -> dict[str, Any]:
        return dict(zip(names, sensor.decode(message, _ignore).tolist(), strict=True))

    return read


def _read_scan(message: Any) -> dict[str, Any]:
    sensor = LaserScanTopic("scan", max(1, len(message.ranges)))
    return {"range": sensor.decode(message, _ignore).numpy()}


def _read_joints(message: Any) -> dict[str, Any]:
    return {
        f"{joint} {field}": value
        for field in ("position", "velocity", "effort")
        for joint, value in zip(message.name, getattr(message, field), strict=False)
    }


def _twist_reader(kind: str) -> Reader:
    return lambda message: dict(zip(AXES, axis_values(kind, message, AXES), strict=True))


_READERS: dict[str, Reader] = {
    "sensor_msgs/msg/Image": _image_reader(compressed=False),
    "sensor_msgs/msg/CompressedImage": _image_reader(compressed=True),
    "sensor_msgs/msg/Imu": _vector_reader(
        ImuTopic("imu"),
        ("orientation", "xyzw"),
        ("angular_velocity", "xyz"),
        ("linear_acceleration", "xyz"),
    ),
    "nav_msgs/msg/Odometry": _vector_reader(
        OdometryTopic("odom"),
        ("position", "xyz"),
        ("orientation", "xyzw"),
        ("linear", "xyz"),
        ("angular", "xyz"),
    ),
    "sensor_msgs/msg/LaserScan": _read_scan,
    "sensor_msgs/msg/JointState": _read_joints,
    **{
        kind: _twist_reader(kind)
        for kind in ("geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped")
    },
    "std_msgs/msg/Float32": lambda message: {"data": message.data},
    "std_msgs/msg/Float32MultiArray": lambda message: {
        f"element {index}": value for index, value in enumerate(message.data)
    },
}
