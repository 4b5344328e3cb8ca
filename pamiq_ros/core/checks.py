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

"""Checks of a system's configuration: a wrong value is refused before any node starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def check_ranges(**values: tuple[float, float, float]) -> None:
    """Refuse numbers outside their range. NaN is refused too.

    Args:
        **values: By setting name: the number, its minimum and its maximum.

    Raises:
        ValueError: Names the setting, the expected range and the number found.
    """
    for name, (value, low, high) in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name}: expected {low} to {high}, found {value}")


def check_choices(**values: tuple[str, Sequence[str]]) -> None:
    """Refuse words that are not among the allowed ones.

    Args:
        **values: By setting name: the word and the allowed words.

    Raises:
        ValueError: Names the setting, the allowed words and the word found.
    """
    for name, (found, expected) in values.items():
        if found not in expected:
            raise ValueError(f"{name}: expected one of {', '.join(expected)}, found {found!r}")


def check_devices(**factories: Callable[[], object]) -> None:
    """Refuse sensors and actuators that cannot be created, such as those of an invalid topic.

    Args:
        **factories: By the name of the setting that may be wrong: the device's factory.

    Raises:
        ValueError: Names the setting, then the factory's own error.
    """
    for name, make in factories.items():
        try:
            make()
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
