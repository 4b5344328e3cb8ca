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

"""curiosity: recurrent state, predictions, rewards, and that all its models learn."""

import pytest
import torch

from pamiq_ros.core.config import ConfigurationError, built_in_systems, resolve_system
from pamiq_ros.systems.curiosity.agent import IntrinsicReward
from pamiq_ros.systems.curiosity.dynamics import ForwardDynamics, Stack
from pamiq_ros.systems.curiosity.dynamics_trainer import prediction_error
from pamiq_ros.systems.curiosity.jepa import PatchEncoder

SMALL = ["min_buffer_size=16", "buffer_size=256", "n_steps=32", "batch_size=16"]


def curious(*overrides):
    return resolve_system("curiosity", overrides=[*SMALL, *overrides]).system


def test_it_comes_with_the_package():
    assert {"curiosity", "ppo"} <= set(built_in_systems())


@pytest.mark.parametrize("is_recurrent", [True, False])
def test_a_sequence_is_its_steps_one_by_one(is_recurrent):
    torch.manual_seed(0)
    stack, inputs = Stack(8, 2, is_recurrent), torch.randn(3, 5, 8)
    state = torch.rand(3, *stack.state_shape)
    keep = torch.ones(3, 5)
    keep[1, 2] = 0.0
    whole, last = stack(inputs, state, keep)
    parts = []
    for index in range(5):
        part, state = stack(inputs[:, index : index + 1], state, keep[:, index : index + 1])
        parts.append(part)
    torch.testing.assert_close(whole, torch.cat(parts, 1))
    torch.testing.assert_close(last, state)


def test_a_state_is_forgotten_where_it_is_told_and_stays_within_one():
    torch.manual_seed(0)
    stack = Stack(8, 2, True)
    inputs, keep = torch.randn(1, 50, 8) * 9, torch.ones(1, 50)
    keep[0, 10] = 0.0
    one, state = stack(inputs, torch.ones(1, 2, 8), keep)
    other, _ = stack(inputs, -torch.ones(1, 2, 8), keep)
    assert not torch.allclose(one[:, :10], other[:, :10])
    torch.testing.assert_close(one[:, 10:], other[:, 10:])
    assert state.abs().max().item() <= 1.0


def test_each_prediction_of_a_tick_counts_as_much_as_the_others():
    intrinsic, zero = IntrinsicReward(2), torch.zeros(3)
    assert intrinsic.error_of(zero) == 0.0
    intrinsic.add([zero + 1, zero + 2])
    assert intrinsic.error_of(zero) == pytest.approx(1.0)  # made one tick before
    intrinsic.add([zero + 4, zero])
    assert intrinsic.error_of(zero) == pytest.approx((4.0 + 16.0) / 2)  # and two before
    intrinsic.add([zero + 1, zero + 1])
    intrinsic.reset()
    assert intrinsic.error_of(zero) == 0.0


class _Told:
    """An encoder that reads the encoding off the first pixels."""

    def encode(self, pictures):
        return pictures[:, 0, 0, :2] * 255


def test_what_is_foreseen_across_a_gap_does_not_count():
    torch.manual_seed(0)
    dynamics = ForwardDynamics(2, 1, 8, 1)
    for parameter in dynamics.leave.parameters():
        torch.nn.init.zeros_(parameter)  # nothing changes, it says
    pictures = torch.zeros(1, 4, 3, 1, 2, dtype=torch.uint8)
    pictures[0, :, 0, 0, 0] = torch.tensor([0, 1, 9, 11])
    steps = {
        "picture": pictures,
        "action": torch.zeros(1, 4, 1),
        "state": torch.zeros(1, 4, 1, 8),
        "tick": torch.tensor([[1, 2, 4, 5]]),
    }
    assert prediction_error(dynamics, _Told(), steps).item() == pytest.approx((0.5 + 2.0) / 2)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["encoder=patches", "dynamics=mlp", "horizon=1"],
        ["action_bins=[3,3]", "squash=clip", "horizon=2"],
    ],
)
def test_it_learns_to_see_to_foresee_and_to_act(one_process, pictures, overrides):
    loop = one_process(curious(*overrides), pictures(40, 64, 64))
    loop.tick(40)
    loop.train(6)
    for _ in range(3):
        loop.tick(40)
        loop.train(1)
    told = loop.recording.scalars
    assert loop.fell("prediction_error") < 1.0
    seeing = "jepa_loss" if "encoder=patches" in overrides else "reconstruction_loss"
    assert loop.fell(seeing) < 1.0
    assert len(told["reward"]) >= 3 and max(told["reward"]) > 0.0
    low, high = torch.tensor([-0.1, -0.6]), torch.tensor([0.3, 0.6])
    commands = torch.tensor(loop.robot.commands)
    assert bool(((commands >= low - 1e-6) & (commands <= high + 1e-6)).all())
    assert float(commands.std(0).min()) > 0.01


