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

"""Mutated payloads on each of our topics: counted, dropped, and nothing else."""

import math
import random

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from drive import Drive
from flood import QUEUE, flood, flood_texts, memory_mb
from integration.harness import TINY, Probe, graph, wait_until
from integration.mutations import mutated_json, mutated_payload
from lifecycle_msgs.msg import TransitionEvent
from recorded import EXPERIENCE, REPORTS, REQUEST, STATUS, WEIGHTS, recorded
from wrong_reports import wrong_reports

from pamiq_ros.cli.status import Status
from pamiq_ros.cli.view import metrics_lines, status_lines
from pamiq_ros.supervision.reports import unseal

pytestmark = pytest.mark.integration

RECORDED_REQUESTS = 1
REQUESTS = ("requests", "malformed_requests", "foreign_requests")
OUTCOMES = (
    "received", "stale", "refused", "malformed", "foreign", "overtaken", "half_written",
    "unreadable", "duplicate", "mixed", "stale_chunks",
)  # fmt: skip
"""One of these is counted for each message of weights that are in one chunk."""

MOST_ERRORS = 80
MOST_GROWTH_MB = 15.0
FIRST = 0.1
"""Of the flood, before memory is looked at: queues and pools grow once to what they need."""


@pytest.fixture
def driving(monkeypatch):
    """Three nodes that drive, from the first version of weights on all that they count."""

    def on_status(probe, message):
        try:  # the probe too hears what is no status
            probe.status = unseal(message.data)
        except ValueError:
            return

    monkeypatch.setattr(Probe, "_on_status", on_status)
    with graph() as made:
        made.probe.cover_lens()
        queue = f"qos_overrides./{REQUEST}.subscription.depth:={QUEUE}"
        made.start_all(TINY, "-p", f"experience_depth:={QUEUE}", "-p", queue)
        made.wait_state("active")
        wait_until(lambda: weights(made.probe, "received"), "the first weights")
        made.probe.uncover_lens()
        # By then it has all that it will ever import.
        wait_until(lambda: weights(made.probe, "version") >= 5, "what has been learned")
        wait_until(made.probe.moving, "motion")
        yield made


def weights(probe, *names):
    figures = probe.inference().get("weights", {}).get("policy", {})
    return sum(figures.get(name, 0) for name in names)


def learned(probe, *names):
    figures = probe.status["report"]["training"]["weights"]["policy"]
    return sum(figures[name] for name in names)


def received(probe, *names):
    figures = probe.status["report"]["experience"]["pictures"]
    return sum(figures[name] for name in names)


def refused(probe, kind):
    return sum(counts[kind] for counts in probe.status["report"]["refused"].values())


def mutations(chance, real, count, mutate=mutated_payload):
    return [mutate(chance, chance.choice(real)) for _ in range(count)]


def parts(count):
    """The most growth in MB and the number of messages of each part of a flood."""
    first = int(FIRST * count)
    yield math.inf, first
    yield MOST_GROWTH_MB, count - first


class Before:
    """How the nodes were before the flood, to be compared with how they are after it."""

    def __init__(self, made, strict):
        self._made, self._drive = made, Drive(made.probe, strict)
        self._restarts = made.probe.status["report"]["restarts"]
        self._memory = {name: memory_mb(process) for name, process in made.processes.items()}

    def require_driving(self, most_growth_mb):
        """All nodes live and have driven at all times; gives by how many MB each has grown."""
        made = self._made
        self._drive.require()
        assert all(process.poll() is None for process in made.processes.values())
        assert made.probe.status["report"]["restarts"] == self._restarts
        assert len(made.probe.status["errors"]) <= MOST_ERRORS
        grown = {name: memory_mb(p) - self._memory[name] for name, p in made.processes.items()}
        assert max(grown.values()) <= most_growth_mb, grown
        return grown


