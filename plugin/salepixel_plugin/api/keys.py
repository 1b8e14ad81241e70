"""API keys: created for an account, listed without the key itself, revoked."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from salepixel.accounts import use_cases
from salepixel.accounts.api_keys import KeyEntry
from salepixel.accounts.principal import KeyScope
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import ComingTime, EmpId, Id, Name
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services

_SCOPE = "`read`: only GET; `write`: all that an owner may; `sales`: only `POST /sales`."


class KeyIn(Input):
    """A new key."""

    name: Name
    scope: KeyScope = Field(KeyScope.WRITE, description=_SCOPE)
    expires_at: ComingTime | None = Field(None, description="Null: never.")


class NewKey(Output):
    """A new key. It is shown only once."""

    id: Id
    key: str
    emp_id: EmpId = Field(alias="empId")
    name: str
    scope: KeyScope
    expires_at: datetime | None


class KeyOut(Output):
    """An API key without the key itself, because only its digest is stored."""

    id: Id
    emp_id: EmpId | None = Field(
        alias="empId", description="The account of the key. Null: a key with all rights."
    )
    name: str
    created_at: datetime
    scope: KeyScope = Field(description=_SCOPE)
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the hour. Null: not used yet.")


class KeysOut(Output):
    """Keys, oldest first."""

    keys: list[KeyOut]


@blueprint.post("/accounts/<int:emp_id>/keys")
@blueprint.input(KeyIn, arg_name="wanted")
@blueprint.output(NewKey, 201)
@blueprint.doc(security="bearer")
def add_key(emp_id: int, wanted: KeyIn) -> dict[str, Any]:
    """Create a key for this account only."""
    with services().database.write() as connection:
        made = use_cases.add_key(
            connection, principal(), emp_id, wanted.name, datetime.now(UTC), wanted.scope, wanted.expires_at
        )
    return {"id": made.id, "key": made.key, "empId": emp_id, **wanted.model_dump()}


@blueprint.get("/keys")
@blueprint.output(KeysOut)
@blueprint.doc(security="bearer", responses={403: "A key that only reads"})
def list_keys() -> dict[str, Any]:
    """The keys of the API key's account, or all keys for a key with all rights. Needs the scope `write`."""
    with services().database.read() as connection:
        return {"keys": [_as_json(entry) for entry in use_cases.see_all_keys(connection, principal())]}


@blueprint.delete("/keys/<key_id>")
@blueprint.output(KeyOut)
@blueprint.doc(security="bearer", responses={409: "The key is the one in SALEPIXEL_API_KEY"})
def remove_key(key_id: str) -> dict[str, Any]:
    """Revoke a key. Everybody who signed in with it is signed out."""
    with services().database.write() as connection:
        return _as_json(use_cases.remove_key(connection, principal(), key_id))


def _as_json(entry: KeyEntry) -> dict[str, Any]:
    values = asdict(entry)
    return {"empId": values.pop("emp_id"), **values}
