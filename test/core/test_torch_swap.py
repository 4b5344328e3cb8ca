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

"""The swap: two sets of weights at most, exchanged whole, whatever the module is made of."""

import copy
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pamiq_ros.core import StaleParameters, TensorSpec, TorchInferenceModel, TorchTrainingModel
from pamiq_ros.core.model import StagedWeights
from pamiq_ros.core.torch.inference import named_tensors, tied_names
from pamiq_ros.core.torch.staging import TensorReader

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64]


def procedure(model, x):
    return model(x)


def acting_with(module: nn.Module) -> TorchInferenceModel:
    return TorchInferenceModel(module, procedure)


def outputs(module: nn.Module, *args):
    """As the acting side computes them: with gradients torch may choose other kernels."""
    with torch.inference_mode():
        return module(*args)


def stage(acting, how: str, tensors) -> None:
    if how == "adopted":
        acting.stage_parameters({name: tensor.clone() for name, tensor in tensors.items()})
    else:
        acting.stage_from(TensorReader(tensors))


def moved(module: nn.Module, by: float = 0.5) -> nn.Module:
    other = copy.deepcopy(module)
    tensors = named_tensors(other)
    for tied in tied_names(tensors):
        step = by if tensors[tied[0]].is_floating_point() else int(by * 2)
        new = tensors[tied[0]].detach() + step
        for name in tied:
            tensors[name].data = new
    return other.eval()


class Block(nn.Module):
    """Layers of any width, with a norm and one tied to the first, and the agent's own state."""

    def __init__(self, width, depth, dtype, normed, tied, strange):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.norm = nn.BatchNorm1d(width) if normed else nn.Identity()
        if tied:
            self.layers[-1].weight = self.layers[0].weight
        if strange:
            self.register_buffer("scale", torch.ones(1).expand(width))
            self.register_buffer("view", self.layers[0].bias.detach()[: width // 2])
            self.register_buffer("square", torch.eye(width).t())
        self.register_buffer("empty", torch.empty(0, width))
        self.register_buffer("mine", torch.zeros(width), persistent=False)
        self.strange = strange
        self.to(dtype)

    def forward(self, x):
        x = x + self.mine
        for layer in self.layers:
            x = layer(x)
        if self.strange:
            x = (x * self.scale) @ self.square + self.view.sum()
        return self.norm(x)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 3),
    st.sampled_from(DTYPES),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from(["adopted", "read", "read twice"]), min_size=1, max_size=4),
)
def test_after_a_swap_the_outputs_are_those_of_the_training_side(
    width, depth, dtype, normed, tied, strange, ways
):
    acting = acting_with(Block(width, depth, dtype, normed, tied, strange))
    module, x = acting._raw_model, torch.randn(4, width).to(dtype)
    module.mine += 1
    for n, how in enumerate(ways):
        trained = moved(module, 0.25 * (n + 1))
        if how == "read twice":
            stage(acting, "read", TorchTrainingModel(moved(module, 3)).export_parameters())
        stage(acting, how, TorchTrainingModel(trained).export_parameters())
        assert acting.swap_parameters()
        assert torch.equal(acting(x), outputs(trained, x))
        assert module.mine.tolist() == [1] * width
        if tied:
            assert module.layers[-1].weight is module.layers[0].weight


@pytest.mark.parametrize("how", ["adopted", "read"])
def test_tied_weights_may_come_by_any_of_their_names(how):
    acting = acting_with(Block(3, 2, torch.float32, True, True, False))
    trained = moved(acting._raw_model)
    tensors = dict(TorchTrainingModel(trained).export_parameters())
    tensors["layers.1.weight"] = tensors.pop("layers.0.weight")
    stage(acting, how, tensors)
    acting.swap_parameters()
    x = torch.randn(2, 3)
    assert torch.equal(acting(x), outputs(trained, x))
    tensors["layers.1.weight"] = torch.zeros(3, 4)
    with pytest.raises(ValueError, match=r"layers.1.weight: .* \[3, 3\], found float32 \[3, 4\]"):
        stage(acting, how, tensors)


def test_tensors_of_their_own_that_share_memory_stay_tied():
    module = nn.Linear(2, 2)
    module.register_buffer("same", module.weight.detach())
    acting = acting_with(module)
    for n in (1.0, 2.0, 3.0):
        new = {"weight": torch.full((2, 2), n), "bias": torch.zeros(2)}
        acting.stage_from(TensorReader(new))
        acting.swap_parameters()
        assert torch.equal(module.same, module.weight) and module.same[0, 0] == n


