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

"""Weights come back by name, or are refused with a reason."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load

from pamiq_ros.transport.payload import DigestMismatch, PayloadError, decode, encode
from pamiq_ros.transport.weights import Weights, decode_weights, encode_weights


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2)
    )


def weights(parameters, **changes):
    fields = {"digest": "d1", "source": "learner-1", "version": 3, "stamp": 10**18}
    return Weights(**{**fields, **changes}, parameters=parameters)


def test_a_state_dict_comes_back():
    state = network().state_dict()
    got = decode_weights(encode_weights(weights(state)))
    assert (got.digest, got.source, got.version, got.stamp) == ("d1", "learner-1", 3, 10**18)
    assert got.parameters.keys() == state.keys()
    assert all(torch.equal(got.parameters[name], state[name]) for name in state)


def test_any_safetensors_reader_shows_the_state_dict():
    state = network().state_dict()
    got = load(encode_weights(weights(state)))
    assert all(torch.equal(got[name], state[name]) for name in state)


def test_tied_parameters_come_back():
    tied = torch.nn.Linear(4, 4, bias=False)
    state = {"in.weight": tied.weight, "out.weight": tied.weight}
    got = decode_weights(encode_weights(weights(state))).parameters
    assert torch.equal(got["in.weight"], tied.weight) and torch.equal(
        got["out.weight"], tied.weight
    )


def test_any_nesting_comes_back():
    parameters = {
        "layers": [{"w": torch.ones(2, 3)}, {"w": torch.zeros(1)}],
        "mean": np.arange(3.0),
        "beta": 0.5,
        "steps": 12,
        "frozen": False,
        "kind": "vae",
        "parent": None,
    }
    got = decode_weights(encode_weights(weights(parameters))).parameters
    assert got.keys() == parameters.keys()
    assert torch.equal(got["layers"][0]["w"], torch.ones(2, 3))
    assert (got["mean"] == np.arange(3.0)).all()
    assert [got[k] for k in ("beta", "steps", "frozen", "kind", "parent")] == [
        0.5,
        12,
        False,
        "vae",
        None,
    ]


def test_another_configuration_is_refused_with_both_digests():
    data = encode_weights(weights({"w": torch.ones(1)}, digest="theirs"))
    with pytest.raises(DigestMismatch, match=r"'ours'.*'theirs'") as caught:
        decode_weights(data, "ours")
    assert (caught.value.expected, caught.value.found) == ("ours", "theirs")


@pytest.mark.parametrize(
    ("parameters", "changes", "error", "words"),
    [
        ({"w": torch.ones(1)}, {"version": 0}, ValueError, "version: expected 1"),
        ({"w": torch.ones(1)}, {"stamp": -1}, ValueError, "stamp"),
        ({"w": torch.ones(1)}, {"digest": ""}, ValueError, "digest"),
        ({"w": torch.ones(2, dtype=torch.complex128)}, {}, TypeError, "'w'"),
        ({"w": object()}, {}, TypeError, "w"),
    ],
)
def test_what_cannot_be_sent_is_named(parameters, changes, error, words):
    with pytest.raises(error, match=words):
        encode_weights(weights(parameters, **changes))


def tampered(parameters, metadata, drop=()):
    payload = decode(encode_weights(weights(parameters)), 10**6)
    merged = {**payload.metadata, **metadata}
    return encode(
        {k: v for k, v in payload.tensors.items() if k not in drop},
        {k: v for k, v in merged.items() if k not in drop},
    )


FLAT = {"w": torch.ones(2), "b": torch.zeros(1)}
NESTED = {"layers": [torch.ones(2), torch.zeros(3)], "beta": 1.0}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tampered(FLAT, {"schema": "pamiq_ros/weights_chunk/1"}), "pamiq_ros/weights/1"),
        (tampered(FLAT, {"version": "0"}), "'version'"),
        (tampered(FLAT, {"version": "x"}), "'version'"),
        (tampered(FLAT, {"stamp": "-5"}), "'stamp'"),
        (tampered(FLAT, {}, ["source"]), "'source'"),
        (tampered(FLAT, {"layout": "round"}), "'layout': expected flat or nested, found 'round'"),
        (tampered(FLAT, {"layout": "nested"}), "columns"),
        (tampered(NESTED, {}, ["column.0"]), "columns"),
        (tampered(NESTED, {}, ["column.2"]), "columns"),
        (tampered(NESTED, {"signature": "7"}), "signature"),
    ],
)
def test_what_are_no_weights_is_refused_with_its_reason(data, words):
    with pytest.raises(PayloadError) as caught:
        decode_weights(data)
    assert words in str(caught.value)


def test_too_large_weights_are_refused_unread():
    with pytest.raises(PayloadError, match="at most 100 bytes"):
        decode_weights(encode_weights(weights({"w": torch.zeros(1000)})), max_bytes=100)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([FLAT, NESTED]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=5),
)
def test_damaged_weights_raise_nothing_else(parameters, changes):
    data = bytearray(encode_weights(weights(parameters)))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        assert isinstance(decode_weights(data).parameters, dict)
    except PayloadError:
        return
