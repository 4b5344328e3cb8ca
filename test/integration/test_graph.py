"""The three nodes as processes: they act, learn, pause, stop the robot when in doubt, and end."""

import re

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from geometry_msgs.msg import Twist
from std_msgs.msg import UInt8MultiArray

from .harness import TINY, Probe, graph, wait_until

pytestmark = pytest.mark.integration


def updates(probe: Probe) -> int:
    return probe.status["report"]["training"].get("updates", 0)


def test_the_graph_acts_learns_pauses_resumes_and_ends():
    with graph() as running:
        probe = running.probe
        running.start_all()
        running.wait_state("active")
        wait_until(probe.moving, "a command that moves the robot")
        wait_until(lambda: probe.inference().get("weights_version", 0) >= 5, "weights version 5")

        answer = probe.call("pamiq/pause")
        assert answer.success and answer.message == "paused"
        wait_until(probe.standing, "zero after the pause")
        paused_at, paused_for = len(probe.commands), probe.status["uptime_s"] + 1.5
        running.wait_state("paused")
        wait_until(lambda: probe.status["uptime_s"] > paused_for, "a while to pass")
        assert all(command == Twist() for command in probe.commands[paused_at:])
        learned = updates(probe)

        # A control node that is killed and started anew must not set a paused robot in motion.
        control = running.processes["control_node"]
        before = probe.status["control"]
        control.kill()
        control.wait()
        running.start("control_node")
        wait_until(lambda: probe.status["control"] != before, "the new control node")
        running.wait_state("paused")
        assert not probe.moving()

        answer = probe.call("pamiq/resume")
        assert answer.success and answer.message == "active"
        answer = probe.set_parameter("pamiq_inference", "max_linear_velocity", 0.1)
        assert not answer.successful and "read at configure" in answer.reason
        wait_until(probe.moving, "a command after the pause")
        wait_until(lambda: updates(probe) > learned, "updates after the pause")

        answer = probe.call("pamiq/shutdown")
        assert answer.success, answer.message
        assert probe.standing()
        for name, process in running.processes.items():
            assert process.wait(10.0) == 0, name
        wait_until(lambda: probe.state() == "shutdown", "the last status")
        report = probe.status["report"]
        pictures = report["experience"]["pictures"]
        assert pictures["sent"] == pictures["received"] > 0 and pictures["lost"] == 0
        assert report["errors"] == [] and report["inference"]["stops"] == 0
        assert report["training"]["metrics"]["loss"].keys() >= {"first", "last"}
        assert report["restarts"] == {"inference": 0, "training": 0, "control": 1}
        # Commands from before the probe was discovered are not heard, and the zeros that close the
        # topic come after the last report.
        assert 0 < len(probe.commands) <= report["actions"]["cmd_vel"] + 3


def test_no_weights_no_motion():
    with graph() as running:
        probe = running.probe
        running.start("control_node")
        running.start("inference_node", "-p", f"system:={TINY}")
        wait_until(lambda: len(probe.commands) >= 20, "commands without a learner")
        assert all(c.linear.x == 0.0 and c.angular.z == 0.0 for c in probe.commands)
        wait_until(lambda: probe.inference().get("hold") == "no_weights", "the reason")


def test_the_robot_stops_for_a_stale_picture_and_goes_on_by_itself():
    with graph() as running:
        probe = running.probe
        running.start_all()
        wait_until(probe.moving, "a command that moves the robot")
        probe.cover_lens()
        wait_until(probe.standing, "zero when no picture comes")
        wait_until(lambda: "camera/image_raw" in probe.errors(), "the topic's name in the errors")
        probe.uncover_lens()
        wait_until(probe.moving, "motion when pictures come again")
        wait_until(
            lambda: probe.inference().get("stop_causes") == {"stale_observation": 1}, "the count"
        )


@pytest.mark.parametrize(
    ("fault", "cause", "text"),
    [
        ("raise", "agent_error", "the agent's own fault"),
        ("nan", "action_error", "cmd_vel"),
    ],
)
def test_the_robot_stops_for_a_faulty_agent(fault, cause, text):
    with graph() as running:
        probe = running.probe
        running.start_all(TINY, "-p", f"overrides:=['fault={fault}']")
        wait_until(lambda: cause in probe.inference().get("stop_causes", {}), f"a stop for {cause}")
        assert probe.standing()
        wait_until(lambda: text in probe.errors(), "the cause's text")


