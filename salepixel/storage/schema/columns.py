"""Types of columns: money in minor units with its currency, time in microseconds since 1970, UTC."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.money.quantities import from_thousandths, to_thousandths

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def as_micros(at: datetime) -> int:
    """An aware time as microseconds since 1970 UTC, as stored."""
    return (at - EPOCH) // timedelta(microseconds=1)


HAS_CURRENCY = "currency <> ''"
"""The condition of the indexes by amount, and of the queries that are meant to use them.

It holds for every row with an amount. Without it, SQLite without statistics would use these indexes to list
the rows of an account or a campaign by time, and sort all of them.
"""


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime as an integer, the same in every database and quick to compare."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """The stored integer. Raises ValueError for a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value!r}")
        return as_micros(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """The aware time in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Quantity(sa.types.TypeDecorator[Decimal]):
    """A quantity of at most three decimals as an integer of thousandths: sums are exact in every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> int | None:
        """The stored integer, rounded half up."""
        return None if value is None else to_thousandths(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        """The quantity without trailing zeros."""
        return None if value is None else from_thousandths(int(value))


class Words(sa.types.TypeDecorator[Sequence[str]]):
    """A few texts without spaces, such as host names, separated by spaces."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: sa.Dialect) -> str | None:
        """The stored text."""
        return None if value is None else " ".join(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Sequence[str] | None:
        """The texts, in their stored sequence."""
        return None if value is None else tuple(value.split())
