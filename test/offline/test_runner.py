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

"""The runner: acts and trains in one process, on worlds and bags, the same way every time."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("gymnasium", reason="gymnasium is not installed: pip install '.[sim]'")

import gymnasium

from pamiq_ros.cli.main import main
from pamiq_ros.core import FloatArrayTopic, Recorder
from pamiq_ros.core.config import resolve_system
from pamiq_ros.core.seeding import seed_everything
from pamiq_ros.offline.robot import OfflineRobot
from pamiq_ros.offline.runner import Runner, Schedule
from pamiq_ros.offline.sources import WorldSource
from pamiq_ros.worlds.gym_world import World, WorldError

POLE = f"{Path(__file__).parent / 'pole_system.py'}:system"
STEPS = 120


class Run:
    """A run in CartPole: each collected step with the version of the weights."""

    def __init__(self, schedule, seed=3, overrides=()):
        seed_everything(seed)
        system = resolve_system(POLE, "", list(overrides)).system
        self.runner = Runner(system, Recorder(), schedule)
        self.steps = []
        kept = self.runner.drive.actor._agent.collector
        collect = kept.collect

        def keep(step):
            self.steps.append((step, self.runner.drive.actor.weights_version))
            collect(step)

        kept.collect = keep
        ticks = self.runner.through(WorldSource("CartPole-v1", {}, seed))
        for _ in range(STEPS):
            next(ticks)
        ticks.close()
        self.runner.settle()
        self.runner.close()

    def bytes(self):
        """All steps, to be compared."""
        parts = ("state", "outcome", "push")
        return [
            (*(np.asarray(step[part]).tobytes() for part in parts), version)
            for step, version in self.steps
        ]

    def weights(self):
        """The bytes of the final weights."""
        state = self.runner.learner.models["policy"].model.state_dict()
        return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


def test_a_world_is_the_environment_itself():
    made = Run(Schedule(1))
    versions = [version for _, version in made.steps]
    assert versions == sorted(versions) and versions[-1] > 50
    env = gymnasium.make("CartPole-v1")
    seen, _ = env.reset(seed=3)
    episode, total, over, last = 0, 0.0, 0, (0.0, 0)
    for step, _ in made.steps:
        assert np.asarray(step["state"]).tobytes() == seen.astype(np.float32).tobytes()
        assert step["outcome"].tolist() == [episode, total, over, *last]
        if over:
            last = (total, over)
            seen, _ = env.reset()
            episode, total, over = episode + 1, 0.0, 0
        else:
            seen, reward, terminated, truncated, _ = env.step(int(step["push"][0] > 0))
            total += reward
            over = 1 if terminated else 2 if truncated else 0
    assert episode > 1


@pytest.mark.parametrize("schedule", [Schedule(1), Schedule(4), Schedule(4, beside=True)])
def test_two_runs_are_the_same_to_the_byte_however_long_training_takes(schedule):
    quick = Run(schedule)
    slow = Run(schedule, overrides=["delay=0.02"] if schedule.every > 1 else ())
    assert quick.bytes() == slow.bytes()
    assert quick.weights() == slow.weights()
    assert Run(schedule, seed=4).bytes() != quick.bytes()


@pytest.mark.parametrize("beside", [False, True])
def test_two_runs_of_ppo_have_the_same_weights_to_the_byte(beside):
    def weights(seed):
        seed_everything(seed)
        settings = [f"seed={seed}", "rate=50", "n_steps=32", "batch_size=16", "n_epochs=2"]
        runner = Runner(
            resolve_system("ppo", "", settings).system, Recorder(), Schedule(8, beside=beside)
        )
        ticks = runner.through(WorldSource("CartPole-v1", {}, seed))
        for _ in range(STEPS):
            next(ticks)
        ticks.close()
        runner.settle()
        runner.close()
        assert runner.learner.updates == 3
        state = runner.learner.models["policy"].model.state_dict()
        return {name: tensor.numpy().tobytes() for name, tensor in state.items()}

    assert weights(3) == weights(3)
    assert weights(3) != weights(4)


def test_an_observation_may_be_changed_and_read_again():
    robot, sensor = OfflineRobot(), FloatArrayTopic("state", 2)
    source = robot.open_sensor(sensor)
    for number in range(3):
        robot.show("/state", lambda number=number: SimpleNamespace(data=[number, 1.0]))
        for _ in range(3):
            seen = source.read()
            assert seen.tolist() == [number, 1.0]
            seen.zero_()


def test_weights_of_a_round_beside_the_ticks_act_from_the_next_round_on():
    every = 4
    versions = [version for _, version in Run(Schedule(every, beside=True)).steps]
    rounds = [versions[begin : begin + every] for begin in range(every, STEPS, every)]
    assert all(len(set(each)) == 1 for each in rounds)
    assert len(set(versions)) == STEPS // every - 2, "the first rounds have too little to train on"


def test_without_rounds_nothing_is_trained():
    made = Run(Schedule(0))
    assert {version for _, version in made.steps} == {1}
    assert made.runner.learner.updates == 0


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def train(states, *arguments):
    status, output = run(
        "train", POLE, "--world", "CartPole-v1", "--states-dir", states, *arguments
    )
    assert status == 0, output
    return output


def test_training_in_a_world_goes_on_from_its_state(tmp_path):
    each = ("--train-every", 1)
    assert "40 ticks | 33 updates | saved" in train(tmp_path, "--steps", 40, *each)
    output = train(tmp_path, "--updates", 10, "--save-every", 4, *each)
    assert "state loaded from" in output and "| 43 updates | saved" in output
    assert output.count("saved") >= 3
    train(tmp_path, "--steps", 30, "--save-every", 2, "--states-keep", 7)
    assert len(list(tmp_path.glob("pamiq_training/*/manifest.json"))) == 7


@pytest.mark.parametrize(
    ("options", "steps"), [((), 40), (("--world-rate", 25), 20), (("--world-rate", 100), 79)]
)
def test_the_world_makes_its_steps_at_its_own_rate_or_at_the_one_given(
    options, steps, tmp_path, monkeypatch
):
    made = []
    step = World.step
    monkeypatch.setattr(World, "step", lambda world: made.append(world) or step(world))
    train(tmp_path, "--steps", 40, *options)  # at 50 Hz, the last one after 780 ms
    assert len(made) == steps


def test_a_run_that_is_interrupted_saves_its_state(tmp_path, monkeypatch):
    through = Runner.through

    def interrupted(self, source):
        for count, tick in enumerate(through(self, source)):
            if count == 30:
                raise KeyboardInterrupt
            yield tick

    monkeypatch.setattr(Runner, "through", interrupted)
    options = ("--world", "CartPole-v1", "--states-dir", tmp_path, "--steps", 1000)
    status, output = run("train", POLE, *options)
    assert status == 1 and "| saved" in output
    assert list(tmp_path.glob("pamiq_training/*/manifest.json"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--world", "CartPole-v1"], "expected --steps or --updates beside it, found neither"),
        (["--world", "CartPole-v1", "bag"], "expected BAGS or a world, found both"),
        ([], "expected BAGS or --world, found neither"),
        (["--world", "CartPole-v1", "--steps", "9", "--epochs", "2"], "expected only with BAGS"),
        (["bag", "--steps", "9"], "expected only with --world"),
        (["bag", "--world-rate", "9"], "'--world-rate': expected only with --world"),
        (["--world-rate", "9"], "expected BAGS or --world, found neither"),
        (
            ["--world", "CartPole-v1", "--steps", "9", "--world-rate", "nan"],
            "'--world-rate': expected a positive number of Hz, found 'nan'",
        ),
        (
            ["--world", "CartPole-v1", "--steps", "9", "--world-rate", "1e10"],
            "'--world-rate': expected 0.001 to 1000 Hz, found 1e+10",
        ),
        (["--world", "NoSuch-v0", "--steps", "9"], "NoSuch"),
        (["--world", "Pendulum-v1", "--steps", "9"], "/observation': expected 4 numbers, found 3"),
        (["--world", "CarRacing-v3", "--steps", "9"], "found /camera/image_raw (sensor_msgs"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(arguments, expected, tmp_path):
    status, output = run("train", POLE, *arguments, "--states-dir", tmp_path)
    assert status in (1, 2), output
    assert expected in output.replace("\n", " ")


def test_a_world_that_is_not_commanded_is_refused():
    system = resolve_system(POLE, "", []).system
    runner = Runner(system, Recorder(), Schedule(1))
    runner.drive.robot.commands.clear()
    with pytest.raises(WorldError, match="expected a system that commands /cmd_vel or /action"):
        next(runner.through(WorldSource("CartPole-v1", {}, 0)))
    runner.close()


def test_resized_images_of_a_world_are_warned_about(tmp_path):
    arguments = ("--world", "CarRacing-v3", "--steps", 3, "--states-dir", tmp_path)
    status, output = run("train", "vae", *arguments, "--set", "height=48", "--set", "width=48")
    assert status == 0, output
    assert output.count("topic '/camera/image_raw': ") == output.count("resized") == 1


def test_episodes_are_metrics(tmp_path, monkeypatch):
    scalars = []
    monkeypatch.setattr(
        "pamiq_ros.offline.session.Metrics.scalar", lambda self, *pair: scalars.append(pair)
    )
    train(tmp_path, "--steps", 100)
    returns = [value for name, value in scalars if name == "episode/return"]
    steps = [value for name, value in scalars if name == "episode/steps"]
    assert returns == steps != []
    assert json.dumps(returns)
