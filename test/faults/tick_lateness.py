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

"""How late each tick was, by the stamps of its step, and what the machine's host took meanwhile."""

from bisect import bisect_left, bisect_right
from pathlib import Path
from statistics import median

AROUND_NS = 100_000_000


def lateness_ms(stamps, rate):
    """How long after the moment that most ticks of these keep to each of them acted, in ms.

    Args:
        stamps: When each step was collected, in ns; one for each tick, of some seconds.
        rate: Ticks per second in Hz.
    """
    period, first = 1e9 / rate, stamps[0]
    phase = median((stamp - first + period / 2) % period - period / 2 for stamp in stamps)
    found, due = [], -1
    for stamp in stamps:
        due += 1
        late = stamp - first - phase - due * period
        found.append(late / 1e6)
        due = max(due, int((stamp - first - phase) // period))  # skipped ones are not made up for
    return found


class StolenTime:
    """What the host gave to others while this virtual machine wanted to run (proc(5), steal)."""

    def __init__(self):
        self._times, self._readings = [], []

    def read(self, now_ns):
        """Read it, often: a reading tells of the time since the one before."""
        first_line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
        self._times.append(now_ns)
        self._readings.append(int(first_line.split()[8]) * 10)

    def between(self, begin_ns, end_ns):
        """How many ms were stolen from about `begin_ns` to `end_ns`."""
        first = max(0, bisect_right(self._times, begin_ns) - 1)
        last = min(len(self._times) - 1, bisect_left(self._times, end_ns))
        return self._readings[last] - self._readings[first]

    def around(self, stamp_ns):
        """How many ms were stolen shortly before and after a moment."""
        return self.between(stamp_ns - AROUND_NS, stamp_ns + AROUND_NS)
