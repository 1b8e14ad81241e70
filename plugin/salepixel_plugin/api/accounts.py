"""Accounts: the parts of a business, such as brands, each with its own settings."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from salepixel.accounts import store, use_cases
from salepixel.accounts.pixel_secret import open_pixel_secret
from salepixel.accounts.policy import Model
from salepixel.accounts.principal import HIDDEN, Change
from salepixel.accounts.store import Account
from salepixel.attribution import use_cases as attribution
from salepixel.campaigns.utm import read_utm
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import (
    UNSET,
    Currency,
    EmpId,
    HostOrEmpty,
    LinkHosts,
    Name,
    NewEmpId,
    Text,
    TimeZone,
    UrlOrEmpty,
)
from salepixel_plugin.schemas import Input, UtmIn, WindowDays
from salepixel_plugin.services import services, writing

_HOST = "The host of this account's tracked links. If empty, the edge's own host."
_PIXEL_AMOUNT = "Whether IMPORTE of the pixel is the amount of a line or of the whole order."
_HOSTED = "The URL of a hosted pixel to request too, such as https://track.mdrctr.com/track/sale."
_FORWARD = "A URL template. Each sale is forwarded to it."
_LINK_HOSTS = (
    "The hosts where dynamic links may lead: `shop.test`, or `*.shop.test` for all hosts below it. "
    "If empty, the site, with and without `www.`."
)
_UTM = "The UTM parameters of new campaigns, where the campaign has none of its own."
_SECRET = "The shop's server signs its pixels with this secret. Never send it to a browser."

_NOT_SHOWN = ("pixel_secret", "campaign_windows")

_CHOSEN = " It cannot change after the first sale."
_SALE_WHEN = "When an order counts as a sale: when it is paid in full, or when it is placed." + _CHOSEN
_TAX = "Whether the amounts of lines include tax (gross) or not (net)." + _CHOSEN
_SHIPPING = "Whether shipping counts, as a separate line." + _CHOSEN

SaleWhen = Literal["paid", "placed"]
Tax = Literal["gross", "net"]
Shipping = Literal["excluded", "included"]
Per = Literal["line", "order"]


class AccountIn(Input):
    """A new account."""

    emp_id: NewEmpId = Field(alias="empId")
    name: Name
    tracking_host: HostOrEmpty = Field("", description=_HOST, examples=["track.shop.test"])
    site: HostOrEmpty = Field("", examples=["shop.test"])
    currency: Currency
    window_days: WindowDays = 7
    pixel_amount: Per = Field("line", description=_PIXEL_AMOUNT)
    pixel_signed: bool = Field(False, description="True: only signed pixel hits count.")
    hosted_pixel: UrlOrEmpty = Field("", description=_HOSTED)
    hosted_emp_id: Text = Field("", description="The empId of this account at the hosted pixel.")
    forward_url: UrlOrEmpty = Field("", description=_FORWARD)
    forward_per: Per = "line"
    sale_when: SaleWhen = Field("paid", description=_SALE_WHEN)
    tax: Tax = Field("gross", description=_TAX)
    shipping: Shipping = Field("excluded", description=_SHIPPING)
    link_hosts: LinkHosts = Field([], description=_LINK_HOSTS)
    utm: UtmIn = Field(UtmIn(), description=_UTM)
    time_zone: TimeZone = ""


class AccountChange(Input):
    """The fields to change. Fields that are not sent stay the same."""

    name: Name = Field(UNSET)
    tracking_host: HostOrEmpty = Field(UNSET, description=_HOST)
    site: HostOrEmpty = Field(UNSET)
    currency: Currency = Field(UNSET)
    window_days: WindowDays = Field(UNSET)
    pixel_amount: Per = Field(UNSET, description=_PIXEL_AMOUNT)
    pixel_signed: bool = Field(UNSET)
    hosted_pixel: UrlOrEmpty = Field(UNSET, description=_HOSTED)
    hosted_emp_id: Text = Field(UNSET)
    forward_url: UrlOrEmpty = Field(UNSET, description=_FORWARD)
    forward_per: Per = Field(UNSET)
    sale_when: SaleWhen = Field(UNSET, description=_SALE_WHEN)
    tax: Tax = Field(UNSET, description=_TAX)
    shipping: Shipping = Field(UNSET, description=_SHIPPING)
    link_hosts: LinkHosts = Field(UNSET, description=_LINK_HOSTS)
    utm: UtmIn = Field(UNSET, description=f"{_UTM} Replaces all patterns.")
    time_zone: TimeZone = Field(UNSET)
    renew_pixel_secret: bool = Field(
        False, description="True: create a new pixel secret. The old one becomes invalid."
    )


class AccountOut(Output):
    """An account."""

    emp_id: EmpId = Field(alias="empId")
    name: str
    tracking_host: str
    site: str
    currency: str
    window_days: int
    pixel_amount: Per
    pixel_signed: bool
    hosted_pixel: str
    hosted_emp_id: str
    forward_url: str
    forward_per: Per
    policy_version: int = Field(
        description="The current version of the attribution settings: GET /accounts/<empId>/policies."
    )
    model: Model
    alias_match: bool
    closed_before: datetime | None
    clicks_ended_before: datetime | None = Field(
        description="Retention has deleted clicks and pixel hits before this time. Null: none were deleted."
    )
    bot_clicks_ended_before: datetime | None = Field(description="The same for bot clicks.")
    ignored_hits_ended_before: datetime | None = Field(description="The same for ignored pixel hits.")
    sale_when: SaleWhen
    tax: Tax
    shipping: Shipping
    link_hosts: list[str] = Field(description=_LINK_HOSTS)
    utm: UtmIn = Field(description=_UTM)
    time_zone: str = Field(description="Empty: that of the installation.")
    created_at: datetime


class AccountWithSecret(AccountOut):
    """An account with its pixel secret."""

    pixel_secret: str = Field(description=_SECRET)


class AccountsOut(Output):
    """The accounts that the API key can read."""

    accounts: list[AccountOut]


@blueprint.post("/accounts")
@blueprint.input(AccountIn, arg_name="wanted")
@blueprint.output(AccountWithSecret, 201)
@blueprint.doc(security="bearer", responses={403: "Needs a key with all rights", 409: "The empId is taken"})
def add_account(wanted: AccountIn) -> dict[str, Any]:
    """Create an account."""
    with writing(publishes=True) as connection:
        values, now = wanted.model_dump() | {"utm": wanted.utm.as_utm().as_text()}, datetime.now(UTC)
        account = use_cases.create_account(connection, principal(), services().keys, values, now)
    return _with_secret(account)


@blueprint.get("/accounts")
@blueprint.output(AccountsOut)
@blueprint.doc(security="bearer")
def list_accounts() -> dict[str, Any]:
    """The accounts that the API key can read."""
    with services().database.read() as connection:
        return {"accounts": [_as_json(account) for account in store.list_accounts(connection, principal())]}


@blueprint.get("/accounts/<int:emp_id>")
@blueprint.output(AccountWithSecret)
@blueprint.doc(security="bearer")
def get_account(emp_id: int) -> dict[str, Any]:
    """One account, with its pixel secret."""
    with services().database.read() as connection:
        return _with_secret(use_cases.see_account(connection, principal(), emp_id))


@blueprint.patch("/accounts/<int:emp_id>")
@blueprint.input(AccountChange, arg_name="change")
@blueprint.output(AccountWithSecret)
@blueprint.doc(
    security="bearer", responses={409: "The account has sales or closed months, so this field cannot change"}
)
def change_account(emp_id: int, change: AccountChange) -> dict[str, Any]:
    """Change an account."""
    values = change.model_dump(exclude_unset=True, exclude={"renew_pixel_secret"})
    if "utm" in values:
        values["utm"] = change.utm.as_utm().as_text()
    renew, now = change.renew_pixel_secret, datetime.now(UTC)
    with writing(publishes=True) as connection:
        account = attribution.edit_account(
            connection, principal(), services().keys, emp_id, values, now, renew_pixel_secret=renew
        )
    return _with_secret(account)


def _as_json(account: Account) -> dict[str, Any]:
    values = {name: getattr(account, name) for name in Account.__slots__ if name not in _NOT_SHOWN}
    values["empId"] = values.pop("emp_id")
    if not principal().may_change(account.emp_id):
        values |= {name: values[name] and HIDDEN for name in attribution.MAY_HAVE_SECRETS}
    values["link_hosts"], values["utm"] = account.leads_to, asdict(read_utm(account.utm))
    return values


def _with_secret(account: Account) -> dict[str, Any]:
    """With the secret, if the key may change it."""
    may = principal().may_change(account.emp_id, Change.ACCESS)
    secret = open_pixel_secret(services().keys, account) if may else HIDDEN
    return _as_json(account) | {"pixel_secret": secret}
