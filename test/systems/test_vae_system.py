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

"""The vae system as a whole: configuration, and agent and trainer together."""

import pytest
import torch

from pamiq_ros.core.config import ConfigurationError, built_in_systems, resolve_system
from pamiq_ros.systems.vae.agent import ExplorationAgent


def test_it_comes_with_the_package():
    assert {"vae", "minimal"} <= set(built_in_systems())


def test_overrides_reach_the_sensor_the_models_and_the_rate():
    overrides = ["height=32", "width=64", "channels=[4,8]", "latent_size=5", "rate=20"]
    resolved = resolve_system("vae", overrides=overrides)
    assert resolved.system.rate == 20.0
    assert resolved.config["channels"] == [4, 8]
    environment = resolved.system.build_environment()
    assert environment.sensor.shape == (3, 32, 64)
    models = resolved.system.build_models()
    mean, _ = models["encoder"](torch.zeros(1, 3, 32, 64))
    assert mean.shape == (1, 5)


def test_only_the_encoder_is_used_by_the_agent():
    models = resolve_system("vae").system.build_models()
    assert models["encoder"].has_inference_model
    assert not models["decoder"].has_inference_model


def test_first_weights_are_those_of_the_seed():
    def weights(*overrides):
        return resolve_system("vae", overrides=overrides).system.build_models()["encoder"]

    first, again, other = weights(), weights(), weights("seed=1")
    name = "head.weight"
    assert torch.equal(first.export_parameters()[name], again.export_parameters()[name])
    assert not torch.equal(first.export_parameters()[name], other.export_parameters()[name])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("rate=-1", "rate: expected 0.001 to 1000.0, found -1.0"),
        ("height=97", "height: expected a multiple of 16"),
        ("width=1024", "width: expected 8 to 512, found 1024"),
        ("channels=[]", "channels: expected 1 to 8 numbers, found 0"),
        ("channels=[16,0]", "channels[1]: expected 1 to 1024, found 0"),
        ("max_speed=nan", "max_speed: expected -0.1 to 10.0, found nan"),
        ("min_speed=1", "max_speed: expected 1.0 to 10.0, found 0.3"),
        ("min_buffer_size=5000", "min_buffer_size: expected 1 to 4096, found 5000"),
        ("learning_rate=0", "learning_rate: expected 1e-09 to 1.0, found 0.0"),
        ("seed=-1", "seed: expected 0 to 2147483647, found -1"),
        ("camera_topic=a b", "camera_topic: ImageTopic: topic: expected a ROS name"),
        ("latent_size=many", "latent_size"),
        ("latent=5", "latent_size"),
    ],
)
def test_a_bad_value_is_refused_by_name(override, told):
    with pytest.raises(ConfigurationError) as refused:
        resolve_system("vae", overrides=[override])
    assert told in str(refused.value)


def test_a_buffer_that_does_not_fit_is_refused_with_its_name():
    system = resolve_system(
        "vae", overrides=["buffer_size=10000000", "height=512", "width=512"]
    ).system
    with pytest.raises(MemoryError, match="frames"):
        system.build_buffers()


def test_it_looks_drives_collects_and_gets_better_eyes(one_process, pictures):
    frames = pictures(40)
    loop = one_process(resolve_system("vae", overrides=["updates_per_run=1"]).system, frames)
    loop.tick(40)
    assert isinstance(loop.agent, ExplorationAgent)
    before = loop.agent.latent
    assert before is not None and before.shape == (64,)

    speeds, turns = torch.tensor(loop.robot.commands).unbind(1)
    assert len(speeds) == 40 and speeds.min() >= -0.1001 and speeds.max() <= 0.3001
    assert turns.abs().max() <= 0.6001 and turns.std() > 0.0

    assert loop.train(1) == [True]
    assert len(loop.users["frames"]) == 40
    assert torch.equal(loop.users["frames"].get_data()[7], frames[7])
    loop.agent.step(frames[39])
    assert not torch.equal(before, loop.agent.latent), "the agent still has the old weights"
    assert loop.recording.images["reconstruction"].shape[:2] == (3, 96)