def flood_payloads(made, real, chance, count, full):
    """Experience, weights and requests for them; gives the figures."""
    probe = made.probe
    bad = {
        EXPERIENCE: lambda: received(probe, "malformed", "foreign"),
        WEIGHTS: lambda: weights(probe, *OUTCOMES) - learned(probe, "published", "chunks"),
        REQUEST: lambda: learned(probe, *REQUESTS),
    }
    for most_growth_mb, part in parts(count):
        before = Before(made, full)
        for topic, counted in bad.items():
            flood(probe, topic, mutations(chance, real[topic], part), counted)
        grown = before.require_driving(most_growth_mb)

    # Once nothing is on its way, all is accounted for, what is real and what is not.
    probe.cover_lens()
    wait_until(lambda: probe.inference()["hold"] == "stale_observation", "the robot to stand")
    wait_until(lambda: bad[WEIGHTS]() == count, "all weights to be accounted for")
    asked = count + RECORDED_REQUESTS + weights(probe, "requests")
    wait_until(lambda: learned(probe, *REQUESTS) == asked, "all requests to be accounted for")
    wait_until(lambda: received(probe, "sent") == received(probe, "received"), "all experience")
    assert bad[EXPERIENCE]() == count
    assert received(probe, "lost", "duplicates", "rejected") == 0
    assert weights(probe, "refused", "dropped") == 0
    probe.uncover_lens()
    wait_until(lambda: probe.moving() and not probe.inference()["hold"], "motion")
    outcomes = {name: weights(probe, name) for name in OUTCOMES}
    return {"sent_on_each": count, "grown_mb": grown, "weights": outcomes}


def flood_json(made, real, chance, count, full):
    """Reports, statuses and transitions; gives the figures."""
    probe = made.probe
    wrong = [text for _, text in wrong_reports(unseal(real[REPORTS[0]][-1]))]
    listeners = {REPORTS[0]: 3, REPORTS[1]: 2, STATUS: 4}  # the recorder is one of them
    for most_growth_mb, part in parts(count):
        before = Before(made, full)
        for topic, several in listeners.items():
            texts = mutations(chance, real[topic], part, mutated_json)
            flood_texts(probe, topic, texts if topic == STATUS else [*wrong, *texts], several)
            for text in texts:  # what a console would show if it heard them
                show(text)
        flood_transitions(probe)
        wait_until(lambda: refused(probe, "reports") and refused(probe, "statuses"), "a count")
        grown = before.require_driving(most_growth_mb)
    assert not [text for text in probe.status["errors"] if "nodes named" in text]
    counted = {kind: refused(probe, kind) for kind in ("reports", "statuses")}
    sent = {"wrong_reports": 4 * len(wrong), "sent_on_each": count}
    return {**sent, "grown_mb": grown, "refused": counted}


def flood_transitions(probe):
    """Transitions to what is no state."""
    event = probe.create_publisher(TransitionEvent, "pamiq_inference/transition_event", 10)
    wait_until(lambda: event.get_subscription_count(), "who hears transitions")
    for label in ("", "asleep", "activ", "ACTIVE", "x" * 100_000):
        message = TransitionEvent()
        message.goal_state.label = label
        event.publish(message)


def test_mutated_payloads_are_counted_dropped_and_nothing_else(
    driving, full, repeats, figures, capfd
):
    count, real = repeats(150, 10_000), recorded(driving.probe)
    figures(of="payloads", **flood_payloads(driving, real, random.Random(4), count, full))
    figures(of="texts", **flood_json(driving, real, random.Random(5), count, full))
    assert driving.probe.call("pamiq/pause").success
    driving.wait_state("paused")
    assert "Traceback" not in capfd.readouterr().err


def show(data):
    """Read a text as the console does; no status is a ValueError."""
    try:
        status = Status.parse(data.decode(errors="replace"))
    except ValueError:
        return
    "\n".join([*status_lines(status), *metrics_lines(status)]).encode()
