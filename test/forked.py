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

"""Node processes that need not import torch, by the process of fork_server.py."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO

SERVER = Path(__file__).with_name("fork_server.py")


class ForkedProcess:
    """What `subprocess.Popen` is for `python -m MODULE ARGUMENTS`, as far as tests need it."""

    def __init__(
        self,
        module: str,
        arguments: tuple[str, ...],
        env: Mapping[str, str],
        stderr: IO[str] | None = None,
    ) -> None:
        self._stderr = stderr
        self.args = [sys.executable, "-m", module, *arguments]
        self.returncode: int | None = None
        request = {
            "module": module,
            "arguments": arguments,
            "environment": dict(env),
            "folder": os.getcwd(),  # noqa: PTH109
        }
        # The end of it is told at this socket, where `Popen` would ask the kernel.
        self._told, told = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with told:
            files = [told.fileno(), 1, stderr.fileno() if stderr else 2]
            socket.send_fds(_server(), [json.dumps(request).encode()], files)
        self.pid = self._hear()

    def _hear(self) -> int:
        text = self._told.recv(32)
        if not text:
            raise RuntimeError("the process that forks nodes has died")
        return int(text)

    def poll(self) -> int | None:
        """The exit status, minus the signal's number if one killed it; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = self._hear()
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from None
            self._told.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for the end; gives "", and what it wrote to a `stderr` of its own."""
        self.wait(timeout)
        if self._stderr is None:
            return "", ""
        self._stderr.seek(0)
        return "", self._stderr.read()

    def send_signal(self, number: int) -> None:
        """Send a signal if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> socket.socket:
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        # BLAS too would start threads.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, str(SERVER), str(theirs.fileno())]
        server = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])

    def end() -> None:
        control.close()
        server.wait()

    atexit.register(end)
    return control
