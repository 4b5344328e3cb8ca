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

"""Experience as a LeRobotDataset: what its own files say, and what LeRobot's loader reads."""

import json

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.core.data import StepBatch
from pamiq_ros.offline.lerobot import write_dataset
from pamiq_ros.offline.lerobot.episodes import pieces
from pamiq_ros.offline.lerobot.features import ImageStatistics, merged, of_values
from pamiq_ros.transport.experience import ExperienceBatch

BEGAN_NS = 1_700_000_000_000_000_000
FPS = 10
SIDE = 64


def shade(number):
    return 10 + 20 * (number % 10)


def step(number):
    """A step whose every number tells which it is."""
    return {
        "camera": torch.full((3, SIDE, SIDE), shade(number), dtype=torch.uint8),
        "action": torch.tensor([number / 7, -number / 7]),
        "memory": torch.full((2, 3), float(number)),
        "reward": float(number),
        "done": number % 4 == 3,
        "index": number,
    }


def batch(first, count, source="one", late_ns=0, make=step):
    numbers = range(first, first + count)
    stamps = torch.tensor([BEGAN_NS + n * 10**9 // FPS + late_ns for n in numbers])
    steps = StepBatch.stack([make(n) for n in numbers])
    versions = torch.tensor([n // 5 for n in numbers])
    return ExperienceBatch("digest", source, "steps", first, stamps, versions, steps)


DRIVE = [batch(0, 7), batch(7, 5), batch(12, 8, late_ns=2 * 10**9), batch(0, 6, source="two")]


def written(folder, batches=DRIVE):
    counts = write_dataset(folder, "steps", lambda: iter(batches))
    return counts, json.loads((folder / "meta/info.json").read_text())


def test_a_pause_and_a_new_source_begin_an_episode(tmp_path):
    counts, info = written(tmp_path / "set")
    assert counts == (3, 26)
    assert (info["codebase_version"], info["fps"]) == ("v3.0", FPS)
    assert (info["total_episodes"], info["total_frames"]) == (3, 26)
    rows = pq.read_table(tmp_path / "set/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [row["length"] for row in rows] == [12, 8, 6]
    assert [row["dataset_from_index"] for row in rows] == [0, 12, 20]
    assert [row["tasks"] for row in rows] == [["steps"]] * 3
    key = "videos/observation.images.camera/from_timestamp"
    assert [row[key] for row in rows] == pytest.approx([0.0, 1.2, 2.0])


def test_the_table_has_each_number_of_each_step(tmp_path):
    _, info = written(tmp_path / "set")
    table = pq.read_table(tmp_path / "set/data/chunk-000/file-000.parquet").to_pydict()
    assert set(table) == set(info["features"]) - {"observation.images.camera"}
    assert table["action"][8] == pytest.approx([8 / 7, -8 / 7])
    assert table["memory"][19] == [[19.0] * 3] * 2
    assert table["reward"][:13] == [float(n) for n in range(13)]
    assert table["done"][:4] == [False, False, False, True]
    assert table["step.index"][18] == 18
    assert table["index"] == list(range(26))
    assert table["frame_index"][10:14] == [10, 11, 0, 1]
    assert table["timestamp"][13] == pytest.approx(1 / FPS)
    assert table["stamp_ns"][12] == BEGAN_NS + 12 * 10**8 + 2 * 10**9
    assert table["weights_version"][19] == 3
    assert info["features"]["memory"] == {"dtype": "float32", "shape": [2, 3], "names": None}


def test_the_video_has_each_picture_at_its_time(tmp_path):
    written(tmp_path / "set")
    file = "videos/observation.images.camera/chunk-000/file-000.mp4"
    with av.open(str(tmp_path / "set" / file)) as video:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in video.decode(video=0)]
    assert [time for time, _ in frames] == pytest.approx([n / FPS for n in range(26)])
    numbers = [*range(20), *range(6)]
    for (_, picture), number in zip(frames, numbers, strict=True):
        assert np.abs(picture.astype(int) - shade(number)).max() <= 4


def test_the_statistics_are_those_of_all_steps(tmp_path):
    written(tmp_path / "set")
    found = json.loads((tmp_path / "set/meta/stats.json").read_text())
    rewards = np.array([*range(20), *range(6)], float)
    assert found["reward"]["mean"] == pytest.approx([rewards.mean()])
    assert found["reward"]["std"] == pytest.approx([rewards.std()])
    assert found["reward"]["max"] == [19.0] and found["reward"]["count"] == [26]
    assert np.shape(found["memory"]["mean"]) == (2, 3)
    assert np.shape(found["observation.images.camera"]["std"]) == (3, 1, 1)


def test_a_step_that_is_a_picture_of_odd_sides_and_one_colour(tmp_path):
    def make(number):
        return torch.full((1, 33, 35), shade(number), dtype=torch.uint8)

    _, info = written(tmp_path / "set", [batch(0, 4, make=make)])
    feature = info["features"]["observation.images.steps"]
    assert feature["shape"] == [33, 35, 3]
    file = "videos/observation.images.steps/chunk-000/file-000.mp4"
    with av.open(str(tmp_path / "set" / file)) as video:
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert [round(float(picture.mean())) for picture in pictures] == pytest.approx(
        [shade(n) for n in range(4)], abs=4
    )


def test_a_vector_alone_is_the_state(tmp_path):
    def make(number):
        return torch.tensor([float(number), 1.0], dtype=torch.bfloat16)

    _, info = written(tmp_path / "set", [batch(0, 4, make=make)])
    assert info["features"]["observation.state"]["dtype"] == "float32"
    assert info["video_path"] is None


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1, 2), (0, 3)])
def test_what_lerobot_can_not_store_is_named(tmp_path, shape):
    with pytest.raises(ValueError, match=r"'steps', memory: expected 1 to 5 dimensions"):
        written(
            tmp_path / "set", [batch(0, 2, make=lambda n: {"memory": torch.zeros(shape), "n": n})]
        )


def small(first, count, source, gap_ns):
    return batch(first, count, source, gap_ns, make=lambda n: n)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_pieces_are_all_steps_in_order_and_break_where_told(parts):
    batches, first, source, late = [], 0, 0, 0
    for count, new_source, pause in parts:
        source, late = source + new_source, late + pause * 10**9
        batches.append(small(first, count, str(source), late))
        first += count
    found = list(pieces(iter(batches), FPS))
    values = torch.cat([piece.batch.steps.columns[0] for piece in found])
    assert values.tolist() == list(range(first))
    assert sum(piece.begins for piece in found) == 1 + sum(a or b for _, a, b in parts[1:])
    assert found[0].begins


def test_an_episode_ends_before_its_times_are_inexact():
    found = list(pieces([small(0, 2500, "one", 0)], 1))
    assert [len(piece.batch.steps) for piece in found] == [1000, 1000, 500]
    assert all(piece.begins for piece in found)
    apart = list(pieces([small(0, 600, "one", 0), small(600, 600, "one", 0)], 1))
    assert [(piece.begins, len(piece.batch.steps)) for piece in apart] == [
        (True, 600), (False, 400), (True, 200),
    ]  # fmt: skip


def test_statistics_of_pictures_and_of_parts_agree_with_numpy():
    pictures = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), np.uint8)
    parts = [pictures[:2], pictures[2:]]
    seen = [ImageStatistics() for _ in parts]
    for counter, part in zip(seen, parts, strict=True):
        counter.add(part)
    found = merged([counter.statistics() for counter in seen])
    # All pixels are one value each here, and each part has as many of them in each picture.
    plain = (pictures / 255).reshape(-1, 3)
    for name, value in (("min", plain.min(0)), ("max", plain.max(0)), ("mean", plain.mean(0))):
        assert found[name].reshape(3) == pytest.approx(value), name
    assert found["std"].reshape(3) == pytest.approx(plain.std(0))
    whole = of_values(plain)
    alone = ImageStatistics()
    alone.add(pictures)
    assert alone.statistics()["q50"].reshape(3) == pytest.approx(whole["q50"], abs=0.02)


