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

"""States are complete or absent; damage is named and the state before is used."""

import json
import os
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strangers import SOMEBODY, fifo, given_away, only_root, without_waiting

from pamiq_ros.checkpoints import LATEST, Configuration, RetentionPolicy, StateError, StateStore
from pamiq_ros.checkpoints.store import is_state_id, state_id

OURS = Configuration("digest", {"name": "vae", "values": {"rate": 10, "layers": [1, 2]}})


def make(directory, configuration=OURS, **options):
    return StateStore(directory, configuration, RetentionPolicy(**options) if options else None)


def save(store, text):
    def write(path, before):
        (path / "models").mkdir()
        (path / "models" / "policy.txt").write_text(text)

    return store.save(write, lambda: {"text": text})


@pytest.fixture
def damages():
    return []


def test_the_newest_state_is_found_again(tmp_path, damages):
    store = make(tmp_path / "node")
    assert store.find(LATEST, damages.append) is None
    save(store, "first")
    second = save(store, "second")
    assert store.find(LATEST, damages.append) == (second, {"text": "second"})
    assert (second / "models" / "policy.txt").read_text() == "second"
    assert damages == []


def test_a_state_is_found_by_its_id_or_else_the_newest_before_it(tmp_path, damages):
    store = make(tmp_path)
    first, second = save(store, "first"), save(store, "second")
    assert store.find(first.name, damages.append)[0] == first
    assert store.find(second.name[:-1] + "9", damages.append)[0] == second
    assert store.find(state_id(), damages.append)[0] == second
    with pytest.raises(StateError, match=r"1999-01-01.* or one before it"):
        store.find("1999-01-01_00-00-00.000000", damages.append)
    with pytest.raises(StateError, match=r"expected latest or a state's id.*'newest'"):
        store.find("newest", damages.append)


@pytest.mark.parametrize(
    "damage", ["flip", "truncate", "remove", "add", "manifest", "no manifest", "unreadable"]
)
def test_a_damaged_state_is_named_and_the_one_before_it_is_used(tmp_path, damages, damage):
    store = make(tmp_path)
    first, second = save(store, "first"), save(store, "second")
    file = second / "models" / "policy.txt"
    if damage == "flip":
        file.write_text("sfcond")
    elif damage == "truncate":
        file.write_text("sec")
    elif damage == "remove":
        file.unlink()
    elif damage == "add":
        (second / "extra").write_text("?")
    elif damage == "manifest":
        (second / "manifest.json").write_text("{}")
    elif damage == "no manifest":
        (second / "manifest.json").unlink()
    else:
        file.unlink()
        file.symlink_to(tmp_path / "nowhere")
    found = store.find(LATEST, damages.append)
    assert found is not None and found[0] == first
    assert len(damages) == 1 and str(second) in damages[0]


