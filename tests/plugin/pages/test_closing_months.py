"""The form that closes a month, on an account's page of attribution settings."""

from datetime import UTC, datetime, timedelta

import pytest

from salepixel.orders import queue
from tests.plugin.api.test_policies import LAST_MONTH
from tests.plugin.conftest import PLACED, SHOES, Office
from tests.plugin.pages.forms import Form
from tests.plugin.pages.test_pages import _check
from tests.plugin.pages.test_policy_page import CLOSINGS, PAGE, shown


def test_closing_a_month_warns_that_it_cannot_be_undone_and_asks(office: Office) -> None:
    form = Form(shown(office), CLOSINGS)
    assert form.method == "post"
    assert "You cannot undo this." in shown(office)
    assert "Esto no se puede deshacer." in shown(office, f"{PAGE}?lang=es")
    unsure = shown(office, CLOSINGS, 422, method="POST", data={"month": LAST_MONTH})
    assert "Tick this box to confirm." in unsure
    assert Form(unsure, CLOSINGS).fields["month"] == LAST_MONTH
    assert office.get("/accounts/7/policies")["closed_before"] is None
    answer = office.page(CLOSINGS, SHOES, method="POST", data={"month": LAST_MONTH, "sure": "on"})
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert f"{PLACED:1 %b %Y}, 00:00 are closed." in shown(office)
    assert office.get("/accounts/7/policies")["closed_before"]


@pytest.mark.parametrize("month", ["", "2026-13", "October", "2026-1", "<b>"])
def test_an_invalid_month_is_reported_at_its_field(office: Office, month: str) -> None:
    answer = office.page(CLOSINGS, SHOES, method="POST", data={"month": month, "sure": "on"})
    assert answer.status_code == 422
    _check(answer.text)
    assert 'id="bad-month">Enter a month, such as 2026-10.' in answer.text
    assert Form(answer.text, CLOSINGS).fields["month"] == month


def test_closing_an_unfinished_month_is_refused_with_an_explanation(office: Office) -> None:
    this_month = f"{datetime.now(UTC):%Y-%m}"
    for lang, said in (
        ("en", f"{this_month} has not ended yet"),
        ("es", f"{this_month} aún no ha terminado"),
    ):
        sent = {"month": this_month, "sure": "on"}
        html = shown(office, f"{CLOSINGS}?lang={lang}", 422, method="POST", data=sent)
        assert f'id="bad-month">{said}' in html
    old = (PLACED.replace(day=1) - timedelta(days=3)).isoformat()
    line = {"item": "x", "quantity": 1, "amount": 1}
    order = {"id": "w", "currency": "EUR", "placed_at": old, "lines": [line]}
    office.post("/sales", {"empId": 7, "orders": [order]})
    for lang, said in (
        ("en", "Orders of that period that are still being processed: 1."),
        ("es", "Pedidos de ese periodo que aún se están procesando: 1."),
    ):
        sent = {"month": LAST_MONTH, "sure": "on"}
        html = shown(office, f"{CLOSINGS}?lang={lang}", 409, method="POST", data=sent)
        assert f'id="bad-month">{said}' in html
        assert Form(html, CLOSINGS).fields["month"] == LAST_MONTH
    assert office.get("/accounts/7/policies")["closed_before"] is None


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "could not be processed (1): 1042."), ("es", "no se han podido procesar (1): 1042.")],
)
def test_failed_orders_are_named_and_may_be_left_out(office: Office, lang: str, said: str) -> None:
    old = (PLACED.replace(day=1) - timedelta(days=3)).isoformat()
    shop, order = office.order(placed_at=old)
    with office.database.write() as connection:
        queue.record_failure(connection, shop, order, "BadMoney", PLACED)
    assert "without_failed" not in shown(office)
    sent = {"month": LAST_MONTH, "sure": "on"}
    html = shown(office, f"{CLOSINGS}?lang={lang}", 409, method="POST", data=sent)
    assert said in html
    assert "/orders/failed" in _check(html).links
    assert 'name="without_failed"' in html
    answer = office.page(CLOSINGS, SHOES, method="POST", data=sent | {"without_failed": "on"})
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert office.get("/accounts/7/policies")["closed_before"]


def test_the_language_can_be_changed_after_a_refused_form(office: Office) -> None:
    assert office.page(f"{CLOSINGS}?lang=es", SHOES).location == PAGE
