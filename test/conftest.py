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

"""Fixtures for all tests; nothing here needs ROS before a test asks for it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ros_helpers import Ros

# Tests run side by side: with more threads than CPUs they would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

HEAVY = ("test_style.py", "test_soak.py", "test_demo.py")
ROBOTS = (*HEAVY, "/distributions/", "/integration/", "/faults/")
"""Parts of the names of files whose nodes drive in real time, and of those that want whole CPUs."""
LONGEST_OTHERS = ("test_benchmarks.py", "test_cli_run.py", "/cli/")
BESIDE = pytest.StashKey[str]()
"""Name of the worker that runs no robots."""
_CRASHED = "???"  # pytest-xdist's phase of a test whose worker died

# Whether a machine is busy says nothing about what is tested.
with contextlib.suppress(ImportError):
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the fault tests, see `test/faults/conftest.py`."""
    group = parser.getgroup("faults")
    group.addoption("--full", action="store_true", help="cause faults as often as the docs say")
    group.addoption("--figures", default="", help="file for what fault tests measure, JSON lines")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Several tests at a time where pytest-xdist is installed and all of them are run.

    One worker for each CPU: with more robots than CPUs, nodes are held up and robots are stopped
    for it. One more runs the tests without robots while those wait. `-n 0` is one test at a time.
    """
    option = config.option
    everything = config.args == config.getini("testpaths") and not option.full
    chosen = getattr(option, "numprocesses", 0) is not None or option.usepdb
    if everything and not chosen and not hasattr(config, "workerinput"):
        robots = max(2, os.cpu_count() or 1)
        option.numprocesses = robots + 1
        config.stash[BESIDE] = f"gw{robots}"
        option.dist = "loadfile"
        option.loadscopereorder = False
        option.maxworkerrestart = "0"


def pytest_configure() -> None:
    """Have programs that tests start hear interrupts and hang-ups.

    Where the tests run in a shell's background or by nohup these are ignored, and a child would
    inherit that. What is caught instead is the default again in the child.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files with robots first, and the longest others last.

    Workers begin with those, from both ends, so that none is left with a long one at the end.
    """

    def place(item: pytest.Item) -> tuple[list[bool], list[bool]]:
        name = item.nodeid
        return [part not in name for part in ROBOTS], [part in name for part in LONGEST_OTHERS]

    if hasattr(config, "workerinput"):
        items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file's tests go to one worker, as they share graphs; so do those that want whole CPUs."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "heavy" if file.endswith(HEAVY) else file

        def _assign_work_unit(self, node: Any) -> None:
            if node.gateway.id == config.stash.get(BESIDE, ""):
                last = next(reversed(self.workqueue))
                if last == "heavy" or any(part in last for part in ROBOTS):
                    node.shutdown()  # the rest is for the others
                    return
                self.workqueue.move_to_end(last, last=False)
            super()._assign_work_unit(node)

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """End the run at once when a worker has died; the others' tests are not waited for."""
    if report.when == _CRASHED:
        pytest.exit(str(report.longrepr), returncode=pytest.ExitCode.TESTS_FAILED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """A worker that dies between two tests fails the run too."""
    if error:
        node.config.pluginmanager.getplugin("dsession").shouldstop = f"{node.gateway.id} died"


@pytest.hookimpl(hookwrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, None]:
    """What workers report is sent as UTF-8, which texts of failures are not always."""
    outcome = yield
    outcome.force_result(_sendable(outcome.get_result()))


def _sendable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sendable(content) for name, content in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_sendable(content) for content in value)
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


@pytest.fixture
def ros() -> Iterator[Ros]:
    """ROS on a domain of its own; skips where rclpy is not installed."""
    pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
    from ros_helpers import ros_domain

    with ros_domain() as domain:
        yield domain


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads take the interpreter from each other fifty times as often as by default.

    They meet at more places, and one that only spins does not keep the others waiting.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)
