"""A world in lockstep with the real nodes: each tick sees what the one before did, every time."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")
pytest.importorskip("gymnasium", reason="gymnasium is not installed: pip install '.[sim]'")

import gymnasium
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.wire.experience import decode_experience

from .command_line import pamiq_ros, said
from .harness import graph

SYSTEM = f"{Path(__file__).parent / 'pole_system.py'}:system"
LATCHED = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
STEPS = 120


def lived(folder, seed):
    """One run: what was seen, what came of it, what was done, and by which weights."""
    folder.mkdir()
    steps = []

    def hear(message):
        batch = decode_experience(message.data, 1 << 26)
        columns = dict(zip(batch.steps.names, batch.steps.columns, strict=True))
        steps.extend(
            (
                *(columns[name][row].numpy() for name in ("state", "outcome", "push")),
                int(batch.weights_versions[row]),
            )
            for row in range(len(batch.steps))
        )

    with graph() as made:
        made.probe.remove_camera()
        made.probe.create_subscription(UInt8MultiArray, "pamiq/experience/steps", hear, LATCHED)
        options = ("--world-command", "array", "--lockstep", "--steps", STEPS, "--seed", seed)
        with pamiq_ros(folder, "up", SYSTEM, "--world", "CartPole-v1", *options) as process:
            assert process.wait(120.0) == 0, said(folder)
    return steps


def test_a_world_in_lockstep_is_the_environment_itself_and_the_same_every_time(tmp_path):
    first, second = lived(tmp_path / "first", 3), lived(tmp_path / "second", 3)
    assert len(first) == STEPS
    for one, other in zip(first, second, strict=True):
        assert [np.asarray(part).tobytes() for part in one] == [
            np.asarray(part).tobytes() for part in other
        ]
    versions = [version for *_, version in first]
    assert versions == sorted(versions) and versions[-1] > 50

    env = gymnasium.make("CartPole-v1")
    seen, _ = env.reset(seed=3)
    episode, total, over, last = 0, 0.0, 0, (0.0, 0)
    for state, outcome, push, _ in first:
        assert state.tobytes() == seen.astype(np.float32).tobytes()
        assert outcome.tolist() == [episode, total, over, *last]
        if over:
            last = (total, over)
            seen, _ = env.reset()
            episode, total, over = episode + 1, 0.0, 0
        else:
            seen, reward, terminated, truncated, _ = env.step(int(push[0] > 0))
            total += reward
            over = 1 if terminated else 2 if truncated else 0
    assert episode > 1
