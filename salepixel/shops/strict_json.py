"""JSON from strangers: exact decimals, and no reading that another parser would not share."""

import json
from decimal import Decimal
from typing import Any, NoReturn


class BadJson(ValueError):
    """Not JSON that we take."""


def load_object(raw: bytes) -> dict[str, Any]:
    """The object in `raw`. Numbers with a fraction become Decimal, as written.

    Raises BadJson for anything else: other encodings than UTF-8, a key that occurs twice, NaN, numbers
    and depths beyond all reason.
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
