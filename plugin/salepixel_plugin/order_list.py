"""The list of orders as the API and the pages ask for it: filters, a search, a cursor for each direction."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from salepixel.attribution.evidence import Rung
from salepixel.money.amounts import MAX_AMOUNT
from salepixel.orders.outcome import Outcome, Reason
from salepixel.reading.emails import is_email
from salepixel.reading.text import read_text
from salepixel.report.orders import By, OrderFilter, Place, Search, Sort, Step
from salepixel.sums.delays import STEPS
from salepixel_plugin.paging import (
    PageOfDays,
    bad_cursor,
    read_cursor,
    read_cursor_number,
    read_cursor_time,
    write_cursor,
)

EARNED = (Outcome.ATTRIBUTED, Outcome.LIKELY)

_NEWER, _OLDER = "newer", "older"
_HASHES = r"[0-9a-f]{32}-[0-9a-f]{32}"


def _no_address(text: str) -> str:
    if is_email(text):
        raise ValueError(
            "must not be an e-mail address, because addresses of pages are logged: see `address`"
        )
    return read_text(text, 200)


Total = Annotated[Decimal, Field(ge=0, lt=MAX_AMOUNT, decimal_places=4)]


class OrdersQuery(PageOfDays):
    """Which orders of an account, and which page of them."""

    outcome: Outcome | Literal["earned", "bought"] | None = Field(
        None,
        description="Of the decision; `earned`: attributed or likely; `bought`: all that count in the "
        "revenue of a shop, attributed or not.",
    )
    reason: Reason | None = Field(None, description="Of the decision.")
    evidence: Rung | None = Field(None, description="Of the credited click.")
    shop: str = Field("", max_length=100, description="The id of a shop.")
    campaign: str = Field("", max_length=100, description="Orders with a sale of this campaign.")
    link: str = Field("", max_length=100, description="Orders with a sale of this link.")
    least: Total | None = Field(
        None, alias="min", description="The smallest total, in the order's own currency."
    )
    most: Total | None = Field(None, alias="max", description="The largest total, likewise.")
    currency: Annotated[str, StringConstraints(pattern=r"^(?:[A-Z]{3})?$")] = Field(
        "", description="The order's currency."
    )
    buyer: Literal["first", "returning"] | None = Field(
        None, description="Without an earlier order from the same e-mail address, or with one."
    )
    refunded: bool = Field(False, description="Only orders with a refund.")
    delay: int | None = Field(
        None,
        ge=0,
        le=len(STEPS),
        description="The number, from 0, of the step of `time_to_purchase` in the overview.",
    )
    text: Annotated[str, AfterValidator(_no_address)] = Field(
        "", alias="q", max_length=400, description="An order's number or id, or a contact's reference."
    )
    address: Annotated[str, StringConstraints(pattern=f"^(?:{_HASHES})?$")] = Field(
        "", description="A buyer's address, as `POST /orders/address` returns it."
    )

    sort: Literal["-date", "date", "-amount", "amount"] = Field(
        "-date",
        description="`-`: the newest or the largest first. By amount: by currency, then by the total; orders "
        "whose stored total is damaged are left out.",
    )

    @model_validator(mode="after")
    def _amounts_in_order(self) -> Self:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("`min` must not be greater than `max`")
        return self

    @property
    def filter(self) -> OrderFilter:
        """The filters."""
        return OrderFilter(
            outcomes=_outcomes(self.outcome),
            purchases=self.outcome == "bought",
            currency=self.currency,
            buyer_is=self.buyer or "",
            refunded=self.refunded,
            delay=self.delay,
            reason=self.reason or "",
            evidence=self.evidence,
            shop_id=self.shop,
            campaign_id=self.campaign,
            link_id=self.link,
            period=self.period,
            least=self.least,
            most=self.most,
        )

    @property
    def search(self) -> Search:
        """What is searched for, if anything."""
        return Search(self.text, tuple(self.address.split("-")) if self.address else ())

    @property
    def step(self) -> Step | None:
        """Where the page begins. Raises a Refusal (422) for an invalid cursor."""
        if not self.cursor:
            return None
        is_by_amount = self.sequence.by is By.AMOUNT
        direction, *of_amount, time, shop_id, order_id = read_cursor(self.cursor, 6 if is_by_amount else 4)
        if direction not in (_NEWER, _OLDER):
            raise bad_cursor()
        place: Place = read_cursor_time(time), shop_id, order_id
        if of_amount:
            currency, amount = of_amount
            place = currency, read_cursor_number(amount), *place
        return Step(place, direction == _NEWER)

    @property
    def sequence(self) -> Sort:
        """What the list is sorted by."""
        return Sort(By(self.sort.removeprefix("-")), self.sort.startswith("-"))


def _outcomes(asked: Outcome | Literal["earned", "bought"] | None) -> tuple[Outcome, ...]:
    if asked == "earned":
        return EARNED
    return () if asked is None or asked == "bought" else (asked,)


def write_address(hashes: tuple[str, str]) -> str:
    """The value of `address`."""
    return "-".join(hashes)


def older_cursor(place: Place | None) -> str | None:
    """The cursor of the page with the orders behind a place of the list."""
    return None if place is None else write_cursor(_OLDER, *place)


def newer_cursor(place: Place | None) -> str | None:
    """The cursor of the page with the orders before a place of the list."""
    return None if place is None else write_cursor(_NEWER, *place)
