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

"""inference_node: camera topics in, cmd_vel out, at a fixed rate that training never disturbs."""

from __future__ import annotations

import gc
import shutil
import sys
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from pamiq_ros.checkpoints import remove_left_scratch, scratch_folder
from pamiq_ros.core.config import ResolvedSystem
from pamiq_ros.core.devices import attach_robot
from pamiq_ros.core.model import StagedWeights
from pamiq_ros.nodes.ros_robot import RosRobot
from pamiq_ros.runtime.actor import Actor
from pamiq_ros.runtime.observation_ticker import ObservationTicker
from pamiq_ros.runtime.ticker import Ticker
from pamiq_ros.supervision.claims import NameClaim
from pamiq_ros.supervision.liveliness import PERIOD_S, Watchdog, sign_of_life
from pamiq_ros.supervision.ros_time import tick_time
from pamiq_ros.transport import ExperienceCollector, ExperienceSender, WeightsReceiver

from .main import run
from .managed import PamiqNode, thread_setup
from .robot_topics import robot_settings
from .states import NodeStates, open_states
from .tables import INFERENCE_PARAMETERS
from .topics import ExperienceTopics, MissingWeights, WeightsTopics

# A thread that wants the interpreter waits this long for the one that has it; 5 ms is Python's
# default and would be the tick's lateness whenever a message is being received.
SWITCH_INTERVAL_S = 0.0002
LONGEST_PAUSE_S = 2.0
LONGEST_SAVE_S = 5.0