def test_pictures_of_another_size_are_resized_and_unreadable_ones_stop_the_robot():
    with graph(size=24) as running:
        probe = running.probe
        running.start_all()
        wait_until(probe.moving, "motion on resized pictures")
        probe.encoding = "teletext"
        wait_until(probe.standing, "zero for an encoding nobody knows")
        wait_until(
            lambda: "teletext" in probe.errors() and "camera/image_raw" in probe.errors(),
            "topic and encoding in the errors",
        )


def test_malformed_payloads_are_counted_and_dropped():
    with graph() as running:
        probe = running.probe
        running.start_all()
        wait_until(probe.moving, "a command that moves the robot")
        from pamiq_ros.nodes.topics import _qos

        for topic in ("pamiq/experience/pictures", "pamiq/weights/policy"):
            publisher = probe.create_publisher(UInt8MultiArray, topic, _qos(8))
            wait_until(lambda p=publisher: p.get_subscription_count() > 0, "a subscriber")
            publisher.publish(UInt8MultiArray(data=list(b"not a payload at all")))
        wait_until(
            lambda: probe.status["report"]["experience"]["pictures"].get("malformed", 0) == 1,
            "the malformed experience to be counted",
        )
        wait_until(
            lambda: probe.inference()["weights"]["policy"].get("malformed", 0) == 1,
            "the malformed weights to be counted",
        )
        version = probe.inference()["weights_version"]
        wait_until(
            lambda: probe.inference()["weights_version"] > version, "weights to go on arriving"
        )


def test_weights_of_another_configuration_are_refused_with_both_digests():
    with graph() as running:
        probe = running.probe
        running.start("control_node")
        running.start("inference_node", "-p", f"system:={TINY}")
        running.start("training_node", "-p", f"system:={TINY}", "-p", "overrides:=['speed=0.1']")
        digests = wait_until(lambda: _digests(probe.errors()), "both digests in the errors")
        assert len(set(digests)) == 2
        assert probe.inference()["weights_version"] == 0
        assert not probe.moving()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-p", "system:=no_such_system"), ("no_such_system", "vae")),
        (("-p", f"system:={TINY}", "-p", "overrides:=['speed=fast']"), ("speed", "fast")),
        (("-p", f"system:={TINY}", "-p", "rate:=-5.0"), ("rate", "-5.0", "0 to 1000")),
        (
            ("-p", f"system:={TINY}", "-p", "overrides:=['capacity=1000000000']"),
            ("pictures", "bytes"),
        ),
    ],
)
def test_a_bad_configuration_is_refused_by_name_before_anything_moves(arguments, words):
    with graph() as running:
        probe = running.probe
        running.start("control_node")
        running.start("inference_node", *arguments)
        running.start("training_node", *arguments)
        text = wait_until(lambda: probe.status.get("configuration_error"), "the refusal")
        running.wait_state("error")
        for word in words:
            assert word in text
        assert all(command == Twist() for command in probe.commands)


def test_a_second_node_of_the_same_name_is_reported():
    with graph() as running:
        probe = running.probe
        running.start_all()
        running.wait_state("active")
        first = running.processes["training_node"]
        running.start("training_node", "-p", f"system:={TINY}")
        running.processes["first"] = first
        wait_until(lambda: "2 nodes named pamiq_training" in probe.errors(), "the report of it")


def _digests(text: str) -> list[str]:
    found = re.findall(r"\b[0-9a-f]{16}\b", text)
    return found if len(set(found)) >= 2 else []


def test_a_state_is_saved_at_the_end_and_loaded_at_the_next_start(tmp_path):
    option = ("-p", f"states_dir:={tmp_path}")
    with graph() as running:
        probe = running.probe
        running.start_all(TINY, *option)
        wait_until(lambda: probe.inference().get("weights_version", 0) >= 3, "weights version 3")
        assert probe.call("pamiq/shutdown").success
        for process in running.processes.values():
            assert process.wait(20.0) == 0
        published = probe.status["report"]["training"]["weights_version"]
        filled = probe.status["report"]["buffers"]["pictures"]["size"]
    (state,) = (tmp_path / "pamiq_training").iterdir()
    assert (state / "models" / "policy.safetensors").is_file()
    with graph() as running:
        probe = running.probe
        running.start_all(TINY, *option)
        wait_until(lambda: probe.inference().get("weights_version", 0) > published, "newer weights")
        assert probe.status["report"]["buffers"]["pictures"]["size"] >= min(filled, 64)