def test_reading_uses_two_sets_of_memory_and_no_more():
    acting = acting_with(Block(5, 2, torch.float32, True, False, False))
    seen = {name: set() for name in acting.export_parameters()}
    for n in range(6):
        stage(acting, "read", TorchTrainingModel(moved(acting._raw_model, n)).export_parameters())
        acting.swap_parameters()
        for name, tensor in acting.export_parameters().items():
            seen[name].add(tensor.data_ptr())
    del seen["empty"]
    assert {len(pointers) for pointers in seen.values()} == {2}


def test_adopted_tensors_are_not_copied_unless_the_module_could_not_use_them():
    acting = acting_with(nn.Linear(4, 4))
    good = {"weight": torch.ones(4, 4), "bias": torch.ones(4)}
    acting.stage_parameters(good)
    acting.swap_parameters()
    assert acting._raw_model.weight.data_ptr() == good["weight"].data_ptr()
    misaligned = torch.frombuffer(bytearray(65), dtype=torch.float32, offset=1, count=16)
    square = torch.arange(64.0).reshape(8, 8)
    for weight in (misaligned.view(4, 4), square[::2, ::2], square[:4, :4].mT):
        acting.stage_parameters({**good, "weight": weight})
        acting.swap_parameters()
        assert torch.equal(acting._raw_model.weight, weight)
        assert acting._raw_model.weight.is_contiguous()
        assert acting._raw_model.weight.data_ptr() % 4 == 0


def test_a_view_that_the_agent_kept_is_not_written_over():
    acting = TorchInferenceModel(nn.Linear(2, 2), lambda model: model.bias[:1])
    kept = {}
    for n in range(1, 8):
        new = {"weight": torch.zeros(2, 2), "bias": torch.full((2,), float(n))}
        acting.stage_from(TensorReader(new))
        acting.swap_parameters()
        kept[n] = acting()
    assert all(view.item() == n for n, view in kept.items())


def test_a_buffer_that_the_module_replaces_is_still_swapped():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x):
            self.count = self.count + x
            return self.count

    acting = acting_with(Counting())
    for n in (10.0, 20.0):
        acting.stage_from(TensorReader({"count": torch.tensor(n)}))
        acting(1.0)
        acting.swap_parameters()
        assert acting(1.0).item() == n + 1


def test_a_recurrent_module_takes_new_weights_and_the_agent_keeps_its_state():
    lstm = nn.LSTM(3, 4, num_layers=2)
    acting = TorchInferenceModel(lstm, lambda module, x, state: module(x, state))
    x, state = torch.randn(5, 1, 3), (torch.randn(2, 1, 4), torch.randn(2, 1, 4))
    for how in ("read", "adopted", "read", "read"):
        trained = moved(lstm, 0.1)
        stage(acting, how, trained.state_dict())
        acting.swap_parameters()
        out, new_state = acting(x, state)
        expected, expected_state = outputs(trained, x, state)
        assert torch.equal(out, expected) and torch.equal(new_state[1], expected_state[1])
        state = tuple(s.clone() for s in new_state)


def test_a_layout_of_the_modules_own_is_kept():
    module = nn.Conv2d(4, 4, 3).to(memory_format=torch.channels_last)
    acting, x = acting_with(module), torch.randn(1, 4, 5, 5)
    stride = module.weight.stride()
    assert not module.weight.is_contiguous()
    for how in ("read", "adopted", "read"):
        trained = moved(module, 0.1)
        new = {name: t.contiguous() for name, t in trained.state_dict().items()}
        stage(acting, how, new)
        acting.swap_parameters()
        assert torch.equal(acting(x), outputs(trained, x))
        assert module.weight.stride() == stride


def test_the_spare_can_be_let_go_of_and_a_staged_version_can_not():
    acting = acting_with(nn.Linear(2, 2))
    for n in (1.0, 2.0, 3.0):
        stage(acting, "read", {"weight": torch.full((2, 2), n), "bias": torch.ones(2)})
        acting.release_spare()
        assert acting.swap_parameters()
        assert acting._raw_model.weight[0, 0].item() == n
        acting.release_spare()


class Failing(TensorReader):
    """Reads a few tensors, then fails; or finds at the end that it read a mixture."""

    def __init__(self, tensors, after, error):
        super().__init__(tensors)
        self.after, self.error = after, error

    def read(self, name, into):
        if self.after == 0:
            raise self.error
        self.after -= 1
        super().read(name, into)

    def check(self):
        raise self.error


