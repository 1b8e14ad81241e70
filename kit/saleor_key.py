"""The key of a stand-in shop: it signs bodies like Saleor and publishes its public key."""

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

HEADER = {"alg": "RS256", "b64": False, "crit": ["b64"]}
"""The header of every signature of Saleor 3.23, without the key's id."""


class SigningKey:
    """A new RSA key, with its thumbprint (RFC 7638) as id, as in Saleor since 3.19."""

    def __init__(self, bits: int = 2048) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        numbers = self._private.public_key().public_numbers()
        members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
        thumbprint = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
        self.kid = base64url(hashlib.sha256(thumbprint).digest())
        self.jwk = {**members, "key_ops": ["verify"], "use": "sig", "kid": self.kid, "alg": "RS256"}

    def sign(self, body: bytes, header: dict[str, Any] | None = None) -> str:
        """A detached signature over exactly these bytes (RFC 7797); `header` replaces the usual one."""
        header = {**HEADER, "kid": self.kid, "typ": "JWT"} if header is None else header
        head = base64url(json.dumps(header, separators=(",", ":")).encode())
        signature = self._private.sign(head.encode() + b"." + body, padding.PKCS1v15(), SHA256())
        return f"{head}..{base64url(signature)}"

    def token(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """A JSON Web Token with these claims (RFC 7519); `header` replaces the usual one."""
        header = {"alg": "RS256", "kid": self.kid, "typ": "JWT"} if header is None else header
        parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
        signed = ".".join(map(base64url, parts))
        signature = self._private.sign(signed.encode(), padding.PKCS1v15(), SHA256())
        return f"{signed}.{base64url(signature)}"


def base64url(raw: bytes) -> str:
    """Base64url without padding, for JSON Web Signatures."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(number: int) -> str:
    return base64url(number.to_bytes((number.bit_length() + 7) // 8))
