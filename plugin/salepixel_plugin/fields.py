"""The types of fields in requests and responses."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from salepixel.accounts.principal import CANARY
from salepixel.campaigns.links import BadDestination, check_destination, read_destination
from salepixel.money.amounts import MAX_AMOUNT, BadMoney, to_minor
from salepixel.money.quantities import MAX_QUANTITY, round_quantity
from salepixel.reading.addresses import BadHost, normal_host
from salepixel.reading.money import read_currency
from salepixel.reading.order_numbers import PlaceholderOrder, read_order_number
from salepixel.reading.text import read_text
from salepixel.reading.zones import read_zone
from salepixel.shops.reported import MAX_DIGITS

_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_FIRST_YEAR = datetime(2000, 1, 1, tzinfo=UTC)
_DAY, _YEAR = timedelta(days=1), timedelta(days=366)
_MAX_TEXT = 200
_SMALLEST = Decimal(1).scaleb(-MAX_DIGITS)

UNSET: Any = None
"""Marks a field that was not sent. Null is refused like any other invalid value."""


def _clean(text: str) -> str:
    return read_text(text, _MAX_TEXT)


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _order_number(text: str) -> str:
    try:
        return read_order_number(text)
    except PlaceholderOrder:
        raise ValueError("is a placeholder that was not filled in, not an order number") from None


def _currency(text: str) -> str:
    try:
        return read_currency(text)
    except BadMoney:
        raise ValueError("must be a three-letter code such as EUR") from None


def _amount(value: Decimal) -> Decimal:
    if value < 0:
        raise ValueError("must not be negative; send refunds in `refunded`")
    if value >= MAX_AMOUNT:
        raise ValueError("must be less than 1000000000000")
    return value.quantize(_SMALLEST, ROUND_HALF_UP)


def check_total(amount: Decimal, currency: str) -> None:
    """Check the sum of an order's lines. Raises ValueError, with a message for people, if it is too large."""
    try:
        to_minor(amount, currency)
    except BadMoney:
        raise ValueError("the sum of the lines is too large for an order") from None


def _quantity(value: Decimal) -> Decimal:
    rounded = round_quantity(value) if value.is_finite() and value <= MAX_QUANTITY else Decimal(0)
    if rounded <= 0:
        raise ValueError(f"must be more than 0 and at most {MAX_QUANTITY}")
    return rounded


def _destination(url: str) -> str:
    try:
        return check_destination(url)
    except BadDestination as error:
        raise ValueError(f"{error}; give the full address of a page") from None


def is_url(text: str) -> bool:
    """True if a text is the address of a page or of an API."""
    try:
        return bool(text and check_destination(text))
    except BadDestination:
        return False


def _link_destination(url: str) -> str:
    """Check a link's destination, unchanged: the use case that stores it corrects it and reports how."""
    try:
        read_destination(url, "")
    except BadDestination as error:
        raise ValueError(f"{error}; give the full address of a page") from None
    return url


def _host(text: str) -> str:
    try:
        host = normal_host(text.strip()) if text.strip() else ""
    except BadHost:
        host = "."  # fails the check below
    if host and not all(_HOST_LABEL.fullmatch(label) for label in host.split(".")):
        raise ValueError("must be a host name such as track.shop.example, without scheme, port and path")
    return host


def _link_host(text: str) -> str:
    below = text.strip().startswith("*.")
    host = _host(text.strip().removeprefix("*."))
    if not host:
        raise ValueError("must be a host name such as shop.example, or *.shop.example for all hosts below it")
    return f"*.{host}" if below else host


def _past_time(time: datetime) -> datetime:
    # No order is older than 2000. Near the ends of the calendar, adding an attribution window overflows.
    try:
        moment = time.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too far in the past or in the future") from None
    if not _FIRST_YEAR <= moment <= datetime.now(UTC) + _DAY:
        raise ValueError("must be in the year 2000 or later, and not in the future")
    return moment


def _planned_time(time: datetime) -> datetime:
    try:
        moment = time.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too far in the past or in the future") from None
    if not _FIRST_YEAR <= moment <= datetime.now(UTC) + _YEAR:
        raise ValueError("must be in the year 2000 or later, and at most a year ahead")
    return moment


def _coming_time(time: datetime) -> datetime:
    try:
        moment = time.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too far in the past or in the future") from None
    if not datetime.now(UTC) < moment <= datetime.now(UTC) + 10 * _YEAR:
        raise ValueError("must be in the future, and at most ten years ahead")
    return moment


def _optional(check: Callable[[str], str]) -> Callable[[str], str]:
    """The same check, but an empty text passes too."""
    return lambda text: check(text) if text else ""


EmpId = Annotated[int, Field(gt=0, lt=2**32, description="The account's number.", examples=[7])]
NewEmpId = Annotated[int, Field(gt=0, lt=CANARY, description="The account's number.", examples=[7])]
"""The number of an account that is created: that of the canaries is taken."""

Id = Annotated[str, Field(examples=["9f86d081884c"])]
Text = Annotated[str, Field(max_length=_MAX_TEXT), AfterValidator(_clean)]
Name = Annotated[Text, AfterValidator(_not_empty)]
Item = Annotated[
    str,
    Field(max_length=2000, description="Stored as one line, truncated after 200 characters."),
    AfterValidator(_clean),
]
"""What was bought. A long text is truncated, because it is no reason to refuse a sale."""

OrderNumber = Annotated[Name, AfterValidator(_order_number)]
FilledItem = Annotated[Item, AfterValidator(_not_empty)]

TimeZone = Annotated[
    str,
    Field(
        max_length=100,
        description="An IANA name. It decides which day is today. Empty: that of the installation.",
        examples=["Europe/Madrid"],
    ),
    AfterValidator(lambda text: text and read_zone(text)),
]
Currency = Annotated[str, Field(max_length=10, examples=["EUR"]), AfterValidator(_currency)]
Amount = Annotated[
    Decimal, Field(description="A string or a number.", examples=["39.80"]), AfterValidator(_amount)
]
Quantity = Annotated[
    Decimal,
    Field(description="May be a fraction, such as a weight. Rounded to three decimals."),
    AfterValidator(_quantity),
]
QuantityOut = Annotated[int | float, Field(description="At most three decimals.", examples=[2, 0.5])]
Url = Annotated[str, AfterValidator(_destination)]
LinkUrl = Annotated[str, AfterValidator(_link_destination)]
UrlOrEmpty = Annotated[str, AfterValidator(_optional(_destination))]
HostOrEmpty = Annotated[str, Field(max_length=253), AfterValidator(_host)]
LinkHosts = Annotated[
    list[Annotated[str, Field(max_length=255), AfterValidator(_link_host)]],
    Field(max_length=50, examples=[["shop.test", "*.shop.test"]]),
]
Time = Annotated[AwareDatetime, AfterValidator(_past_time)]
PlannedTime = Annotated[AwareDatetime, AfterValidator(_planned_time)]
ComingTime = Annotated[AwareDatetime, AfterValidator(_coming_time)]
Money = Annotated[
    str, Field(description="A decimal string with the decimals of its currency.", examples=["39.80"])
]
