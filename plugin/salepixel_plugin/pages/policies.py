"""An account's attribution settings: all versions, the preview of a change, closed months."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import sqlalchemy as sa
from flask import Response, redirect, request, url_for
from pydantic import ValidationError

from salepixel.accounts.declined import BadField, Conflict, Declined, Invalid
from salepixel.accounts.policy import Model
from salepixel.accounts.store import Account
from salepixel.attribution import policies, use_cases
from salepixel.attribution.policies import PolicyVersion, sums_of, totals_of
from salepixel.campaigns import store as campaigns
from salepixel.money.amounts import from_minor
from salepixel.storage.ids import is_id
from salepixel.wire import jobs
from salepixel_plugin.access import principal
from salepixel_plugin.choices import in_order
from salepixel_plugin.computed import follow, tools
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, say
from salepixel_plugin.pages.models import NAMES
from salepixel_plugin.paging import bad_cursor, read_order_cursor, write_cursor
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.schemas import MonthIn, PolicyChange
from salepixel_plugin.services import services, writing

SHOWN = 50
EXAMINED = 500
"""The number of orders in one preview. At about 2 ms for each, the worker needs about a second."""

OFFERED = 1000
"""The form offers the newest campaigns. A change affects hardly any orders of older ones."""

_WINDOWS = "campaign_windows."
_FIELDS = ("window_days", "model", "alias_match", "campaign", "campaign_days")
_DAYS = N_("The window must be a whole number of days from 1 to 365.")
_WRONG = {
    "window_days": _DAYS,
    "model": N_("Choose one of the models."),
    "alias_match": N_("Choose yes or no."),
    "campaign_windows": N_("At most 1000 campaigns can have their own window."),
}
_NO_CAMPAIGN = N_("Choose a campaign of this account.")
_NO_MONTH = N_("Enter a month, such as 2026-10.")
_NOT_SURE = N_("Tick this box to confirm.")


@blueprint.get("/accounts/<int:emp_id>/policy")
def show_policy(emp_id: int) -> Response:
    """The current settings and all versions, with the forms to change them and to close months."""
    return _policy_page(emp_id, _sent(request.args), {})


@blueprint.get("/accounts/<int:emp_id>/policy/preview")
def preview_policy(emp_id: int) -> Response:
    """The preview of a change, with the button to apply it. Nothing changes."""
    sent = _sent(request.args)
    try:
        return _preview_page(emp_id, sent)
    except (ValidationError, BadField) as error:
        return _policy_page(emp_id, sent, _wrong(error), 422)


@blueprint.post("/accounts/<int:emp_id>/policy")
def apply_policy(emp_id: int) -> Response:
    """Apply a previewed change; shows a new preview if the settings changed since."""
    sent = _sent(request.form)
    seen = request.form.get("policy", "")
    try:
        change, now = _change(sent), datetime.now(UTC)
        with writing(wakes=True) as connection:  # no version has the number 0
            use_cases.change_policy(connection, principal(), emp_id, change, now, number(seen) or 0)
    except (ValidationError, Declined) as error:
        if isinstance(error, Declined) and error.reason == "policy_changed":
            query: dict[str, Any] = {**sent, "policy": seen or "0"}
            return cast(Response, redirect(url_for("pages.preview_policy", emp_id=emp_id, **query), 303))
        return _policy_page(emp_id, sent, _wrong(error), 422)
    return cast(Response, redirect(url_for("pages.show_policy", emp_id=emp_id), 303))


@blueprint.post("/accounts/<int:emp_id>/closings")
def close_month(emp_id: int) -> Response:
    """Close a month and all earlier ones, if the box is ticked."""
    month = request.form.get("month", "").strip()
    try:
        without = "true" if request.form.get("without_failed") else "false"
        wanted = MonthIn.model_validate_strings({"month": month, "without_failed": without})
        if not request.form.get("sure"):
            return _policy_page(emp_id, {}, {"sure": language().text(_NOT_SURE)}, 422, month)
        services().job_queue.enqueue_once(jobs.DRAIN)  # decides the waiting orders that keep the month open
        without_failed, now = wanted.without_failed, datetime.now(UTC)
        with services().database.write() as connection:
            use_cases.close_month(connection, principal(), emp_id, month, now, without_failed=without_failed)
    except ValidationError:
        return _policy_page(emp_id, {}, {"month": language().text(_NO_MONTH)}, 422, month)
    except (Conflict, Invalid) as declined:
        refusal = as_refusal(declined)
        wrong = {"month": say(refusal), refusal.reason: say(refusal)}
        return _policy_page(emp_id, {}, wrong, refusal.status, month)
    return cast(Response, redirect(url_for("pages.show_policy", emp_id=emp_id), 303))


@blueprint.get("/accounts/<int:emp_id>/closings")
def show_closings(emp_id: int) -> Response:
    """Shows the settings if the reader changes the language on the error page of `close_month`."""
    return cast(Response, redirect(url_for("pages.show_policy", emp_id=emp_id), 303))


def _policy_page(
    emp_id: int, sent: Mapping[str, str], wrong: Mapping[str, str], status: int = 200, month: str = ""
) -> Response:
    with services().database.read() as connection:
        account, versions = use_cases.see_policies(connection, principal(), emp_id)
        values = {**_values(versions[0]), **sent}
        listed = campaigns.list_campaigns(connection, emp_id, OFFERED, None)
        windows = _windows(values)
        named = {*windows, *(campaign for version in versions for campaign in version.campaign_windows)}
        names = {campaign.id: campaign.name for campaign in listed}
        names |= names_of(connection, account, named - names.keys())
    answer = page(
        "policy.html",
        account=account,
        versions=versions,
        values=values,
        windows=windows,
        offered=in_order(campaign for campaign in listed if campaign.id not in windows),
        names=names,
        models=list(Model),
        titles=NAMES,
        wrong=wrong,
        month=month,
        last_month=f"{datetime.now(UTC).replace(day=1) - timedelta(days=1):%Y-%m}",
    )
    answer.status_code = status
    return answer


def _preview_page(emp_id: int, sent: Mapping[str, str]) -> Response:
    cursor, skip, seen = (request.args.get(name) for name in ("cursor", "skip", "policy"))
    first = 0 if skip is None else number(skip)
    if first is None:
        raise bad_cursor()
    after, change, here = read_order_cursor(cursor), _change(sent), services()
    with here.database.read() as connection:
        shown = use_cases.preview_policy_change(
            connection, principal(), emp_id, change, tools(), EXAMINED, after, datetime.now(UTC)
        )
    account, changed, computed = shown.account, shown.changed, follow(shown.computed)
    preview = computed.result
    moves = preview.moves if preview else []
    found = sums_of(moves)
    with here.database.read() as connection:
        # Not simply the newest version: a newer one may have been added since the account was read.
        versions = policies.list_policies(connection, emp_id)
        current = next(policy for policy in versions if policy.version == account.policy_version)
        planned = _as_version(changed, current)
        named = {total.campaign for total in found} | {*current.campaign_windows, *planned.campaign_windows}
        names = names_of(connection, account, named)
    return page(
        "preview.html",
        account=account,
        current=current,
        planned=planned,
        has_changed=bool(seen) and seen != str(current.version),
        preview=preview,
        computed=computed,
        sums=sorted(found, key=lambda total: (names.get(total.campaign, ""), total.campaign, total.currency)),
        totals=totals_of(found),
        moves=moves[first : first + SHOWN],
        amounts=amounts,
        more=str(first + SHOWN) if len(moves) > first + SHOWN else None,
        older=write_cursor(*preview.older) if preview and preview.older else None,
        newest=cursor is None,
        sent=sent,
        names=names,
        titles=NAMES,
    )


def _sent(form: Mapping[str, str]) -> dict[str, str]:
    """The settings in a form."""
    return {name: text.strip() for name, text in form.items() if name in _FIELDS or name.startswith(_WINDOWS)}


def _windows(form: Mapping[str, str]) -> dict[str, str]:
    """Campaign id -> the field with its window."""
    return {name.removeprefix(_WINDOWS): days for name, days in form.items() if name.startswith(_WINDOWS)}


def _change(sent: Mapping[str, str]) -> dict[str, Any]:
    """The change in a form. Raises a ValidationError.

    The windows of campaigns replace all earlier ones, so the form sends all of them. An empty field
    means that the campaign has no window of its own.
    """
    values: dict[str, Any] = {name: sent[name] for name in _FIELDS[:3] if name in sent}
    given = _windows(sent)
    windows = {campaign: days for campaign, days in given.items() if days}
    if sent.get("campaign") or sent.get("campaign_days"):
        windows[sent.get("campaign", "")] = sent.get("campaign_days", "")
    if given or "campaign" in sent:
        values["campaign_windows"] = windows
    return PolicyChange.model_validate_strings(values).model_dump(exclude_unset=True, mode="json")


def _wrong(error: ValidationError | Declined) -> dict[str, str]:
    """Field -> its error in the reader's language. Raises the error again if it belongs to no field."""
    if isinstance(error, Declined):
        if not isinstance(error, BadField):
            raise error
        return dict.fromkeys(as_refusal(error).errors, language().text(_NO_CAMPAIGN))
    names = [".".join(map(str, detail["loc"])) for detail in error.errors()]
    return {name: language().text(_WRONG.get(name, _DAYS)) for name in names}


