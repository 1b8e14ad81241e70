"""A packed delivery is restored byte by byte, or raises Damaged."""

import hashlib
import tracemalloc
import zlib
from contextlib import suppress
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.orders import packing
from salepixel.orders.packing import Damaged, pack, unpack
from tests.plugin.saleor import captures


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=5), st.binary(max_size=500))
def test_headers_and_body_come_back_as_they_were(headers: dict[str, str], body: bytes) -> None:
    assert unpack(pack(headers, body)) == (headers, body)


@pytest.mark.parametrize("captured", captures.ALL, ids=lambda captured: captured.name)
def test_a_recorded_delivery_comes_back_in_less_than_half_its_bytes(captured: captures.Captured) -> None:
    packed = pack(captured.headers, captured.body)
    assert unpack(packed) == (captured.headers, captured.body)
    if len(captured.body) > 1000:
        assert len(packed) < len(captured.body) / 2


@given(st.data())
def test_a_byte_that_is_changed_is_noticed_or_means_nothing(data: st.DataObject) -> None:
    headers, body = {"a": "b"}, b'{"order": {"id": "T3JkZXI6"}}' * 3
    packed = bytearray(pack(headers, body))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(Damaged):
        assert unpack(bytes(packed)) == (headers, body)


def test_a_truncated_delivery_is_damaged() -> None:
    packed = pack({"a": "b"}, b'{"order": {"id": "T3JkZXI6"}}')
    for length in range(len(packed)):
        with pytest.raises(Damaged):
            unpack(packed[:length])


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"[]\n{}", b"1\n", b'"a"\n', b"no JSON\n{}", b'{"a": "b"}'],
    ids=["nothing", "no headers", "a list", "a number", "a text", "no JSON", "no body"],
)
def test_other_bytes_than_packed_ones_are_damaged(text: bytes) -> None:
    packer = zlib.compressobj(zdict=packing._dictionary())
    with pytest.raises(Damaged):
        unpack(packer.compress(text) + packer.flush())


def test_more_bytes_than_a_delivery_may_have_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the bytes nor the memory for them: 20 kB would otherwise become 20 MB."""
    monkeypatch.setattr(packing, "MAX_BYTES", 1000)
    fits = b"0" * (1000 - len(b"{}\n"))
    assert unpack(pack({}, fits)) == ({}, fits)
    one_more, bomb = pack({}, fits + b"0"), pack({}, b"0" * 20_000_000)
    tracemalloc.start()
    try:
        for packed in (one_more, bomb):
            with pytest.raises(Damaged, match="too long"):
                unpack(packed)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_dictionary_never_changes() -> None:
    """Every packed delivery needs it. A better one would be another file."""
    stored = files("salepixel.orders").joinpath("dictionary_1.txt").read_bytes()
    assert (
        hashlib.sha256(stored).hexdigest()
        == "3b406dd103fb1fbe25e46be40235fe9e9d3982d716b557bce14814e14c1db886"
    )
