"""Journal records: clicks, pixel hits and losses as bytes."""

import json
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, cast

from salepixel.clicks.tokens import Click, Signal, pack_claims, signals_of
from salepixel.reading.references import normal_reference
from salepixel.wire.streams import BadRecord

_CLICK = struct.Struct(">c16sI12sHHB")
_CLICK_SIZE = _CLICK.size
_CLICK_TAIL = struct.Struct(">HHB")
_HIT = struct.Struct(">c16sI?HB")
_PAGE = struct.Struct(">cH")
_CLICK_KIND, _HIT_KIND, _LOSS_KIND, _PAGE_KIND = b"\1", b"\2", b"\3", b"\4"


class ClickRecord(NamedTuple):
    """A click as the edge received it.

    The fold needs the user agent and the visitor's IP address (as text, empty if unknown) for the verdict,
    and does not store them. `page`: where a dynamic link led, as `campaigns.dynamic.page_of` writes it; empty
    for other links.
    """

    click: Click
    signals: Signal
    agent: str
    address: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class HitRecord:
    """A pixel hit as the edge received it.

    `id` has the form of a click id. `query` is as sent. `cookie` is the encrypted value of the account's
    cookie (at most 255 bytes), or empty. `ignored`: why the hit does not count, or empty. `signed`: whether
    it has a valid signature.
    """

    id: bytes
    emp_id: int
    query: str
    cookie: str
    ignored: str
    signed: bool


@dataclass(frozen=True, slots=True)
class LossRecord:
    """How many clicks and hits were answered but not stored between two times (milliseconds, UTC)."""

    count: int
    from_ms: int
    to_ms: int


Record = ClickRecord | HitRecord | LossRecord


def pack_click(
    click_id: bytes,
    claims: bytes,
    signals: int,
    contact: bytes,
    address: bytes,
    agent: bytes,
    page: bytes = b"",
) -> bytes:
    """The bytes of a click: texts in UTF-8, `claims` of `tokens.pack_claims`, `page` of `pack_page`."""
    lengths = _CLICK_TAIL.pack(signals, len(contact), len(address))
    return b"".join((page, _CLICK_KIND, click_id, claims, lengths, contact, address, agent))


def pack_page(page: bytes) -> bytes:
    """The start of the bytes of a click on a dynamic link: the page in UTF-8; empty without one."""
    return _PAGE.pack(_PAGE_KIND, len(page)) + page if page else b""


def pack_payload(record: Record) -> bytes:
    """The bytes of a record, without its number and checksum."""
    if isinstance(record, ClickRecord):
        click = record.click
        return pack_click(
            click.id,
            pack_claims(click.emp_id, click.campaign, click.link),
            record.signals,
            click.contact.encode(),
            record.address.encode(),
            record.agent.encode(),
            pack_page(record.page.encode()),
        )
    if isinstance(record, HitRecord):
        query, cookie = record.query.encode(), record.cookie.encode()
        head = _HIT.pack(_HIT_KIND, record.id, record.emp_id, record.signed, len(query), len(cookie))
        return b"".join((head, query, cookie, record.ignored.encode()))
    return _LOSS_KIND + json.dumps([record.count, record.from_ms, record.to_ms]).encode()


@lru_cache(4096)
def _campaign_and_link(ids: bytes) -> tuple[str, str]:
    # Many clicks share these texts. Python computes the hash of a text once, and dictionaries use it often.
    return ids[:6].hex(), ids[6:].hex()


def unpack_payload(payload: bytes) -> Record:
    """The record in a payload. Raises BadRecord."""
    try:
        kind = payload[:1]
        if kind == _CLICK_KIND:
            _, click_id, emp_id, ids, signals, length, address_length = _CLICK.unpack_from(payload)
            address_at = _CLICK_SIZE + length
            agent_at = address_at + address_length
            contact = payload[_CLICK_SIZE:address_at].decode()
            if not contact.isalnum():  # an older edge may have sent it unnormalised
                contact = normal_reference(contact)
            # A fifth faster than the constructors of the two types, which are Python functions.
            click = tuple.__new__(Click, (click_id, emp_id, *_campaign_and_link(ids), contact))
            agent, address = (
                payload[agent_at:].decode("utf-8", "replace"),
                payload[address_at:agent_at].decode(),
            )
            return tuple.__new__(ClickRecord, (click, signals_of(signals), agent, address, ""))
        if kind == _PAGE_KIND:
            start = _PAGE.size + _PAGE.unpack_from(payload)[1]
            if payload[start : start + 1] != _CLICK_KIND:
                raise BadRecord("a page without a click")
            clicked = cast(ClickRecord, unpack_payload(payload[start:]))
            return clicked._replace(page=payload[_PAGE.size : start].decode())
        if kind == _HIT_KIND:
            _, hit_id, emp_id, signed, length, cookie_length = _HIT.unpack_from(payload)
            rest, start = payload[_HIT.size :], length + cookie_length
            texts = rest[:length].decode(), rest[length:start].decode(), rest[start:].decode()
            return HitRecord(hit_id, emp_id, *texts, signed)
        if kind == _LOSS_KIND:
            return LossRecord(*json.loads(payload[1:]))
    except (struct.error, ValueError, TypeError, IndexError) as error:
        raise BadRecord("damaged payload") from error
    raise BadRecord(f"unknown kind {kind.hex() or 'none'}")
