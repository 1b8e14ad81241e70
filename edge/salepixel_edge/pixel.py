"""Judges pixel hits: pure functions from a request to a judgement and a record."""

from dataclasses import dataclass
from urllib.parse import quote_from_bytes

from salepixel.clicks.hits import BadHit, Hit, is_signed, parse_hit, without_click
from salepixel.clicks.records import HitRecord
from salepixel.clicks.tokens import Signal
from salepixel.keys import Keys, Sealed, pixel_secret_place
from salepixel.wire.directory import Directory

_PRIVACY = int(Signal.PRIVACY)
_NO_VISIT = int(Signal.HEAD | Signal.PREFETCH)


_ASCII = bytes(range(128))


def query_text(query: bytes) -> str:
    """A query as text: bytes beyond ASCII are percent-encoded, whatever their encoding."""
    return query.decode() if query.isascii() else quote_from_bytes(query, safe=_ASCII)


@dataclass(frozen=True, slots=True)
class PixelRequest:
    """A pixel request: the query (from `query_text`), the host in lower case, the Signal flags."""

    query: str
    host: str
    signals: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """`reason`: why the hit is ignored, empty if it counts. `account` 0: counted, not recorded.

    Ignored hits of a known account on its own host are recorded, for the shop owner to see.
    """

    reason: str
    account: int
    hit: Hit
    signed: bool = False


def judge(request: PixelRequest, directory: Directory | None, keys: Keys) -> Judgement:
    """Judge a hit by the directory of accounts.

    The fold judges if there is no directory, or if the secret is encrypted with a key new to this edge.
    """
    try:
        hit = parse_hit(request.query, directory.currencies if directory else {})
        reason = "" if hit.is_readable else hit.problem
    except BadHit as bad:
        hit, reason = Hit(bad.emp_id), bad.reason
    if not hit.emp_id:
        return Judgement(reason, 0, hit)
    tracking_host, sealed = "", ""
    if directory is not None:
        if hit.emp_id not in directory.accounts:
            return Judgement("unknown_account", 0, hit)
        tracking_host, sealed = directory.accounts[hit.emp_id]
    if tracking_host and request.host != tracking_host.lower():
        return Judgement("wrong_host", 0, hit)
    if not reason and request.signals & _NO_VISIT:
        reason = "not_a_visit"
    has_signature, signed = bool(sealed and hit.signature), False
    if has_signature:
        try:
            secret = bytes.fromhex(keys.open(pixel_secret_place(hit.emp_id), Sealed(sealed)))
        except ValueError:  # also BadSeal
            return Judgement(reason, hit.emp_id, hit)
        signed = is_signed(secret, hit)
    if not reason and not signed and directory is not None:
        if has_signature:
            # The signed amount depends on the currency. Older plugins' directories lack it; the fold has it.
            reason = "bad_signature" if hit.emp_id in directory.currencies else ""
        elif hit.emp_id in directory.require_signature:
            reason = "unsigned"
    return Judgement(reason, hit.emp_id, hit, signed)


def record_of(request: PixelRequest, judgement: Judgement, cookie: str, hit_id: bytes) -> HitRecord:
    """The record of a hit of a known account. `cookie` is the value of that account's cookie.

    The fold opens the cookie: that costs as much as the rest of the edge's work on a hit.
    """
    private = request.signals & _PRIVACY
    return HitRecord(
        id=hit_id,
        emp_id=judgement.account,
        query=without_click(request.query) if private else request.query,
        cookie="" if private else cookie,
        ignored=judgement.reason,
        signed=judgement.signed,
    )
