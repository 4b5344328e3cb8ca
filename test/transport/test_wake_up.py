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

"""WakeUp wakes the thread that waits, and also one that starts to wait afterwards."""

import threading

from pamiq_ros.transport.experience_sender import WakeUp

DEADLINE = 20.0


def test_a_wake_up_before_the_wait_counts_once():
    wake_up = WakeUp()
    wake_up.wake()
    wake_up.wake()
    wake_up.wait(DEADLINE)
    ended = threading.Event()
    waiting = threading.Thread(target=lambda: (wake_up.wait(), ended.set()))
    waiting.start()
    assert not ended.is_set()
    wake_up.wake()
    assert ended.wait(DEADLINE)
    waiting.join(DEADLINE)


def test_without_a_wake_up_the_wait_ends_in_time():
    WakeUp().wait(0.0)
    WakeUp().wait(0.001)


def test_many_may_wake_at_once():
    wake_up = WakeUp()
    woken = [0]

    def wake():
        for _ in range(2000):
            wake_up.wake()
            woken[0] += 1

    threads = [threading.Thread(target=wake) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        wake_up.wait(0.01)
    wake_up.wake()
    wake_up.wait(DEADLINE)
