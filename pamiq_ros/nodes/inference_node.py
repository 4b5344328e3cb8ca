"""inference_node: camera topics in, cmd_vel out, at a fixed rate that training never disturbs."""

from __future__ import annotations

import gc
import shutil
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rclpy.publisher import Publisher
from std_msgs.msg import Empty

from pamiq_ros.checkpoints import remove_left_scratch, scratch_folder
from pamiq_ros.core.config import ResolvedSystem
from pamiq_ros.core.devices import attach_robot
from pamiq_ros.nodes.ros_robot import RosRobot
from pamiq_ros.runtime.actor import Actor
from pamiq_ros.runtime.staged_weights import StagedWeights
from pamiq_ros.runtime.ticker import Ticker
from pamiq_ros.supervision.claims import NameClaim
from pamiq_ros.supervision.liveliness import PERIOD_S, Watchdog, sign_of_life
from pamiq_ros.transport import ExperienceCollector, ExperienceSender, WeightsReceiver

from .main import run
from .managed import PamiqNode
from .robot_settings import robot_settings
from .scheduling import make_ticker
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
        self._actor: Actor | None = None
        self._ticker: Ticker | None = None
        self._robot: RosRobot | None = None
        self._experience: ExperienceTopics | None = None
        self._weights: WeightsTopics | None = None
        self._missing: MissingWeights | None = None
        self._senders: dict[str, ExperienceSender] = {}
        self._receivers: dict[str, WeightsReceiver] = {}
        self._states: NodeStates | None = None
        self._alive: Publisher[Empty] | None = None
        self._watchdog: Watchdog | None = None
        super().__init__("pamiq_inference", INFERENCE_PARAMETERS)
        self._robot_claim = NameClaim(self.get_fully_qualified_name(), self.context.get_domain_id())

    def configure(self) -> None:
        """Build the actor and open its topics."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        torch.set_num_threads(self.value("torch_threads"))
        resolved = self.resolve_system()
        self._robot = RosRobot(self, robot_settings(self))
        attach_robot(self._robot)
        self._experience = ExperienceTopics(self, self.value("experience_depth"))
        self._weights = WeightsTopics(self)
        source = uuid.uuid4().hex
        actor = Actor(
            resolved.system,
            self._robot,
            lambda name, actor: self._collector(name, actor, resolved.digest, source),
            self.errors,
            self.value("observation_timeout"),
            self.value("step_timeout"),
            self._on_agent_fault,
        )
        self._actor = actor
        for name, slot in actor.slots.items():
            receiver = self._receiver(slot, resolved.digest, self._weights.asker(name))
            self._receivers[name] = receiver
            self._weights.subscribe(name, receiver.receive)
        self._missing = MissingWeights(self, self._weights, self._receivers)
        actor.setup()
        self._load_state(resolved, actor)
        # What is here now stays: later collections, which hold up every thread, pass it over. This
        # one may take so long that the node would seem to be dead.
        gc.collect()
        gc.freeze()
        self._alive = sign_of_life(self)
        self._watchdog = Watchdog(PERIOD_S, self._alive.assert_liveliness, actor.watch_step)
        rate = self.value("rate") or resolved.system.rate
        self._ticker = make_ticker(self, rate, actor, self._robot)
        self.get_logger().info(
            f"system '{resolved.name}', digest {resolved.digest}, "
            f"{1 / self._ticker.period:g} Hz, waiting for weights of {sorted(actor.slots)}"
        )

    def activate(self) -> None:
        """Start to tick."""
        assert self._actor is not None and self._ticker is not None
        if self._ticker.running:
            raise TimeoutError("the agent's step from before the pause has not ended yet")
        self._robot_claim.take()
        self._actor.resume()
        self._ticker.start()

    def deactivate(self) -> None:
        """Stop to tick; the robot is at zero and all experience sent when this returns."""
        if self._ticker is None or self._actor is None:
            return
        self._actor.halt()
        if not self._ticker.stop(LONGEST_PAUSE_S):  # a late step commands nothing any more
            self.errors.add(f"the agent's step took longer than {LONGEST_PAUSE_S:g} s at a pause")
        # The robot stands: whatever the agent does about it, the node is paused.
        self.attempt("on_paused", self._actor.pause)
        self._robot_claim.release()
        for name, sender in self._senders.items():
            if not sender.flush(1.0):
                self.errors.add(f"buffer '{name}': experience was not all sent within 1 s")
        if self._states is not None:
            self._states.paused()

    def cleanup(self) -> None:
        """Close the topics and forget the actor."""
        # What is frozen and forms a cycle would stay, and keep its shared memory beyond the end.
        gc.unfreeze()
        if self._robot is not None:
            self.attempt("stop", self._robot.stop)
        states, self._states = self._states, None
        if states is not None:
            self.attempt("states", states.close)
        if self._actor is not None:
            self.attempt("teardown", self._actor.teardown)
        if self._watchdog is not None:
            self._watchdog.close()
        if self._alive is not None:
            self.destroy_publisher(self._alive)
        if self._missing is not None:
            self._missing.close()
        self._watchdog = self._alive = self._missing = None
        for sender in self._senders.values():
            sender.close(1.0)
        for receiver in self._receivers.values():
            receiver.close(1.0)
        for topics in (self._experience, self._weights):
            if topics is not None:
                topics.close()
        if self._robot is not None:
            attach_robot(None)
            self._robot.close()
        self._senders, self._receivers = {}, {}
        self._actor = self._ticker = self._robot = self._experience = self._weights = None

    def figures(self) -> dict[str, Any]:
        """Ticks and their timing, experience sent, commands published."""
        actor, ticker, robot = self._actor, self._ticker, self._robot
        if actor is None or ticker is None or robot is None:
            return {}
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
                "hold": actor.hold,
                "actuators": robot.actuators(),
                "stops": sum(actor.stops.values()),
                "stop_causes": dict(actor.stops),
                "weights": {name: r.figures() for name, r in self._receivers.items()},
            },
            "experience": {name: sender.figures() for name, sender in self._senders.items()},
            "actions": robot.action_counts(),
            **({"state": self._states.figures()} if self._states is not None else {}),
        }

    def _load_state(self, resolved: ResolvedSystem, actor: Actor) -> None:
        def write(path: Path, before: Path | None) -> None:
            with scratch_folder() as scratch:
                actor.save_state(scratch, LONGEST_SAVE_S)
                shutil.copytree(scratch, path, dirs_exist_ok=True)

        remove_left_scratch()
        facts = lambda: {"version": actor.weights_version}  # noqa: E731
        self._states = open_states(self, resolved, write, facts, actor.load_state)

    def _on_agent_fault(self, text: str) -> None:
        policy = self.value("on_agent_error")
        if policy == "hold" or self._actor is None:
            return
        self._actor.halt()
        if policy == "pause":
            self.pause_by_itself(text)
        else:
            self.give_up(text)

    def _receiver(
        self, slot: StagedWeights, digest: str, ask: Callable[[bytes], None]
    ) -> WeightsReceiver:
        return WeightsReceiver(
            digest,
            slot.stage,
            stage_from=slot.stage_from,
            make_room=slot.release_spare,
            ask=ask,
            on_error=self.errors.add,
        )

    def _collector(self, name: str, actor: Actor, digest: str, source: str) -> ExperienceCollector:
        assert self._experience is not None
        sender = ExperienceSender(
            name,
            digest,
            source,
            self._experience.publisher(name),
            max_steps=self.value("experience_max_steps"),
            max_bytes=self.value("experience_max_bytes"),
            max_delay_s=self.value("experience_max_delay"),
            on_error=self.errors.add,
        )
        self._senders[name] = sender
        return ExperienceCollector(sender, self.get_clock(), actor)


def main() -> None:
    """Entry point of the executable."""
    sys.exit(run(InferenceNode))


if __name__ == "__main__":
    main()