@given(st.data())
def test_a_byte_flipped_anywhere_or_a_cut_anywhere_is_found_out(tmp_path_factory, data):
    tmp_path = tmp_path_factory.mktemp("states")
    store = make(tmp_path)
    first, second = save(store, "first"), save(store, "second")
    name = data.draw(st.sampled_from(["models/policy.txt", "manifest.json"]))
    content = bytearray((second / name).read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[at:]
    (second / name).write_bytes(content)
    damages = []
    state, facts = store.find(LATEST, damages.append)
    text = (state / "models" / "policy.txt").read_text()
    # Between the values of the manifest there is white space that says nothing.
    assert (state, text, facts["text"]) in ((first, "first", "first"), (second, "second", "second"))
    assert state == second or damages


def test_a_write_that_fails_leaves_nothing_of_the_final_name(tmp_path, damages):
    store = make(tmp_path)
    first = save(store, "first")

    def write(path, before):
        (path / "half").write_text("half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        store.save(write, dict)
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_what_a_crash_left_is_no_state_and_is_removed(tmp_path, damages):
    store = make(tmp_path)
    first = save(store, "first")
    for left in ("9999-01-01_00-00-00.000000.partial", "2000-01-01_00-00-00.000000.removed"):
        (tmp_path / left).mkdir()
    (tmp_path / "of the user.partial").mkdir()
    assert store.find(LATEST, damages.append)[0] == first and damages == []
    store.remove_leftovers()
    assert {path.name for path in tmp_path.iterdir()} == {first.name, "of the user.partial"}


def test_a_state_of_another_configuration_is_refused_with_the_keys_that_differ(tmp_path, damages):
    state = save(make(tmp_path), "first")
    values = {"name": "vae", "values": {"rate": 20, "layers": [1, 2], "more": True}}
    other = make(tmp_path, Configuration("new-digest", values))
    with pytest.raises(StateError, match=r"configuration new-digest, found digest") as error:
        other.find(LATEST, damages.append)
    assert str(state) in str(error.value)
    assert "values.rate: expected 20, found 10" in str(error.value)
    assert "values.more: expected True, found 'none'" in str(error.value)
    assert "layers" not in str(error.value)
    assert other.find(LATEST, damages.append, any_configuration=True)[0] == state


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=rf"expected a folder .*{tmp_path / 'file'}"):
        make(tmp_path / "file" / "node")


def test_only_the_user_may_read_a_state(tmp_path):
    state = save(make(tmp_path / "states"), "first")
    assert state.stat().st_mode & 0o077 == 0
    assert json.loads((state / "manifest.json").read_text())["facts"] == {"text": "first"}


def test_what_is_linked_to_the_state_before_is_part_of_both(tmp_path, damages):
    store = make(tmp_path)
    first = save(store, "first")

    def write(path, before):
        assert before == first
        (path / "models").mkdir()
        os.link(before / "models" / "policy.txt", path / "models" / "policy.txt")

    second = store.save(write, dict)
    for name in ("first", "second"):
        assert store.find(LATEST, damages.append)[0] == second, name
    assert json.loads((first / "manifest.json").read_text())["files"].keys() == (
        json.loads((second / "manifest.json").read_text())["files"].keys()
    )
    (second / "models" / "policy.txt").write_text("!")  # one file: both are damaged
    with pytest.raises(StateError, match=r"found only damaged ones.*policy.txt is damaged"):
        store.find(LATEST, damages.append)
    assert len(damages) == 2


def test_the_newest_states_are_kept(tmp_path):
    store = make(tmp_path, newest=2)
    saved = [save(store, str(n)) for n in range(4)]
    assert sorted(tmp_path.iterdir()) == saved[-2:]


def test_one_state_of_each_hour_and_day_is_kept():
    states = [
        "2026-01-01_23-10-00.000000",
        "2026-01-01_23-50-00.000000",
        "2026-01-02_08-00-00.000000",
        "2026-01-03_08-00-00.000000",
        "2026-01-03_08-30-00.000000",
        "2026-01-03_09-00-00.000000",
        "2026-01-03_09-01-00.000000",
    ]

    def kept(**keep):
        return [s for s in states if s not in RetentionPolicy(**keep).superfluous(states)]

    assert kept(newest=1) == states[-1:]
    assert kept(newest=2) == states[-2:]
    assert kept(newest=1, hourly=3) == [states[2], states[4], states[6]]
    assert kept(newest=1, daily=9) == [states[1], states[2], states[6]]
    assert RetentionPolicy(newest=0).superfluous([*states, "not a state"]) == states[-2::-1]


@given(
    st.lists(st.datetimes(min_value=datetime(2000, 1, 1)), max_size=20),
    st.integers(1, 5),
    st.integers(0, 5),
)
def test_whatever_is_kept_the_newest_state_is(times, newest, daily):
    states = [time.strftime("%Y-%m-%d_%H-%M-%S.%f") for time in times]
    superfluous = RetentionPolicy(newest, 0, daily).superfluous(states)
    assert not states or max(states) not in superfluous
    assert len(set(states)) - len(set(superfluous)) <= newest + daily


def test_ids_rise_even_when_the_clock_is_set_back():
    future = "2999-12-31_23-59-59.999999"
    assert state_id() < future < state_id(future)
    assert is_state_id(state_id()) and is_state_id(state_id(future))
    assert not any(map(is_state_id, ["", "2026-01-01", f"{future}.partial", "../x"]))


def linked(path):
    path.unlink()
    path.symlink_to(__file__)


@pytest.mark.parametrize("name", ["manifest.json", "models/policy.txt"])
@pytest.mark.parametrize(
    ("put", "found"),
    [
        (fifo, "found a FIFO of user"),
        (linked, "found a symbolic link"),
        pytest.param(given_away, f"of user {SOMEBODY}; if you trust it", marks=only_root),
    ],
)
def test_what_is_no_regular_file_of_this_user_is_not_read(tmp_path, damages, name, put, found):
    store = make(tmp_path)
    first, second = save(store, "first"), save(store, "second")
    put(second / name)
    with without_waiting(*[second / name] * (put is fifo)):
        assert store.find(LATEST, damages.append)[0] == first
    assert name in damages[0] and "expected a regular file of this user" in damages[0]
    assert found in damages[0]


def test_a_fifo_that_no_manifest_knows_spoils_the_state(tmp_path, damages):
    store = make(tmp_path)
    first, second = save(store, "first"), save(store, "second")
    fifo(second / "came.json")
    assert store.find(LATEST, damages.append)[0] == first
    assert "came.json is unknown" in damages[0]


@only_root
def test_states_of_another_user_are_neither_loaded_nor_counted_nor_removed(tmp_path, damages):
    store = make(tmp_path, newest=1)
    theirs = [tmp_path / f"2099-01-0{day}_00-00-00.000000" for day in (1, 2)]
    for state in theirs:
        state.mkdir()
        given_away(state)
    ours = save(store, "ours")
    assert ours.name < theirs[0].name
    assert store.find(LATEST, damages.append) == (ours, {"text": "ours"})
    assert all(f"found one of user {SOMEBODY}" in damage for damage in damages) and damages
    assert all(state.is_dir() for state in (*theirs, ours))