def judged(system, loop, steps):
    [evaluator] = [make() for name, make in system.evaluators.items() if name == "prediction"]
    evaluator.attach_training_models(loop.models)
    evaluator.begin()
    each = [
        evaluator.evaluate({name: part[index] for name, part in steps.items()})
        for index in range(20)
    ]
    assert each[0] == {}, "nothing was foreseen of the first"
    return {name: sum(one[name] for one in each[1:]) / 19 for name in each[1]}


def test_its_foresight_is_judged_in_pictures_where_they_can_be_made(one_process, pictures):
    system = curious()
    loop = one_process(system, pictures(40, 64, 64))
    loop.tick(40)
    loop.users["experience"].update()
    steps = loop.users["experience"].newest(20)
    before = judged(system, loop, steps)
    loop.train(20)
    after = judged(system, loop, steps)
    assert set(after) == {"prediction_error", "no_change_error", "picture_error"}
    assert after["picture_error"] < 0.7 * before["picture_error"]
    blind = curious("encoder=patches")
    assert set(judged(blind, one_process(blind, pictures(40, 64, 64)), steps)) == {
        "prediction_error",
        "no_change_error",
    }


def test_new_weights_change_the_parameters_and_not_the_memory(one_process, pictures):
    loop = one_process(curious(), pictures(40, 64, 64))
    loop.tick(20)
    memory = loop.agent.state.clone()
    model = loop.models["dynamics"].inference_model
    before = {name: value.clone() for name, value in model.export_parameters().items()}
    model.stage_parameters({name: value + 0.1 for name, value in before.items()})
    assert model.swap_parameters()
    after = model.export_parameters()
    assert all(torch.equal(after[name], value + 0.1) for name, value in before.items())
    assert torch.equal(loop.agent.state, memory)
    loop.tick(1)
    assert not torch.equal(loop.agent.state, memory)


def test_a_pause_ends_memory_and_foresight_but_not_what_was_learnt(one_process, pictures):
    loop = one_process(curious(), pictures(40, 64, 64))
    loop.tick(20)
    assert float(loop.agent.state.abs().max()) > 0.0 and loop.agent.prediction_error > 0.0
    loop.agent.on_resumed()
    assert float(loop.agent.state.abs().max()) == 0.0
    loop.tick(1)
    assert loop.agent.prediction_error == 0.0
    ticks = loop.users["experience"].newest(2)["tick"].tolist()
    assert ticks[1] == ticks[0] + 2


def test_what_it_remembers_is_saved(one_process, pictures, tmp_path):
    loop = one_process(curious(), pictures(40, 64, 64))
    loop.tick(20)
    loop.agent.save_state(tmp_path / "agent")
    memory = loop.agent.state.clone()
    loop.tick(5)
    loop.agent.load_state(tmp_path / "agent")
    assert torch.equal(loop.agent.state, memory)
    other = one_process(curious("dynamics=mlp"), pictures(40, 64, 64)).agent
    with pytest.raises(ValueError, match="expected a state of"):
        other.load_state(tmp_path / "agent")


def test_patches_that_are_hidden_are_not_seen():
    torch.manual_seed(0)
    encoder = PatchEncoder(64, 16, 48, 2, 32)
    picture = torch.rand(1, 3, 64, 64)
    shown = torch.tensor([[0, 5, 10]])
    seen = encoder.patches(picture, shown)
    picture[:, :, 48:, 48:] = 0.0  # patch 15
    torch.testing.assert_close(encoder.patches(picture, shown), seen)
    assert encoder.encode(picture).shape == (1, 32)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("size=huge", "size: expected one of tiny, small, medium, large, found 'huge'"),
        ("encoder=eye", "encoder: expected one of conv, patches"),
        ("dynamics=lstm", "dynamics: expected one of mingru, mlp"),
        ("horizon=0", "horizon: expected 1 to 100, found 0"),
        ("reward_weight=1", "reward_weight: expected 0.0 to 0.0, found 1.0"),
        ("action_bins=[3]", "action_bins: expected two numbers"),
        ("max_speed=-0.5", "max_speed: expected"),
        ("outcome_topic=a b", "outcome_topic"),
    ],
)
def test_a_bad_value_is_refused_by_name(override, told):
    with pytest.raises(ConfigurationError) as refused:
        resolve_system("curiosity", overrides=[override])
    assert told in str(refused.value)
