"""A decision is stored as rows, read as it was stored, and written only when it changed."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.policy import Model, Policy
from salepixel.attribution.decide import Candidate, Decision, decide
from salepixel.attribution.decisions import get_decision, store_decision
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.explanation import explain_decision, explanation_as_json
from salepixel.clicks.tokens import Click, Verdict
from salepixel.orders import store as orders
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.store import StoredOrder
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.examples import costly
from tests.make import CAMPAIGN, NOON, click_at, order
from tests.storage.test_plans import statements

MINUTE = timedelta(minutes=1)
STORED = StoredOrder("s1", 1, order(), "")


def of_clicks(*contacts: str, **changes: Any) -> list[Evidence]:
    return [
        Evidence(Rung.TOKEN, click_at(NOON - n * MINUTE, contact, serial=n), Verdict.HUMAN, **changes)
        for n, contact in enumerate(contacts)
    ]


def judge(evidence: Sequence[Evidence], model: Model = Model.LAST) -> Decision:
    return decide(1, STORED.order, evidence, Policy(model=model))


def kept(connection: sa.Connection) -> dict[str, Any]:
    stored = get_decision(connection, "s1", "O1")
    assert stored is not None
    return explanation_as_json(stored.explanation)


CLICKS = st.builds(
    lambda serial, contact, emp_id: click_at(NOON - serial * MINUTE, contact, emp_id, serial=serial),
    st.integers(0, 3),
    st.sampled_from(["", "ana", "bo's \u00f1"]),
    st.integers(1, 2),
)
EVIDENCE = st.builds(
    Evidence,
    st.sampled_from(Rung),
    st.none() | CLICKS,
    st.sampled_from(Verdict),
    st.booleans(),
    named_campaign=st.sampled_from(["", CAMPAIGN]),
    named_contact=st.sampled_from(["", "ana", "cy"]),
    consent=st.booleans(),
    other_address=st.booleans(),
    other_buyer=st.booleans(),
)


@costly(15)
@given(
    found=st.lists(st.lists(EVIDENCE, max_size=4), min_size=1, max_size=3),
    model=st.sampled_from(Model),
    paid=st.booleans(),
)
def test_reading_gives_the_last_stored_decision(
    database: Database, found: list[list[Evidence]], model: Model, paid: bool
) -> None:
    bought = order(paid=paid)
    with database.write() as connection:
        connection.execute(sa.delete(schema.decisions))
        connection.execute(sa.delete(schema.orders))
        orders.store_order(connection, "s1", 1, bought, "")
        for evidence in found:
            decision = decide(1, bought, evidence, Policy(model=model))
            store_decision(connection, STORED, decision, [], "buyer")
            stored = get_decision(connection, "s1", "O1")
            assert stored is not None
            assert (stored.explanation, stored.placed_at, stored.buyer) == (
                explain_decision(decision),
                NOON,
                "buyer",
            )
            count = connection.scalar(sa.select(sa.func.count()).select_from(schema.candidates))
            assert count == len(decision.candidates)


def test_an_unchanged_decision_writes_nothing(database: Database) -> None:
    def writes(decision: Decision) -> list[str]:
        with statements(connection, many=True) as asked:
            store_decision(connection, STORED, decision, [])
        words = [text.split() for text, _ in asked]
        return [f"{verb} {table}" for verb, _, table, *_ in words if table in ("decisions", "candidates")]

    with database.write() as connection:
        orders.store_order(connection, "s1", 1, STORED.order, "")
        one, two = judge(of_clicks("ana")), judge(of_clicks("bo", "ana"))
        assert writes(one) == ["INSERT decisions", "INSERT candidates"]
        assert writes(one) == []
        assert writes(one._replace(policy=2)) == ["INSERT decisions"]
        assert writes(two) == ["INSERT decisions", "DELETE candidates", "INSERT candidates"]
        assert writes(judge([])) == ["INSERT decisions", "DELETE candidates"]


def test_an_opted_out_contact_is_not_named(database: Database) -> None:
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, STORED.order, "")
        store_decision(connection, STORED, judge(of_clicks("ana", consent=False)), [])
        (row,) = connection.execute(sa.select(schema.candidates))
        assert (row.contact, row.opted_out, row.passed_over) == ("", True, Reason.OPTED_OUT)
        assert kept(connection)["candidates"][0]["contact"] is None


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (schema.candidates, {"contact": "ana", "opted_out": True}),
        (schema.candidates, {"share": 1.5}),
        (schema.candidates, {"confidence": -0.1}),
        (schema.candidates, {"order_id": "O9"}),
        (schema.decisions, {"outcome": "likley"}),
        (schema.decisions, {"confidence": 2.0}),
        (schema.decisions, {"evidence": ""}),
        (schema.decisions, {"shop_id": "s9"}),
    ],
)
def test_the_database_rejects_impossible_decisions(
    database: Database, table: sa.Table, values: dict[str, Any]
) -> None:
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, STORED.order, "")
        store_decision(connection, STORED, judge(of_clicks("ana")), [])

    def change() -> None:
        with database.write() as connection:
            connection.execute(sa.update(table).values(values))

    with pytest.raises(sa.exc.IntegrityError):
        change()


def test_another_accounts_decision_is_not_shown() -> None:
    foreign = Click(click_at(NOON).id, 2, CAMPAIGN, "0000000000a1", "gus")
    (shown,) = explanation_as_json(explain_decision(judge([Evidence(Rung.TOKEN, foreign)])))["candidates"]
    assert (shown["passed_over"], shown["click"]) == (Reason.OTHER_ACCOUNT, foreign.id.hex())
    assert (shown["campaign"], shown["link"], shown["contact"]) == (None, None, None)


@pytest.mark.parametrize(
    ("outcome", "credited"), [(Outcome.ATTRIBUTED, True), (Outcome.LIKELY, True), (Outcome.PENDING, False)]
)
def test_only_the_click_that_earned_the_order_is_shown_as_credited(outcome: Outcome, credited: bool) -> None:
    best = Candidate(of_clicks("ana")[0], 0.99, None, Fraction(1, 3))
    decision = Decision(outcome, Reason.UNPAID, 1, (best,), best if credited else None)
    shown = explanation_as_json(explain_decision(decision))
    assert shown["candidates"][0]["credited"] is credited
    assert shown["candidates"][0]["share"] == 0.333333
    assert (shown["credited"] is not None) is credited
