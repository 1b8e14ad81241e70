"""Alerts of an account: who gets them, which there are, and the state of its canary."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from salepixel.watch import use_cases
from salepixel.watch.store import Address
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import Id, Name
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, writing

_ADDRESS = "An e-mail address, or an address of apprise such as slack://token/#shop. Never returned."


class AlertAddressIn(Input):
    """A new address."""

    name: Name
    address: str = Field(max_length=2000, description=_ADDRESS)
    language: Literal["en", "es"] = "en"


class AlertAddressOut(Output):
    """An address, without its secrets."""

    id: Id
    name: str
    service: str = Field(description="`email`, or the first part of its address, such as `slack`.")
    language: Literal["en", "es"]
    created_at: datetime
    answer: str = Field(description="Of the last message: empty, `sent`, or why it was not sent.")
    answered_at: datetime | None


class AlertOut(Output):
    """The last alert of a kind."""

    kind: str
    detail: str
    began_at: datetime
    ended_at: datetime | None = Field(description="Null: it lasts.")


class CanaryOut(Output):
    """The last run of the test click and test order."""

    result: str = Field(description="Empty if all was well, or where it failed.")
    ended_at: datetime | None


class AlertsOut(Output):
    """The alerts of an account."""

    addresses: list[AlertAddressOut]
    alerts: list[AlertOut]
    canary: CanaryOut | None


@blueprint.get("/accounts/<int:emp_id>/alerts")
@blueprint.output(AlertsOut)
@blueprint.doc(security="bearer")
def show_alerts(emp_id: int) -> dict[str, Any]:
    """Who gets the alerts of an account, the last alert of each kind, and its canary."""
    with services().database.read() as connection:
        found = use_cases.see_watch(connection, principal(), emp_id)
    bird = found.canary
    return {
        "addresses": [_as_json(address) for address in found.addresses],
        "alerts": [
            {name: getattr(one, name) for name in ("kind", "detail", "began_at", "ended_at")}
            for one in found.alerts
        ],
        "canary": {"result": bird.result, "ended_at": bird.ended_at} if bird else None,
    }


@blueprint.post("/accounts/<int:emp_id>/alerts/addresses")
@blueprint.input(AlertAddressIn, arg_name="wanted")
@blueprint.output(AlertAddressOut, 201)
@blueprint.doc(security="bearer")
def add_alert_address(emp_id: int, wanted: AlertAddressIn) -> dict[str, Any]:
    """Add an address, and send it a test message."""
    with writing() as connection:
        now, keys = datetime.now(UTC), services().keys
        made = use_cases.add_address(
            connection, principal(), keys, emp_id, wanted.name, wanted.address, wanted.language, now
        )
    return _as_json(made)


@blueprint.post("/alert-addresses/<address_id>/test")
@blueprint.output(AlertAddressOut, 202)
@blueprint.doc(security="bearer")
def test_alert_address(address_id: str) -> dict[str, Any]:
    """Send a test message to an address. GET /accounts/<empId>/alerts has the answer, after some seconds."""
    with writing() as connection:
        return _as_json(use_cases.send_test(connection, principal(), address_id, datetime.now(UTC)))


@blueprint.delete("/alert-addresses/<address_id>")
@blueprint.output(AlertAddressOut)
@blueprint.doc(security="bearer")
def remove_alert_address(address_id: str) -> dict[str, Any]:
    """Remove an address."""
    with writing() as connection:
        return _as_json(use_cases.remove_address(connection, principal(), address_id))


def _as_json(address: Address) -> dict[str, Any]:
    return {name: getattr(address, name) for name in AlertAddressOut.model_fields}
