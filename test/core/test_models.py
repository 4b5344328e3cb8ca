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

"""Plain models: parameters go from the training side to the inference side, checked."""

import numpy as np
import pytest
import torch

from pamiq_ros.core import (
    InferenceModel,
    InferenceModelsDict,
    StaleParameters,
    TensorSpec,
    TrainingModel,
    TrainingModelsDict,
)


class LineInference(InferenceModel):
    def __init__(self, slope, offset):
        self.slope = slope
        self.offset = offset
        self.table = {"seen": [0, 0.5], "name": "line"}
        self.note = None
        self.callback = print

    def infer(self, x):
        return self.slope * x + self.offset


class Line(TrainingModel):
    def __init__(self, **kwds):
        super().__init__(**kwds)
        self.slope = torch.tensor([1.0])
        self.offset = 0

    def _create_inference_model(self):
        return LineInference(self.slope.clone(), self.offset)

    def forward(self, x):
        return self.slope * x + self.offset

    def sync_impl(self, inference_model):
        inference_model.slope = self.slope.clone()
        inference_model.offset = self.offset


def test_a_model_is_called_like_a_function():
    model = Line()
    assert model(2.0).item() == model.forward(2.0).item() == 2.0
    assert model.inference_model(3.0).item() == model.inference_model.infer(3.0).item() == 3.0


def test_sync_reaches_the_inference_model_of_this_process():
    model = Line()
    inference = model.inference_model
    model.slope, model.offset = torch.tensor([2.0]), 1
    assert inference(1.0).item() == 1.0
    model.sync()
    assert inference(1.0).item() == 3.0


def test_with_a_target_sync_hands_the_parameters_to_it():
    trained, acting = Line(), Line().inference_model
    sent = []
    trained.set_sync_target(sent.append)
    trained.slope, trained.offset = torch.tensor([5.0]), 2.5
    trained.sync()
    (parameters,) = sent
    assert set(parameters) == {"slope", "offset", "table", "note"}
    acting.stage_parameters(parameters)
    assert acting(1.0).item() == 1.0
    assert acting.swap_parameters() is True
    assert acting(1.0).item() == 7.5
    assert acting.swap_parameters() is False
    trained.set_sync_target(None)
    trained.sync()
    assert len(sent) == 1


def test_what_is_staged_last_is_taken():
    model = LineInference(1.0, 0.0)
    for slope in (2.0, 3.0):
        model.stage_parameters({**model.export_parameters(), "slope": slope})
    model.swap_parameters()
    assert model.slope == 3.0
    assert "_staged_parameters" not in model.export_parameters()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"slope": torch.zeros(2)}, r"slope: expected float32 \[1\], found float32 \[2\]"),
        ({"slope": torch.zeros(1).double()}, r"slope: expected float32 \[1\], found float64 \[1\]"),
        ({"slope": "steep"}, "slope: expected float32 .* found 'steep'"),
        ({"slope": torch.tensor([float("nan")])}, "slope: expected finite values"),
        ({"offset": float("inf")}, "offset: expected finite values"),
        ({"note": np.array([np.nan])}, "note: expected finite values"),
        ({"table": {"seen": [0]}}, r"table: expected dict with keys \['name', 'seen'\]"),
        ({"table": {"seen": [0], "name": ""}}, r"table\['seen'\]: expected list of 2"),
        ({"slope": object()}, "slope: expected a tensor.* found object"),
        ({"more": 1}, r"missing \[\], unknown \['more'\]"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_by_name(change, text):
    model = LineInference(torch.tensor([1.0]), 0)
    with pytest.raises(ValueError, match=text):
        model.stage_parameters({**model.export_parameters(), **change})
    assert model.swap_parameters() is False


def test_missing_parameters_are_named():
    with pytest.raises(ValueError, match=r"missing \['note', 'offset', 'slope'"):
        LineInference(1.0, 0.0).stage_parameters({})


def test_numbers_text_and_none_may_change():
    model = LineInference(1.0, 0)
    new = {
        "slope": 2,
        "offset": 0.5,
        "table": {"seen": [1.5, True], "name": "curve"},
        "note": torch.ones(2),
    }
    model.stage_parameters(new)
    model.swap_parameters()
    assert (model.slope, model.offset, model.table["name"]) == (2, 0.5, "curve")
    assert model.callback is print


def test_models_without_inference_side_or_never_trained():
    with pytest.raises(ValueError, match="has_inference_model"):
        Line(has_inference_model=False, inference_thread_only=True)
    alone = Line(has_inference_model=False)
    with pytest.raises(RuntimeError, match="has_inference_model=False"):
        _ = alone.inference_model
    alone.sync()
    sent = []
    fixed = Line(inference_thread_only=True)
    fixed.set_sync_target(sent.append)
    fixed.sync()
    assert sent == []


def test_the_models_dict_hides_those_that_are_never_trained():
    models = TrainingModelsDict(
        {
            "a": Line(),
            "fixed": Line(inference_thread_only=True),
            "alone": Line(has_inference_model=False),
        }
    )
    with pytest.raises(KeyError, match="inference thread only"):
        models["fixed"]
    inference = models.inference_models_dict
    assert isinstance(inference, InferenceModelsDict)
    assert set(inference) == {"a", "fixed"}
    assert inference["a"] is models["a"].inference_model


def test_inference_models_are_made_only_when_asked_for():
    models = TrainingModelsDict(a=Line())
    models["a"].forward(1.0)
    assert models["a"]._inference_model is None


class Two(InferenceModel):
    def __init__(self, value=0.0):
        self.a, self.b = torch.full((2,), value), torch.full((), value)

    def infer(self):
        return [*self.a.tolist(), self.b.item()]


class Reader:
    def __init__(self, tensors, error=None):
        self.tensors, self.error = tensors, error
        self.specs = {n: TensorSpec(t.dtype, tuple(t.shape)) for n, t in tensors.items()}

    def read(self, name, into):
        into.copy_(self.tensors[name])

    def check(self):
        if self.error is not None:
            raise self.error


def test_parameters_are_read_from_a_reader():
    model = Two()
    model.stage_from(Reader(Two(1.0).export_parameters()))
    assert model() == [0, 0, 0]
    assert model.swap_parameters() and model() == [1, 1, 1]
    model.stage_from(Reader(Two(2.0).export_parameters()))
    with pytest.raises(StaleParameters):
        model.stage_from(Reader(Two(3.0).export_parameters(), StaleParameters("gone")))
    assert model.swap_parameters() and model() == [2, 2, 2]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"a": torch.zeros(3)}, r"a: expected float32 \[2\], found float32 \[3\]"),
        ({"a": torch.zeros(2).int()}, r"a: expected float32 \[2\], found int32 \[2\]"),
        ({"c": torch.zeros(3)}, r"missing \[\], unknown \['c'\]"),
        ({"a": torch.tensor([0.0, torch.nan])}, "a: expected finite"),
    ],
)
def test_a_reader_whose_parameters_do_not_fit_is_refused(change, text):
    with pytest.raises(ValueError, match=text):
        Two().stage_from(Reader({**Two().export_parameters(), **change}))


def test_a_number_is_not_replaced_by_a_tensor_that_was_read():
    with pytest.raises(ValueError, match=r"slope: expected float, found float32 \[1\]"):
        LineInference(1.0, 0.5).stage_from(
            Reader({n: torch.zeros(1) for n in ("slope", "offset", "table", "note")})
        )
