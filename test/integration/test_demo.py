"""The demo as a user runs it, shortened: a world, three nodes, a model that learns, a clean end."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")
pytest.importorskip("gymnasium", reason="gymnasium is not installed: pip install '.[sim]'")
pytest.importorskip("Box2D", reason="CarRacing needs Box2D: pip install '.[sim]'")

pytestmark = pytest.mark.integration


def nodes_running(marker: str) -> list[str]:
    """Command lines of processes that carry the run's mark in their environment."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        try:
            with open(f"/proc/{process}/environ", "rb") as environment:  # noqa: PTH123
                if marker.encode() in environment.read():
                    found.append(process)
        except OSError:
            continue  # it ended while we looked
    return found


def test_the_demo_drives_learns_and_leaves_nothing_behind(tmp_path):
    report_file = tmp_path / "report.json"
    command = [sys.executable, "-m", "pamiq_ros.cli.main", "demo", "--duration", "20"]
    environment = {**os.environ, "ROS_DOMAIN_ID": "68", "PAMIQ_TEST_RUN": str(tmp_path)}
    memory_before = set(os.listdir("/dev/shm"))  # noqa: PTH208
    done = subprocess.run(
        [*command, "--report", str(report_file), "--log-dir", str(tmp_path / "logs")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    report = json.loads(report_file.read_text())
    assert report["system"] == "vae" and report["duration_s"] >= 20.0
    assert report["errors"] == [] and report["inference"]["stops"] == 0, said
    assert report["inference"]["weights_version"] >= 5
    frames = report["experience"]["frames"]
    assert frames["sent"] == frames["received"] > 50 and frames["lost"] == 0
    loss = report["training"]["metrics"]["reconstruction_loss"]
    assert loss["last"] < loss["first"]
    assert report["actions"]["cmd_vel"] >= frames["sent"]
    assert nodes_running(str(tmp_path)) == []
    left = {n for n in set(os.listdir("/dev/shm")) - memory_before if "fast" in n or "lttng" in n}  # noqa: PTH208
    assert left == set()
