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

"""training_node: experience in, weights out; holds the buffers and runs the trainers."""

from __future__ import annotations

import importlib
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from std_msgs.msg import String

from pamiq_ros.core.config import ResolvedSystem
from pamiq_ros.core.model import TrainingModel
from pamiq_ros.core.state import load_json, save_json, state_file
from pamiq_ros.runtime.learner import RECEIVED, Learner
from pamiq_ros.runtime.scheduling import yield_process
from pamiq_ros.runtime.training_faults import TrainingFaults
from pamiq_ros.supervision.reporter import LATCHED
from pamiq_ros.supervision.reports import read_report
from pamiq_ros.transport import (
    SHARED_MEMORY,
    ExperienceReceiver,
    VersionCounter,
    WeightsSender,
    remove_leftovers,
)
from pamiq_ros.transport.chunks import chunk_count
from pamiq_ros.transport.versions import MOST_AHEAD
from pamiq_ros.transport.weights import tensors_of, weights_layout

from .main import run
from .managed import PamiqNode, thread_setup
from .metrics_publisher import MetricsPublisher
from .process import share_one_arena
from .states import NodeStates, open_states
from .tables import TRAINING_PARAMETERS
from .topics import ExperienceTopics, WeightsTopics

LONGEST_PAUSE_S = 10.0


