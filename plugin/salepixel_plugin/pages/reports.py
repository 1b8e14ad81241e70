"""Reports by e-mail: who gets them, which were sent, and the page that ends a subscription."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import BadField, Conflict
from salepixel.campaigns.store import campaign_names, list_campaigns
from salepixel.smtp.use_cases import see_smtp
from salepixel.subscriptions import use_cases
from salepixel.subscriptions.rules import What
from salepixel.subscriptions.tokens import end_by_token, read_token
from salepixel_plugin import mail_answers
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.choices import in_order
from salepixel_plugin.languages import LANGUAGES, N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, say
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services, writing

KINDS = {
    "day_1": N_("First day"),
    "day_3": N_("First three days"),
    "day_7": N_("First seven days"),
    "month": N_("Month in review"),
}

ANSWERS = mail_answers.ANSWERS | {
    "": N_("Not sent yet"),
    "sent": N_("Sent"),
    "gone": N_("Not sent: the campaign was deleted, or is no longer marked as sent."),
    "not_decrypted": N_("The address cannot be decrypted. Remove it, and add it again"),
}

_WRONG = {
    "address": N_("Enter an e-mail address, such as ana@shop.example."),
    "what": N_("Choose at least one report."),
    "campaign": N_("Choose a campaign."),
}
_CHOSEN = 50
"""How many campaigns the form offers."""


@blueprint.get("/accounts/<int:emp_id>/reports")
def show_reports(emp_id: int) -> Response:
    """The subscriptions, the newest reports, and the form for another subscription."""
    campaign = request.args.get("campaign", "")
    return _reports_page(emp_id, {"campaign": campaign, "what_campaign": "on"} if campaign else {}, {})


@blueprint.post("/accounts/<int:emp_id>/reports")
def add_subscription(emp_id: int) -> Response:
    """Send reports to an address."""
    sent = {name: text.strip() for name, text in request.form.items()}
    wanted = [what for what in What if what in request.form.getlist("what")]
    sent |= {f"what_{what}": "on" for what in wanted}
    chosen = sent.get("language", "")
    if not wanted:
        return _reports_page(emp_id, sent, {"what": language().text(_WRONG["what"])})
    try:
        with writing() as connection:
            for what in wanted:
                use_cases.subscribe(
                    connection,
                    principal(),
                    services().keys,
                    emp_id,
                    what,
                    sent.get("campaign", "") if what is What.CAMPAIGN else "",
                    sent.get("address", ""),
                    chosen if chosen in LANGUAGES else language().code,
                    datetime.now(UTC),
                )
    except BadField as declined:
        return _reports_page(emp_id, sent, {declined.field: language().text(_WRONG[declined.field])})
    except Conflict as declined:
        return _reports_page(emp_id, sent, {"address": say(as_refusal(declined))})
    return _to(emp_id)


@blueprint.post("/subscriptions/<subscription_id>/end")
def end_subscription(subscription_id: str) -> Response:
    """End a subscription."""
    with writing() as connection:
        found = use_cases.end_subscription(connection, principal(), subscription_id)
    return _to(found.emp_id)


@blueprint.post("/accounts/<int:emp_id>/reports/retry")
def retry_reports(emp_id: int) -> Response:
    """Send the failed reports again."""
    with writing() as connection:
        use_cases.retry_reports(connection, principal(), emp_id, datetime.now(UTC))
    return _to(emp_id)


@blueprint.get("/reports/end/<token>")
def show_end(token: str) -> Response:
    """Ask whether to end a subscription: programs that check links open this page, too."""
    if read_token(services().keys, token) is None:
        raise Refusal(404, "not_found", "")
    return page("report_end.html", token=token, is_ended=False)


@blueprint.post("/reports/end/<token>")
def end_reports(token: str) -> Response:
    """End a subscription, by the button, or by a mail program (RFC 8058)."""
    with writing() as connection:
        if not end_by_token(connection, services().keys, token):
            raise Refusal(404, "not_found", "")
    return page("report_end.html", token=token, is_ended=True)


def _reports_page(emp_id: int, sent: Mapping[str, str], wrong: Mapping[str, str]) -> Response:
    with services().database.read() as connection:
        found = use_cases.see_reports(connection, principal(), services().keys, emp_id)
        can_send = see_smtp(connection, principal(), emp_id, services().smtp).can_send
        offered = in_order(list_campaigns(connection, emp_id, _CHOSEN, None))
        named = {mail.about for mail in found.mails} | {one.campaign_id for one in found.subscriptions}
        names = campaign_names(connection, named)
    values: dict[str, Any] = dict(sent) or {"what_campaigns": "on"}
    answer = page(
        "reports.html",
        account=found.account,
        found=found,
        can_send=can_send,
        offered=offered,
        names=names,
        kinds=KINDS,
        answers=ANSWERS,
        language_names={code: one.name for code, one in LANGUAGES.items()},
        sent=values,
        wrong=wrong,
    )
    answer.status_code = 422 if wrong else 200
    return answer


def _to(emp_id: int) -> Response:
    return cast(Response, redirect(url_for("pages.show_reports", emp_id=emp_id), 303))
