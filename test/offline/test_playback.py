"""When each message of a bag is due."""

import itertools

import pytest
from bag_files import BEGAN_NS, CAMERA, bag2

from pamiq_ros.offline.bags import Bag, BagError, Playback


@pytest.fixture
def bag(tmp_path):
    with Bag(bag2(tmp_path / "bag")) as bag:
        yield bag


def due(playback, count=100):
    return [round(s, 6) for s, _ in itertools.islice(playback.due([CAMERA]), count)]


def test_messages_are_due_as_they_came(bag):
    assert due(Playback(bag)) == [round(0.1 * n, 6) for n in range(20)]


def test_rate_start_and_end(bag):
    playback = Playback(bag, rate=2.0, start_s=0.5, end_s=1.0)
    assert due(playback) == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
    assert playback.seconds == pytest.approx(0.25)
    assert playback.time_ns(0.1) == BEGAN_NS + 700_000_000


def test_a_loop_begins_anew_and_its_time_too(bag):
    playback = Playback(bag, end_s=0.2, loop=True)
    assert due(playback, 7) == [0.0, 0.1, 0.2, 0.2, 0.3, 0.4, 0.4]
    assert playback.time_ns(0.3) == BEGAN_NS + 100_000_000


@pytest.mark.parametrize(("start", "end"), [(3.0, 0.0), (1.0, 0.5)])
def test_nothing_between_start_and_end_is_refused(bag, start, end):
    with pytest.raises(BagError, match="expected a start before the end"):
        Playback(bag, start_s=start, end_s=end)
