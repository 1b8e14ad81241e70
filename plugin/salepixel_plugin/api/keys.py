"""API keys: made for an account, listed without the key, taken back."""

import secrets
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from salepixel.accounts.api_keys import FIRST_KEY, KeyEntry, add_api_key, list_api_keys, remove_api_key
from salepixel_plugin.access import Refusal, not_found, scope, see_account
from salepixel_plugin.api.door import Input, Output, blueprint
from salepixel_plugin.api.fields import EmpId, Id, Name
from salepixel_plugin.services import services


class KeyIn(Input):
    """A new key."""

    name: Name


class NewKey(Output):
    """A new key, shown this once."""

    id: Id
    key: str
    emp_id: EmpId = Field(alias="empId")
    name: str


class KeyOut(Output):
    """A key, without the key itself: only a digest of it is kept."""

    id: Id
    emp_id: EmpId | None = Field(alias="empId", description="Null: it opens all accounts.")
    name: str
    created_at: datetime


class KeysOut(Output):
    """Keys, oldest first."""

    keys: list[KeyOut]


@blueprint.post("/accounts/<int:emp_id>/keys")
@blueprint.input(KeyIn, arg_name="wanted")
@blueprint.output(NewKey, 201)
@blueprint.doc(security="bearer")
def add_key(emp_id: int, wanted: KeyIn) -> dict[str, Any]:
    """Make a key that opens this account only."""
    key = "sp_" + secrets.token_urlsafe(32)
    with services().database.write() as connection:
        see_account(connection, emp_id)
        key_id = add_api_key(connection, key, emp_id, wanted.name, datetime.now(UTC))
    return {"id": key_id, "key": key, "empId": emp_id, "name": wanted.name}


@blueprint.get("/keys")
@blueprint.output(KeysOut)
@blueprint.doc(security="bearer")
def list_keys() -> dict[str, Any]:
    """The keys of the account that the key opens, or all keys for a key with all rights."""
    with services().database.read() as connection:
        return {"keys": [_as_json(entry) for entry in list_api_keys(connection, scope())]}


@blueprint.delete("/keys/<key_id>")
@blueprint.output(KeyOut)
@blueprint.doc(security="bearer", responses={409: "The key of the settings"})
def remove_key(key_id: str) -> dict[str, Any]:
    """Take a key back: from now on it opens nothing, and who signed in with it is out."""
    with services().database.write() as connection:
        found = (entry for entry in list_api_keys(connection, scope()) if entry.id == key_id)
        entry = next(found, None)
        if entry is None:
            raise not_found("key")
        if entry.is_of_settings:
            said = f"This is the key of {FIRST_KEY}: change that setting and start again, which shuts it out."
            raise Refusal(409, "key_of_settings", said)
        remove_api_key(connection, key_id)
    return _as_json(entry)


def _as_json(entry: KeyEntry) -> dict[str, Any]:
    return {"id": entry.id, "empId": entry.emp_id, "name": entry.name, "created_at": entry.created_at}
