"""The sales API refuses what could not be decided, and says which order."""

from typing import Any

import psycopg.errors
import pytest
import sqlalchemy as sa

from salepixel.orders import store as orders
from salepixel.storage import schema
from tests.plugin.conftest import PLACED, SHOES, Office

NEARLY = "999999999999.9999"
"""Less than the limit, and rounded up to it."""

LINE = {"item": "Shoes", "quantity": 1, "amount": "39.80"}


def sold(**changes: Any) -> dict[str, Any]:
    fine = {"id": "o-1", "currency": "EUR", "placed_at": PLACED.isoformat(), "lines": [LINE]}
    return {"empId": 7, "orders": [fine, fine | {"id": "o-2"} | changes]}


@pytest.mark.parametrize(
    "changes",
    [
        {"refunded": NEARLY},
        {"lines": [LINE | {"amount": NEARLY}]},
        {"total": NEARLY},
        {"placed_at": "0001-01-01T00:00:00Z"},
        {"placed_at": "9999-12-31T23:59:59Z"},
        {"updated_at": "9999-12-31T23:59:59Z"},
        {"id": "x" * 20_000},
        {"customer": "x" * 20_000},
    ],
)
def test_an_order_beyond_the_limits_is_refused(office: Office, changes: dict[str, Any]) -> None:
    answer = office.post("/sales", sold(**changes), SHOES)
    assert answer["stored"] == 1
    assert [one["position"] for one in answer["not_stored"]] == [1]
    with office.database.read() as connection:
        assert list(connection.scalars(sa.select(schema.orders.c.id))) == ["o-1"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sa.exc.OperationalError("", {}, psycopg.errors.ProgramLimitExceeded("")), (422, "unstorable")),
        (sa.exc.DataError("", {}, psycopg.errors.NumericValueOutOfRange("")), (422, "unstorable")),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), (422, "unstorable")),
        (
            sa.exc.OperationalError("", {}, psycopg.OperationalError("unavailable")),
            (503, "database_unavailable"),
        ),
        (
            sa.exc.InternalError("", {}, psycopg.errors.ReadOnlySqlTransaction("")),
            (503, "database_unavailable"),
        ),
    ],
    ids=lambda value: type(getattr(value, "orig", value)).__name__,
)
def test_only_transient_errors_ask_for_a_retry(
    office: Office, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: tuple[int, str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(orders, "store_order", fail)
    answer = office.call("POST", "/sales", sold(), SHOES)
    assert answer.json is not None
    assert (answer.status_code, answer.json["reason"]) == expected
