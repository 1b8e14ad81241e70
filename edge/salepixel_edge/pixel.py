"""The pixel's judgement: pure, from what a request says to whether its hit counts and what is kept of it."""

from dataclasses import dataclass

from salepixel.clicks import ClickSealer, Signal, new_click_id
from salepixel.hits import BadHit, Hit, is_signed, parse_hit
from salepixel.streams import Directory, HitRecord
from salepixel_edge.request import open_click


@dataclass(frozen=True, slots=True)
class PixelRequest:
    """What is looked at: the raw query, the host in lower case, and the signals of the request."""

    query: str
    host: str
    signals: Signal


@dataclass(frozen=True, slots=True)
class Judgement:
    """`reason` why the hit is ignored, empty when it counts. `account` 0: counted here and not kept.

    What is ignored is kept too, so that a shop owner can see it, if the account is known and the host is
    its own: anything else could be anybody.
    """

    reason: str
    account: int
    hit: Hit
    signed: bool = False


def judge(request: PixelRequest, directory: Directory | None) -> Judgement:
    """Judge a hit by what is known of the accounts; with None, nothing yet, the fold will judge."""
    try:
        hit, reason = parse_hit(request.query), ""
    except BadHit as bad:
        hit, reason = Hit(bad.emp_id), bad.reason
    if not hit.emp_id:
        return Judgement(reason, 0, hit)
    tracking_host, secret = "", ""
    if directory is not None:
        if hit.emp_id not in directory.accounts:
            return Judgement("unknown_account", 0, hit)
        tracking_host, secret = directory.accounts[hit.emp_id]
    if tracking_host and request.host != tracking_host.lower():
        return Judgement("wrong_host", 0, hit)
    if not reason and not request.signals.is_visit:
        reason = "not_a_visit"
    signed = bool(secret and hit.signature) and is_signed(bytes.fromhex(secret), hit)
    if not reason and hit.signature and secret and not signed:
        reason = "bad_signature"
    if not reason and not signed and directory and hit.emp_id in directory.require_signature:
        reason = "unsigned"
    return Judgement(reason, hit.emp_id, hit, signed)


def record_of(request: PixelRequest, judgement: Judgement, cookie: str, sealer: ClickSealer) -> HitRecord:
    """What is kept of a hit of a known account. `cookie` is the value of that account's cookie."""
    private = Signal.PRIVACY in request.signals
    tokens = () if private else (cookie, judgement.hit.click)
    return HitRecord(
        id=new_click_id(),
        emp_id=judgement.account,
        query=request.query,
        cookie=open_click(sealer, judgement.account, *tokens),
        ignored=judgement.reason,
        signed=judgement.signed,
    )
