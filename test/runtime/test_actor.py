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

"""The actor's safety rules, with a robot made of lists."""

import math
import threading

import pytest
import torch

from pamiq_ros.core import (
    Actuator,
    Agent,
    DataCollector,
    InferenceModel,
    Sensor,
    System,
    TorchTrainingModel,
)
from pamiq_ros.core.devices import ActionError, ObservationError
from pamiq_ros.runtime.actor import Actor
from pamiq_ros.runtime.errors import ErrorLog


class Robot:
    """A guard, a sensor and an actuator in one: what was commanded is in `commands`."""

    def __init__(self):
        self.commands = []
        self.absent, self.old, self.broken = [], "", False

    def missing(self):
        return self.absent

    def stale(self, limit_s):
        return self.old

    def stop(self):
        self.commands.append(0.0)


class Eye(Sensor):
    def __init__(self, robot):
        self.robot = robot

    def read(self):
        if self.robot.broken:
            raise ObservationError("eye", "it is broken")
        return 1.0


class Wheel(Actuator):
    def __init__(self, robot):
        self.robot = robot

    def operate(self, action):
        if not math.isfinite(action):
            raise ActionError("wheel", f"expected a finite number, found {action}")
        self.robot.commands.append(action)


class Driver(Agent):
    answer = staticmethod(lambda observation: observation)

    def step(self, observation):
        return self.answer(observation)


class Pondering:
    """A tick in a thread of its own, whose step has begun and does not return before `end`."""

    def __init__(self, actor, driver):
        thinking, self._think_on = threading.Event(), threading.Event()

        def ponder(observation):
            thinking.set()
            self._think_on.wait(10.0)
            return observation

        driver.answer = ponder
        self._tick = threading.Thread(target=actor.tick)
        self._tick.start()
        assert thinking.wait(10.0)

    def end(self):
        self._think_on.set()
        self._tick.join(10.0)


@pytest.fixture
def robot():
    return Robot()


@pytest.fixture
def errors():
    return ErrorLog()


@pytest.fixture
def driver():
    return Driver()


@pytest.fixture
def actor(robot, errors, driver):
    system = System(
        agent=lambda: driver, sensors=lambda: Eye(robot), actuators=lambda: Wheel(robot)
    )
    actor = Actor(system, robot, lambda *args: DataCollector(8), errors, 0.5)
    actor.setup()
    actor.resume()
    return actor


def test_a_healthy_agent_drives(actor, robot):
    actor.tick()
    assert robot.commands == [1.0] and actor.stop_reason == ""


def test_waiting_for_the_first_observation_is_no_stop(actor, robot):
    robot.absent = ["eye"]
    actor.tick()
    robot.absent = []
    actor.tick()
    assert robot.commands == [0.0, 1.0] and not actor.stops


def test_a_stale_observation_stops_once_and_recovers(actor, robot, errors):
    actor.tick()
    robot.old = "eye is 0.7 s old, the limit is 0.5 s"
    actor.tick()
    actor.tick()
    assert robot.commands == [1.0, 0.0, 0.0] and actor.stop_reason == "stale_observation"
    assert "0.7 s" in errors.last()
    robot.old = ""
    actor.tick()
    assert robot.commands[-1] == 1.0 and actor.stops == {"stale_observation": 1}


def _raise(observation):
    raise RuntimeError("no idea")


@pytest.mark.parametrize(
    ("answer", "cause", "text"),
    [(_raise, "agent_error", "no idea"), (lambda o: math.nan, "action_error", "wheel")],
)
def test_a_faulty_agent_stops_the_robot(actor, robot, driver, errors, answer, cause, text):
    actor.tick()
    driver.answer = answer
    actor.tick()
    assert robot.commands[-1] == 0.0 and actor.stops == {cause: 1} and text in errors.last()


def test_an_observation_that_cannot_be_read_stops_the_robot(actor, robot, errors):
    actor.tick()
    robot.broken = True
    actor.tick()
    assert robot.commands[-1] == 0.0 and actor.stops == {"observation_error": 1}
    assert "eye" in errors.last()


def test_a_step_that_outlasts_the_pause_commands_nothing(actor, robot, driver):
    pondering = Pondering(actor, driver)
    actor.halt()
    assert robot.commands[-1] == 0.0
    pondering.end()
    actor.tick()
    assert set(robot.commands) == {0.0} and actor.stop_reason == "paused"
    actor.resume()
    actor.tick()
    assert robot.commands[-1] == 1.0


def test_an_agent_hears_of_each_pause_once(actor, robot, driver):
    heard = []
    driver.on_paused, driver.on_resumed = lambda: heard.append("off"), lambda: heard.append("on")
    actor.pause()
    actor.pause()
    actor.resume()
    actor.halt()
    actor.pause()
    actor.pause()
    assert heard == ["off", "on", "off"]
    assert robot.commands == [0.0] * 5


