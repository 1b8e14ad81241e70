"""Recovery codes: each of the ten replaces one code of the second factor, once."""

import hashlib
import secrets

import sqlalchemy as sa

from salepixel.storage.schema import recovery_codes

CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike
_LENGTH = 10  # 49 bits: enough for a code that is tried against a limited number of attempts
_HALF = _LENGTH // 2


def renew_codes(connection: sa.Connection, person_id: str) -> list[str]:
    """Ten new codes in place of the earlier ones. Only their digests are stored."""
    remove_codes(connection, person_id)
    codes = {_new_code() for _ in range(CODES)}
    rows = [{"person_id": person_id, "digest": _digest(person_id, code)} for code in codes]
    connection.execute(sa.insert(recovery_codes), rows)
    return sorted(codes)


def remove_codes(connection: sa.Connection, person_id: str) -> None:
    """Delete the codes of a person."""
    connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.person_id == person_id))


def count_codes(connection: sa.Connection, person_id: str) -> int:
    """How many codes a person has not used."""
    its = recovery_codes.c.person_id == person_id
    return connection.scalar(sa.select(sa.func.count()).select_from(recovery_codes).where(its)) or 0


def use_code(connection: sa.Connection, person_id: str, code: str) -> bool:
    """Delete a code; False if the person has no such code."""
    this = recovery_codes.c.person_id == person_id, recovery_codes.c.digest == _digest(person_id, code)
    return connection.execute(sa.delete(recovery_codes).where(*this)).rowcount > 0


def _new_code() -> str:
    text = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return f"{text[:_HALF]}-{text[_HALF:]}"


def _digest(person_id: str, code: str) -> str:
    text = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(f"{person_id}\n{text}".encode("utf-8", "replace")).hexdigest()
