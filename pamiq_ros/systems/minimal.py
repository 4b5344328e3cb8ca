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

"""minimal: the smallest complete system; read it first.

A camera robot drives towards the darker side (a road on grass, a shadow) and learns to predict
where that will be. In each tick the agent steers by a linear model's prediction of the next image,
and collects the previous image with what followed it. In another process the trainer fits the
model to such pairs. The agent uses the new weights from its next tick on.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pamiq_ros import core

GRID = 8


class BalanceAgent(core.Agent[Tensor, Tensor]):
    """Turns away from the side that the model predicts to be brighter."""

    def __init__(self, speed: float, turn_gain: float) -> None:
        """Args: linear.x in m/s; angular.z in rad/s per brightness (0 to 1) of difference."""
        super().__init__()
        self._speed, self._turn_gain = speed, turn_gain
        self._last: Tensor | None = None

    def on_inference_models_attached(self) -> None:
        """Get the model, before the first step."""
        self._forecast = self.get_inference_model("forecast")

    def on_data_collectors_attached(self) -> None:
        """Get the collector, before the first step."""
        self._collector = self.get_data_collector("pairs")

    def step(self, observation: Tensor) -> Tensor:
        """Map an image, uint8 [3, H, W], to linear.x (m/s) and angular.z (rad/s), float32 [2]."""
        view = nn.functional.adaptive_avg_pool2d(observation / 255, GRID).mean(0)
        balance = view[:, GRID // 2 :].mean() - view[:, : GRID // 2].mean()
        if self._last is not None:
            self._collector.collect({"view": self._last, "next_balance": balance})
        self._last = view
        turn = self._turn_gain * self._forecast(view.flatten())  # positive is to the left
        return torch.cat([torch.tensor([self._speed]), turn.clamp(-1, 1)])


class ForecastTrainer(core.TorchTrainer):
    """Fits the model to pairs of a view and the next balance (right minus left)."""

    def create_optimizers(self) -> core.OptimizersDict:
        """Get the model and create its optimizer; the optimizer's state is kept between rounds."""
        self._forecast = self.get_torch_training_model("forecast")
        return {"adam": torch.optim.Adam(self._forecast.model.parameters(), lr=1e-3)}

    def train(self) -> None:
        """Make ten updates; the agent then gets the new weights."""
        for _ in range(10):
            pairs = self.get_data_user("pairs").sample(64)
            forecast = self._forecast(pairs["view"].flatten(1)).squeeze(1)
            loss = nn.functional.mse_loss(forecast, pairs["next_balance"])
            self.optimizers["adam"].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizers["adam"].step()
            self.recorder.scalar("forecast_loss", loss.item())


def system(speed: float = 0.1, turn_gain: float = 2.0) -> core.System:
    """Build the system; `--set name=value` changes these parameters.

    Args:
        speed: linear.x in m/s.
        turn_gain: angular.z in rad/s per brightness (0 to 1) of difference.

    Raises:
        ValueError: A parameter is not finite.
    """
    for name, value in {"speed": speed, "turn_gain": turn_gain}.items():
        if not math.isfinite(value):
            raise ValueError(f"{name}: expected a finite number, found {value}")
    return core.System(
        agent=lambda: BalanceAgent(speed, turn_gain),
        sensors=lambda: core.ImageTopic("camera/image_raw", height=96, width=96),
        actuators=lambda: core.TwistTopic("cmd_vel", axes=("linear.x", "angular.z")),
        models={"forecast": lambda: core.TorchTrainingModel(nn.Linear(GRID * GRID, 1))},
        buffers={"pairs": lambda: core.DictSequentialBuffer(["view", "next_balance"], 1000)},
        trainers={"forecast": lambda: ForecastTrainer("pairs", 16, min_new_data_count=1)},
    )
