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

"""How a stand-in behaves: STAND_IN is a JSON object of roles and behaviours."""

import ctypes
import json
import os
import signal
import sys
import time


def behaviour(role):
    """The role's behaviour; 'well' when nothing is said about it."""
    return json.loads(os.environ.get("STAND_IN", "{}")).get(role, "well")


def die_with_parent():
    """Ask for SIGTERM at the parent's death, as the real nodes do."""
    assert os.environ["PAMIQ_ROS_DIE_WITH_PARENT"] == str(os.getppid())
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def say(text):
    """Write a line to the log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def on_sigterm(what):
    """A list that gets longer by each SIGTERM, unless it is deaf to them.

    No Event: when a parent of several threads dies they come several at a time, and a second one
    would wait for the lock that is held to tell of the first.
    """
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: what != "deaf" and ended.append(True))
    return ended


def be(role):
    """Be a node that is no control node, until SIGTERM."""
    die_with_parent()
    what = behaviour(role)
    ended = on_sigterm(what)
    say(f"{role} is up")
    if what == "dies":
        say("RuntimeError: no wheels")
        sys.exit(1)
    if what == "refuses":
        say(f"[ERROR] [1.0] [pamiq_{role}]: wheels: expected 4, found 3")
        sys.exit(2)
    if what == "warns":
        say(f"[WARN] [1.0] [pamiq_{role}]: low on wheels")
    while not ended:
        time.sleep(0.1)
