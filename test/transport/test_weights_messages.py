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

"""Descriptors and requests are read as they were written, or refused with the field's name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.transport.payload import DigestMismatch, PayloadError, decode, encode
from pamiq_ros.transport.weights import (
    Descriptor,
    Request,
    descriptor_of,
    encode_descriptor,
    encode_request,
    is_file_name,
    request_of,
)

FILE = "pamiq_ros-1000-" + "0f" * 16
WHERE = Descriptor("d", "learner", 7, "host", FILE, 4096, 100)
REQUEST = Request("d", "learner", 7, "elsewhere")


def test_both_are_read_as_written():
    assert descriptor_of(decode(encode_descriptor(WHERE), 4096), "d") == WHERE
    assert request_of(decode(encode_request(REQUEST), 4096), "d") == REQUEST


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", "other/1"),
        ("version", "0"),
        ("version", "07"),
        ("version", "x"),
        ("offset", "-1"),
        ("size", "0"),
        ("size", str(2**40)),
        ("file", "../secrets"),
        ("file", "pamiq_ros-1000-xyz"),
        ("file", FILE + "/.."),
        ("source", ""),
        ("host", "h" * 300),
    ],
)
def test_a_wrong_field_is_named(key, value):
    metadata = {**decode(encode_descriptor(WHERE), 4096).metadata, key: value}
    with pytest.raises(PayloadError, match=key):
        descriptor_of(decode(encode({}, metadata), 4096), "d")


@pytest.mark.parametrize("key", ["digest", "source", "version", "host", "file", "offset", "size"])
def test_a_missing_field_is_named(key):
    metadata = decode(encode_descriptor(WHERE), 4096).metadata
    del metadata[key]
    with pytest.raises(PayloadError, match=key):
        descriptor_of(decode(encode({}, metadata), 4096), "d")


def test_another_configuration_is_refused_with_both_digests():
    for data, read in (
        (encode_descriptor(WHERE), descriptor_of),
        (encode_request(REQUEST), request_of),
    ):
        with pytest.raises(DigestMismatch, match=r"'ours'.*'d'"):
            read(decode(data, 4096), "ours")


@given(st.text())
def test_no_path_is_a_name_of_ours(name):
    assert not is_file_name(name) or (name.startswith("pamiq_ros-") and "/" not in name)
