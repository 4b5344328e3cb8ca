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

"""A process that has torch imported and forks node processes, which are up seconds earlier.

A child is what `python -m MODULE ARGUMENTS` is, up to its last exit handler. Nothing of ROS is
imported before the fork: its libraries start threads, and a fork has none of them. See forked.py.
"""

import atexit
import contextlib
import faulthandler
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from pathlib import Path

IMPORTED = (
    "torch",
    "torch._dynamo",  # the first optimizer of a process imports it, for a second
    "cv2",
    "hydra",
    "numpy",
    "omegaconf",
    "safetensors.torch",
    "yaml",
    "gymnasium",
)
LONGEST_REQUEST = 2**20


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the test process is its end
    for name in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is there now is not looked through, and so not copied, by the children
    request = serve(control)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    given = request["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:1] = [request["folder"], *(path for path in given if path and path not in sys.path)]
    sys.argv[1:] = request["arguments"]
    # What `top` and `ps -c` show; the command line stays the server's.
    Path("/proc/self/comm").write_text(request["module"].rpartition(".")[2])
    status = [1]
    atexit.register(leave, status)  # the first one is called last
    faulthandler.register(signal.SIGUSR1)  # a test that waited in vain shows where it is
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        status[0] = 0
    except SystemExit as end:
        status[0] = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def leave(status):
    """End without taking torch apart, piece by piece, for a second."""
    gc.collect()  # what cycles hold of ROS lets go of its shared memory
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status[0])


def serve(control):
    """Fork for each request, and tell how children ended; comes back in the children alone."""
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is not control:
                pid, teller = key.data
                _, status = os.waitpid(pid, 0)
                with contextlib.suppress(OSError):  # it is not waited for any more
                    teller.send(str(os.waitstatus_to_exitcode(status)).encode())
                teller.close()
                selector.unregister(key.fd)
                os.close(key.fd)
                continue
            data, files, _, _ = socket.recv_fds(control, LONGEST_REQUEST, 3)
            children = [k for k in selector.get_map().values() if k.data]
            if not data:
                for child in children:
                    os.kill(child.data[0], signal.SIGKILL)
                sys.exit()
            teller, *streams = files
            pid = os.fork()
            if pid == 0:
                become_child(streams, [teller, control.detach()], selector, children)
                return json.loads(data)
            for stream in streams:
                os.close(stream)
            teller = socket.socket(fileno=teller)
            teller.send(str(pid).encode())
            selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, teller))


def become_child(streams, own, selector, others):
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
    for child in others:
        os.close(child.fd)
        child.data[1].close()
    selector.close()
    for file in (*streams, *own):
        os.close(file)


if __name__ == "__main__":
    main()
