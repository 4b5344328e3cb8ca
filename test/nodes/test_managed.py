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

"""PamiqNode: what a lifecycle node says that is asked for too much."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

import rclpy
from domains import own_domain
from rclpy.lifecycle import TransitionCallbackReturn
from std_msgs.msg import String

from pamiq_ros.nodes.managed import PamiqNode
from pamiq_ros.nodes.tables import Parameter
from pamiq_ros.nodes.training_node import TrainingNode
from pamiq_ros.supervision.reports import read_report, seal


class _Node(PamiqNode):
    """Works once it is configured, and until it is cleaned up."""

    def __init__(self, parameters=()):
        self.content = None
        super().__init__("node", parameters)

    def configure(self):
        self.content = [0]

    def activate(self):
        self.content[0] += 1

    def deactivate(self):
        pass

    def cleanup(self):
        self.content = None

    def statistics(self):
        return {}

    def value(self, name):
        return ""


@pytest.fixture
def node():
    rclpy.init(domain_id=own_domain())
    node = _Node()
    yield node
    node.destroy_node()
    rclpy.shutdown()


def test_a_node_that_is_ending_is_not_activated_and_that_is_no_fault(node):
    assert node.trigger_configure() is TransitionCallbackReturn.SUCCESS
    node.stop()
    assert node.trigger_activate() is TransitionCallbackReturn.FAILURE
    assert node.errors.texts() == []


def test_a_node_whose_transition_went_wrong_can_be_tried_anew(node):
    node.on_error(None)
    assert node.trigger_configure() is TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() is TransitionCallbackReturn.SUCCESS


def test_a_misspelt_parameter_is_refused_at_configure():
    limit = Parameter("max_linear_velocity", 1.0, "m/s", 0.0, 1000.0)
    rclpy.init(args=["--ros-args", "-p", "max_linear_velocty:=0.1"], domain_id=own_domain())
    node = _Node([limit])
    assert node.trigger_configure() is TransitionCallbackReturn.FAILURE
    (text,) = node.errors.texts()
    assert "parameter 'max_linear_velocty'" in text and "expected 'max_linear_velocity'" in text
    node.destroy_node()
    rclpy.shutdown()


def test_a_status_with_a_name_too_long_is_refused_and_not_repeated_in_every_report(node):
    reports = []
    node._reporter._report.publish = reports.append
    for control in ("c1", "x" * 100_000):
        node._reporter._on_status(String(data=seal({"control": control})))
    node._reporter.publish()
    report = read_report(reports[-1].data)
    assert report["controls"] == ["c1"] and report["refused_statuses"] == 1


def test_a_made_up_version_in_a_report_does_not_move_the_learners_numbering(node):
    learner = TrainingNode()
    try:
        for version, expected in ((7, 8), (2**61, 9), (2**53, 10)):
            figures = {"inference": {"weights_version": version}}
            report = seal({"instance": "made up", "figures": figures})
            learner._on_inference_report(String(data=report))
            assert learner._versions.take() == expected
    finally:
        learner.destroy_node()