def test_lerobots_own_loader_reads_it(tmp_path):
    module = pytest.importorskip(
        "lerobot.datasets.lerobot_dataset", reason="lerobot is not installed: pip install lerobot"
    )
    written(tmp_path / "set")
    dataset = module.LeRobotDataset("pamiq_ros/steps", root=tmp_path / "set", video_backend="pyav")
    assert (dataset.num_episodes, dataset.num_frames, dataset.fps) == (3, 26, FPS)
    for index in (0, 11, 12, 25):
        number = index if index < 20 else index - 20
        item = dataset[index]
        assert item["action"].tolist() == pytest.approx([number / 7, -number / 7])
        assert item["memory"].tolist() == [[float(number)] * 3] * 2
        assert item["task"] == "steps"
        picture = item["observation.images.camera"]
        assert tuple(picture.shape) == (3, SIDE, SIDE)
        assert float((picture * 255 - shade(number)).abs().max()) <= 4
    nexts = {"action": [0.0, 1 / FPS], "observation.images.camera": [0.0, 1 / FPS]}
    pairs = module.LeRobotDataset(
        "pamiq_ros/steps", root=tmp_path / "set", delta_timestamps=nexts, video_backend="pyav"
    )
    assert pairs[11]["action_is_pad"].tolist() == [False, True]
    assert tuple(pairs[12]["observation.images.camera"].shape) == (2, 3, SIDE, SIDE)
