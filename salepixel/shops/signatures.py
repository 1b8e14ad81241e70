"""Detached JSON Web Signatures (RFC 7515, RFC 7797) as Saleor makes them: RS256 over the raw body.

The signature names its key but never chooses the algorithm, so no weaker algorithm can be forced on us.
"""

import base64
import binascii
import re
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from salepixel.shops.contract import BadSignature, UnknownKey
from salepixel.shops.strict_json import BadJson, load_object

MIN_KEY_BITS = 2048
_MAX_CHARS = 8_192
_DETACHED = re.compile(r"([A-Za-z0-9_-]+)\.\.([A-Za-z0-9_-]+)")
_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
OWN_KEY = ("jwk", "jku", "x5u", "x5c")
"""Header members that carry a key of the sender's choice. Saleor never sends them."""


class BadKeySet(ValueError):
    """Not a JSON Web Key Set with a key that can be trusted; the message says why."""


@lru_cache(maxsize=256)
def read_keys(jwks: str) -> dict[str | None, RSAPublicKey]:
    """The RSA keys of a key set by their `kid`. Raises BadKeySet if none has 2048 bits or more."""
    try:
        key_set = jwt.PyJWKSet.from_dict(load_object(jwks.encode()))
    except (BadJson, jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise BadKeySet(f"not a key set ({type(error).__name__})") from error
    rsa = {key.key_id: key.key for key in key_set.keys if isinstance(key.key, RSAPublicKey)}
    strong = {kid: key for kid, key in rsa.items() if key.key_size >= MIN_KEY_BITS}
    if not strong:
        raise BadKeySet(f"no RSA key of {MIN_KEY_BITS} bits or more")
    return strong


def verify_detached(signature: str, body: bytes, jwks: str) -> None:
    """Check that a key of the set signed these bytes. Raises BadSignature or UnknownKey."""
    parts = _DETACHED.fullmatch(signature) if len(signature) <= _MAX_CHARS else None
    if parts is None:
        raise BadSignature("bad_signature", "Saleor-Signature is not a detached signature.")
    header_part, signature_part = parts.groups()
    kid = _read_kid(header_part)
    try:
        key = read_keys(jwks).get(kid)
    except BadKeySet:
        key = None
    if key is None:
        raise UnknownKey("unknown_key", "Signed with a key that is not in the shop's JWKS.", kid)
    signed = header_part.encode() + b"." + body
    if not _RS256.verify(signed, key, _decode(signature_part)):
        # Old Saleors name every key "1", so the shop may have a new key here too.
        raise UnknownKey("bad_signature", "The signature does not fit the body.", kid)


def _read_kid(header_part: str) -> str | None:
    try:
        header = load_object(_decode(header_part))
    except BadJson as error:
        raise BadSignature("bad_signature", "The signature's header cannot be read.") from error
    # Saleor up to 3.19 sends b64:false without naming it in crit, against RFC 7797 section 6. Libraries
    # reject that, but the signed bytes are the same.
    known = header.get("b64") is False and header.get("crit", ["b64"]) == ["b64"]
    if header.get("alg") != "RS256" or not known or any(name in header for name in OWN_KEY):
        raise BadSignature("bad_signature", "Only RS256 over the raw body, with the shop's key, is accepted.")
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None


def _decode(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise BadSignature("bad_signature", "The signature is not base64url.") from error
