"""A delivery is accepted only if the shop's key signed exactly these bytes with the one allowed algorithm."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.saleor_key import SigningKey, base64url
from salepixel.shops.contract import BadSignature, Delivery, UnknownKey, UntrustedDelivery
from salepixel.shops.saleor import connector as saleor
from salepixel.shops.signatures import BadKeySet, read_keys, verify_detached
from tests.plugin.saleor import captures

BODY = b'{"__typename": "OrderPaid"}'


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey()


def jwks_of(*keys: SigningKey) -> str:
    return json.dumps({"keys": [key.jwk for key in keys]})


def test_all_recorded_deliveries_verify() -> None:
    for captured in captures.SIGNED:
        saleor.verify(captured.delivery, captures.shop(captured.recipient))
    assert len(captures.SIGNED) == 48


@given(st.data())
def test_one_changed_byte_never_verifies(data: st.DataObject) -> None:
    captured = data.draw(st.sampled_from(captures.SIGNED))
    place = data.draw(st.integers(0, len(captured.body) - 1))
    change = data.draw(st.integers(1, 255))
    body = bytearray(captured.body)
    body[place] ^= change
    with pytest.raises(BadSignature):
        verify_detached(captured.headers["Saleor-Signature"], bytes(body), captures.JWKS)


@given(st.data())
def test_one_changed_character_of_the_signature_never_verifies(data: st.DataObject) -> None:
    captured = data.draw(st.sampled_from(captures.SIGNED))
    text = captured.headers["Saleor-Signature"]
    # The last character carries two bits that mean nothing; strict base64url still refuses what changes more.
    place = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[place]))
    with pytest.raises(BadSignature):
        verify_detached(text[:place] + other + text[place + 1 :], captured.body, captures.JWKS)


@given(st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+", fullmatch=True))
def test_any_text_as_signature_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        verify_detached(text, BODY, captures.JWKS)


def usual(key: SigningKey, **changes: Any) -> dict[str, Any]:
    header = {"alg": "RS256", "b64": False, "crit": ["b64"], "kid": key.kid, "typ": "JWT", **changes}
    return {name: value for name, value in header.items() if value is not ...}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="Saleor from 3.20"),
        pytest.param({"crit": ...}, id="Saleor up to 3.19 names no crit"),
        pytest.param({"typ": ...}, id="no typ"),
    ],
)
def test_signatures_of_every_saleor_version_verify(key: SigningKey, changes: dict[str, Any]) -> None:
    verify_detached(key.sign(BODY, usual(key, **changes)), BODY, jwks_of(key))


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "PS256"},
        {"alg": "RS512"},
        {"alg": ...},
        {"b64": True},
        {"b64": ...},
        {"crit": []},
        {"crit": ["b64", "exp"]},
        {"jku": "https://evil.test/jwks.json"},
        {"jwk": {"kty": "RSA"}},
        {"x5u": "https://evil.test/cert"},
        {"x5c": ["AAAA"]},
    ],
    ids=str,
)
def test_a_header_with_any_other_algorithm_is_refused(key: SigningKey, changes: dict[str, Any]) -> None:
    with pytest.raises(BadSignature) as refused:
        verify_detached(key.sign(BODY, usual(key, **changes)), BODY, jwks_of(key))
    assert not isinstance(refused.value, UnknownKey), "new keys cannot help"


def test_a_mac_with_the_public_key_is_refused(key: SigningKey) -> None:
    head = base64url(json.dumps(usual(key, alg="HS256")).encode())
    mac = hmac.new(json.dumps(key.jwk).encode(), head.encode() + b"." + BODY, hashlib.sha256).digest()
    with pytest.raises(BadSignature):
        verify_detached(f"{head}..{base64url(mac)}", BODY, jwks_of(key))


@pytest.mark.parametrize(
    "change", [lambda s: s.replace("..", "." + base64url(BODY) + "."), lambda s: s + "A" * 9_000]
)
def test_an_attached_or_overlong_signature_is_refused(key: SigningKey, change: Callable[[str], str]) -> None:
    with pytest.raises(BadSignature):
        verify_detached(change(key.sign(BODY)), BODY, jwks_of(key))


def test_a_key_that_the_shop_does_not_publish_is_unknown(key: SigningKey) -> None:
    stranger = SigningKey()
    with pytest.raises(UnknownKey) as unknown:
        verify_detached(stranger.sign(BODY), BODY, jwks_of(key))
    assert (unknown.value.reason, unknown.value.kid) == ("unknown_key", stranger.kid)


def test_the_named_one_of_several_keys_counts(key: SigningKey) -> None:
    other = SigningKey()
    verify_detached(other.sign(BODY), BODY, jwks_of(key, other))
    with pytest.raises(UnknownKey):
        verify_detached(other.sign(BODY, usual(key)), BODY, jwks_of(key, other))


EC_KEY = {"kty": "EC", "crv": "P-256", "kid": "e", "x": base64url(b"x" * 32), "y": base64url(b"y" * 32)}


@pytest.mark.parametrize(
    "jwks",
    [
        "",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": 5}',
        '{"keys": [5]}',
        '{"keys": [{"kty": "RSA"}]}',
        '{"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}',
        '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "1"}]}',
        json.dumps({"keys": [EC_KEY]}),
        '{"keys": [{"kty": "RSA", "n": 5, "e": [], "kid": {}}]}',
    ],
)
def test_a_key_set_without_an_rsa_key_is_refused(jwks: str) -> None:
    with pytest.raises(BadKeySet):
        read_keys(jwks)


def test_a_short_rsa_key_is_refused() -> None:
    with pytest.raises(BadKeySet, match="2048"):
        read_keys(jwks_of(SigningKey(1024)))


@given(st.text(max_size=400) | st.text(max_size=200).map(lambda text: json.dumps({"keys": [text]})))
def test_any_text_as_key_set_is_refused(text: str) -> None:
    with pytest.raises(BadKeySet):
        read_keys(text)


def signed(key: SigningKey, event: str, body: bytes) -> Delivery:
    return Delivery(captures.API_URL, event, {"saleor-signature": key.sign(body)}, body)


@pytest.mark.parametrize(
    ("event", "body", "reason"),
    [
        ("order_paid", b'{"__typename": "OrderPaid", "recipient": {"id": "QXBwOjk5"}}', "other_app"),
        ("order_paid", b'{"__typename": "OrderPaid", "recipient": null}', "other_app"),
        ("order_paid", b'{"__typename": "OrderPaid"}', "other_app"),
        ("order_paid", b'{"__typename": "OrderCreated", "recipient": {"id": "QXBwOjEx"}}', "event_mismatch"),
        ("", b'{"__typename": "OrderCreated", "recipient": {"id": "QXBwOjEx"}}', "event_mismatch"),
        ("order_paid", b'{"recipient": {"id": "QXBwOjEx"}}', "event_mismatch"),
        ("order_paid", b"[1]", "malformed"),
        ("order_paid", b"", "malformed"),
        ("order_paid", b"\xff\xfe", "malformed"),
        ("order_paid", b'{"a": NaN}', "malformed"),
        ("order_paid", b'{"a": -Infinity}', "malformed"),
        ("order_paid", b'{"a": 1e99999999999999999999}', "malformed"),
        ("order_paid", b'{"a": ' + b"9" * 5_000 + b"}", "malformed"),
        ("order_paid", b'{"a": 1, "a": 2}', "malformed"),
        ("order_paid", b"[" * 100_000 + b"]" * 100_000, "malformed"),
        ("order_paid", b'{"a":' * 100_000, "malformed"),
    ],
)
def test_an_unexpected_signed_body_is_refused_with_a_reason(
    key: SigningKey, event: str, body: bytes, reason: str
) -> None:
    with pytest.raises(UntrustedDelivery) as refused:
        saleor.verify(signed(key, event, body), captures.shop(jwks=jwks_of(key)))
    assert refused.value.reason == reason


def test_base64_is_parsed_strictly(key: SigningKey) -> None:
    head, signature = key.sign(BODY).split("..")
    for text in (f"{head}=..{signature}", f"{head}..{signature}==", f"{head}..{signature} "):
        with pytest.raises(BadSignature):
            verify_detached(text, BODY, jwks_of(key))