class InferenceNode(PamiqNode):
    """Acts: subscribes the sensors, runs the agent, publishes commands and experience."""

    def __init__(self) -> None:
        self._run: InferenceRun | None = None
        super().__init__("pamiq_inference", INFERENCE_PARAMETERS)
        self._robot_claim = NameClaim(self.get_fully_qualified_name(), self.context.get_domain_id())

    def configure(self) -> None:
        """Build the actor and open its topics."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        torch.set_num_threads(self.value("torch_threads"))
        resolved = self.resolve_system()
        self._run = run = InferenceRun(self, resolved)
        self.get_logger().info(
            f"system '{resolved.name}', digest {resolved.digest}, "
            f"{1 / run.ticker.period:g} Hz, "
            f"waiting for weights of {sorted(run.actor.staged_weights)}"
        )

    def activate(self) -> None:
        """Start to tick."""
        assert self._run is not None
        if self._run.ticker.running:
            raise TimeoutError("the agent's step from before the pause has not ended yet")
        self._robot_claim.take()
        self._run.actor.resume()
        self._run.ticker.start()

    def deactivate(self) -> None:
        """Stop to tick; the robot is at zero and all experience sent when this returns."""
        if (run := self._run) is None:
            return
        run.actor.halt()
        if not run.ticker.stop(LONGEST_PAUSE_S):  # a late step commands nothing any more
            self.errors.add(f"the agent's step took longer than {LONGEST_PAUSE_S:g} s at a pause")
        # The robot is stopped: whatever the agent does about it, the node is paused.
        self.attempt("on_paused", run.actor.pause)
        self._robot_claim.release()
        for name, sender in run.senders.items():
            if not sender.flush(1.0):
                self.errors.add(f"buffer '{name}': experience was not all sent within 1 s")
        if run.states is not None:
            run.states.paused()

    def cleanup(self) -> None:
        """Close the topics and release the actor."""
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def statistics(self) -> dict[str, Any]:
        """Ticks and their timing, experience sent, commands published."""
        return {} if self._run is None else self._run.statistics()


class InferenceRun:
    """What exists from `configure` to `cleanup`: the actor, its robot, topics and threads.

    Attributes:
        actor: The actor.
        ticker: Its ticker, which does not tick yet.
        senders: Senders of experience by buffer name.
        states: The saved states; None without a folder for them.
    """

    def __init__(self, node: PamiqNode, resolved: ResolvedSystem) -> None:
        """Build everything; what was built is closed again if something can't be.

        Args:
            node: The inference node.
            resolved: Its system.

        Raises:
            ValueError: A parameter does not fit the system or this machine.
        """
        self._node, self._digest, self._source = node, resolved.digest, uuid.uuid4().hex
        self._closed = False
        self.senders: dict[str, ExperienceSender] = {}
        self._receivers: dict[str, WeightsReceiver] = {}
        with ExitStack() as stack:
            self._robot = self._open_robot(stack)
            self._experience, self._weights = self._open_topics(stack)
            self.actor = self._build_actor(stack, resolved)
            # Closed after the actor: until then the control node need not stop the robot.
            life = stack.enter_context(ExitStack())
            self.actor.setup()
            self._on_close(stack, "teardown", self.actor.teardown)
            self.states = self._load_state(stack, resolved)
            self._freeze_garbage(stack)
            self._show_life(life)
            self._on_close(stack, "stop", self._robot.stop_before_closing)
            rate = node.value("rate") or resolved.system.rate
            self.ticker = make_ticker(node, rate, self.actor, self._robot)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Stop the robot, save the state, and close all that was opened, in this order."""
        self._stack.close()
        self._closed = True

    def statistics(self) -> dict[str, Any]:
        """Ticks and their timing, experience sent, commands published."""
        actor, ticker, robot = self.actor, self.ticker, self._robot
        return {
            "inference": {
                "ticks": ticker.ticks,
                "rate_hz": round(ticker.rate, 4),
                "rate_set_hz": round(1 / ticker.period, 4),
                "skipped": ticker.skipped,
                "lateness_ms": ticker.lateness.milliseconds(50, 99, maximum=True),
                "lateness_recent_ms": ticker.lateness.recent().milliseconds(50, 99, maximum=True),
                "compute_ms": ticker.compute.milliseconds(50, 99, maximum=True),
                "observation_age_ms": robot.ages.milliseconds(50, 99),
                "weights_version": actor.weights_version,
                "hold": actor.stop_reason,
                "actuators": robot.actuators(),
                "stops": sum(actor.stops.values()),
                "stop_causes": dict(actor.stops),
                "weights": {name: r.statistics() for name, r in self._receivers.items()},
            },
            "experience": {name: sender.statistics() for name, sender in self.senders.items()},
            "actions": robot.action_counts(),
            **({"state": self.states.statistics()} if self.states is not None else {}),
        }

    def _on_close(self, stack: ExitStack, what: str, action: Callable[[], object]) -> None:
        stack.callback(self._node.attempt, what, action)

    def _open_robot(self, stack: ExitStack) -> RosRobot:
        robot = RosRobot(self._node, robot_settings(self._node))
        self._on_close(stack, "robot", robot.close)
        attach_robot(robot)
        stack.callback(attach_robot, None)
        return robot

    def _open_topics(self, stack: ExitStack) -> tuple[ExperienceTopics, WeightsTopics]:
        experience = ExperienceTopics(self._node, self._node.value("experience_depth"))
        self._on_close(stack, "experience", experience.close)
        weights = WeightsTopics(self._node)
        self._on_close(stack, "weights", weights.close)
        return experience, weights

    def _build_actor(self, stack: ExitStack, resolved: ResolvedSystem) -> Actor:
        stack.callback(self._close_transport)
        actor = Actor(
            resolved.system,
            self._robot,
            self._collector,
            self._node.errors,
            self._node.value("observation_timeout"),
            self._node.value("step_timeout"),
            self._on_agent_fault,
        )
        for name, staged in actor.staged_weights.items():
            receiver = self._receiver(staged, self._weights.requester(name))
            self._receivers[name] = receiver
            self._weights.subscribe(name, receiver.receive)
        missing = MissingWeights(self._node, self._weights, self._receivers)
        stack.callback(missing.close)
        return actor

    def _close_transport(self) -> None:
        for sender in self.senders.values():
            sender.close(1.0)
        for receiver in self._receivers.values():
            receiver.close(1.0)

    def _freeze_garbage(self, stack: ExitStack) -> None:
        # What is here now stays: later collections, which hold up every thread, pass it over. This
        # one may take so long that the node would seem to be dead.
        gc.collect()
        gc.freeze()
        # What is frozen and forms a cycle would stay, and keep its shared memory beyond the end.
        stack.callback(gc.unfreeze)

    def _show_life(self, stack: ExitStack) -> None:
        alive = sign_of_life(self._node)
        stack.callback(self._node.destroy_publisher, alive)
        watchdog = Watchdog(PERIOD_S, alive.assert_liveliness, self.actor.watch_step)
        stack.callback(watchdog.close)

    def _load_state(self, stack: ExitStack, resolved: ResolvedSystem) -> NodeStates | None:
        def write(path: Path, before: Path | None) -> None:
            with scratch_folder() as scratch:
                self.actor.save_state(scratch, LONGEST_SAVE_S)
                shutil.copytree(scratch, path, dirs_exist_ok=True)

        remove_left_scratch()
        facts = lambda: {"version": self.actor.weights_version}  # noqa: E731
        states = open_states(self._node, resolved, write, facts, self.actor.load_state)
        if states is not None:
            self._on_close(stack, "states", states.close)
        return states

    def _on_agent_fault(self, text: str) -> None:
        policy = self._node.value("on_agent_error")
        if policy == "hold" or self._closed:
            return
        self.actor.halt()
        if policy == "pause":
            self._node.pause_by_itself(text)
        else:
            self._node.give_up(text)

    def _receiver(self, staged: StagedWeights, ask: Callable[[bytes], None]) -> WeightsReceiver:
        return WeightsReceiver(
            self._digest,
            staged.stage,
            stage_from=staged.stage_from,
            make_room=staged.release_spare,
            ask=ask,
            on_error=self._node.errors.add,
        )

    def _collector(self, name: str, actor: Actor) -> ExperienceCollector:
        sender = ExperienceSender(
            name,
            self._digest,
            self._source,
            self._experience.publisher(name),
            max_steps=self._node.value("experience_max_steps"),
            max_bytes=self._node.value("experience_max_bytes"),
            max_delay_s=self._node.value("experience_max_delay"),
            on_error=self._node.errors.add,
        )
        self.senders[name] = sender
        return ExperienceCollector(sender, self._node.get_clock(), actor)


def make_ticker(node: PamiqNode, rate: float, actor: Actor, robot: RosRobot) -> Ticker:
    """Return the ticker that the parameters `trigger` and `trigger_topic` choose.

    Args:
        node: Whose parameters count.
        rate: Ticks per second in Hz; the most, where observations trigger.
        actor: What ticks, set up already.
        robot: Whose observations trigger.

    Raises:
        ValueError: A parameter does not fit this machine, or the system's sensors.
    """
    prepare, clock = thread_setup(node), tick_time(node)
    if node.get_parameter("trigger").value == "rate":
        back = "the clock went back by {:.3f} s: deadlines begin anew"
        return Ticker(
            rate,
            actor.tick,
            prepare=prepare,
            clock=clock,
            on_jump_back=lambda seconds: node.get_logger().warning(back.format(seconds)),
        )
    ticker = ObservationTicker(rate, actor.tick, actor.watch, prepare=prepare, clock=clock)
    try:
        robot.on_observation(node.get_parameter("trigger_topic").value, ticker.notify)
    except ValueError as error:
        raise ValueError(f"parameter 'trigger_topic': {error}") from error
    return ticker


def main() -> None:
    """Entry point of the executable."""
    sys.exit(run(InferenceNode))


if __name__ == "__main__":
    main()
