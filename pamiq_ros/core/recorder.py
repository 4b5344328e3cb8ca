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

"""Recorder: receives the metrics and images of a trainer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


class Recorder:
    """Base class that discards everything; a node or the runner attaches a subclass."""

    def scalar(self, name: str, value: float) -> None:
        """Record one value of a metric.

        Args:
            name: Name of the metric, such as `loss/reconstruction`.
            value: Its current value.
        """

    def image(self, name: str, make: Callable[[], Tensor]) -> None:
        """Offer an image.

        Args:
            name: Name of the image.
            make: Returns the image, uint8 [3, H, W] rgb on the CPU. It is called only if somebody
                views the image. Training must not depend on that, so `make` samples from a random
                generator of its own.
        """
