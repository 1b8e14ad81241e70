"""Which accounts a list is about."""

from typing import Any, TypeAlias

import sqlalchemy as sa

from salepixel.accounts.principal import CANARY

Scope: TypeAlias = int | frozenset[int] | None
"""One account, some accounts, or (None) all accounts but that of the canaries. See `Principal.accounts`."""


def in_scope(column: sa.ColumnElement[Any], scope: Scope) -> sa.ColumnElement[bool]:
    """The condition that a row's account is in the scope."""
    if scope is None:
        return column != CANARY
    some = frozenset({scope}) if isinstance(scope, int) else scope
    # One account is compared with "=", for which the indexes of lists are made.
    return column.in_(sorted(some)) if len(some) != 1 else column == next(iter(some))
