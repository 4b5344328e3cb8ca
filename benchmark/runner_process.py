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

"""A run of the offline runner in a fresh process, timed from its first tick.

`replay_lockstep.py` and `continual_racing.py` measure by it what `pamiq-ros replay --lockstep` and
`pamiq-ros train` do, without the time that Python takes to start and to import torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from pamiq_ros.offline.session import Metrics, Output

T = TypeVar("T")


def in_fresh_process(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function of a module in a new process, and return what it returns."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def time_from_first_tick(run: Callable[[Output], object]) -> tuple[float, dict[str, float]]:
    """Run something that reports its progress after each tick.

    Args:
        run: A command of `pamiq_ros.offline`, with all its other arguments.

    Returns:
        The seconds from the end of the first tick to the end of the run, and the newest value of
        each metric.
    """
    first_tick: list[float] = []
    metrics = Metrics()

    def on_progress(_: float) -> None:
        if not first_tick:
            first_tick.append(time.perf_counter())

    run(Output(metrics, lambda _: None, on_progress))
    return time.perf_counter() - first_tick[0], metrics.values
