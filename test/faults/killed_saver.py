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

"""Processes that save and are killed: forked from one that has imported all, in moments."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter

import torch
from saving_learner import KEPT, STEPS, SavingLearner

from pamiq_ros.checkpoints.store import is_state_id

FORKING = multiprocessing.get_context("forkserver")
# An optimizer imports the latter at its first step, which takes seconds.
FORKING.set_forkserver_preload(["saving_learner", "torch._dynamo"])

EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.scandir")


class KilledSaver:
    """A process that saves states in a folder, see `save_until_killed`.

    Attributes:
        told: Ids of the states it said are saved.
    """

    def __init__(self, folder, deadly_event=0):
        self.told = []
        self._hears, tells = FORKING.Pipe(duplex=False)
        arguments = (folder, tells, deadly_event)
        self._process = FORKING.Process(target=save_until_killed, args=arguments, daemon=True)
        self._process.start()
        tells.close()

    def wait_saved(self):
        """Wait until it says that a state is saved."""
        assert self._hears.poll(60.0), "no state was saved"
        self.told.append(self._hears.recv())

    def kill(self):
        """Kill it, if it lives; gives whether it was killed, by this or by itself."""
        self._process.kill()
        return self.wait_killed()

    def wait_killed(self):
        """Wait for its end; gives whether it was killed."""
        try:
            while True:
                self.told.append(self._hears.recv())
        except EOFError:
            self._process.join(60.0)
        return self._process.exitcode == -9


def save_until_killed(folder, told, deadly_event=0):
    """Take up the newest state, then learn and save until the end comes from outside.

    Args:
        folder: Of the states.
        told: Gets the id of each state once it is saved.
        deadly_event: Instead: the process kills itself when saving gets to the file system for the
            so-maniest time; if it does not, it ends.
    """
    torch.set_num_threads(1)
    saving = SavingLearner(folder)
    if not saving.found:
        saving.receive(STEPS // 2)
    saving.learner.start()
    saver = saving.saver()
    if deadly_event:
        _die_at(deadly_event)
    while True:
        saving.receive()
        told.send(saver.request().result(60.0).name)
        if deadly_event:
            os._exit(0)


def _die_at(deadly_event):
    left = deadly_event

    def count(event, arguments):
        nonlocal left
        if event in EVENTS and threading.current_thread().name == "saver":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def phase(folder):
    """What a process was at when it was killed, by what it left."""
    left = {path.suffix: path for path in folder.iterdir() if not is_state_id(path.name)}
    if ".removed" in left:
        return "removing"
    if ".partial" in left:
        return "syncing" if (left[".partial"] / "manifest.json").exists() else "writing"
    states = sum(is_state_id(path.name) for path in folder.iterdir())
    return "renamed" if states > KEPT else "between"


def phases(found):
    """How many kills were in each phase, as figures."""
    return {f"killed_while_{name}": count for name, count in sorted(Counter(found).items())}
