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

"""StagedWeights: no tick ever sees a mixture of two versions, by whatever way they come."""

import threading
import time

import pytest
import torch
from torch import nn

from pamiq_ros.core import InferenceModel, StaleParameters, TensorSpec, TorchInferenceModel
from pamiq_ros.core.model import StagedWeights

VERSIONS = 300


class Uniform(nn.Module):
    """Every number in it is the version."""

    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList([torch.zeros(n, 64) for n in (1, 200, 3, 400, 5)])
        self.tied = self.weights[1]
        self.register_buffer("running", torch.zeros(100))
        self.register_buffer("count", torch.tensor(0))

    def forward(self):
        """All versions seen in one inference that is interrupted in the middle."""
        seen = set()
        for _ in range(2):
            for tensor in (*self.weights, self.tied, self.running, self.count):
                seen |= {tensor.min().item(), tensor.max().item()}
            time.sleep(0)
        return seen


class Plain(InferenceModel):
    """The same without torch modules."""

    def __init__(self):
        self.a, self.b, self.c = torch.zeros(4000), torch.zeros(()), torch.zeros(3, 3)

    def infer(self):
        seen = set()
        for tensor in (self.a, self.b, self.c):
            seen |= {tensor.min().item(), tensor.max().item()}
        return seen


def make(kind: str) -> InferenceModel:
    if kind == "plain":
        return Plain()
    return TorchInferenceModel(Uniform(), lambda module: module())


class HesitantReader:
    """Fills in pieces and lets others run in between; may find that it was overtaken."""

    def __init__(self, specs, version, fails_at):
        self.specs, self.version, self.fails_at, self.reads = specs, version, fails_at, 0

    def read(self, name, into):
        for part in into.view(-1).chunk(3):
            part.fill_(self.version)
            time.sleep(0)
        self.reads += 1
        if self.reads == self.fails_at:
            raise StaleParameters(f"version {self.version}")

    def check(self):
        if self.fails_at == "check":
            raise StaleParameters(f"version {self.version}")


def feed(slot, specs, errors, stop):
    try:
        for version in range(1, VERSIONS + 1):
            fails_at = {2: 2, 5: "check"}.get(version % 7)
            if version % 4 == 0:
                new = {n: torch.full(s.shape, version, dtype=s.dtype) for n, s in specs.items()}
                slot.stage(version, new)
                new = None
            else:
                try:
                    slot.stage_from(version, HesitantReader(specs, version, fails_at))
                    assert fails_at is None
                except StaleParameters:
                    continue
            # Now and then the newest one is taken; else it is overwritten when the tick is slow.
            deadline = time.monotonic() + 30
            while version % 3 == 0 and slot.version != version:
                assert time.monotonic() < deadline
                time.sleep(0)
    except BaseException as error:  # reported in the test's thread
        errors.append(error)
    finally:
        stop.set()


@pytest.mark.parametrize("kind", ["torch", "plain"])
def test_no_tick_sees_a_mixture_of_two_versions(kind, eager_threads):
    model = make(kind)
    slot, stop, errors, seen = StagedWeights(model), threading.Event(), [], [0]
    specs = {n: TensorSpec(t.dtype, tuple(t.shape)) for n, t in model.export_parameters().items()}
    thread = threading.Thread(target=feed, args=(slot, specs, errors, stop))
    thread.start()
    try:
        while not stop.is_set():
            before = slot.version
            swapped = slot.swap()
            found = model()
            assert found == {slot.version}
            assert swapped == (slot.version > before)
            seen.append(slot.version)
    finally:
        stop.wait(60)
        thread.join()
    assert errors == []
    assert seen == sorted(seen)
    assert len(set(seen)) >= VERSIONS // 8


def test_a_swap_does_not_wait_for_the_thread_that_stages():
    model = make("torch")
    slot, reading, go_on = StagedWeights(model), threading.Event(), threading.Event()
    specs = {n: TensorSpec(t.dtype, tuple(t.shape)) for n, t in model.export_parameters().items()}

    class Slow(HesitantReader):
        def check(self):
            reading.set()
            assert go_on.wait(30)

    thread = threading.Thread(target=slot.stage_from, args=(7, Slow(specs, 7, None)))
    thread.start()
    assert reading.wait(30)
    assert (slot.swap(), slot.version, model()) == (False, 0, {0})
    go_on.set()
    thread.join()
    assert (slot.swap(), slot.version, model()) == (True, 7, {7})
    slot.release_spare()
    assert model() == {7}