class TrainingNode(PamiqNode):
    """Learns: fills the buffers from the experience topics, trains, and publishes weights."""

    def __init__(self) -> None:
        self._learner: Learner | None = None
        self._receiver: ExperienceReceiver | None = None
        self._recorder: MetricsPublisher | None = None
        self._experience: ExperienceTopics | None = None
        self._weights: WeightsTopics | None = None
        self._senders: dict[str, WeightsSender] = {}
        self._states: NodeStates | None = None
        self._versions = VersionCounter()
        super().__init__("pamiq_training", TRAINING_PARAMETERS)
        self.create_subscription(
            String, f"{self.value('inference_node')}/report", self._on_inference_report, LATCHED
        )

    def configure(self) -> None:
        """Build the learner and open its topics."""
        # Receiving experience yields to the robot, and less so than training does.
        yield_process(self.value("niceness") // 2)
        torch.set_num_threads(self.value("torch_threads"))
        resolved = self.resolve_system()
        self._recorder = MetricsPublisher(
            self, self.value("picture_rate"), self.value("tensorboard_dir")
        )
        policies = (self.value("on_trainer_error"), self.value("on_not_finite"))
        faults = TrainingFaults(*policies, self.give_up, self._newest_state)
        learner = Learner(resolved.system, self._recorder, self.errors, thread_setup(self), faults)
        self._learner = learner
        self._receiver = ExperienceReceiver(
            resolved.digest, learner.users, learner.users.receive, on_error=self.errors.add
        )
        self._weights = WeightsTopics(self)
        if left := remove_leftovers():
            self.get_logger().info(f"removed shared memory that dead processes left: {left}")
        source = uuid.uuid4().hex
        for name, model in learner.trained_models().items():
            sender = self._sender(name, model, resolved.digest, source, self._weights)
            self._senders[name] = sender
            self._weights.on_request(name, sender.request)
            learner.set_sync_target(name, sender.send)
        self._experience = ExperienceTopics(self, self.value("experience_depth"))
        for name in learner.users:
            self._experience.subscribe(name, partial(self._receiver.receive, name))
        self._load_state(resolved, learner)
        # The first step of an optimizer imports it, for seconds in which no pause is possible.
        threading.Thread(target=importlib.import_module, args=("torch._dynamo",)).start()
        self.get_logger().info(
            f"system '{resolved.name}', digest {resolved.digest}, buffers {sorted(learner.users)}, "
            f"weights of {sorted(self._senders)}"
        )

    def activate(self) -> None:
        """Publish the weights as they are and train."""
        assert self._learner is not None
        self._learner.start()

    def deactivate(self) -> None:
        """Stop to train, once the trainer's run in progress is done."""
        if self._learner is None or not self._learner.started:
            return
        if not self._learner.stop(LONGEST_PAUSE_S):
            raise TimeoutError(
                f"expected the trainer's run to end within {LONGEST_PAUSE_S:g} s; training goes on"
            )
        if self._states is not None:
            self._states.paused()

    def cleanup(self) -> None:
        """Save the state, close the topics and forget the learner."""
        states, self._states = self._states, None
        if states is not None:
            self.attempt("states", states.close)
        for sender in self._senders.values():
            sender.close(1.0)
        for closing in (self._experience, self._weights, self._recorder):
            if closing is not None:
                closing.close()
        self._senders = {}
        self._learner = self._receiver = self._recorder = self._experience = self._weights = None

    def statistics(self) -> dict[str, Any]:
        """Updates, weights published, experience received, metrics."""
        learner, receiver, recorder = self._learner, self._receiver, self._recorder
        if learner is None or receiver is None or recorder is None:
            return {}
        weights = {name: sender.statistics() for name, sender in self._senders.items()}
        return {
            "training": {
                "updates": learner.updates,
                "halted": learner.halted,
                "weights_published": sum(s["published"] for s in weights.values()),
                "weights_version": max((s["version"] for s in weights.values()), default=0),
                "weights": weights,
                "metrics": recorder.metrics(),
            },
            "experience": receiver.statistics(),
            "buffers": learner.fill(),
            **({"state": self._states.statistics()} if self._states is not None else {}),
        }

    def _sender(
        self, name: str, model: TrainingModel[Any], digest: str, source: str, topics: WeightsTopics
    ) -> WeightsSender:
        tensors, form = tensors_of(model.export_parameters())
        layout = weights_layout(tensors, form, digest, source)
        chunk_bytes = self.value("weights_chunk_bytes")
        return WeightsSender(
            name,
            digest,
            source,
            topics.publisher(name, chunk_count(layout.size, chunk_bytes)),
            versions=self._versions,
            folder=None if self.value("weights_carrier") == "topic" else SHARED_MEMORY,
            slots=self.value("weights_slots"),
            chunk_bytes=chunk_bytes,
            pace_s=self.value("weights_pace"),
            on_error=self.errors.add,
        )

    def _load_state(self, resolved: ResolvedSystem, learner: Learner) -> None:
        receiver = self._receiver
        assert receiver is not None

        def write(path: Path, before: Path | None) -> None:
            # First: the steps received until now will be in the saved buffers. A restarted learner
            # receives some of them again, because senders keep their last batches for it.
            received = receiver.received()
            learner.save_state(path, before)
            save_json(path / RECEIVED, received)

        def load(path: Path, on_mismatch: Callable[[str], object] | None) -> None:
            learner.load_state(path, on_mismatch)
            if state_file(
                path / RECEIVED, ".json"
            ).exists():  # a state of an earlier version has none
                receiver.restore_received(load_json(path / RECEIVED))

        def take_facts(facts: Mapping[str, Any]) -> None:
            self._versions.resume(int(facts["version"]))
            learner.updates = int(facts["updates"])

        self._states = open_states(
            self,
            resolved,
            write,
            lambda: {"version": self._versions.given, "updates": learner.updates},
            load,
            take_facts,
        )

    def _newest_state(self) -> tuple[str, Callable[[], object]] | None:
        assert self._learner is not None
        path = self._states.newest() if self._states is not None else None
        return (path.name, partial(self._learner.restore, path)) if path is not None else None

    def _on_inference_report(self, message: String) -> None:
        # Versions go on rising when this node starts anew: the acting node knows the newest.
        try:
            figures = read_report(message.data).get("figures", {})
        except ValueError:
            return  # the control node hears it too, counts it and says why
        version = figures.get("inference", {}).get("weights_version", 0)
        if not self._versions.at_least(version):
            self.get_logger().warning(
                f"{self.value('inference_node')}/report: weights_version {version} is not followed:"
                f" expected at most {MOST_AHEAD} more than {self._versions.given}",
                throttle_duration_sec=10.0,
            )


def main() -> None:
    """Entry point of the executable."""
    share_one_arena()
    sys.exit(run(TrainingNode))


if __name__ == "__main__":
    main()
