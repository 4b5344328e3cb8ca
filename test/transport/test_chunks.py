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

"""Chunks make one whole version, whatever order and company they come in."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pamiq_ros.transport.chunks import ChunkAssembler, chunk_count, split_weights
from pamiq_ros.transport.payload import DigestMismatch, PayloadError, decode, encode
from pamiq_ros.transport.weights import Weights, encode_weights

SIZE = 100


def chunks(version, source="a", digest="d1", size=SIZE, values=200):
    parameters = {"w": torch.full((values,), float(version)), "b": torch.arange(5)}
    encoded = encode_weights(Weights(digest, source, version, 1, parameters))
    made = list(
        split_weights(encoded, digest=digest, source=source, version=version, chunk_bytes=size)
    )
    assert len(made) == chunk_count(len(encoded), size)
    return made


def add_all(assembler, data):
    return [weights for chunk in data if (weights := assembler.add(chunk)) is not None]


def is_whole(weights):
    return bool((weights.parameters["w"] == float(weights.version)).all())


@given(st.permutations(range(len(chunks(1)))))
@settings(deadline=None, max_examples=30)
def test_any_order_makes_the_version(order):
    made = chunks(1)
    assembler = ChunkAssembler("d1")
    got = [assembler.add(made[i]) for i in order]
    assert [weights is not None for weights in got] == [False] * (len(made) - 1) + [True]
    assert is_whole(got[-1])
    assert torch.equal(got[-1].parameters["b"], torch.arange(5))


def test_the_last_chunk_may_be_the_only_one():
    assert is_whole(ChunkAssembler("d1").add(*chunks(4, size=2**20)))


def test_doubled_chunks_are_counted_and_the_version_comes_once():
    assembler = ChunkAssembler("d1")
    made = chunks(1)
    doubled = [chunk for chunk in made for _ in range(2)]
    assert len(add_all(assembler, doubled + made)) == 1
    assert assembler.statistics["duplicate"] == len(made) - 1
    assert assembler.statistics["stale"] == len(made) + 1


def test_a_late_joiner_gets_the_newest_after_the_tail_of_the_one_before():
    assembler = ChunkAssembler("d1")
    got = add_all(assembler, chunks(4)[5:] + chunks(5))
    assert [weights.version for weights in got] == [5]
    assert assembler.statistics["abandoned"] == 1


def test_an_older_tail_does_not_disturb_a_newer_version():
    assembler = ChunkAssembler("d1")
    old, new = chunks(4), chunks(5)
    mixed = [chunk for pair in zip(new, old, strict=True) for chunk in pair]
    assert [weights.version for weights in add_all(assembler, mixed)] == [5]
    assert assembler.statistics["stale"] == len(old)


def test_a_restarted_source_counts_from_one_again():
    assembler = ChunkAssembler("d1")
    got = add_all(assembler, chunks(9, "a") + chunks(10, "a")[:3] + chunks(1, "b"))
    assert [(weights.source, weights.version) for weights in got] == [("a", 9), ("b", 1)]


def test_two_interleaved_sources_still_make_whole_versions():
    assembler = ChunkAssembler("d1")
    got = []
    for version in range(1, 4):
        pairs = zip(chunks(version, "a"), chunks(version, "b"), strict=True)
        got += add_all(assembler, [chunk for pair in pairs for chunk in pair])
    assert [weights.version for weights in got] == [1, 2, 3]
    assert all(is_whole(weights) for weights in got)


def test_a_source_goes_on_after_another_broke_off():
    assembler = ChunkAssembler("d1")
    stream = chunks(3, "a")[:4] + chunks(1, "b")[:4] + chunks(3, "a")[4:] + chunks(4, "a")
    got = add_all(assembler, stream)
    assert [(weights.source, weights.version) for weights in got] == [("a", 4)]


def test_chunks_of_one_version_that_differ_are_not_mixed():
    assembler = ChunkAssembler("d1")
    got = add_all(assembler, chunks(1)[:5] + chunks(1, size=SIZE * 2) + chunks(1)[5:])
    assert len(got) == 1 and is_whole(got[0])
    assert assembler.statistics["mixed"] == len(chunks(1, size=SIZE * 2))


def test_another_configuration_is_refused_with_both_digests():
    assembler = ChunkAssembler("ours")
    with pytest.raises(DigestMismatch, match=r"'ours'.*'theirs'"):
        assembler.add(chunks(1, digest="theirs")[0])
    assert assembler.statistics["foreign"] == 1


def tampered(metadata, tensors=None):
    payload = decode(chunks(1)[0], 10**6)
    return encode(payload.tensors if tensors is None else tensors, {**payload.metadata, **metadata})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tampered({"schema": "x"}), "pamiq_ros/weights_chunk/1"),
        (tampered({"total": str(2**33)}), "'total'"),
        (tampered({"total": "0"}), "'total'"),
        (tampered({"count": str(10**9)}), "'count'"),
        (tampered({"count": "1"}), "'count': expected"),
        (tampered({"index": "99999"}), "'index'"),
        (tampered({"index": "1"}), "checksum"),
        (tampered({"version": "7"}), "checksum"),
        (tampered({"crc32": "1"}), "checksum"),
        (tampered({"crc32": str(2**32)}), "'crc32'"),
        (tampered({"chunk_bytes": str(2**40)}), "'chunk_bytes'"),
        (tampered({}, {"data": torch.zeros(SIZE, dtype=torch.uint8)}), "checksum"),
        (tampered({}, {"data": torch.zeros(3, dtype=torch.uint8)}), "data: expected uint8 [100]"),
        (tampered({}, {"data": torch.zeros(SIZE)}), "data: expected uint8"),
        (tampered({}, {"other": torch.zeros(1)}), "data alone"),
        (b"nonsense", "header"),
    ],
)
def test_what_is_no_chunk_is_refused_and_the_others_make_the_version(data, words):
    assembler = ChunkAssembler("d1")
    made = chunks(1)
    assert add_all(assembler, made[1:4]) == []
    with pytest.raises(PayloadError) as caught:
        assembler.add(data)
    assert words in str(caught.value)
    assert assembler.statistics["malformed"] == 1
    assert len(add_all(assembler, made[:1] + made[4:])) == 1


def test_a_version_too_large_takes_no_memory():
    with pytest.raises(PayloadError, match="'total': expected a whole number from 1 to 500"):
        ChunkAssembler("d1", max_bytes=500).add(chunks(1)[0])


def test_chunks_of_something_else_are_no_weights():
    other = encode({"w": torch.ones(3)}, {"schema": "other"})
    made = split_weights(other, digest="d1", source="a", version=1, chunk_bytes=64)
    assembler = ChunkAssembler("d1")
    with pytest.raises(PayloadError, match="pamiq_ros/weights/1"):
        add_all(assembler, made)
    assert assembler.statistics["broken"] == 1
    assert len(add_all(assembler, chunks(2))) == 1


@pytest.mark.parametrize("chunk_bytes", [0, -1, 2**40])
def test_chunk_sizes_out_of_range_are_refused(chunk_bytes):
    with pytest.raises(ValueError, match="chunk_bytes"):
        split_weights(b"12345", digest="d", source="s", version=1, chunk_bytes=chunk_bytes)


def test_too_many_chunks_are_refused():
    with pytest.raises(ValueError, match="65536"):
        split_weights(bytes(70_000), digest="d", source="s", version=1, chunk_bytes=1)


POOL = [*chunks(1), *chunks(2), *chunks(3), *chunks(1, "b"), *chunks(2, "b"), *chunks(1, "c")]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, len(POOL) - 1), max_size=120),
    st.dictionaries(st.integers(0, 119), st.integers(0, 255), max_size=4),
)
def test_any_stream_yields_whole_versions_that_rise(order, damage):
    assembler = ChunkAssembler("d1")
    newest = {}
    for place, index in enumerate(order):
        data = bytearray(POOL[index])
        if place in damage:
            data[damage[place] * len(data) // 256] ^= 0x41
        try:
            weights = assembler.add(data)
        except PayloadError:
            continue
        if weights is not None:
            assert is_whole(weights)
            assert weights.version > newest.get(weights.source, 0)
            newest[weights.source] = weights.version
