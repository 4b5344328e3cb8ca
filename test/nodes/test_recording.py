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

"""MetricsPublisher: pictures are made for who looks, and for TensorBoard now and then."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

import torch
from rclpy.qos import qos_profile_sensor_data
from ros_helpers import wait_until
from sensor_msgs.msg import Image

from pamiq_ros.nodes.metrics_publisher import MetricsPublisher


class _Painter:
    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        return torch.full((3, 4, 6), self.made, dtype=torch.uint8)


@pytest.fixture
def recorder_of(ros):
    made = []

    def make(**options):
        recorder = MetricsPublisher(
            ros.node("learner"), **{"picture_rate": 100.0, "tensorboard_dir": "", **options}
        )
        made.append(recorder)
        return recorder

    yield make
    for recorder in made:
        recorder.close()


def test_a_picture_is_made_once_somebody_looks(ros, recorder_of):
    recorder, painter, viewer, seen = recorder_of(), _Painter(), ros.node("viewer"), []
    topics = lambda: dict(viewer.get_topic_names_and_types())  # noqa: E731
    recorder.image("road", painter)
    wait_until(lambda: "/pamiq/debug/road" in topics(), "the topic, which nobody looks at yet")
    assert painter.made == 0
    viewer.create_subscription(Image, "pamiq/debug/road", seen.append, qos_profile_sensor_data)

    def has_come():
        recorder.image("road", painter)
        return seen

    [picture, *_] = wait_until(has_come, "a picture")
    assert (picture.height, picture.width, picture.encoding) == (4, 6, "rgb8")
    assert 1 <= picture.data[0] <= painter.made


def test_a_rate_of_zero_makes_none(ros, recorder_of):
    recorder, painter = recorder_of(picture_rate=0.0), _Painter()
    ros.node("viewer").create_subscription(Image, "pamiq/debug/road", print, 10)
    for _ in range(3):
        recorder.image("road", painter)
    assert painter.made == 0


def test_tensorboard_gets_pictures_that_nobody_looks_at_and_not_all_of_them(recorder_of, tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed: pip install '.[tensorboard]'",
    )
    recorder, painter = recorder_of(picture_rate=1e6, tensorboard_dir=str(tmp_path)), _Painter()
    for value in range(5):
        recorder.image("road", painter)
        recorder.scalar("loss", float(value))
    recorder.close()
    assert painter.made == 1
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(n + 1, n) for n in range(5)]
    assert len(events.Images("road")) == 1
