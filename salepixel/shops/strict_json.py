"""Strict JSON for outside data: exact decimals, and nothing that parsers read differently."""

import json
from decimal import Decimal
from typing import Any, NoReturn


class BadJson(ValueError):
    """Not acceptable JSON."""


def load_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Numbers with a fraction become exact Decimals.

    Raises BadJson for anything else: an encoding other than UTF-8, duplicate keys, NaN, too long numbers,
    too deep nesting.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_no_duplicates,
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BadJson(type(error).__name__) from error
    if not isinstance(value, dict):
        raise BadJson("not an object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found
