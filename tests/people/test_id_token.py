"""ID tokens: what a provider signed for us, for this sign-in, now; and all that is refused."""

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from salepixel.people.id_token import (
    BadIdToken,
    UnknownKey,
    read_signing_keys,
    verified_email,
    verify_id_token,
)

ISSUER, CLIENT, NONCE = "https://id.shop.test", "salepixel", "the nonce of this sign-in"
RSA = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505  # that is the point
EC = ec.generate_private_key(ec.SECP256R1())
LONG_EC = ec.generate_private_key(ec.SECP384R1())


def _public(key: Any, kid: str | None, **more: str) -> dict[str, Any]:
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), **({"kid": kid} if kid else {}), **more}


KEYS = read_signing_keys(json.dumps({"keys": [_public(RSA, "r"), _public(EC, "e")]}).encode())


def _token(changed: dict[str, Any] | None = None, key: Any = RSA, alg: str = "RS256", **header: Any) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": "u-1", "exp": now + 300, "iat": now, "nonce": NONCE}
    claims |= changed or {}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, alg, headers={"kid": "r", **header})


def _verify(token: str) -> dict[str, Any]:
    return verify_id_token(token, KEYS, issuer=ISSUER, client_id=CLIENT, nonce=NONCE)


@pytest.mark.parametrize(
    "token",
    [
        _token,
        lambda: _token(key=EC, alg="ES256", kid="e"),
        lambda: _token({"aud": [CLIENT]}),
        lambda: _token({"aud": [CLIENT, "another"], "azp": CLIENT}),
        lambda: _token({"exp": int(time.time()) - 20}),
    ],
    ids=["RS256", "ES256", "a list", "authorized party", "clocks differ"],
)
def test_a_token_of_the_issuer_for_this_sign_in_is_accepted(token: Callable[[], str]) -> None:
    assert _verify(token())["sub"] == "u-1"


_PUBLIC_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _signed_with_the_public_key() -> str:
    """What PyJWT refuses to make: HS256 with the issuer's public key as the password (RFC 8725, 2.1)."""
    head, body, _ = _token(alg="RS256").split(".")
    head = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT","kid":"r"}').decode()
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = algorithm.sign(f"{head}.{body}".encode(), _PUBLIC_PEM)
    return f"{head}.{body}.{jwt.utils.base64url_encode(signature).decode()}"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (lambda: _token(key=None, alg="none"), "bad_algorithm"),
        (lambda: _token(key="a password of thirty-two characters", alg="HS256"), "bad_algorithm"),
        (_signed_with_the_public_key, "bad_algorithm"),
        (lambda: _token(alg="RS512"), "bad_algorithm"),
        (lambda: _token(alg="PS256"), "bad_algorithm"),
        (lambda: _token(key=EC, alg="ES256", kid="r"), "unknown_key"),
        (lambda: _token(kid="e"), "unknown_key"),
        (lambda: _token(kid="x"), "unknown_key"),
        (lambda: _token(kid="r", key=OTHER), "bad_signature"),
        (lambda: _token()[:-8] + "AAAAAAAA", "bad_signature"),
        (lambda: _token({"iss": "https://evil.test"}), "other_issuer"),
        (lambda: _token({"iss": ISSUER + "/"}), "other_issuer"),
        (lambda: _token({"aud": "another"}), "other_audience"),
        (lambda: _token({"aud": [CLIENT, "another"]}), "other_audience"),
        (lambda: _token({"azp": "another"}), "other_audience"),
        (lambda: _token({"nonce": "of another sign-in"}), "other_nonce"),
        (lambda: _token({"nonce": None}), "other_nonce"),
        (lambda: _token({"nonce": ["the nonce of this sign-in"]}), "other_nonce"),
        (lambda: _token({"exp": int(time.time()) - 120}), "expired"),
        (lambda: _token({"iat": int(time.time()) + 3600}), "malformed"),
        (lambda: _token({"exp": None}), "malformed"),
        (lambda: _token({"aud": None}), "malformed"),
        (lambda: _token({"sub": None}), "malformed"),
        (lambda: _token({"sub": ""}), "malformed"),
        (lambda: _token({"sub": "x" * 256}), "malformed"),
        (lambda: _token({"sub": "a\nb"}), "malformed"),
        (lambda: "", "malformed"),
        (lambda: "a.b.c", "malformed"),
        (lambda: "é" * 30, "malformed"),
        (lambda: _token({"name": "x" * 20_000}), "bad_algorithm"),
    ],
)
def test_every_other_token_is_refused(token: Callable[[], str], reason: str) -> None:
    with pytest.raises(BadIdToken) as refused:
        _verify(token())
    assert refused.value.reason == reason


def test_a_key_without_a_name_is_used_if_it_is_the_only_one_of_its_kind() -> None:
    def verify(*members: dict[str, Any]) -> None:
        keys = read_signing_keys(json.dumps({"keys": members}).encode())
        head, *rest = _token().split(".")
        head = jwt.utils.base64url_encode(b'{"alg":"RS256"}').decode()
        signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(f"{head}.{rest[0]}".encode(), RSA)
        token = f"{head}.{rest[0]}.{jwt.utils.base64url_encode(signature).decode()}"
        verify_id_token(token, keys, issuer=ISSUER, client_id=CLIENT, nonce=NONCE)

    verify(_public(RSA, None), _public(EC, None))
    with pytest.raises(BadIdToken, match="no_key_id"):
        verify(_public(RSA, "r"), _public(OTHER, "o"))
    with pytest.raises(UnknownKey):
        verify(_public(EC, None))


@pytest.mark.parametrize(
    "member",
    [
        _public(SHORT, "r"),
        _public(LONG_EC, "r"),
        _public(RSA, "r", use="enc"),
        _public(RSA, "r", alg="RSA-OAEP"),
        {"kty": "oct", "kid": "r", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "r"},
        "text",
        None,
    ],
)
def test_weak_and_strange_keys_are_left_out(member: Any) -> None:
    assert read_signing_keys(json.dumps({"keys": [member]}).encode()) == ()


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"keys": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_key_set_is_said(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of json, too
        read_signing_keys(text)


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "ana@shop.test", "email_verified": True}, "ana@shop.test"),
        ({"email": "ana@shop.test", "email_verified": "true"}, "ana@shop.test"),
        ({"email": "ana@shop.test", "email_verified": False}, ""),
        ({"email": "ana@shop.test", "email_verified": "false"}, ""),
        ({"email": "ana@shop.test", "email_verified": "yes"}, ""),
        ({"email": "ana@shop.test"}, ""),
        ({"email": ["ana@shop.test"], "email_verified": True}, ""),
        ({"email_verified": True}, ""),
        ({"email": "ana@shop.test", "xms_edov": True}, ""),
        (
            {"email": "a@x.test", "xms_edov": True, "iss": "https://login.microsoftonline.com/1/v2.0"},
            "a@x.test",
        ),
        (
            {"email": "a@x.test", "xms_edov": "1", "iss": "https://login.microsoftonline.com/1/v2.0"},
            "a@x.test",
        ),
        ({"email": "a@x.test", "iss": "https://login.microsoftonline.com/1/v2.0"}, ""),
    ],
)
def test_only_a_verified_address_counts(claims: dict[str, Any], email: str) -> None:
    assert verified_email(claims) == email
