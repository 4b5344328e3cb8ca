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

"""training_node: receives experience, runs the trainers, publishes weights."""

from __future__ import annotations

import importlib
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
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
    """Fills the buffers from the experience topics, trains, and publishes weights."""

    def __init__(self) -> None:
        self._run: TrainingRun | None = None
        self._versions = VersionCounter()
        super().__init__("pamiq_training", TRAINING_PARAMETERS)
        self.create_subscription(
            String, f"{self.value('inference_node')}/report", self._on_inference_report, LATCHED
        )

    def configure(self) -> None:
        """Build the learner and open its topics."""
        # Receiving experience yields to the robot, but less than training does.
        yield_process(self.value("niceness") // 2)
        torch.set_num_threads(self.value("torch_threads"))
        resolved = self.resolve_system()
        self._run = run = TrainingRun(self, resolved, self._versions)
        # The first step of an optimizer imports it for seconds, in which no pause is possible.
        threading.Thread(target=importlib.import_module, args=("torch._dynamo",)).start()
        self.get_logger().info(
            f"system '{resolved.name}', digest {resolved.digest}, "
            f"buffers {sorted(run.learner.users)}, "
            f"weights of {sorted(run.learner.trained_models())}"
        )

    def activate(self) -> None:
        """Publish the present weights and train."""
        assert self._run is not None
        self._run.learner.start()

    def deactivate(self) -> None:
        """Stop training after the current run of a trainer."""
        run = self._run
        if run is None or not run.learner.started:
            return
        if not run.learner.stop(LONGEST_PAUSE_S):
            raise TimeoutError(
                f"expected the trainer's run to end within {LONGEST_PAUSE_S:g} s; training goes on"
            )
        if run.states is not None:
            run.states.paused()

    def cleanup(self) -> None:
        """Save the state, close the topics and drop the learner."""
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def statistics(self) -> dict[str, Any]:
        """Updates, published weights, received experience, metrics."""
        return {} if self._run is None else self._run.statistics()

    def _on_inference_report(self, message: String) -> None:
        # Versions keep rising when this node restarts: the inference node knows the newest.
        try:
            content = read_report(message.data).get("figures", {})
        except ValueError:
            return  # the control node receives it too, counts it and reports the reason
        version = content.get("inference", {}).get("weights_version", 0)
        if not self._versions.at_least(version):
            self.get_logger().warning(
                f"{self.value('inference_node')}/report: weights_version {version} is not followed:"
                f" expected at most {MOST_AHEAD} more than {self._versions.given}",
                throttle_duration_sec=10.0,
            )


class TrainingRun:
    """What `configure` builds: learner, topics and states, closed in the reverse order.

    Args:
        node: The node, with its parameters.
        resolved: The system.
        versions: Numbers the weights, also beyond this run.

    Raises:
        Exception: A part cannot be built; those before it are closed.

    Attributes:
        learner: The learner.
        states: The saved states; None without `states_dir`.
    """

    def __init__(self, node: PamiqNode, resolved: ResolvedSystem, versions: VersionCounter) -> None:
        self.states: NodeStates | None = None
        self._node, self._versions = node, versions
        self._senders: dict[str, WeightsSender] = {}
        with ExitStack() as stack:
            self._recorder = MetricsPublisher(
                node, node.value("picture_rate"), node.value("tensorboard_dir")
            )
            stack.callback(self._recorder.close)
            self.learner = self._build_learner(resolved)
            self._receiver = ExperienceReceiver(
                resolved.digest,
                self.learner.users,
                self.learner.users.receive,
                on_error=node.errors.add,
            )
            self._open_weights(stack, resolved.digest)
            self._open_experience(stack)
            self.states = self._load_state(resolved)
            if self.states is not None:
                stack.callback(node.attempt, "states", self.states.close)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Save the state and close the topics."""
        self._stack.close()

    def statistics(self) -> dict[str, Any]:
        """See `TrainingNode.statistics`."""
        weights = {name: sender.statistics() for name, sender in self._senders.items()}
        return {
            "training": {
                "updates": self.learner.updates,
                "halted": self.learner.halted,
                "weights_published": sum(s["published"] for s in weights.values()),
                "weights_version": max((s["version"] for s in weights.values()), default=0),
                "weights": weights,
                "metrics": self._recorder.metrics(),
            },
            "experience": self._receiver.statistics(),
            "buffers": self.learner.fill(),
            **({"state": self.states.statistics()} if self.states is not None else {}),
        }

    def _build_learner(self, resolved: ResolvedSystem) -> Learner:
        node = self._node
        policies = (node.value("on_trainer_error"), node.value("on_not_finite"))
        faults = TrainingFaults(*policies, node.give_up, self._newest_state)
        return Learner(resolved.system, self._recorder, node.errors, thread_setup(node), faults)

    def _open_weights(self, stack: ExitStack, digest: str) -> None:
        topics = WeightsTopics(self._node)
        stack.callback(topics.close)
        if left := remove_leftovers():
            self._node.get_logger().info(f"removed shared memory that dead processes left: {left}")
        source = uuid.uuid4().hex
        for name, model in self.learner.trained_models().items():
            sender = self._sender(name, model, digest, source, topics)
            stack.callback(sender.close, 1.0)
            self._senders[name] = sender
            topics.on_request(name, sender.request)
            self.learner.set_sync_target(name, sender.send)

    def _open_experience(self, stack: ExitStack) -> None:
        topics = ExperienceTopics(self._node, self._node.value("experience_depth"))
        stack.callback(topics.close)
        for name in self.learner.users:
            topics.subscribe(name, partial(self._receiver.receive, name))

    def _sender(
        self, name: str, model: TrainingModel[Any], digest: str, source: str, topics: WeightsTopics
    ) -> WeightsSender:
        tensors, form = tensors_of(model.export_parameters())
        layout = weights_layout(tensors, form, digest, source)
        value = self._node.value
        chunk_bytes = value("weights_chunk_bytes")
        return WeightsSender(
            name,
            digest,
            source,
            topics.publisher(name, chunk_count(layout.size, chunk_bytes)),
            versions=self._versions,
            folder=None if value("weights_carrier") == "topic" else SHARED_MEMORY,
            slots=value("weights_slots"),
            chunk_bytes=chunk_bytes,
            pace_s=value("weights_pace"),
            on_error=self._node.errors.add,
        )

    def _load_state(self, resolved: ResolvedSystem) -> NodeStates | None:
        learner, receiver = self.learner, self._receiver

        def write(path: Path, before: Path | None) -> None:
            # First: the steps received until now will be in the saved buffers. A restarted learner
            # receives some of them again, because senders keep their last batches for it.
            received = receiver.received()
            learner.save_state(path, before)
            save_json(path / RECEIVED, received)

        def load(path: Path, on_mismatch: Callable[[str], object] | None) -> None:
            learner.load_state(path, on_mismatch)
            # States of earlier versions do not have this file.
            if state_file(path / RECEIVED, ".json").exists():
                receiver.restore_received(load_json(path / RECEIVED))

        def take_facts(facts: Mapping[str, Any]) -> None:
            self._versions.resume(int(facts["version"]))
            learner.updates = int(facts["updates"])

        return open_states(
            self._node,
            resolved,
            write,
            lambda: {"version": self._versions.given, "updates": learner.updates},
            load,
            take_facts,
        )

    def _newest_state(self) -> tuple[str, Callable[[], object]] | None:
        path = self.states.newest() if self.states is not None else None
        return (path.name, partial(self.learner.restore, path)) if path is not None else None


def main() -> None:
    """Entry point of the executable."""
    share_one_arena()
    sys.exit(run(TrainingNode))


if __name__ == "__main__":
    main()
