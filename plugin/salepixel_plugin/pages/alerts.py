"""Alerts of an account: who gets them, which there are, and the state of its canary."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import BadField, Conflict
from salepixel.reading.text import read_text
from salepixel.smtp.use_cases import see_smtp
from salepixel.watch import use_cases
from salepixel.watch.rules import Kind
from salepixel.watch.store import EMAIL
from salepixel_plugin import mail_answers
from salepixel_plugin.access import principal
from salepixel_plugin.languages import LANGUAGES, N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, say
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services, writing

KINDS = {
    Kind.CANARY: N_("Test click or test order failed"),
    Kind.WEBHOOKS: N_("No orders arrive from the shop"),
    Kind.EVIDENCE: N_("Fewer orders have evidence of a click"),
    Kind.FORWARDS: N_("Failed forwards"),
    Kind.DISK: N_("The disk is almost full"),
    Kind.JOURNAL: N_("Clicks are stored late"),
}

ANSWERS = {
    "": N_("Not sent yet"),
    "sent": N_("Sent"),
    "failed": N_("The service did not accept the message"),
    "too_slow": N_("The service did not answer in time"),
    "unknown_service": N_("This is not an address of a service that apprise knows"),
    "forbidden_address": N_("The address leads into a private network"),
    "not_decrypted": N_("The address cannot be decrypted. Remove it, and add it again"),
}

_OF_MAIL = mail_answers.ANSWERS | {"sent": ANSWERS["sent"]}

_WRONG = {
    "name": N_("Enter a name."),
    "address": N_("Enter an e-mail address such as ana@shop.example, or the address of a service."),
}


@blueprint.get("/accounts/<int:emp_id>/alerts")
def show_alerts(emp_id: int) -> Response:
    """The addresses, the alerts and the canary of an account."""
    return _alerts_page(emp_id, {}, {})


@blueprint.post("/accounts/<int:emp_id>/alerts")
def add_alert_address(emp_id: int) -> Response:
    """Add an address; it gets a test message."""
    name = read_text(request.form.get("name", ""), 200)
    address = request.form.get("address", "").strip()
    if not name:
        return _alerts_page(emp_id, {"name": name}, {"name": language().text(_WRONG["name"])})
    try:
        with writing() as connection:
            use_cases.add_address(
                connection,
                principal(),
                services().keys,
                emp_id,
                name,
                address,
                language().code,
                datetime.now(UTC),
            )
    except BadField:
        return _alerts_page(emp_id, {"name": name}, {"address": language().text(_WRONG["address"])})
    except Conflict as declined:
        return _alerts_page(emp_id, {"name": name}, {"address": say(as_refusal(declined))})
    return _to(emp_id)


@blueprint.post("/alert-addresses/<address_id>/test")
def test_alert_address(address_id: str) -> Response:
    """Send a test message to an address."""
    with writing() as connection:
        found = use_cases.send_test(connection, principal(), address_id, datetime.now(UTC))
    return _to(found.emp_id)


@blueprint.post("/alert-addresses/<address_id>/remove")
def remove_alert_address(address_id: str) -> Response:
    """Remove an address."""
    with writing() as connection:
        found = use_cases.remove_address(connection, principal(), address_id)
    return _to(found.emp_id)


@blueprint.post("/accounts/<int:emp_id>/alerts/canary")
def run_canary(emp_id: int) -> Response:
    """Let the canary run now."""
    with writing() as connection:
        use_cases.run_canary_now(connection, principal(), emp_id, datetime.now(UTC))
    return _to(emp_id)


def _alerts_page(emp_id: int, sent: Mapping[str, str], wrong: Mapping[str, str]) -> Response:
    with services().database.read() as connection:
        found = use_cases.see_watch(connection, principal(), emp_id)
        can_send = see_smtp(connection, principal(), emp_id, services().smtp).can_send
    answer = page(
        "alerts.html",
        account=found.account,
        found=found,
        kinds=KINDS,
        answers=ANSWERS,
        answers_of_mail=_OF_MAIL,
        email=EMAIL,
        lacks_smtp=not can_send and any(one.service == EMAIL for one in found.addresses),
        language_names={code: one.name for code, one in LANGUAGES.items()},
        sent=sent,
        wrong=wrong,
    )
    answer.status_code = 422 if wrong else 200
    return answer


def _to(emp_id: int) -> Response:
    return cast(Response, redirect(url_for("pages.show_alerts", emp_id=emp_id), 303))
