"""The installation's secrets: one file with numbered keys. A separate key is derived for each purpose."""

import hashlib
import hmac
import json
import os
import secrets
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, NewType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from salepixel.reading.addresses import BadHost, unicode_host

RESTORE = (
    "Restore keys.json from your backup. Without a backup, links in sent e-mails no longer work; to continue "
    "with the present keys, or with new ones: salepixel accept-keys"
)
_DATA = ("salepixel.sqlite3", "journal")
"""Data that services keep beside the keys. If it exists, links have been sent with the keys."""


Sealed = NewType("Sealed", str)
"""A secret as it is stored: "sealed <key id> <base64>", or empty if there is none. See Keys.seal."""

NO_SECRET = Sealed("")

_SEALED = "sealed "
"""No plain secret begins like this: a token has no space, and a pixel secret is hexadecimal."""


class BadKeys(ValueError):
    """The key file cannot be used; the message says why and what to do."""


class BadSeal(ValueError):
    """A stored secret cannot be decrypted: it was changed or moved, or its key is missing."""


class Place(NamedTuple):
    """Where a secret is stored. A sealed secret can only be decrypted for its own place."""

    table: str
    row: str | int
    column: str


def pixel_secret_place(emp_id: int) -> Place:
    """The place of an account's pixel secret."""
    return Place("accounts", emp_id, "pixel_secret")


def token_place(shop_id: str) -> Place:
    """The place of a shop's API token."""
    return Place("shops", shop_id, "token")


