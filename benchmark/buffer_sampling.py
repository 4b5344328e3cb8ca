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

"""Random batches from 50,000 image transitions: our buffer, torchrl's, stable-baselines3's, a list.

All four hold the same transitions and are asked for the same batches, one contender after another
in processes of their own, as each takes gigabytes. Ours runs as in the training node, which keeps
freed memory (`nodes/process.py`); the others as they come, and with the same setting,
`*_kept_memory`. torchrl and stable-baselines3 come with the extra `bench`; `--contenders` names a
part of them all.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

SHAPE = (84, 84, 4)
ACTIONS = 6
CHUNK = 500

Transitions = dict[str, torch.Tensor]
Sample = Callable[[], Any]


def main() -> None:
    """Fill and time each contender, and print the one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transitions", type=int, default=50_000, help="how many are held")
    parser.add_argument("--batch", type=int, default=256, help="transitions in a batch")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each figure")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    require(options.contenders)
    from machine import report

    figures: dict[str, float] = {}
    for name in options.contenders:
        kept = in_process(options, name, keeps_memory=True)
        if name in ("ours", "memcpy"):
            figures |= kept
        else:
            figures |= {f"{key}_kept_memory": value for key, value in kept.items()}
            figures |= in_process(options, name, keeps_memory=False)
    report(
        "buffer_sampling",
        **figures,
        unit="transitions per s",
        transitions=options.transitions,
        batch=options.batch,
        torch_threads=torch.get_num_threads(),
    )


def require(contenders: Sequence[str]) -> None:
    """End with the reason if the library of a contender is not installed."""
    modules = [LIBRARIES[name] for name in contenders if name in LIBRARIES]
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise SystemExit(
            f"expected {' and '.join(missing)}, not installed: pip install '.[bench]', "
            "or run with --contenders ours list memcpy"
        )


def in_process(options: argparse.Namespace, contender: str, keeps_memory: bool) -> dict[str, float]:
    """Measure a contender in a process of its own.

    It is forked, so that it need not import torch; this process computes nothing before.
    """
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        return pool.submit(measure, options, contender, keeps_memory).result()


def measure(options: argparse.Namespace, contender: str, keeps_memory: bool) -> dict[str, float]:
    """Measure a contender with torch's own number of threads and with one.

    Args:
        options: The command line.
        contender: Its name.
        keeps_memory: Whether the process keeps freed memory, as a node does.

    Returns:
        Transitions per s, by the names that are printed.
    """
    from pamiq_ros.nodes.process import keep_freed_memory

    if keeps_memory:
        keep_freed_memory()
    if contender == "memcpy":
        return {"memcpy_samples_per_s": memcpy_rate(options)}
    sample = CONTENDERS[contender](options.transitions, options.batch)
    prefix = "" if contender == "ours" else f"{contender}_"
    figures: dict[str, float] = {}
    for suffix, threads in (("", torch.get_num_threads()), ("_1_thread", 1)):
        torch.set_num_threads(threads)
        name = f"{prefix}samples_per_s{suffix}"
        figures[name] = rate(sample, options)
    return figures


def rate(sample: Sample, options: argparse.Namespace) -> float:
    """Transitions per s: the median of several stretches, so that one hiccup does not decide."""
    for _ in range(5):
        sample()
    stretches = []
    for _ in range(5):
        batches, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < options.seconds / 5:
            sample()
            batches += 1
        stretches.append(batches * options.batch / elapsed)
    return round(sorted(stretches)[2])


def memcpy_rate(options: argparse.Namespace) -> float:
    """Transitions per s if the pictures of a batch were one plain copy: what memory allows."""
    pictures = torch.zeros(32, 2 * options.batch, *SHAPE, dtype=torch.uint8)
    batch, number = torch.zeros_like(pictures[0]), itertools.count()
    return rate(lambda: batch.copy_(pictures[next(number) % 32]), options)


def chunks(count: int) -> Iterator[Transitions]:
    """The transitions, in chunks of columns; the same for every contender."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (2, CHUNK, *SHAPE), dtype=torch.uint8, generator=generator)
    for begin in range(0, count, CHUNK):
        n = min(CHUNK, count - begin)
        pictures += 1  # other pictures, much faster than drawn ones
        yield {
            "obs": pictures[0, :n],
            "next_obs": pictures[1, :n],
            "action": torch.randint(ACTIONS, (n, 1), generator=generator),
            "reward": torch.rand(n, 1, generator=generator),
            "done": torch.rand(n, 1, generator=generator) < 0.01,
        }


def ours(count: int, batch: int) -> Sample:
    """`DataUser.sample` of a `SequentialBuffer`, the call a trainer makes."""
    from pamiq_ros.core.data import DataUser, StepBatch
    from pamiq_ros.core.data.impls import SequentialBuffer

    user = DataUser(SequentialBuffer[Any](count))
    for chunk in chunks(count):
        names = sorted(chunk)
        step = {name: chunk[name][0] for name in names}
        columns = [chunk[name] for name in names]
        user.receive(StepBatch.from_columns(StepBatch.signature_of(step), columns))
        user.update()
    return lambda: user.sample(batch)


def torchrl(count: int, batch: int) -> Sample:
    """The `ReplayBuffer` of torchrl with a `LazyTensorStorage`."""
    from tensordict import TensorDict
    from torchrl.data import LazyTensorStorage, ReplayBuffer

    buffer = ReplayBuffer(storage=LazyTensorStorage(count), batch_size=batch)
    for chunk in chunks(count):
        buffer.extend(TensorDict(chunk, batch_size=[len(chunk["obs"])]))
    return buffer.sample


def stable_baselines3(count: int, batch: int) -> Sample:
    """stable-baselines3's `ReplayBuffer`, on the CPU."""
    from gymnasium.spaces import Box, Discrete
    from stable_baselines3.common.buffers import ReplayBuffer

    space = Box(0, 255, SHAPE, np.uint8)
    buffer = ReplayBuffer(
        count, space, Discrete(ACTIONS), device="cpu", handle_timeout_termination=False
    )
    for chunk in chunks(count):
        arrays = {name: column.numpy() for name, column in chunk.items()}
        for i in range(len(arrays["obs"])):
            row = {name: array[i] for name, array in arrays.items()}
            buffer.add(row["obs"], row["next_obs"], row["action"], row["reward"], row["done"], [{}])
    return lambda: buffer.sample(batch)


def plain_list(count: int, batch: int) -> Sample:
    """A list of transitions, each a dict of tensors, stacked for each batch."""
    steps = [
        {name: column[i].clone() for name, column in chunk.items()}
        for chunk in chunks(count)
        for i in range(len(chunk["obs"]))
    ]
    dice = random.Random(0)

    def sample() -> Transitions:
        drawn = dice.choices(steps, k=batch)
        return {name: torch.stack([step[name] for step in drawn]) for name in drawn[0]}

    return sample


CONTENDERS: dict[str, Any] = {
    "ours": ours,
    "torchrl": torchrl,
    "sb3": stable_baselines3,
    "list": plain_list,
    "memcpy": None,
}
LIBRARIES = {"torchrl": "torchrl", "sb3": "stable_baselines3"}

if __name__ == "__main__":
    main()
