"""LockstepWorld: the thread of a world whose time goes by in steps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from pamiq_ros.supervision.lockstep import Acted

from .lockstep_driver import LockstepDriver, LockstepError
from .system_ready import SystemReady

BEGINS_NS = 10**15
"""The time of the first step: the same in each run, and no time of today."""

_ALIKE = 1e-3


class LockstepWorld:
    """Steps a world, and has the nodes tick at their own rate in its time.

    Attributes:
        now_ns: The time, in ns since 1970.
        error: Why it ended by itself; empty if it did not, or was asked to.
    """

    def __init__(
        self,
        node: Node,
        step: Callable[[], Sequence[str]],
        hold: Callable[[Acted], object],
        period_ns: int,
        steps: int,
        learner: str,
        on_end: Callable[[], object],
    ) -> None:
        """Begin, in a thread.

        Args:
            node: The world's node.
            step: Steps the world and publishes what it shows; gives the topics' full names.
            hold: Takes the commands of a tick, which last until the next one.
            period_ns: Time from step to step of the world.
            steps: Ticks after which to end; 0: without end.
            learner: Name of the training node, whose turns are part of a step.
            on_end: Called at the end, unless it was stopped.
        """
        self.now_ns, self.error = BEGINS_NS, ""
        self._node, self._step, self._hold = node, step, hold
        self._period_ns, self._steps, self._learner = period_ns, steps, learner
        self._on_end = on_end
        self._time = node.create_publisher(Clock, "/clock", 10)
        self._ready = SystemReady(node)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="world", daemon=True)
        self._thread.start()

    def stop(self) -> bool:
        """End; False if the world's step did not end in time."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join(1.0)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            # What the nodes observe has to be there before they are asked to act on it.
            self._ready.wait(lambda: self._tell(self.now_ns), self._stopped.is_set)
            driver = LockstepDriver(
                self._node,
                self._tell,
                self._stopped.is_set,
                self._ready.has_node(self._learner),
                lambda: self._ready.active,
            )
            ticks = driver.begin(BEGINS_NS)
            self._compare(ticks)
            driver.follow(ticks, BEGINS_NS, self._moments(), self._hold, self._steps)
            self._node.get_logger().info(f"{driver.steps} steps")
        except LockstepError as error:
            self.error = str(error)
        if not self._stopped.is_set():
            self._on_end()

    def _compare(self, ticks: Acted) -> None:
        steps = ticks.period_ns / self._period_ns
        if not ticks.trigger and (abs(steps - round(steps)) > _ALIKE or steps < 1.0 - _ALIKE):
            self._node.get_logger().warning(
                f"{1e9 / self._period_ns:g} steps and {1e9 / ticks.period_ns:g} ticks a second: "
                "some ticks see no new step; give the system the world's rate, or a part of it"
            )

    def _moments(self) -> Iterator[tuple[int, Callable[[], Sequence[str]]]]:
        number = 0
        while True:
            time_ns = BEGINS_NS + number * self._period_ns
            yield time_ns, partial(self._go_on, time_ns)
            number += 1

    def _go_on(self, time_ns: int) -> Sequence[str]:
        self.now_ns = time_ns
        return self._step()

    def _tell(self, time_ns: int) -> None:
        self.now_ns = time_ns
        now: Any = Clock()
        now.clock.sec, now.clock.nanosec = divmod(time_ns, 1_000_000_000)
        self._time.publish(now)