def _values(policy: PolicyVersion) -> dict[str, str]:
    """The fields of the form for these settings."""
    values = {"window_days": str(policy.window_days), "model": policy.model}
    values["alias_match"] = "on" if policy.alias_match else "off"
    return values | {_WINDOWS + key: str(days) for key, days in policy.campaign_windows.items()}


def _as_version(changed: Account, current: PolicyVersion) -> PolicyVersion:
    """The settings that the account would have after the change."""
    return replace(
        current,
        version=changed.policy_version,
        window_days=changed.window_days,
        model=changed.model,
        alias_match=changed.alias_match,
        campaign_windows={key: window.days for key, window in changed.policy.windows.items()},
    )


def amounts(minor: Mapping[str, int], currency: str) -> dict[str, Decimal]:
    """The campaigns' revenue from an order."""
    return {campaign: from_minor(amount, currency) for campaign, amount in minor.items()}


def names_of(connection: sa.Connection, account: Account, ids: Iterable[str]) -> dict[str, str]:
    """The names of these campaigns, but only of this account: a URL may have any id."""
    found = (campaigns.get_campaign(connection, campaign_id) for campaign_id in ids if is_id(campaign_id))
    return {
        campaign.id: campaign.name for campaign in found if campaign and campaign.emp_id == account.emp_id
    }


def number(text: str) -> int | None:
    """A number as our own pages write it; otherwise None."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
