"""Training and judging on bags, as a user does it from the command line."""

import json
import re

import pytest
from click.testing import CliRunner

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")

from bag_files import bag2, weights

from pamiq_ros.cli.main import main

SMALL = [
    *("--set", "height=16", "--set", "width=16", "--set", "channels=[8,16]"),
    *("--set", "latent_size=8", "--set", "min_buffer_size=8", "--set", "batch_size=8"),
]


@pytest.fixture(scope="module")
def bags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bags")
    return bag2(folder / "monday", 120), bag2(folder / "friday", 60)


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def trained(states, *arguments):
    status, output = run("train", "vae", *arguments, "--states-dir", states, *SMALL)
    assert status == 0, output
    return output


def test_training_makes_a_state_that_is_better_than_none(bags, tmp_path):
    monday, friday = bags
    states, html, values = tmp_path / "states", tmp_path / "report.html", tmp_path / "report.json"
    output = trained(states, monday, "--held-out", friday, "--epochs", 3)
    scores = [float(text) for text in re.findall(r"reconstruction_error ([\d.e-]+)", output)]
    assert len(scores) == 3 and scores[-1] < scores[0]
    assert 1 <= output.count("saved") <= 3

    status, output = run(
        "evaluate", "vae", "--state", "none", "--state", "latest", friday,
        "--states-dir", states, "--html", html, "--json", values, *SMALL,
    )  # fmt: skip
    assert status == 0, output
    found = json.loads(values.read_text())["states"]
    [name] = set(found) - {"none"}
    means = {state: found[state]["reconstruction_error"]["mean"] for state in found}
    assert means[name] == pytest.approx(min(scores), rel=2e-3)
    assert means[name] < means["none"]
    assert f"{means[name]:.5g}" in output
    assert "command_difference /cmd_vel linear.x" in output
    page = html.read_text()
    assert page.count("<img") > 2 * 4 * 2 and "http" not in page


def test_two_trainings_of_the_same_seed_are_the_same_to_the_byte(bags, tmp_path):
    for name in ("first", "second"):
        trained(tmp_path / name, bags[0], "--epochs", 1, "--seed", 3)
    assert weights(tmp_path / "first") == weights(tmp_path / "second") != []


def test_training_by_updates_goes_on_from_the_newest_state(bags, tmp_path):
    output = trained(tmp_path, bags[1], "--updates", 5)
    assert "epoch 1 | 5 updates" in output
    output = trained(tmp_path, bags[1], "--updates", 5)
    assert "state loaded from" in output and "epoch 1 | 10 updates" in output
    assert "| 5 updates" in trained(tmp_path, bags[1], "--updates", 5, "--resume", "none")


def test_it_ends_when_it_gets_no_better(bags, tmp_path):
    output = trained(
        tmp_path, bags[1], "--held-out", bags[1], "--epochs", 30, "--patience", 2,
        "--set", "learning_rate=1e-9",
    )  # fmt: skip
    assert "epoch 3 " in output and "epoch 4 " not in output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "vae", "nothing"], "nothing: expected a bag, found nothing"),
        (["evaluate", "vae", "nothing"], "expected a bag"),
        (["train", "vae"], "Missing argument"),
        (["train", "vae", "a", "--patience", "2"], "expected --held-out beside it"),
        (["train", "boat", "a"], "found 'boat'"),
        (["train", "vae", "a", "--remap", "b"], "expected BAG_TOPIC:=TOPIC, found 'b'"),
    ],
)
def test_what_is_wrong_is_exit_status_2(arguments, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, output = run(*arguments)
    assert status == 2
    assert expected in output


def test_a_bag_of_another_robot_is_refused_with_both(bags, tmp_path):
    status, output = run(
        "train", "vae", bags[1], "--states-dir", tmp_path, "--set", "camera_topic=front"
    )
    assert status == 2
    assert "observes, /front (sensor_msgs/msg/Image); found /camera/image_raw" in output


def test_there_must_be_a_state_to_judge(bags, tmp_path):
    status, output = run("evaluate", "vae", bags[1], "--states-dir", tmp_path, *SMALL)
    assert status == 2
    assert "expected a state in" in output