@pytest.mark.parametrize("after", [0, 1, 9])
@pytest.mark.parametrize("error", [StaleParameters("gone"), ValueError("parameter a: not finite")])
def test_when_reading_fails_the_model_goes_on_with_what_it_has(after, error):
    slot_model = acting_with(nn.Linear(2, 2))
    slot = StagedWeights(slot_model)
    one, two = ({"weight": torch.full((2, 2), n), "bias": torch.full((2,), n)} for n in (1.0, 2.0))
    slot.stage_from(1, TensorReader(one))
    slot.swap()
    with pytest.raises(type(error)):
        slot.stage_from(2, Failing(two, after, error))
    assert slot.swap() is False
    assert slot.version == 1
    assert slot_model(torch.ones(1, 2)).tolist() == [[3.0, 3.0]]
    slot.stage_from(3, TensorReader(two))
    assert slot.swap() and slot.version == 3
    assert slot_model(torch.ones(1, 2)).tolist() == [[6.0, 6.0]]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"bias": torch.zeros(3)}, r"bias: expected float32 \[2\], found float32 \[3\]"),
        ({"bias": torch.zeros(2).half()}, r"bias: expected float32 \[2\], found float16 \[2\]"),
        ({"more": torch.zeros(2)}, r"missing \[\], unknown \['more'\]"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_read(change, text):
    acting = acting_with(nn.Linear(2, 2))
    good = {"weight": torch.ones(2, 2), "bias": torch.ones(2)}
    acting.stage_from(TensorReader(good))
    with pytest.raises(ValueError, match=text):
        acting.stage_from(Failing({**good, **change}, 0, AssertionError("was read")))
    assert acting.swap_parameters()  # what was staged before
    assert acting._raw_model.weight.tolist() == [[1, 1], [1, 1]]


def test_what_is_not_finite_is_refused_by_name():
    acting = acting_with(nn.Linear(2, 2))
    bad = {"weight": torch.ones(2, 2), "bias": torch.tensor([0.0, torch.inf])}
    with pytest.raises(ValueError, match="bias: expected finite"):
        acting.stage_from(TensorReader(bad))
    assert acting.swap_parameters() is False


def test_a_swap_does_not_wait_for_a_reader_nor_for_who_uses_the_module():
    acting = acting_with(nn.Linear(2, 2))
    new = {"weight": torch.ones(2, 2), "bias": torch.ones(2)}
    reading, go_on = threading.Event(), threading.Event()

    class Slow(TensorReader):
        def check(self):
            reading.set()
            assert go_on.wait(30)

    thread = threading.Thread(target=acting.stage_from, args=(Slow(new),))
    thread.start()
    assert reading.wait(30)
    assert acting.swap_parameters() is False
    go_on.set()
    thread.join()
    answers = []
    with acting.unwrap():
        thread = threading.Thread(target=lambda: answers.append(acting.swap_parameters()))
        thread.start()
        thread.join()
    assert answers == [False]
    assert acting.swap_parameters() is True


def test_a_compiled_module_is_compiled_once_for_all_versions():
    compilations = []

    def backend(graph, inputs):
        compilations.append(graph)
        return graph.forward

    torch._dynamo.reset()
    module = Block(3, 2, torch.float32, True, True, False)
    module.compile(backend=backend)
    acting, x = acting_with(module), torch.randn(2, 3)
    for n in range(12):
        trained = moved(module, 0.1 * n)
        new = TorchTrainingModel(trained).export_parameters()
        stage(acting, "adopted" if n % 3 == 1 else "read", new)
        acting.swap_parameters()
        assert torch.equal(acting(x), outputs(trained, x))
        if n == 0:
            first = len(compilations)
    assert len(compilations) == first >= 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_a_cuda_device_kernels_of_earlier_ticks_keep_their_weights():
    module = nn.Sequential(*(nn.Linear(512, 512, bias=False) for _ in range(8))).cuda()
    acting, x = acting_with(module), torch.ones(256, 512, device="cuda")
    results = []
    for n in range(1, 30):
        # Each layer's output is n times the mean of its input: after eight of them n ** 8.
        value = 1 + n / 64
        new = {name: torch.full((512, 512), value / 512) for name in module.state_dict()}
        acting.stage_from(TensorReader(new))
        assert acting.swap_parameters()
        results.append((value, [acting(x) for _ in range(20)]))
    for value, outputs in results:
        for output in outputs:
            expected = torch.full_like(output, value**8)
            assert torch.allclose(output, expected, rtol=1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("how", ["adopted", "read"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_on_a_cuda_device_outputs_are_those_of_the_training_side(how, dtype):
    acting = acting_with(Block(64, 3, dtype, True, True, False).cuda())
    x = torch.randn(4, 64, device="cuda").to(dtype)
    for n in range(6):
        trained = moved(acting._raw_model, 0.1 * n)
        new = {k: v.cpu() for k, v in TorchTrainingModel(trained).export_parameters().items()}
        stage(acting, how, new)
        assert acting.swap_parameters()
        assert torch.equal(acting(x), outputs(trained, x))


def test_a_reader_gets_specs_that_read_well():
    assert str(TensorSpec(torch.bfloat16, (2, 3))) == "bfloat16 [2, 3]"
