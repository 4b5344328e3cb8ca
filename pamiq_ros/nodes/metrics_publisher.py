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

"""MetricsPublisher: publishes metrics and images of trainers, and writes them to TensorBoard."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Float32

from pamiq_ros.core.config import ConfigurationError
from pamiq_ros.core.trainer import Recorder
from pamiq_ros.pixels import fill_image

_MOST_POINTS = 2048


class MetricSeries:
    """The values of one metric, oldest first. Beyond 2048 points, neighbours are averaged.

    Attributes:
        count: Number of recorded values.
        newest: The last value.
    """

    def __init__(self) -> None:
        self.count = 0
        self.newest = math.nan
        self._per_point = 1
        self._means: list[float] = []
        self._pending: list[float] = []

    def add(self, value: float) -> None:
        """Record one value."""
        self.count += 1
        self.newest = value
        self._pending.append(value)
        if len(self._pending) < self._per_point:
            return
        self._means.append(math.fsum(self._pending) / len(self._pending))
        self._pending.clear()
        if len(self._means) >= _MOST_POINTS:
            pairs = zip(self._means[::2], self._means[1::2], strict=True)
            self._means = [(first + second) / 2 for first, second in pairs]
            self._per_point *= 2

    def tenths(self) -> dict[str, float]:
        """Return the means of the first and the last tenth of the values, at least one each."""
        points = self._means or self._pending
        if not points:
            return {"first": math.nan, "last": math.nan}
        tenth = max(1, len(points) // 10)
        first = math.fsum(points[:tenth]) / tenth
        last = math.fsum(points[-tenth:]) / tenth
        return {"first": first, "last": last}


# Enough for a plot. Publishing every update's metrics would cost training time.
_SCALAR_PERIOD_S = 0.1

# An hour of images at the publishing rate would be gigabytes; TensorBoard shows ten.
_KEPT_PERIOD_S = 10.0


class MetricsPublisher(Recorder):
    """Publishes `pamiq/metrics/<name>` (Float32) and `pamiq/debug/<name>` (Image, rgb8)."""

    def __init__(self, node: Node, picture_rate: float, tensorboard_dir: str) -> None:
        """Create a recorder.

        Args:
            node: The node that publishes.
            picture_rate: Maximum images per second of one name, in Hz; 0: no images.
            tensorboard_dir: Directory of event files; empty: none.

        Raises:
            ConfigurationError: tensorboard is not installed.
        """
        self._node = node
        self._picture_period = 1.0 / picture_rate if picture_rate > 0.0 else None
        self._series: dict[str, MetricSeries] = {}
        self._publishers: dict[str, Publisher] = {}  # type: ignore[type-arg]
        self._last: dict[str, float] = {}
        self._pictures: Counter[str] = Counter()
        self._writer = _tensorboard(tensorboard_dir)

    def scalar(self, name: str, value: float) -> None:
        """Record one value of a metric."""
        series = self._series.setdefault(name, MetricSeries())
        series.add(float(value))
        if self._due(f"metrics/{name}", _SCALAR_PERIOD_S):
            self._publisher(Float32, f"metrics/{name}").publish(Float32(data=float(value)))
        if self._writer is not None:
            self._writer.add_scalar(name, value, series.count)

    def image(self, name: str, make: Callable[[], torch.Tensor]) -> None:
        """Publish an image, uint8 [3, H, W], if the topic has a subscriber and the rate permits."""
        if self._picture_period is None or not self._due(f"debug/{name}", self._picture_period):
            return
        publisher = self._publisher(Image, f"debug/{name}")
        is_kept = self._writer is not None and self._due(f"tensorboard/{name}", _KEPT_PERIOD_S)
        if not is_kept and not publisher.get_subscription_count():
            return  # creating an image may take as long as training
        picture = make()
        message = Image()
        message.header.stamp = self._node.get_clock().now().to_msg()
        fill_image(message, picture.permute(1, 2, 0).contiguous().numpy(), "rgb8")
        publisher.publish(message)
        if is_kept:
            self._writer.add_image(name, picture, self._pictures[name])
            self._pictures[name] += 1

    def metrics(self) -> dict[str, dict[str, float | None]]:
        """Return `first` and `last` (means of the first and last tenth) and `newest` per metric.

        A number that is not finite is None, because JSON cannot express it.
        """
        return {
            name: {
                key: value if math.isfinite(value) else None
                for key, value in {**series.tenths(), "newest": series.newest}.items()
            }
            for name, series in list(self._series.items())
        }

    def close(self) -> None:
        """Destroy the publishers and close the event file."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers = {}
        if self._writer is not None:
            self._writer.close()

    def _due(self, topic: str, period: float) -> bool:
        now = time.monotonic()
        if now - self._last.get(topic, -math.inf) < period:
            return False
        self._last[topic] = now
        return True

    def _publisher(self, message_type: type, topic: str) -> Publisher:  # type: ignore[type-arg]
        if topic not in self._publishers:
            name = re.sub(r"[^A-Za-z0-9_/]", "_", topic)
            self._publishers[topic] = self._node.create_publisher(
                message_type, f"pamiq/{name}", qos_profile_sensor_data
            )
        return self._publishers[topic]


def _tensorboard(directory: str) -> Any:
    if not directory:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigurationError(
            f"parameter 'tensorboard_dir': needs the package tensorboard: {error}"
        ) from error
    return SummaryWriter(directory)
