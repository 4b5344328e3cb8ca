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

"""The minimal system and the examples: they resolve, run, and learn."""

from pathlib import Path

import pytest
import torch

from pamiq_ros.core.config import ConfigurationError, resolve_system

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_system.py"


def test_minimal_learns_to_foresee_the_balance_and_steers_to_the_darker_side(one_process, pictures):
    frames = pictures(200)
    loop = one_process(resolve_system("minimal", overrides=["speed=0.2"]).system, frames)
    trained = []
    for _ in range(66):
        loop.tick(3)
        trained += loop.train(1)
    assert not trained[0] and all(trained[6:])
    assert loop.train(1) == [False], "nothing new was seen"
    assert len(loop.users["pairs"]) == 197
    assert len(loop.recording.scalars["forecast_loss"]) == 10 * sum(trained)
    assert loop.fell("forecast_loss") < 0.5
    loop.robot.commands.clear()
    loop.tick(200)
    commands = torch.tensor(loop.robot.commands)
    assert torch.allclose(commands[:, 0], torch.tensor(0.2))
    columns = torch.arange(96.0)
    road = (frames[:, 1, 0] == 105).float()
    left_of_middle = 47.5 - (road * columns).sum(1) / road.sum(1)
    assert torch.corrcoef(torch.stack([left_of_middle, commands[:, 1]]))[0, 1] > 0.8


@pytest.mark.parametrize("override", ["speed=nan", "turn_gain=inf"])
def test_minimal_refuses_what_is_not_finite(override):
    name, value = override.split("=")
    with pytest.raises(
        ConfigurationError, match=f"{name}: expected a finite number, found {value}"
    ):
        resolve_system("minimal", overrides=[override])


def test_the_students_turns_become_those_of_the_teacher(one_process, pictures):
    frames = pictures(100)
    loop = one_process(resolve_system(f"{EXAMPLE}:system", overrides=["maps=4"]).system, frames)
    loop.tick(31)
    assert loop.train(1) == [False]
    loop.tick(69)
    assert all(loop.train(20))
    assert loop.fell("imitation_loss") < 0.1
    loop.robot.commands.clear()
    loop.tick(100)
    turns = torch.tensor(loop.robot.commands)[:, 1]
    taught = torch.stack(loop.users["lessons"].get_data()["turn"][:100])
    assert (turns - taught).abs().mean() < 0.2 * taught.abs().mean()


def test_the_example_is_short():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 60


def test_the_example_makes_a_new_student_each_time():
    system = resolve_system(f"{EXAMPLE}:system").system
    first, second = (system.build_models()["student"].model for _ in range(2))
    assert first[0].weight is not second[0].weight
