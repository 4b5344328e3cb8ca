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

"""Histogram, metric series and error log: what the report is made of."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.nodes.metrics_publisher import MetricSeries
from pamiq_ros.runtime.errors import ErrorLog
from pamiq_ros.runtime.histogram import RECENT_S, Histogram, RecentHistogram


@given(st.lists(st.floats(2e-6, 50.0), min_size=1, max_size=300), st.sampled_from([50, 90, 99]))
def test_percentiles_are_right_within_one_percent(values, percent):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = float(np.percentile(values, percent, method="inverted_cdf"))
    assert exact * 0.98 <= histogram.percentile(percent) <= exact * 1.02


def test_empty_and_extreme_durations():
    histogram = Histogram()
    assert histogram.milliseconds(50, 99, maximum=True) == {"p50": 0.0, "p99": 0.0, "max": 0.0}
    for value in (-1.0, 0.0, 1e9):
        histogram.add(value)
    assert len(histogram) == 3
    assert histogram.percentile(50) == 0.0


def test_what_is_older_than_a_minute_is_not_recent():
    now = 0.0
    histogram = RecentHistogram(lambda: now)
    for value, largest in ((8.0, 8000.0), (4.0, 8000.0), (2.0, 4000.0)):
        histogram.add(value)
        assert histogram.recent().milliseconds(maximum=True) == {"max": largest}
        now += RECENT_S + 0.1
    histogram.add(1.0)
    assert histogram.recent().milliseconds(maximum=True) == {"max": 2000.0}
    assert len(histogram.recent()) == 2 and len(histogram) == 4
    now += 3 * RECENT_S
    histogram.add(0.5)
    assert histogram.recent().milliseconds(maximum=True) == {"max": 500.0}


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=200))
def test_tenths_are_the_means_of_the_first_and_last_tenth(values):
    series = MetricSeries()
    for value in values:
        series.add(value)
    tenth = max(1, len(values) // 10)
    tenths = series.tenths()
    assert math.isclose(tenths["first"], math.fsum(values[:tenth]) / tenth, abs_tol=1e-9)
    assert math.isclose(tenths["last"], math.fsum(values[-tenth:]) / tenth, abs_tol=1e-9)
    assert series.newest == values[-1]


def test_a_long_series_stays_bounded_and_keeps_its_tenths():
    series = MetricSeries()
    total = 100_000
    for index in range(total):
        series.add(float(index))
    assert len(series._means) < 2048
    tenths = series.tenths()
    assert abs(tenths["first"] - total * 0.05) < total * 0.01
    assert abs(tenths["last"] - total * 0.95) < total * 0.01


def test_errors_are_counted_bounded_and_logged_once_a_second():
    logged = []
    errors = ErrorLog(logged.append)
    for _ in range(5):
        errors.add("camera is stale")
    assert errors.texts() == ["camera is stale (5 times)"]
    assert logged == ["camera is stale"]
    for index in range(100):
        errors.add(f"error {index}")
    assert len(errors.texts()) == 32
    assert errors.last() == "error 99"


def test_each_error_has_the_age_of_its_last_time():
    now = [0.0]
    errors = ErrorLog(clock=lambda: now[0])
    errors.add("camera is stale")
    now[0] = 50.0
    errors.add("agent raised")
    now[0] = 60.0
    errors.add("camera is stale")
    now[0] = 65.0
    assert errors.aged() == [("agent raised", 15.0), ("camera is stale (2 times)", 5.0)]


def test_an_error_as_long_as_a_book_is_cut():
    errors = ErrorLog()
    errors.add("x" * 10**6)
    assert len(errors.last()) < 10_000
