"""The ID token of an OpenID provider, verified (OpenID Connect Core 1.0, 3.1.3.7). Values in, values out.

The token names its key and never chooses the algorithm: one of two, each with its own kind of key. So neither
a token without a signature nor one "signed" with a public key as a password is accepted (RFC 8725, 2.1).
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MIN_KEY_BITS = 2048
CLOCK_SECONDS = 60
"""Clocks differ by so much at most."""

MAX_CHARS = 16_384
MAX_SUBJECT = 255
"""The most characters of `sub` (Core, 2)."""

_MICROSOFT = "https://login.microsoftonline.com/"


class BadIdToken(Exception):
    """The token is not accepted. `reason` is counted."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class UnknownKey(BadIdToken):
    """The set has no such key: it may be newer than the set."""

    def __init__(self) -> None:
        super().__init__("unknown_key")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key of the provider, and the one algorithm that it is used with."""

    id: str | None
    algorithm: str
    key: RSAPublicKey | EllipticCurvePublicKey


def read_signing_keys(jwks: bytes) -> tuple[SigningKey, ...]:
    """The usable keys of a JSON Web Key Set (RFC 7517): RSA of 2048 bits or more, and P-256.

    Raises ValueError if the text is not a key set; other keys are left out.
    """
    try:
        members = json.loads(jwks)["keys"]
        found = [_read_key(member) for member in members]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("not a key set") from error
    return tuple(key for key in found if key is not None)


def verify_id_token(
    token: str, keys: Sequence[SigningKey], *, issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """The claims of a token that this issuer signed for us, for this sign-in, and that is valid now.

    Raises BadIdToken, or UnknownKey.
    """
    key = _find_key(token, keys)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            issuer=issuer,
            audience=client_id,
            leeway=CLOCK_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.InvalidSignatureError:
        raise BadIdToken("bad_signature") from None
    except jwt.ExpiredSignatureError:
        raise BadIdToken("expired") from None
    except jwt.InvalidIssuerError:
        raise BadIdToken("other_issuer") from None
    except jwt.InvalidAudienceError:
        raise BadIdToken("other_audience") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise BadIdToken("malformed") from None
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    party = claims.get("azp")
    # Core, 3.1.3.7, 3 to 5: another audience that we do not know is not trusted.
    if (len(audiences) > 1 or party is not None) and party != client_id:
        raise BadIdToken("other_audience")
    sent = claims.get("nonce")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), nonce.encode()):
        raise BadIdToken("other_nonce")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise BadIdToken("malformed")
    return claims


def verified_email(claims: Mapping[str, Any]) -> str:
    """The e-mail address in the claims, as written; empty if the provider does not say that it is verified.

    Microsoft Entra ID says it with a claim of its own, `xms_edov`
    (learn.microsoft.com/entra/identity-platform/optional-claims-reference).
    """
    email, says = claims.get("email"), claims.get("email_verified")
    if says is None and str(claims.get("iss", "")).startswith(_MICROSOFT):
        says = claims.get("xms_edov")
    is_verified = says is True or says in ("true", "1") or (says == 1 and isinstance(says, int))
    return email if is_verified and isinstance(email, str) else ""


def _find_key(token: str, keys: Sequence[SigningKey]) -> SigningKey:
    try:
        header = jwt.get_unverified_header(token) if len(token) <= MAX_CHARS else {}
    except (jwt.PyJWTError, ValueError):
        raise BadIdToken("malformed") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ("RS256", "ES256"):
        raise BadIdToken("bad_algorithm")
    found = [key for key in keys if key.algorithm == algorithm and key_id in (None, key.id)]
    if not found:
        raise UnknownKey
    if len(found) > 1:  # Core, 10.1: a set of several keys needs a `kid`
        raise BadIdToken("no_key_id")
    return found[0]


def _read_key(member: Any) -> SigningKey | None:
    if not isinstance(member, dict) or member.get("use", "sig") != "sig":
        return None
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(member.get("kty")))
    if algorithm is None or member.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(member, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    key_id = member.get("kid")
    is_strong = (isinstance(key, RSAPublicKey) and key.key_size >= MIN_KEY_BITS) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    )
    return SigningKey(key_id if isinstance(key_id, str) else None, algorithm, key) if is_strong else None
