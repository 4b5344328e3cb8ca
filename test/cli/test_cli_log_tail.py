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

"""Warnings and errors are picked out of a node's log as it grows."""

from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.bringup.log_tail import LogTail, Notice, notice_in

WARNING = b"[WARN] [1795226711.5] [pamiq_training]: the buffer [a] is full\n"


def test_notices_come_once_and_only_when_their_line_is_whole(tmp_path):
    path = tmp_path / "log"
    tail = LogTail(path)
    assert tail.notices() == []
    path.write_bytes(b"[INFO] [1.0] [pamiq_training]: fine\n" + WARNING + b"[ERROR] [2.0] [a]: b")
    assert tail.notices() == [Notice("WARN", "pamiq_training", "the buffer [a] is full")]
    with path.open("ab") as log:
        log.write(b"ad\nTraceback\n")
    assert tail.notices() == [Notice("ERROR", "a", "bad")]
    assert tail.notices() == []


def test_the_last_words_are_the_last_error_else_the_last_line_of_no_log(tmp_path):
    path = tmp_path / "log"
    assert LogTail(path).last_words() == ""
    path.write_bytes(b"[INFO] [1.0] [a]: all is well\n")
    assert LogTail(path).last_words() == ""
    path.write_bytes(b"starting\nRuntimeError: no wheels\n\n")
    assert LogTail(path).last_words() == "RuntimeError: no wheels"
    path.write_bytes(b"[ERROR] [2.0] [a]: wheels: expected 4, found 3\n" + WARNING + b"bye\n")
    assert LogTail(path).last_words() == "wheels: expected 4, found 3"
    path.write_bytes(b"[FATAL] [2.0] [a]: failed:\nTraceback\n  a\nOSError: no wheels\n" + WARNING)
    assert LogTail(path).last_words() == "failed: OSError: no wheels"


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_can_be_a_log(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("log") / "log"
    tail = LogTail(path)
    for piece in pieces:
        with path.open("ab") as log:
            log.write(piece)
        tail.notices()
    tail.last_words()


@given(st.text())
def test_any_line_can_be_looked_at(line):
    notice = notice_in(line)
    assert notice is None or notice.level in line
