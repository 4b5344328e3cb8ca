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

"""States of a learner with a byte flipped or a file cut anywhere: named, and not used."""

import json
import random
import re

import pytest
from saving_learner import SavingLearner

from pamiq_ros.checkpoints import StateError

MANIFEST = "manifest.json"


@pytest.fixture
def states(tmp_path):
    """Three states, of which the second and the third share files: what did not change."""
    saving = SavingLearner(tmp_path, kept=3)
    saving.learner.start()
    saver = saving.saver()
    found = []
    for count in (600, 4, 4):
        saving.receive(count)
        found.append(saver.request().result(30.0))
    assert saving.learner.stop() and saver.close(10.0)
    assert set(inodes(found[1])) & set(inodes(found[2])), "no file is shared"
    return found


def files_of(state):
    return sorted(path for path in state.rglob("*") if path.is_file())


def inodes(state):
    return [path.stat().st_ino for path in files_of(state)]


def expected_after(file, states):
    """The state that must be used when a file is damaged: the newest that does not have it."""
    inode = file.stat().st_ino
    return max((s.name for s in states if inode not in inodes(s)), default=None)


def damages(content, chance, count):
    """Contents of a file that was damaged: cut, longer, or with a bit of a byte flipped."""
    for length in (0, 1, len(content) // 2, len(content) - 1):
        yield content[:length]
    yield content + b"\0"
    for _ in range(count):
        at = chance.randrange(len(content))
        flipped = bytearray(content)
        flipped[at] ^= 1 << chance.randrange(8)
        yield bytes(flipped)


def is_same_manifest(content, damaged):
    """White space between values says nothing."""
    try:
        return json.loads(content) == json.loads(damaged)
    except ValueError:
        return False


def test_a_damage_anywhere_is_named_and_a_state_without_it_is_used(states, repeats, figures):
    chance = random.Random(2)
    newest = states[-1]
    agreed = {s.name: None for s in states}
    used, refused, harmless = 0, 0, 0
    files = files_of(newest)
    for file in files:
        content, expected = file.read_bytes(), expected_after(file, states)
        for damaged in damages(content, chance, repeats(4, 240)):
            file.write_bytes(damaged)  # as on a disk: in all states that share the file
            name = re.escape(str(file.relative_to(newest)))
            if file.name == MANIFEST and is_same_manifest(content, damaged):
                again, harmless = SavingLearner(newest.parent), harmless + 1
                assert again.found == newest.name
            elif expected is None:
                with pytest.raises(
                    StateError, match=rf"found only damaged ones.*{name} is damaged"
                ):
                    SavingLearner(newest.parent)
                refused += 1
                continue
            else:
                again, used = SavingLearner(newest.parent), used + 1
                assert again.found == expected
                assert re.search(rf"{newest.name}.*{name}.*(expected|damaged)", again.damages[0])
            # What is loaded is what was saved, whichever state it is.
            content_of = (again.require_agreement(), again.numbers())
            agreed[again.found] = agreed[again.found] or content_of
            assert agreed[again.found] == content_of
        file.write_bytes(content)
    assert SavingLearner(newest.parent).found == newest.name
    assert used and refused
    figures(files=len(files), used_the_one_before=used, refused=refused, harmless=harmless)


@pytest.mark.parametrize("damage", ["no file", "no manifest", "empty", "another's manifest"])
def test_of_a_state_that_is_not_whole_the_one_before_is_used(states, damage):
    *_, before, newest = states
    if damage == "no file":
        files_of(newest / "models")[0].unlink()
    elif damage == "no manifest":
        (newest / MANIFEST).unlink()
    elif damage == "empty":
        for file in files_of(newest):
            file.unlink()
    else:
        (newest / MANIFEST).write_bytes((before / MANIFEST).read_bytes())
    again = SavingLearner(newest.parent)
    assert again.found == before.name and newest.name in again.damages[0]
    again.require_agreement()


def test_a_manifest_that_is_nested_too_deeply_is_damaged(states):
    (states[-1] / MANIFEST).write_text("[" * 10**5)
    assert SavingLearner(states[-1].parent).found == states[-2].name
