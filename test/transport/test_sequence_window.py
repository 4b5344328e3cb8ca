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

"""New, doubled and missing sequence numbers are told apart whatever order they come in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.transport.experience_receiver import FARTHEST, REMEMBERED, SequenceWindow


def test_numbers_in_order_are_new_and_none_is_lost():
    window = SequenceWindow()
    assert [window.add(0, 3), window.add(3, 2)] == [[(0, 3)], [(3, 5)]]
    assert window.lost == 0


def test_the_first_number_seen_starts_the_count():
    window = SequenceWindow()
    assert window.add(1000, 3) == [(1000, 1003)]
    assert window.lost == 0


def test_a_gap_is_lost_until_it_is_filled():
    window = SequenceWindow()
    window.add(0, 3)
    assert window.add(10, 2) == [(10, 12)]
    assert window.lost == 7
    assert window.add(5, 2) == [(5, 7)]
    assert window.lost == 5
    assert window.add(0, 12) == [(3, 5), (7, 10)]
    assert window.lost == 0


def test_only_the_new_part_of_an_overlap_is_new():
    window = SequenceWindow()
    window.add(0, 4)
    assert window.add(2, 4) == [(4, 6)]
    assert window.add(2, 4) == []


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8)), max_size=20))
def test_the_parts_that_came_make_the_same_window_anew(batches):
    window, anew = SequenceWindow(), SequenceWindow()
    for first, count in batches:
        window.add(first, count)
    for begin, end in window.ranges():
        anew.add(begin, end - begin)
    assert anew.ranges() == window.ranges()
    assert anew.lost == window.lost
    assert anew.add(0, 100) == window.add(0, 100)


def test_numbers_before_the_first_seen_are_new():
    window = SequenceWindow()
    window.add(10, 2)
    assert window.add(4, 3) == [(4, 7)]
    assert window.lost == 3
    assert window.add(6, 5) == [(7, 10)]
    assert window.lost == 0


def test_gaps_beyond_the_limit_stay_lost():
    window = SequenceWindow(most_gaps=2)
    for first in (0, 10, 20, 30):
        window.add(first, 1)
    assert window.lost == 27
    assert window.add(5, 1) == []  # the oldest gap is given up
    assert window.add(25, 1) == [(25, 26)]
    assert window.lost == 26


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), min_size=1, max_size=30),
    st.integers(2**50, 2**50) | st.just(0),
)
def test_it_agrees_with_a_plain_set_of_numbers(batches, offset):
    window, seen = SequenceWindow(), set()
    for first, count in batches:
        numbers = set(range(first + offset, first + offset + count))
        parts = window.add(first + offset, count)
        assert parts == sorted(parts)
        new = [number for begin, end in parts for number in range(begin, end)]
        assert len(new) == len(set(new))
        assert set(new) == numbers - seen
        seen |= numbers
        assert window.lost == max(seen) - min(seen) + 1 - len(seen)


@pytest.mark.parametrize("forged", [2**62 - 1, 2**40, 3 * FARTHEST])
def test_numbers_that_were_made_up_hide_none_of_those_that_follow(forged):
    window = SequenceWindow()
    window.add(0, 10)
    for number in range(300):  # more than there are gaps to remember
        window.add(forged - 2 * number, 1)
        window.add(forged - 2 * FARTHEST + 2 * number, 1)
    assert [window.add(10 + number, 1) for number in range(5)] == [
        [(10 + number, 11 + number)] for number in range(5)
    ]
    assert window.end == 15
    assert window.lost < 2**60, "a report has no room for more"


def test_made_up_numbers_in_a_row_hide_no_more_than_what_is_remembered():
    window = SequenceWindow()
    window.add(0, 10)
    for first in range(10, 5 * REMEMBERED, FARTHEST):
        window.add(first, FARTHEST)
    assert [window.add(10, 1), window.add(11, 3)] == [[(10, 11)], [(11, 14)]]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), min_size=1, max_size=20))
def test_what_is_forgotten_leaves_parts_that_are_in_order(batches):
    window = SequenceWindow()
    step = REMEMBERED // 20
    for first, count in batches:
        window.add(first * step, count * step)
        parts = window.ranges()
        assert all(begin < end for begin, end in parts)
        assert all(end < begin for (_, end), (begin, _) in pairwise(parts))
        assert parts[-1][1] == window.end and window.lost >= 0


def test_a_long_silence_is_counted_as_lost():
    window = SequenceWindow()
    window.add(0, 10)
    assert window.add(10**7, 2) == [(10**7, 10**7 + 2)]
    assert window.lost == 10**7 - 10
    assert window.add(10**7 + 2, 1) == [(10**7 + 2, 10**7 + 3)]


@pytest.mark.parametrize("most_gaps", [0, 1, 3])
@given(batches=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 5)), max_size=30))
def test_nothing_is_new_twice_with_few_gaps(most_gaps, batches):
    window, seen = SequenceWindow(most_gaps), set()
    for first, count in batches:
        for begin, end in window.add(first, count):
            assert seen.isdisjoint(range(begin, end))
            seen |= set(range(begin, end))
        assert window.lost == max(seen) - min(seen) + 1 - len(seen)
