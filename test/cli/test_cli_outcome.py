"""The exit status: 0 only when all went well, and one line that says why otherwise."""

import pytest

from pamiq_ros.cli.outcome import Cause, Ending, judge
from pamiq_ros.cli.status import Status

WELL = {"state": "shutdown", "report": {"errors": []}}
ERRORS = {"state": "shutdown", "report": {"errors": ["a", "encoding 'x' can't be converted"]}}


@pytest.mark.parametrize("cause", [Cause.ASKED, Cause.DURATION, Cause.GRAPH])
def test_an_orderly_end_is_0(cause):
    assert judge(Ending(cause, "any"), Status(WELL), [], []) == (0, "")


@pytest.mark.parametrize(
    ("cause", "content", "killed", "failures", "expected", "why"),
    [
        (Cause.CONFIGURATION, WELL, [], [], 2, "no such system"),
        (Cause.FAILURE, WELL, [], [], 1, "no such system"),
        (Cause.ASKED, WELL, ["pamiq_training"], [], 1, "pamiq_training had to be killed"),
        (Cause.ASKED, WELL, [], ["it died of signal 11"], 1, "it died of signal 11"),
        (Cause.ASKED, None, [], [], 1, "before the control node said anything"),
        (Cause.DURATION, {"state": "active"}, [], [], 1, "found 'active'"),
        (Cause.DURATION, ERRORS, [], [], 1, "2 errors, the newest: encoding 'x'"),
    ],
)
def test_anything_else_is_told(cause, content, killed, failures, expected, why):
    status = None if content is None else Status(content)
    code, text = judge(Ending(cause, "no such system"), status, killed, failures)
    assert code == expected
    assert why in text
