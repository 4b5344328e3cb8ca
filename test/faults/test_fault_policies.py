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

"""What follows when the agent or a trainer goes wrong, by the parameters that choose it."""

import json

import pytest
from integration.harness import LENIENT_TIMEOUTS, TINY, graph, wait_until
from integration.tiny_system import BLACK, WHITE

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

GAVE_UP = 70


def remedies(probe):
    return " ".join(probe.status.get("remedies", []))


def training(probe):
    return probe.status["report"]["training"]


def moves_when_resumed(probe):
    """Resume and look. The newest picture may be the one before, and pause it once more; and a
    step that hung may not have ended yet, for which a resume is refused.
    """
    return probe.moving() or (probe.call("pamiq/resume").success and probe.moving())


def test_a_faulty_agent_pauses_the_system_until_it_is_resumed(tmp_path):
    hang = tmp_path / "hang"
    options = ("-p", "on_agent_error:=pause", "-p", f"overrides:=['hang={hang}']")
    faults = {
        "the agent's own fault": lambda probe: setattr(probe, "shade", WHITE),
        "expected a finite": lambda probe: setattr(probe, "shade", BLACK),
        "takes longer than": lambda probe: hang.touch(),
    }
    with graph() as made:
        probe = made.probe
        made.start_all(TINY, *options)
        wait_until(probe.moving, "motion")
        for words, cause in faults.items():
            wait_until(lambda: remedies(probe) == "", "the remedies to go")
            cause(probe)
            wait_until(lambda w=words: w in probe.errors(), "the cause")
            made.wait_state("paused")
            assert probe.standing()
            wait_until(lambda: "pamiq/resume goes on" in remedies(probe), "the way out")
            states = {node["state"] for node in probe.status["nodes"].values()}
            assert states == {"inactive"}
            probe.show_grey()
            hang.unlink(missing_ok=True)
            assert probe.standing(), "it drove on by itself"
            wait_until(lambda: moves_when_resumed(probe), "motion to be resumed")


def test_a_faulty_agent_ends_the_node_with_the_robot_at_rest():
    with graph() as made:
        made.start_all(TINY, "-p", "on_agent_error:=exit")
        wait_until(made.probe.moving, "motion")
        made.probe.shade = WHITE
        assert made.processes["inference_node"].wait(150.0) == GAVE_UP
        assert made.probe.standing()


@pytest.fixture
def learner_fault(tmp_path):
    """A file that has the trainer go wrong, and the option that names it."""
    fault = tmp_path / "fault"
    return fault, ("-p", f"overrides:=['fault={fault}']")


def test_weights_that_are_not_finite_are_reloaded_from_the_newest_state(learner_fault, tmp_path):
    fault, options = learner_fault
    states = tmp_path / "states"
    with graph() as made:
        probe = made.probe
        made.start_all(TINY, *options, "-p", f"states_dir:={states}", *LENIENT_TIMEOUTS)
        wait_until(lambda: probe.inference().get("weights_version", 0) >= 3, "weights")
        assert probe.call("pamiq/save_state").success
        fault.write_text("nan")
        wait_until(lambda: "reloaded from state" in probe.errors(), "the reload")
        fault.unlink()
        version = probe.inference()["weights_version"]
        wait_until(lambda: probe.inference()["weights_version"] > version + 2, "newer weights")
        assert probe.moving() and probe.state() == "active" and not training(probe)["halted"]
        assert probe.inference()["stops"] == 0


def test_without_a_state_training_stops_and_the_robot_drives_on(learner_fault):
    fault, options = learner_fault
    with graph() as made:
        probe = made.probe
        made.start_all(TINY, *options, "-p", "on_trainer_error:=stop", *LENIENT_TIMEOUTS)
        wait_until(lambda: probe.inference().get("weights_version", 0) >= 3, "weights")
        fault.write_text("raise")
        wait_until(lambda: training(probe)["halted"], "training to stop")
        assert "the trainer's own fault" in training(probe)["halted"]
        wait_until(lambda: "training has stopped" in remedies(probe), "the way out")
        version, ticks = probe.inference()["weights_version"], probe.inference()["ticks"]
        wait_until(lambda: probe.inference()["ticks"] > ticks + 20, "ticks")
        assert probe.moving() and probe.state() == "active"
        assert probe.inference()["weights_version"] == version

        fault.unlink()
        assert probe.call("pamiq/pause").success and probe.call("pamiq/resume").success
        wait_until(lambda: probe.inference()["weights_version"] > version + 2, "newer weights")
        fault.write_text("nan")
        wait_until(lambda: "no state to reload" in training(probe)["halted"], "training to stop")
        json.dumps(probe.status, allow_nan=False)
        assert probe.moving() and probe.inference()["stops"] == 0


def test_a_faulty_trainer_ends_the_node_if_that_is_wanted(learner_fault):
    fault, options = learner_fault
    with graph() as made:
        made.start_all(TINY, *options, "-p", "on_trainer_error:=exit")
        wait_until(made.probe.moving, "motion")
        fault.write_text("raise")
        assert made.processes["training_node"].wait(150.0) == GAVE_UP
        assert made.probe.moving()
