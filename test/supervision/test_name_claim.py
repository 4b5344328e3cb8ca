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

"""Of the processes of one host, one has a name, until it ends."""

import os
import subprocess
import sys

import pytest

from pamiq_ros.supervision.claims import NameClaim, NameTakenError

HOLD = """
import sys
from pamiq_ros.supervision.claims import NameClaim
claim = NameClaim(sys.argv[1], 7)
claim.take()
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def name():
    return f"/test_{os.getpid()}/pamiq_control"


@pytest.fixture
def holder(name):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "taken\n"
        yield process
        process.kill()


def test_a_name_is_taken_once_until_its_process_dies(name, holder):
    claim = NameClaim(name, 7)
    expected = f"expected no other {name} on ROS domain 7, found process {holder.pid} of user"
    assert claim.holder().startswith(expected)
    with pytest.raises(NameTakenError, match=f"process {holder.pid} of user"):
        claim.take()
    holder.kill()
    holder.wait()
    assert claim.holder() == ""
    claim.take()
    assert f"process {os.getpid()} of user" in NameClaim(name, 7).holder()
    claim.release()


def test_other_names_and_domains_are_other_claims(name):
    claims = [NameClaim(name, 7), NameClaim(name, 8), NameClaim(f"{name}_2", 7)]
    for claim in claims:
        claim.take()
        claim.take()
    for claim in claims:
        claim.release()


def test_however_many_ask_who_has_a_name_it_stays_taken(name, holder):
    claim = NameClaim(name, 7)
    asked = {claim.holder() for _ in range(6000)}  # more than connections can wait
    assert all("it has the robot" in text for text in asked)
    with pytest.raises(NameTakenError):
        claim.take()


def test_a_name_longer_than_a_sockets_is_one_too(name):
    claim = NameClaim(f"/{'n' * 250}{name}", 7)
    claim.take()
    assert NameClaim(f"/{'n' * 250}{name}", 7).holder()
    claim.release()
