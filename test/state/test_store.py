"""States are whole or not there; damage is named and the state before is used."""

import json

import pytest

from pamiq_ros.state import StateError, StateStore


def save(store, text):
    def write(path):
        (path / "models").mkdir()
        (path / "models" / "policy.txt").write_text(text)

    return store.save(write, {"text": text})


@pytest.fixture
def damages():
    return []


def test_the_newest_state_is_found_again(tmp_path, damages):
    store = StateStore(tmp_path / "node", "digest")
    assert store.newest(damages.append) is None
    save(store, "first")
    second = save(store, "second")
    assert store.newest(damages.append) == (second, {"text": "second"})
    assert (second / "models" / "policy.txt").read_text() == "second"
    assert damages == []


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "add", "manifest", "no manifest"])
def test_a_damaged_state_is_named_and_the_one_before_it_is_used(tmp_path, damages, damage):
    store = StateStore(tmp_path, "digest")
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
    else:
        (second / "manifest.json").unlink()
    found = store.newest(damages.append)
    assert found is not None and found[0] == first
    assert len(damages) == 1 and str(second) in damages[0]


def test_a_write_that_fails_leaves_nothing_of_the_final_name(tmp_path, damages):
    store = StateStore(tmp_path, "digest")
    first = save(store, "first")

    def write(path):
        (path / "half").write_text("half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        store.save(write, {})
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_what_a_crash_left_half_written_is_not_taken_for_a_state(tmp_path, damages):
    store = StateStore(tmp_path, "digest")
    first = save(store, "first")
    (tmp_path / "9999-01-01_00-00-00.000000.partial").mkdir()
    assert store.newest(damages.append)[0] == first and damages == []


def test_a_state_of_another_configuration_is_refused_with_both_digests(tmp_path, damages):
    state = save(StateStore(tmp_path, "old-digest"), "first")
    with pytest.raises(StateError, match=r"new-digest.*old-digest") as error:
        StateStore(tmp_path, "new-digest").newest(damages.append)
    assert str(state) in str(error.value)


def test_only_the_user_may_read_a_state(tmp_path):
    state = save(StateStore(tmp_path / "states", "digest"), "first")
    assert state.stat().st_mode & 0o077 == 0
    assert json.loads((state / "manifest.json").read_text())["facts"] == {"text": "first"}
