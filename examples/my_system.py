"""A student learns to steer from a teacher while it drives itself (DAgger, Ross et al. 2011)."""

import torch
from torch import Tensor, nn

from pamiq_ros import core


def teacher(picture: Tensor) -> Tensor:
    """Away from the greener half of what is ahead (the road is grey); positive is to the left."""
    green = (picture[1] - picture[0])[24:72]
    return (2 * (green[:, 48:].mean() - green[:, :48].mean())).clamp(-0.6, 0.6)


class Driver(core.Agent[Tensor, Tensor]):
    """Drives as the student says, and collects what the teacher would have done."""

    def on_inference_models_attached(self) -> None:
        self.student = self.get_inference_model("student")

    def on_data_collectors_attached(self) -> None:
        self.lessons = self.get_data_collector("lessons")

    def step(self, observation: Tensor) -> Tensor:  # uint8 [3, 96, 96] to m/s and rad/s [2]
        self.lessons.collect({"picture": observation, "turn": teacher(observation / 255)})
        return torch.cat([torch.tensor([0.1]), self.student(observation[None] / 255)[0]])


class School(core.TorchTrainer):
    """Makes the student's turns those of the teacher."""

    def create_optimizers(self) -> core.OptimizersDict:
        self.student = self.get_torch_training_model("student")
        return {"adam": torch.optim.Adam(self.student.model.parameters(), lr=1e-3, amsgrad=True)}

    def train(self) -> None:
        for _ in range(10):
            lessons = self.get_data_user("lessons").sample(32)
            turns = self.student(lessons["picture"] / 255)[:, 0]
            loss = nn.functional.mse_loss(turns, lessons["turn"])
            self.optimizers["adam"].zero_grad()
            loss.backward()
            self.optimizers["adam"].step()
            self.recorder.scalar("imitation_loss", loss.item())


def system(maps: int = 8) -> core.System:  # `--set maps=16` makes a larger student
    def student() -> core.TorchTrainingModel[nn.Sequential]:
        layers = (nn.Conv2d(3, maps, 8, 4), nn.ELU(), nn.Flatten(), nn.Linear(maps * 23 * 23, 1))
        return core.TorchTrainingModel(nn.Sequential(*layers))

    return core.System(
        agent=Driver,
        sensors=core.ImageTopic,
        actuators=core.TwistTopic,
        models={"student": student},
        buffers={"lessons": lambda: core.DictSequentialBuffer(["picture", "turn"], max_size=2000)},
        trainers={"school": lambda: School("lessons", min_buffer_size=32)},
    )