@dataclass(frozen=True)
class Keys:
    """Numbered secrets. New tokens use `active`; tokens made with any listed key stay valid (rotation)."""

    active: int
    secrets: Mapping[int, bytes] = field(repr=False)
    made_at: datetime | None = None  # aware UTC; None: made by an early version, or by hand

    def derive(self, key_id: int, purpose: str, length: int = 32) -> bytes:
        """A key for one purpose (HKDF-SHA256, RFC 5869). Raises KeyError for an unknown id."""
        return HKDF(SHA256(), length, salt=None, info=f"salepixel {purpose}".encode()).derive(
            self.secrets[key_id]
        )

    def seal(self, place: Place, secret: str) -> Sealed:
        """The secret, encrypted with the active key for this place; empty stays empty.

        AES-SIV (RFC 5297), as for click tokens: it needs no nonce.
        """
        if not secret:
            return NO_SECRET
        sealed = self._seals[self.active].encrypt(secret.encode(), _associated(place, self.active))
        return Sealed(f"{_SEALED}{self.active} {urlsafe_b64encode(sealed).decode()}")

    def open(self, place: Place, sealed: Sealed) -> str:
        """The decrypted secret. Decrypt it where it is used, and do not keep it. Raises BadSeal."""
        if not sealed:
            return ""
        key_id = sealed_with(sealed)
        if key_id not in self._seals:
            raise BadSeal("its key is not in keys.json")
        try:
            raw = urlsafe_b64decode(sealed.rpartition(" ")[2])
            return self._seals[key_id].decrypt(raw, _associated(place, key_id)).decode()
        except (InvalidTag, Base64Error, ValueError) as error:
            raise BadSeal("changed, or sealed for another place") from error

    def seal_bytes(self, place: Place, content: bytes) -> bytes:
        """Content, encrypted with the active key for this place, as `seal` does it."""
        return bytes([self.active]) + self._seals[self.active].encrypt(
            content, _associated(place, self.active)
        )

    def open_bytes(self, place: Place, sealed: bytes) -> bytes:
        """The decrypted content. Raises BadSeal."""
        key_id = sealed[0] if sealed else 0
        if key_id not in self._seals:
            raise BadSeal("its key is not in keys.json")
        try:
            return self._seals[key_id].decrypt(sealed[1:], _associated(place, key_id))
        except InvalidTag as error:
            raise BadSeal("changed, or sealed for another place") from error

    @cached_property
    def _seals(self) -> dict[int, AESSIV]:
        return {key_id: AESSIV(self.derive(key_id, "stored secret", 64)) for key_id in self.secrets}

    def hash_email(self, emp_id: int, email: str) -> str:
        """The keyed hash of an e-mail address: 32 hex digits.

        It always uses the oldest key: a hash cannot be renewed, because the address is not stored. All
        spellings of one address have the same hash: see `normal_address`.
        """
        return self._hash(emp_id, normal_address(email))

    def hash_address(self, emp_id: int, email: str) -> tuple[str, str]:
        """The hash of an address, and the hash of the mailbox that it leads to."""
        return self.hash_email(emp_id, email), self.hash_alias(emp_id, email)

    def hash_alias(self, emp_id: int, email: str) -> str:
        """The hash of the mailbox that an address leads to; it never equals a `hash_email`.

        The text after a plus does not count, nor do dots at Gmail (support.google.com/mail/answer/7436150).
        The rules of other providers are unknown, so their dots count. An address that begins with a plus is
        not shortened: it is a telephone number at a gateway for text messages.
        """
        name, _, domain = normal_address(email).rpartition("@")
        name, domain = name.partition("+")[0] or name, {"googlemail.com": "gmail.com"}.get(domain, domain)
        if domain == "gmail.com":
            name = name.replace(".", "")
        return self._hash(emp_id, f"alias\n{name}@{domain}")

    def _hash(self, emp_id: int, text: str) -> str:
        message = f"{emp_id}\n{text}".encode()
        return hmac.digest(self._email_key, message, hashlib.sha256).hex()[:32]

    def hash_erased(self, emp_id: int, kind: str, value: str) -> str:
        """The keyed hash under which an account remembers that something was erased: 32 hex digits.

        `kind`: an accounts.erased.Kind. Made with the oldest key, like `hash_email`: the value is not stored.
        """
        message = f"{emp_id}\n{kind}\n{value}".encode()
        return hmac.digest(self._erased_key, message, hashlib.sha256).hex()[:32]

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint by which the stores recognise these keys: 32 hex digits, not a secret.

        It is made from the oldest key, which stays when keys are rotated.
        """
        return self.derive(min(self.secrets), "fingerprint", 16).hex()

    @cached_property
    def holdout_secret(self) -> bytes:
        """The key of the random holdouts. It stays when keys are rotated."""
        return self.derive(min(self.secrets), "holdout")

    @cached_property
    def _erased_key(self) -> bytes:
        return self.derive(min(self.secrets), "erased")

    @cached_property
    def _email_key(self) -> bytes:
        return self.derive(min(self.secrets), "email")


def sealed_with(stored: str) -> int | None:
    """The id of the key that encrypts a stored secret; None for a plain one."""
    if not stored.startswith(_SEALED):
        return None
    number = stored.split(" ")[1]
    return int(number) if number.isascii() and number.isdigit() else 0


def _associated(place: Place, key_id: int) -> list[bytes]:
    return [str(part).encode() for part in (*place, key_id)]


def normal_address(email: str) -> str:
    """An address as it is compared: all spellings of one address have the same normal form.

    Letter case, surrounding white space, Unicode forms of a letter and the form of the domain do not matter.
    The domain is mapped as in browsers, to Unicode and not to ASCII, so that earlier hashes stay valid.
    """
    name, at, domain = unicodedata.normalize("NFC", email.strip()).rpartition("@")
    with suppress(BadHost):
        domain = unicode_host(domain)
    return _normal(name) + at + ".".join(map(_read_label, _normal(domain).split(".")))


def _read_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        read = _normal(label.removeprefix("xn--").encode("ascii").decode("punycode"))
        read.encode()  # a lone surrogate cannot be encoded
    except UnicodeError:
        return label
    return read


def _normal(text: str) -> str:
    # Twice: lower case may decompose a letter.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def load_keys(path: Path) -> Keys:
    """Read the key file; for a new installation create it (mode 0600). Raises BadKeys.

    Its fingerprint is stored beside it. If there is a fingerprint, or data of an installation, no keys are
    created and other keys are refused: with other keys, every link in a sent e-mail is a 404, and no e-mail
    address has the same hash as before.
    """
    try:
        if not path.exists():
            _check_nothing_is_there(path)
            _create(path)
        if path.stat().st_mode & 0o077:
            raise BadKeys(f"{path} can be read by others; run: chmod 600 {path}")
        keys = _read(path)
        mark = _mark(path)
        known = mark.read_text().strip() if mark.exists() else ""
    except OSError as error:
        raise BadKeys(
            f"{error.filename or path}: {error.strerror}. This user must have access to {path.parent}."
        ) from error
    if known and known != keys.fingerprint:
        raise BadKeys(f"{path} has the keys of another installation than {path.parent}. {RESTORE}")
    if not known:
        with suppress(OSError):  # an edge starts even if the disk is full or read-only
            _write_once(mark, keys.fingerprint)
    return keys


def existing_keys(path: Path) -> Keys:
    """The keys of an installation, for commands: a mistyped folder does not become an installation.

    Raises BadKeys.
    """
    if not path.exists():
        raise BadKeys(
            f"There is no key file {path}. Name the folder of the installation with --data or SALEPIXEL_DATA."
        )
    return load_keys(path)


def accept_keys(path: Path) -> Keys:
    """Accept the present keys of this folder, or create new ones. Raises BadKeys."""
    if not path.exists():
        _create(path)
    _mark(path).unlink(missing_ok=True)
    return load_keys(path)


def _check_nothing_is_there(path: Path) -> None:
    found = [name for name in (_mark(path).name, *_DATA) if (path.parent / name).exists()]
    # Services start at once, and one of them writes the keys before anything else.
    if found and not path.exists():
        raise BadKeys(
            f"{path} is missing, but {path.parent} has data of its installation ({found[0]}). {RESTORE}"
        )


def _mark(path: Path) -> Path:
    return path.with_suffix(".fingerprint")


def _read(path: Path) -> Keys:
    try:
        content = json.loads(path.read_bytes())
        found = {int(number): bytes.fromhex(value) for number, value in content["keys"].items()}
        active = int(content["active"])
        made_at = datetime.fromisoformat(content["made_at"]).astimezone(UTC) if "made_at" in content else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadKeys(f"{path} is not a key file ({error}); restore it from a backup") from error
    if active not in found or not all(0 < n < 256 and len(s) == 32 for n, s in found.items()):
        raise BadKeys(f"{path}: the active key must be listed; ids are 1 to 255, secrets 64 hex digits")
    return Keys(active, found, made_at)


def _create(path: Path) -> None:
    content = {
        "active": 1,
        "keys": {"1": secrets.token_hex(32)},
        "made_at": datetime.now(UTC).isoformat(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_once(path, json.dumps(content))


def _write_once(path: Path, text: str) -> None:
    """Write a file durably, with mode 0600. If the file already exists, it stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: if several processes start at once, the file of the first one stays.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
