"""The page API keys of an account: created, shown once, revoked. For owners."""

from datetime import UTC, date, datetime, time, timedelta
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts import use_cases
from salepixel.accounts.declined import BadField, NotFound
from salepixel.accounts.principal import KeyScope
from salepixel.accounts.use_cases import IssuedKey
from salepixel.reading.text import read_text
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, with_script
from salepixel_plugin.services import services

SCOPES = {
    KeyScope.READ: N_("Read"),
    KeyScope.WRITE: N_("Read and write"),
    KeyScope.SALES: N_("Only send orders"),
}

SCOPE_HINTS = {
    KeyScope.READ: N_("all reports, with contacts; changes nothing"),
    KeyScope.WRITE: N_("everything that an owner of this account may do"),
    KeyScope.SALES: N_("only the sales API, for the server of a shop; reads nothing"),
}

_NAME = 200
_NO_NAME = N_("Enter a name, such as the program that will use the key.")
_NOT_COMING = N_("Enter a day that is still to come, within ten years, or leave the field empty.")


@blueprint.get("/accounts/<int:emp_id>/keys")
def show_keys(emp_id: int) -> Response:
    """The keys of an account."""
    return _keys_page(emp_id)


@blueprint.post("/accounts/<int:emp_id>/keys")
def change_keys(emp_id: int) -> Response:
    """Create a key, or revoke one."""
    if request.form.get("step") == "revoke":
        return _revoke(emp_id, request.form.get("key", ""))
    name, chosen = read_text(request.form.get("name", ""), _NAME), request.form.get("scope", "")
    scope = KeyScope(chosen) if chosen in set(KeyScope) else KeyScope.READ
    if not name:
        return _keys_page(emp_id, wrong={"name": language().text(_NO_NAME)})
    now, day = datetime.now(UTC), request.form.get("expires", "").strip()
    try:
        expires_at = _end_of(day, now) if day else None
        with services().database.write() as connection:
            issued = use_cases.add_key(connection, principal(), emp_id, name, now, scope, expires_at)
    except (BadField, ValueError, OverflowError):  # the day after the last one of the calendar
        return _keys_page(emp_id, wrong={"expires": language().text(_NOT_COMING)})
    return _keys_page(emp_id, issued=issued)


def _end_of(day: str, now: datetime) -> datetime:
    """The end of a day (UTC). Raises ValueError for another text, or a day that is too far ahead."""
    end = datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=1)
    if end > now + timedelta(days=3660):
        raise ValueError(day)
    return end


def _revoke(emp_id: int, key_id: str) -> Response:
    with services().database.write() as connection:
        _, its = use_cases.see_keys(connection, principal(), emp_id)
        if all(one.id != key_id for one in its):
            raise NotFound("key")
        use_cases.remove_key(connection, principal(), key_id)
    return cast(Response, redirect(url_for("pages.show_keys", emp_id=emp_id), 303))


def _keys_page(emp_id: int, issued: IssuedKey | None = None, wrong: dict[str, str] | None = None) -> Response:
    with services().database.read() as connection:
        account, found = use_cases.see_keys(connection, principal(), emp_id)
    answer = page(
        "keys.html",
        account=account,
        keys=found,
        scopes=SCOPES,
        hints=SCOPE_HINTS,
        issued=issued,
        now=datetime.now(UTC),
        wrong=wrong or {},
        sent=request.form if wrong else {},
    )
    answer.headers["Content-Security-Policy"] = with_script()
    answer.status_code = 422 if wrong else 200
    return answer
