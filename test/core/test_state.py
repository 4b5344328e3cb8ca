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

"""State files contain any nesting of plain values; the error for a damaged one names the file."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strangers import SOMEBODY, fifo, given_away, only_root, without_waiting

from pamiq_ros.core.state import load_json, load_state_dict, load_tree, save_json, save_tree

plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3),
    ),
    max_leaves=10,
)


@given(plain)
def test_plain_values_are_restored(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("state") / "a.b"
    save_tree(path, tree)
    loaded = load_tree(path)
    assert loaded == tree and repr(loaded) == repr(tree)


def test_tensors_arrays_and_counters_are_restored(tmp_path):
    base = torch.arange(6.0).reshape(2, 3)
    tree = {
        "a.b": base,
        "a": {"b": base.t(), "half": torch.ones(2).bfloat16()},
        "same": base,
        "part": base[1:],
        3: (np.arange(2), np.float32(1.5), torch.empty(0), torch.empty(0)),
        "count": Counter({5: 2}),
        "nan": float("inf"),
    }
    save_tree(tmp_path / "t", tree)
    loaded = load_tree(tmp_path / "t")
    assert torch.equal(loaded["a.b"], base) and torch.equal(loaded["a"]["b"], base.t())
    assert torch.equal(loaded["part"], base[1:]) and loaded["a"]["half"].dtype == torch.bfloat16
    assert loaded["same"] is loaded["a.b"]
    assert loaded[3][0].tolist() == [0, 1] and type(loaded[3][1]) is np.float32
    assert type(loaded["count"]) is Counter and loaded["count"][5] == 2


def test_an_error_names_the_value_that_cannot_be_saved(tmp_path):
    with pytest.raises(TypeError, match=r"state\['a'\]\['1'\].*found function"):
        save_tree(tmp_path / "t", {"a": [1, lambda: 0]})
    with pytest.raises(TypeError, match=r"state\['a'\]: keys of tuple"):
        save_tree(tmp_path / "t", {"a": {(1, 2): 3}})
    with pytest.raises(TypeError, match=r"state\['a'\]: arrays of <U1"):
        save_tree(tmp_path / "t", {"a": np.array(["x"])})
    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces_the_whole_file(tmp_path):
    for n in range(2):
        save_tree(tmp_path / "t", {"n": n})
        save_json(tmp_path / "j", {"n": n})
    assert load_tree(tmp_path / "t") == load_json(tmp_path / "j") == {"n": 1}
    assert sorted(f.name for f in tmp_path.iterdir()) == ["j.json", "t.safetensors"]


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_a_damaged_file_raises_only_an_error_with_its_name(tmp_path_factory, junk, at):
    path = tmp_path_factory.mktemp("state") / "t"
    save_tree(path, {"a": torch.ones(3), "b": [1, "x"]})
    file = path.with_name("t.safetensors")
    data = bytearray(file.read_bytes())
    data[at % len(data) : at % len(data) + len(junk)] = junk
    file.write_bytes(data)
    try:
        load_tree(path)
    except ValueError as error:
        assert "t.safetensors" in str(error)


def test_files_of_another_format_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "t.safetensors")
    with pytest.raises(ValueError, match=r"t.safetensors: expected schema pamiq_ros/tree/1"):
        load_tree(tmp_path / "t")
    with pytest.raises(FileNotFoundError):
        load_tree(tmp_path / "none")
    (tmp_path / "j.json").write_text("{")
    with pytest.raises(ValueError, match=r"j.json: expected JSON"):
        load_json(tmp_path / "j")
    metadata = {"schema": "pamiq_ros/tree/1", "tree": json.dumps({"tensor": "missing"})}
    save_file({"a": torch.ones(1)}, tmp_path / "t.safetensors", metadata)
    with pytest.raises(ValueError, match=r"t.safetensors: the structure does not fit"):
        load_tree(tmp_path / "t")


@pytest.mark.parametrize("load", [load_tree, load_json])
def test_a_fifo_instead_of_a_file_is_refused_at_once(tmp_path, load):
    there = [fifo(tmp_path / f"value{suffix}") for suffix in (".safetensors", ".json")]
    with (
        without_waiting(*there),
        pytest.raises(PermissionError, match=r"value.*expected a regular file.*found a FIFO"),
    ):
        load(tmp_path / "value")


def test_a_fifo_instead_of_pretrained_weights_is_refused_at_once(tmp_path):
    there = fifo(tmp_path / "policy.safetensors")
    with (
        without_waiting(there),
        pytest.raises(ValueError, match=r"policy.safetensors: expected a regular file"),
    ):
        load_state_dict(tmp_path / "policy.safetensors")


@only_root
def test_a_state_of_another_user_is_refused_but_not_pretrained_weights(tmp_path):
    save_tree(tmp_path / "policy", {"weight": torch.ones(2)})
    given_away(tmp_path / "policy.safetensors")
    with pytest.raises(PermissionError, match=f"found a regular file of user {SOMEBODY}"):
        load_tree(tmp_path / "policy")
    assert load_state_dict(tmp_path / "policy.safetensors")["weight"].tolist() == [1.0, 1.0]
