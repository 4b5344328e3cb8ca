"""A world in lockstep with the real nodes: each tick sees what the one before did, every time."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")
pytest.importorskip("gymnasium", reason="gymnasium is not installed: pip install '.[sim]'")

import gymnasium
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.transport.experience import decode_experience

from .harness import graph, wait_until

SYSTEM = f"{Path(__file__).parent / 'pole_system.py'}:system"
LATCHED = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
STEPS = 120


def lived(seed, *choices):
    """One run: what was seen, what came of it, what was done, and by which weights."""
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
        options = parameters("lockstep:=true", "use_sim_time:=true", f"seed:={seed}")
        made.start_all(SYSTEM, *options, *parameters(*choices))
        world = parameters("env_id:=CartPole-v1", "command:=array", f"steps:={STEPS}")
        assert made.start("world_node", *options, *world).wait(150.0) == 0
        wait_until(lambda: len(steps) == STEPS, "all experience")
        print(made.probe.status)  # shown with what fails  # noqa: T201
    return steps


def parameters(*choices):
    return [word for choice in choices for word in ("-p", choice)]


def assert_alike(one, other):
    for left, right in zip(one, other, strict=True):
        parts = [[np.asarray(part).tobytes() for part in step] for step in (left, right)]
        assert parts[0] == parts[1]


def test_a_world_in_lockstep_is_the_environment_itself(request):
    first = lived(3)
    assert len(first) == STEPS
    if request.config.option.full:  # that a run is repeated to the byte is seen of replays too
        assert_alike(first, lived(3))
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


def test_training_beside_the_steps_is_the_same_however_long_it_takes():
    every = 4
    # Each step is sent at once: some come while the turn before goes on.
    choices = (f"lockstep_every:={every}", "lockstep_beside:=true", "experience_max_steps:=1")
    quick = lived(3, *choices)
    versions = [version for *_, version in quick]
    turns = [versions[begin : begin + every] for begin in range(every - 1, STEPS, every)]
    assert all(len(set(turn)) == 1 for turn in turns), "weights act from a turn to the next one"
    assert len(set(versions)) == STEPS // every - 1, "the first turn has too little to learn from"
    assert_alike(quick, lived(3, *choices, "overrides:=[delay=0.05]"))
