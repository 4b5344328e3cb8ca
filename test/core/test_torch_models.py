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

"""Torch models: staged weights are swapped in without touching anything else."""

import copy
import threading

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pamiq_ros.core.torch import (
    TorchInferenceModel,
    TorchTrainingModel,
    default_infer_procedure,
    get_device,
)


class Net(nn.Module):
    """A bit of everything: norm, tied weights, a state of its own, a buffer that is not saved."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)
        self.tied = nn.Linear(3, 3, bias=False)
        self.tied.weight = self.first.weight
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.hidden = torch.zeros(3)

    def forward(self, x):
        return self.tied(self.norm(self.first(x)))

    def remember(self, x):
        self.hidden = self.hidden + x
        return self.hidden


def changed(model: nn.Module, by: float = 1.0) -> nn.Module:
    other = copy.deepcopy(model)
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.add_(int(by) if not tensor.is_floating_point() else by)
    return other


def weights(model: nn.Module) -> dict:
    return {name: t.clone() for name, t in model.state_dict().items()}


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_staged_weights_act_after_the_swap_and_not_before():
    acting = TorchTrainingModel(Net()).inference_model
    trained = TorchTrainingModel(changed(acting._raw_model))
    before, x = weights(acting._raw_model), torch.randn(4, 3)
    acting.stage_parameters(trained.export_parameters())
    assert equal(weights(acting._raw_model), before)
    assert acting.swap_parameters() is True
    assert equal(weights(acting._raw_model), weights(trained.model))
    assert acting._raw_model.norm.running_mean.tolist() == [1.0, 1.0, 1.0]
    assert acting._raw_model.norm.num_batches_tracked.item() == 1
    assert acting.swap_parameters() is False
    assert torch.allclose(acting(x), trained.model.eval()(x))


def test_what_is_not_a_weight_stays_with_the_agent():
    acting = TorchTrainingModel(Net(), inference_procedure="remember").inference_model
    module = acting._raw_model
    parameters = {name: id(p) for name, p in module.named_parameters()}
    acting(torch.ones(3))
    module.scratch += 7
    acting.stage_parameters(TorchTrainingModel(changed(module)).export_parameters())
    acting.swap_parameters()
    assert module is acting._raw_model
    assert module.hidden.tolist() == [1.0, 1.0, 1.0]
    assert module.scratch.tolist() == [7.0, 7.0]
    assert {name: id(p) for name, p in module.named_parameters()} == parameters


def test_tied_weights_are_sent_once_and_stay_tied():
    training = TorchTrainingModel(Net())
    acting = TorchTrainingModel(Net()).inference_model
    assert "first.weight" in training.export_parameters()
    assert "tied.weight" not in training.export_parameters()
    acting.stage_parameters(training.export_parameters())
    acting.swap_parameters()
    module = acting._raw_model
    assert module.tied.weight is module.first.weight
    assert torch.equal(module.tied.weight, training.model.first.weight)
    acting.stage_parameters(training.model.state_dict())  # both names of the tied ones


def test_staging_twice_takes_the_newest_and_swapping_goes_on_and_on():
    acting = TorchTrainingModel(nn.Linear(2, 2)).inference_model
    newest = None
    for n in range(1, 8):
        newest = changed(acting._raw_model, n)
        acting.stage_parameters(newest.state_dict())
        if n % 3 == 0:
            assert acting.swap_parameters()
            assert equal(weights(acting._raw_model), weights(newest))


def test_in_one_process_weights_are_copies():
    training = TorchTrainingModel(nn.Linear(2, 2))
    training.sync()
    expected = weights(training.model)
    with torch.no_grad():
        training.model.weight.zero_()
    assert equal(weights(training.inference_model._raw_model), expected)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"first.bias": torch.zeros(4)},
            r"first.bias: expected float32 \[3\], found float32 \[4\]",
        ),
        ({"first.bias": torch.zeros(3).half()}, r"expected float32 \[3\], found float16 \[3\]"),
        ({"norm.running_var": torch.full((3,), torch.nan)}, "norm.running_var: expected finite"),
        ({"first.weight": torch.full((3, 3), -torch.inf)}, "first.weight: expected finite"),
        ({"first.bias": 3.0}, "first.bias: expected a tensor, found float"),
        ({"other": torch.zeros(1)}, r"unknown \['other'\]"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(change, text):
    acting = TorchTrainingModel(Net()).inference_model
    good = changed(acting._raw_model)
    acting.stage_parameters(good.state_dict())
    with pytest.raises(ValueError, match=text):
        acting.stage_parameters({**good.state_dict(), **change})
    assert acting.swap_parameters() is True  # what was staged before is still good
    assert equal(weights(acting._raw_model), weights(good))


def test_missing_weights_are_named():
    acting = TorchTrainingModel(nn.Linear(2, 2)).inference_model
    with pytest.raises(ValueError, match=r"missing \['bias'\]"):
        acting.stage_parameters({"weight": torch.zeros(2, 2)})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_types_work(dtype):
    training = TorchTrainingModel(nn.Linear(2, 2), dtype=dtype)
    acting = training.inference_model
    with torch.no_grad():
        training.model.weight.fill_(0.5)
    training.sync()
    assert acting(torch.ones(1, 2, dtype=dtype)).dtype == dtype
    assert acting._raw_model.weight.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_a_swap_gets_along_with_inference_in_another_thread():
    acting = TorchTrainingModel(nn.Linear(8, 1, bias=False)).inference_model
    acting.stage_parameters({"weight": torch.zeros(1, 8)})
    acting.swap_parameters()
    wrong, stop = [], threading.Event()

    def stage():
        for n in range(300):
            acting.stage_parameters({"weight": torch.full((1, 8), float(n))})
        stop.set()

    thread = threading.Thread(target=stage)
    thread.start()
    while not stop.is_set():
        acting.swap_parameters()
        value = acting(torch.ones(1, 8)).item() / 8
        if value != round(value):  # a mixture of two versions would not be whole
            wrong.append(value)
    thread.join()
    acting.swap_parameters()
    assert wrong == []
    assert acting(torch.ones(1, 8)).item() == 299 * 8


def test_swapping_in_inference_mode_leaves_weights_that_can_be_used_outside():
    acting = TorchTrainingModel(nn.Linear(2, 1)).inference_model
    acting.stage_parameters(changed(acting._raw_model).state_dict())
    with torch.inference_mode():
        acting.swap_parameters()
    with acting.unwrap(inference_mode=False) as module:
        module(torch.ones(1, 2)).sum().backward()
        assert module.weight.grad is not None


def test_inference_is_in_eval_and_inference_mode():
    training = TorchTrainingModel(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9)))
    acting, x = training.inference_model, torch.randn(2, 4)
    assert torch.equal(acting(x), acting(x))
    assert acting(x).is_inference()
    with acting.unwrap() as module:
        assert torch.is_inference_mode_enabled() and not module.training
    assert training.model.training


def test_in_one_process_sync_keeps_gradients_and_the_module():
    training = TorchTrainingModel(Net())
    module, acting = training.model, training.inference_model
    training(torch.randn(4, 3)).sum().backward()
    gradients = [p.grad.clone() for p in module.parameters()]
    torch.optim.SGD(module.parameters(), 0.1).step()
    training.sync()
    assert training.model is module and module.training
    assert equal(weights(acting._raw_model), weights(module))
    assert all(torch.equal(p.grad, g) for p, g in zip(module.parameters(), gradients, strict=True))
    assert acting._raw_model.first.weight.data_ptr() != module.first.weight.data_ptr()
    assert acting._raw_model.first.weight.grad is None


def test_in_one_process_weights_that_are_not_finite_are_refused():
    training = TorchTrainingModel(nn.Linear(2, 2))
    with torch.no_grad():
        training.model.bias[0] = torch.nan
    with pytest.raises(ValueError, match="parameter bias: expected finite"):
        training.sync()


def test_with_a_target_no_twin_is_made():
    training, sent = TorchTrainingModel(Net()), []
    training.set_sync_target(sent.append)
    training.sync()
    assert training._inference_model is None
    assert sent[0]["first.bias"].data_ptr() == training.model.first.bias.data_ptr()
    assert not sent[0]["first.bias"].requires_grad


def test_never_trained_means_one_module_for_both():
    training = TorchTrainingModel(nn.Linear(2, 2), inference_thread_only=True)
    assert training.inference_model._raw_model is training.model


def test_the_procedure_may_be_a_function_or_the_name_of_a_method():
    def twice(model, x):
        return 2 * model(x)

    x = torch.ones(1, 2)
    acting = TorchTrainingModel(nn.Linear(2, 2), inference_procedure=twice).inference_model
    assert torch.equal(acting(x), 2 * acting._raw_model(x))
    with pytest.raises(AttributeError, match="Linear has no method named 'nothing'"):
        TorchTrainingModel(nn.Linear(2, 2), inference_procedure="nothing")
    with pytest.raises(ValueError, match=r"expected a method, found Linear.__doc__, a str"):
        TorchTrainingModel(nn.Linear(2, 2), inference_procedure="__doc__")


def test_arguments_move_to_the_device_of_the_module():
    class Where(nn.Linear):
        def forward(self, x, more, *, named):
            return x.device, more, named.device

    module = Where(2, 2, device="meta")
    found = default_infer_procedure(module, torch.ones(1), 5, named=torch.ones(1))
    assert found == (torch.device("meta"), 5, torch.device("meta"))
    assert get_device(nn.ReLU(), torch.device("meta")) == torch.device("meta")
    assert get_device(nn.ReLU()) == torch.get_default_device()
    assert get_device(nn.BatchNorm1d(2, affine=False, device="meta")) == torch.device("meta")


def test_a_compiled_model_is_told_to_compile_both_sides():
    training = TorchTrainingModel(nn.Linear(2, 2), compile=True)
    assert training.model._compiled_call_impl is not None
    assert training.inference_model._raw_model._compiled_call_impl is not None


def test_a_lazy_module_must_be_used_once():
    training = TorchTrainingModel(nn.LazyLinear(2))
    training.set_sync_target(lambda parameters: None)
    with pytest.raises(ValueError, match="parameter weight: has no shape yet"):
        training.sync()
    training(torch.ones(1, 3))
    training.sync()


def test_replacing_the_module_drops_what_was_staged():
    acting = TorchInferenceModel(nn.Linear(2, 2), default_infer_procedure)
    acting.stage_parameters(changed(acting._raw_model).state_dict())
    acting._raw_model = nn.Linear(3, 3)
    assert acting.swap_parameters() is False
    acting.stage_parameters(changed(acting._raw_model).state_dict())
    assert acting.swap_parameters() is True


def test_a_module_that_changed_its_dtype_gets_new_shadows():
    acting = TorchInferenceModel(nn.Linear(2, 2), default_infer_procedure)
    for _ in range(2):
        acting.stage_parameters(changed(acting._raw_model).state_dict())
        acting.swap_parameters()
    with acting.unwrap() as module:
        module.double()
    acting.stage_parameters(changed(acting._raw_model).state_dict())
    acting.swap_parameters()
    assert acting._raw_model.weight.dtype == torch.float64


def test_parameters_come_back_from_their_file(tmp_path):
    training = TorchTrainingModel(Net())
    training.save_state(tmp_path / "net")
    assert [f.name for f in tmp_path.iterdir()] == ["net.safetensors"]
    loaded = TorchTrainingModel(Net())
    loaded.load_state(tmp_path / "net")
    assert equal(weights(loaded.model), weights(training.model))
    pretrained = TorchTrainingModel(Net(), pretrained_parameter_file=tmp_path / "net.safetensors")
    assert equal(weights(pretrained.model), weights(training.model))


def test_pretrained_files_of_other_writers(tmp_path):
    net, file = Net(), tmp_path / "plain.safetensors"
    save_file({n: t for n, t in net.state_dict().items() if n != "tied.weight"}, file)
    assert equal(
        weights(TorchTrainingModel(Net(), pretrained_parameter_file=file).model), weights(net)
    )
    with pytest.raises(ValueError, match=r"plain.safetensors.*size mismatch|Missing key"):
        TorchTrainingModel(nn.Linear(2, 2), pretrained_parameter_file=file)
    with pytest.raises(ValueError, match=r"model.pt: expected a .safetensors file.*save_file"):
        TorchTrainingModel(Net(), pretrained_parameter_file="model.pt")
    file.write_bytes(b"not this")
    with pytest.raises(ValueError, match=r"plain.safetensors: damaged"):
        TorchTrainingModel(Net(), pretrained_parameter_file=file)
