"""What nodes say in lockstep comes back as it was, and nothing else is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.supervision.lockstep import Acted, Step, Trained, from_text, to_text
from pamiq_ros.supervision.sealed import seal

COUNT = st.integers(0, 2**62)
COUNTS = st.dictionaries(st.text(max_size=20), COUNT, max_size=4)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COMMANDS = st.dictionaries(
    st.text(max_size=20), st.dictionaries(st.text(max_size=9), NUMBERS, max_size=4), max_size=3
)
MESSAGES = st.one_of(
    st.builds(Step, COUNT, COUNT, COUNTS, COUNTS, st.integers(0, 1)),
    st.builds(Acted, COUNT, COUNTS, COUNT, st.text(max_size=20), COMMANDS),
    st.builds(Trained, COUNT, COUNTS, COUNT, COUNT, st.integers(0, 1)),
)


@given(MESSAGES)
def test_messages_come_back_as_they_were(message):
    assert from_text(type(message), to_text(message)) == message


@given(MESSAGES, st.integers(0, 10**6), st.characters())
def test_a_changed_text_is_refused(message, where, character):
    text = to_text(message)
    where %= len(text)
    changed = text[:where] + character + text[where + 1 :]
    if changed != text:
        with pytest.raises(ValueError):
            from_text(type(message), changed)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"number": -1}, "number: expected a number from"),
        ({"number": True}, "number"),
        ({"weights": {"policy": 1.5}}, "weights.policy"),
        ({"weights": []}, "weights: expected counts by"),
        ({"updates": None}, "updates: .* found 'None'"),
    ],
)
def test_what_is_no_message_is_named(change, expected):
    content = {"number": 1, "weights": {}, "updates": 0, "every": 1, "beside": 0, **change}
    with pytest.raises(ValueError, match=expected):
        from_text(Trained, seal(content))


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ([], "commands: expected commands by topic"),
        ({"/cmd_vel": [1.0]}, "commands: expected commands by topic"),
        ({"/cmd_vel": {"linear.x": "1"}}, "commands./cmd_vel.linear.x: expected a finite number"),
        ({"/cmd_vel": {"linear.x": True}}, "commands./cmd_vel.linear.x"),
    ],
)
def test_what_is_no_command_is_named(commands, expected):
    content = {"number": 1, "sent": {}, "period_ns": 1, "trigger": "", "commands": commands}
    with pytest.raises(ValueError, match=expected):
        from_text(Acted, seal(content))
