"""A bell wakes the thread that waits, and is not missed by one that is about to."""

import threading

from pamiq_ros.transport.step_queue import WakeUp

DEADLINE = 20.0


def test_a_ring_before_the_wait_counts_once():
    bell = WakeUp()
    bell.ring()
    bell.ring()
    bell.wait(DEADLINE)
    ended = threading.Event()
    waiting = threading.Thread(target=lambda: (bell.wait(), ended.set()))
    waiting.start()
    assert not ended.is_set()
    bell.ring()
    assert ended.wait(DEADLINE)
    waiting.join(DEADLINE)


def test_without_a_ring_the_wait_ends_in_time():
    WakeUp().wait(0.0)
    WakeUp().wait(0.001)


def test_many_may_ring_at_once():
    bell = WakeUp()
    rung = [0]

    def ring():
        for _ in range(2000):
            bell.ring()
            rung[0] += 1

    threads = [threading.Thread(target=ring) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        bell.wait(0.01)
    bell.ring()
    bell.wait(DEADLINE)
