"""A record is read as it was written, or not at all."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.clicks.records import ClickRecord, HitRecord, LossRecord, Record, pack_payload, unpack_payload
from salepixel.clicks.tokens import Signal, new_click_id
from salepixel.wire.directory import BadDirectory, Directory, contact_digest
from salepixel.wire.streams import BadRecord, frame, read_frames
from tests.make import NOON, click_at

RECORDS: list[Record] = [
    ClickRecord(
        click_at(NOON, contact="ñandú"), Signal.HEAD | Signal.PRIVACY, "Mozilla/5.0 €", "2001:db8::1"
    ),
    ClickRecord(click_at(NOON, contact=""), Signal(0), ""),
    ClickRecord(click_at(NOON), Signal(0), "Firefox", "192.0.2.1", "shop.test/p/1"),
    HitRecord(new_click_id(), 7, "empId=7&IMPORTE=5", "token", "bad_amount", True),
    LossRecord(3, 1_000, 2_000),
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_packed_record_is_read_unchanged(record: Record) -> None:
    assert unpack_payload(pack_payload(record)) == record


@given(cut=st.integers(0, 400))
def test_every_whole_record_of_a_truncated_journal_is_read(cut: int) -> None:
    frames = [frame(number, pack_payload(record)) for number, record in enumerate(RECORDS, 1)]
    data = b"".join(frames)[:cut]
    read = []
    with contextlib.suppress(BadRecord):
        for number, payload, _ in read_frames(data):
            read.append((number, unpack_payload(payload)))
    whole = sum(1 for index in range(len(frames)) if len(b"".join(frames[: index + 1])) <= cut)
    assert read == list(enumerate(RECORDS, 1))[:whole]


@given(data=st.data())
def test_a_flipped_bit_never_yields_another_record(data: st.DataObject) -> None:
    whole = bytearray(frame(1, pack_payload(RECORDS[0])))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadRecord):
        list(read_frames(bytes(whole)))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_record_or_are_refused(payload: bytes) -> None:
    with contextlib.suppress(BadRecord):
        unpack_payload(payload)


def test_the_directory_is_read_as_it_was_written() -> None:
    directory = Directory(
        {7: ("track.shop.test", "00ff"), 1: ("", "")},
        frozenset({7}),
        {},
        {7: frozenset({contact_digest(b"c1")})},
        {7: "KWD", 1: "EUR"},
        {7: frozenset({"-ID-"})},
    )
    assert Directory.from_json(directory.to_json()) == directory


def test_a_directory_of_an_older_version_is_read() -> None:
    older = '{"accounts": {"7": ["", ""]}, "require_signature": [], "links": {}}'
    assert Directory.from_json(older) == Directory({7: ("", "")})


def test_contacts_who_opted_out_are_found_in_a_directory_of_an_older_version() -> None:
    older = '{"accounts": {"7": ["", ""]}, "require_signature": [], "links": {}, "refused": {"7": ["ab"]}}'
    assert Directory.from_json(older).opted_out == {7: frozenset({"ab"})}


@pytest.mark.parametrize(("sent", "contact"), [("c9. ", "c9"), ("c9\u200b", "c9"), ("c9", "c9"), ("", "")])
def test_a_contact_from_an_older_edge_is_normalized(sent: str, contact: str) -> None:
    record = unpack_payload(pack_payload(ClickRecord(click_at(NOON, contact=sent), Signal(0), "")))
    assert isinstance(record, ClickRecord)
    assert record.click.contact == contact


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"accounts": 3}',
        '{"accounts": {"1": ["", "no hex"]}, "require_signature": []}',
        '{"accounts": {"x": ["a", "b"]}}',
        "null",
    ],
)
def test_an_invalid_directory_is_refused(text: str) -> None:
    with pytest.raises(BadDirectory):
        Directory.from_json(text)


def test_amounts_in_a_hit_are_not_rounded_in_transit() -> None:
    query = "empId=7&IMPORTE=0.1"
    record = unpack_payload(pack_payload(HitRecord(new_click_id(), 7, query, "", "", False)))
    assert isinstance(record, HitRecord)
    assert Decimal("0.1") == Decimal(record.query.rpartition("=")[2])
