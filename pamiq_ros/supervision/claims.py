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

"""Claims: one control node, and one system that drives a robot, on this host and on others.

ROS lets several nodes of one name run side by side; both would command the robot. The claim is a
listening socket in Linux's abstract namespace (unix(7)): two processes can't bind one name, and the
kernel releases it when the process ends, however that happens. Needs no ROS.

On one host `name_claim.py` lets one start. Control nodes of several hosts, or of containers with
networks of their own, know each other by `pamiq/status`. Each compares the same two ranks, so
exactly one of two continues. Whose robot has been driven already wins over a newcomer.
"""

from __future__ import annotations

import contextlib
import hashlib
import pwd
import socket
import struct
import sys
from typing import Any

from .reports import unseal


class NameTakenError(OSError):
    """Another process on this host has the name."""


class NameClaim:
    """The right of one process to be a node; on other systems than Linux nobody is refused.

    Args:
        name: The node's name with its namespace, such as `/robot1/pamiq_control`.
        domain: The `ROS_DOMAIN_ID`.
    """

    def __init__(self, name: str, domain: int) -> None:
        self._name, self._domain = name, domain
        # A socket's name holds 107 bytes, less than a namespace may have.
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._address = f"\0pamiq_ros/{domain}/{digest}"
        self._socket: socket.socket | None = None

    def take(self) -> None:
        """Claim the name for this process; no effect where this claim has it already.

        Raises:
            NameTakenError: Another one has it; names its process.
        """
        if self._socket is not None or sys.platform != "linux":
            return
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(self._address)
            claim.listen(socket.SOMAXCONN)
        except OSError:
            claim.close()
            raise NameTakenError(self.holder() or f"{self._name} was just started twice") from None
        self._socket = claim

    def release(self) -> None:
        """Let others have the name."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def holder(self) -> str:
        """Who has the name, as an error message says it; empty where nobody has."""
        if sys.platform != "linux":
            return ""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(self._address)
                who = _peer(probe)
            except BlockingIOError:  # more connections wait than it may have
                who = "a process"
            except OSError:
                return ""
        return taken_by(who, self._name, self._domain)


def taken_by(who: str, name: str, domain: int) -> str:
    """Say that another process has a node's name, and with it the robot.

    Args:
        who: The other process.
        name: The node's name with its namespace.
        domain: The `ROS_DOMAIN_ID`.
    """
    return (
        f"expected no other {name} on ROS domain {domain}, found {who}: it has the robot; end it, "
        "or choose another --namespace or ROS_DOMAIN_ID"
    )


def _peer(connected: socket.socket) -> str:
    # struct ucred of unix(7); the process id is 0 where it is of another container.
    size = struct.calcsize("3i")
    ucred = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, user, _ = struct.unpack("3i", ucred)
    owner = str(user)
    with contextlib.suppress(KeyError):
        owner = pwd.getpwuid(user).pw_name
    return f"process {pid} of user {owner}" if pid else f"one of user {owner}"


_ENDED = ("stopping", "shutdown")


class Rivals:
    """Compares this control node with each one whose status it receives.

    Args:
        control: The identifier of this control node in its statuses.
        began_ns: When it started, in ns since 1970.

    Attributes:
        driven: Whether its robot has been driven.
        winner: What has the robot in place of this node; empty while this one has it.
    """

    def __init__(self, control: str, began_ns: int) -> None:
        self._control, self._began_ns = control, began_ns
        self.driven = False
        self.winner = ""

    def claim(self, host: str, pid: int) -> dict[str, Any]:
        """The entry `claim` of this node's status.

        Args:
            host: Name of its host.
            pid: Id of its process.
        """
        return {"host": host, "pid": pid, "began_ns": self._began_ns, "driven": self.driven}

    def receive(self, text: str) -> None:
        """Compare with the status of a control node; a text that is none changes nothing.

        Args:
            text: Text from any sender.
        """
        try:
            status = unseal(text)
            control, claim = status["control"], status["claim"]
            rank = not claim["driven"], int(claim["began_ns"]), str(control)
            host, pid = str(claim["host"])[:80], int(claim["pid"])
        except (ValueError, KeyError, TypeError):
            return
        own = not self.driven, self._began_ns, self._control
        if control != self._control and status.get("state") not in _ENDED and rank < own:
            self.winner = f"process {pid} on host {host}"
