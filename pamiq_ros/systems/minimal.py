"""minimal: the smallest complete system; read it first.

A camera robot drives towards the darker side (a road on grass, a shadow) and learns to foresee
where that will be. Each tick the agent looks at the picture, steers by what a linear model says of
the next one, and collects what it saw before together with what became of it. The trainer, in
another process, fits the model to such pairs; its new weights are used from the next tick on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typing_extensions import override

from pamiq_ros.core import (
    DictSequentialBuffer,
    ImageTopic,
    OptimizersSetup,
    System,
    TorchAgent,
    TorchTrainer,
    TorchTrainingModel,
    TwistTopic,
)

GRID = 8


class BalanceAgent(TorchAgent[Tensor, Tensor]):
    """Turns away from the side that the model expects to be brighter."""

    def __init__(self, speed: float, turn_gain: float) -> None:
        """Args: linear.x in m/s; angular.z in rad/s per brightness (0 to 1) of difference."""
        super().__init__()
        self._speed, self._turn_gain = speed, turn_gain
        self._previous: Tensor | None = None

    @override
    def on_inference_models_attached(self) -> None:
        """Get the model; called once, before the first step."""
        self._forecast = self.get_inference_model("forecast")

    @override
    def on_data_collectors_attached(self) -> None:
        """Get the collector; called once, before the first step."""
        self._collector = self.get_data_collector("pairs")

    @override
    def step(self, observation: Tensor) -> Tensor:
        """A picture, uint8 [3, H, W], to linear.x in m/s and angular.z in rad/s, float32 [2]."""
        view = nn.functional.adaptive_avg_pool2d(observation / 255.0, GRID).mean(0)
        balance = view[:, GRID // 2 :].mean() - view[:, : GRID // 2].mean()
        if self._previous is not None:
            self._collector.collect({"view": self._previous, "next_balance": balance})
        self._previous = view
        turn = self._turn_gain * self._forecast(view.flatten())  # positive is to the left
        return torch.cat([torch.tensor([self._speed]), turn.clamp(-1.0, 1.0)])


class ForecastTrainer(TorchTrainer):
    """Fits the model to pairs of a view and the balance (right minus left) that came after it."""

    def __init__(self, learning_rate: float) -> None:
        """Args: learning rate of Adam. Waits for 16 pairs, then for 2 new ones each time."""
        super().__init__("pairs", min_buffer_size=16, min_new_data_count=2)
        self._learning_rate = learning_rate

    @override
    def on_training_models_attached(self) -> None:
        """Get the model; it is handed to the agent again after every training."""
        self._forecast = self.get_torch_training_model("forecast")

    @override
    def create_optimizers(self) -> OptimizersSetup:
        """The optimizers by name; their states are kept from training to training."""
        return {"adam": torch.optim.Adam(self._forecast.model.parameters(), self._learning_rate)}

    @override
    def train(self) -> None:
        """One training: ten updates."""
        for _ in range(10):
            pairs = self.get_data_user("pairs").sample(64)
            forecast = self._forecast(pairs["view"].flatten(1)).squeeze(1)
            loss = nn.functional.mse_loss(forecast, pairs["next_balance"])
            self.optimizers["adam"].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizers["adam"].step()
            self.recorder.scalar("forecast_loss", loss.item())


def system(
    *, speed: float = 0.1, turn_gain: float = 2.0, learning_rate: float = 1e-3, rate: float = 10.0
) -> System:
    """Put it together; these parameters are what `--set name=value` changes.

    Args:
        speed: linear.x in m/s.
        turn_gain: angular.z in rad/s per brightness (0 to 1) of difference.
        learning_rate: Of Adam, above 0.
        rate: Ticks per second in Hz, above 0.

    Raises:
        ValueError: `learning_rate` or `rate` is not positive.
    """
    if not learning_rate > 0.0:
        raise ValueError(f"learning_rate: expected a positive number, found {learning_rate}")
    return System(
        agent=lambda: BalanceAgent(speed, turn_gain),
        sensors=lambda: ImageTopic("camera/image_raw", height=96, width=96),
        actuators=lambda: TwistTopic("cmd_vel", axes=("linear.x", "angular.z")),
        models={"forecast": lambda: TorchTrainingModel(nn.Linear(GRID * GRID, 1))},
        buffers={"pairs": lambda: DictSequentialBuffer(["view", "next_balance"], max_size=1000)},
        trainers={"forecast": lambda: ForecastTrainer(learning_rate)},
        rate=rate,
    )
