"""An account's settings for links: where dynamic links may lead, and the UTM parameters of new campaigns."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for
from pydantic import ValidationError

from salepixel.accounts.use_cases import see_account
from salepixel.attribution.use_cases import edit_account
from salepixel.campaigns.utm import read_utm, with_utm
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.schemas import LinkSettings
from salepixel_plugin.services import services, writing

PARAMETERS = {
    "source": N_("Source"),
    "medium": N_("Medium"),
    "campaign": N_("Campaign"),
    "content": N_("Content"),
    "term": N_("Term"),
}


@blueprint.get("/accounts/<int:emp_id>/links")
def show_link_settings(emp_id: int) -> Response:
    """The settings for links, with the form to change them."""
    return _form(emp_id, {}, ())


@blueprint.post("/accounts/<int:emp_id>/links")
def change_link_settings(emp_id: int) -> Response:
    """Change them, or show what they do to a destination."""
    sent = request.form
    utm = {name: sent.get(name, "").strip() for name in PARAMETERS} | {"replace": "replace" in sent}
    try:
        wanted = LinkSettings.model_validate({"link_hosts": sent.get("link_hosts", "").split(), "utm": utm})
    except ValidationError as error:
        wrong = [str(detail["loc"][1 if detail["loc"][0] == "utm" else 0]) for detail in error.errors()]
        answer = _form(emp_id, sent, wrong)
        answer.status_code = 422
        return answer
    if sent.get("step") == "preview":
        return _form(emp_id, sent, ())
    values = {"link_hosts": wanted.link_hosts, "utm": wanted.utm.as_utm().as_text()}
    with writing(publishes=True) as connection:
        edit_account(connection, principal(), services().keys, emp_id, values, datetime.now(UTC))
    return cast(Response, redirect(url_for("pages.show_link_settings", emp_id=emp_id), 303))


def _form(emp_id: int, sent: Mapping[str, str], wrong: list[str] | tuple[str, ...]) -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
    utm = read_utm(account.utm)
    values = {name: getattr(utm, name) for name in PARAMETERS} | {"link_hosts": "\n".join(account.link_hosts)}
    replaces = "replace" in sent if sent else utm.replace
    values |= {name: sent[name] for name in values if name in sent}
    example = ""
    if not wrong:
        shown = LinkSettings.model_validate(
            {"utm": {name: values[name].strip() for name in PARAMETERS} | {"replace": replaces}}
        )
        texts = language().text(N_("Autumn")), language().text(N_("Red shoes"))
        example = with_utm(f"https://{account.site or 'shop.example'}/p/1", shown.utm.as_utm(), *texts, 3)
    return page(
        "link_settings.html",
        account=account,
        values=values,
        replaces=replaces,
        parameters=PARAMETERS,
        example=example,
        wrong=wrong,
    )