def test_no_weights_no_motion_and_a_swap_between_ticks(robot, errors):
    class Follower(Driver):
        def on_inference_models_attached(self):
            model = self.get_inference_model("policy")
            self.answer = lambda observation: float(model(torch.ones(1)))

    system = System(
        agent=Follower,
        sensors=lambda: Eye(robot),
        actuators=lambda: Wheel(robot),
        models={"policy": lambda: TorchTrainingModel(torch.nn.Linear(1, 1, bias=False))},
    )
    actor = Actor(system, robot, lambda *args: DataCollector(8), errors, 0.5)
    actor.resume()
    actor.tick()
    assert robot.commands == [0.0] and actor.stop_reason == "no_weights"
    slot = actor.staged_weights["policy"]
    for version, weight in ((3, 0.25), (4, 0.5)):
        slot.stage(version, {"weight": torch.tensor([[weight]])})
        before = actor.weights_version
        actor.tick()
        assert before < version == actor.weights_version
        assert robot.commands[-1] == weight
    with pytest.raises(ValueError, match="weight"):
        slot.stage(5, {"weight": torch.ones(2, 2)})
    actor.tick()
    assert actor.weights_version == 4 and robot.commands[-1] == 0.5


def test_a_model_for_inference_alone_needs_no_weights(robot, errors):
    models = {
        "fixed": lambda: TorchTrainingModel(torch.nn.Linear(1, 1), inference_thread_only=True),
        "learner": lambda: TorchTrainingModel(torch.nn.Linear(1, 1), has_inference_model=False),
    }
    attached = {}

    class Looker(Driver):
        def on_inference_models_attached(self):
            attached["fixed"] = self.get_inference_model("fixed")
            with pytest.raises(KeyError):
                self.get_inference_model("learner")

    system = System(
        agent=Looker, sensors=lambda: Eye(robot), actuators=lambda: Wheel(robot), models=models
    )
    actor = Actor(system, robot, lambda *args: DataCollector(8), errors, 0.5)
    actor.resume()
    actor.tick()
    assert isinstance(attached["fixed"], InferenceModel)
    assert actor.staged_weights == {} and robot.commands == [1.0]


def test_a_step_that_hangs_stops_the_robot_at_once_and_says_nothing_in_the_end(
    robot, errors, driver
):
    system = System(
        agent=lambda: driver, sensors=lambda: Eye(robot), actuators=lambda: Wheel(robot)
    )
    actor = Actor(system, robot, lambda *args: DataCollector(8), errors, 0.5, step_timeout=0.01)
    actor.setup()
    actor.resume()
    actor.watch_step()
    assert robot.commands == []
    pondering = Pondering(actor, driver)
    while actor.stop_reason != "agent_hang":
        actor.watch_step()
    assert robot.commands == [0.0] and "longer than 0.01 s" in errors.last()
    actor.watch_step()
    pondering.end()
    assert set(robot.commands) == {0.0} and actor.stop_reason == "agent_hang"
    driver.answer = lambda observation: observation
    actor.tick()
    assert robot.commands[-1] == 1.0


class Remembers(Driver):
    def __init__(self):
        super().__init__()
        self.saved_in, self.fail = None, False

    def save_state(self, path):
        if self.fail:
            raise OSError("no room")
        self.saved_in = threading.current_thread().name
        path.write_text("state")

    def load_state(self, path):
        self.loaded = path.read_text()


@pytest.mark.parametrize("ticking", [True, False])
def test_an_agents_state_is_saved_by_the_tick_or_while_there_is_none(
    robot, errors, ticking, tmp_path
):
    agent = Remembers()
    system = System(agent=lambda: agent, sensors=lambda: Eye(robot), actuators=lambda: Wheel(robot))
    actor = Actor(system, robot, lambda *args: DataCollector(8), errors, 0.5)
    actor.setup()
    ended = threading.Event()
    if ticking:
        actor.resume()

    def tick():
        while not ended.is_set():
            actor.tick()

    ticker = threading.Thread(target=tick, name="tick")
    if ticking:
        ticker.start()
    try:
        actor.save_state(tmp_path, timeout=10.0)
        assert agent.saved_in == ("tick" if ticking else "MainThread")
        agent.fail = True
        with pytest.raises(OSError, match="no room"):
            actor.save_state(tmp_path, timeout=10.0)
    finally:
        ended.set()
        if ticking:
            ticker.join()
    actor.load_state(tmp_path)
    assert agent.loaded == "state"


def test_no_state_of_an_agent_whose_step_does_not_end(actor, driver, tmp_path):
    pondering = Pondering(actor, driver)
    with pytest.raises(TimeoutError, match=r"expected a tick to end within 0\.05 s"):
        actor.save_state(tmp_path, timeout=0.05)
    pondering.end()
    assert not list(tmp_path.iterdir())
