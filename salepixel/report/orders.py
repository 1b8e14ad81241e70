"""Reads the list of all orders of an account: filtered, searched, by date or amount, in pages by key.

Each page costs the same, however many orders there are. A reader gets the orders from the index that narrows
them most: of a campaign, of an outcome and reason, of an amount, by a searched name, or of the account by
time. The other filters are applied to at most SCANNED of them; then the page says how far it searched, and
the next page continues from there. By amount, the orders of a filter are sorted if they are at most SCANNED;
otherwise the filter is applied to the orders of the account by amount.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.attribution.decide import REASON_OF_RUNG
from salepixel.attribution.decided import NOT_PROCESSED_YET
from salepixel.attribution.evidence import Rung
from salepixel.campaigns.contacts import find_contacts
from salepixel.clicks.tokens import token_contact
from salepixel.money.amounts import from_comparable, from_minor, to_comparable
from salepixel.orders.keys import OrderKey, as_keys, is_of_orders
from salepixel.orders.outcome import Outcome
from salepixel.reading.order_numbers import order_key
from salepixel.report.periods import ALWAYS, Period
from salepixel.shops.store import list_shops
from salepixel.storage.schema import campaigns, candidates, decisions, orders, sales
from salepixel.sums.decisions import count_outcomes
from salepixel.sums.delays import has_delay
from salepixel.sums.purchases import BOUGHT, NO_PURCHASE, is_purchase

SCANNED = 2000
"""The most orders of an index that one page reads, however few of them match the other filters."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """The orders that are wanted; an empty field filters nothing.

    `outcomes`: any of these; none: all. `campaign_id`, `link_id`: the orders with a sale of theirs. `least`,
    `most`: the total in the order's own currency, inclusive. `purchases`: those that count in the revenue of
    a shop (sums.purchases). `buyer_is`: as in attribution.worth. `refunded`: with a refund. `delay`: the step
    of the time since the credited click (sums.delays).
    """

    outcomes: tuple[Outcome, ...] = ()
    reason: str = ""
    evidence: Rung | None = None
    shop_id: str = ""
    campaign_id: str = ""
    link_id: str = ""
    period: Period = ALWAYS
    least: Decimal | None = None
    most: Decimal | None = None
    purchases: bool = False
    currency: str = ""
    buyer_is: str = ""
    refunded: bool = False
    delay: int | None = None

    @property
    def has_amount(self) -> bool:
        """Whether it filters by amount."""
        return self.least is not None or self.most is not None


class ListedOrder(NamedTuple):
    """An order in the list. `total` is None for a damaged snapshot. `contact` is who gets the credit.
    `net`, `refunded`: what the account counts (attribution.worth); None if the order is no purchase.

    Without a decision, `outcome` is pending and `reason` says why.
    """

    shop_id: str
    order_id: str
    number: str
    placed_at: datetime
    total: Decimal | None
    currency: str
    outcome: Outcome
    reason: str
    evidence: Rung | None
    confidence: float
    campaign_id: str
    contact: str
    healed: bool
    net: Decimal | None = None
    refunded: Decimal | None = None


class By(StrEnum):
    """What the list is sorted by. AMOUNT: the total, by currency; orders without one are left out."""

    DATE = "date"
    AMOUNT = "amount"


class Sort(NamedTuple):
    """The sequence of the list."""

    by: By = By.DATE
    descending: bool = True


NEWEST_FIRST = Sort()

_MOST_CURRENCIES = 20
"""A filter offers at most so many."""

_OF_DATE = 3
Place = tuple[Any, ...]
"""A position in the list: time, shop and id; by amount, currency and stored amount come before them."""


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Orders, and the places from which the pages before and after this one begin; None: there are none.

    `searched_to`: the place up to which orders were read, if some further on may match; None: all were read,
    or the page is full.
    """

    rows: list[ListedOrder]
    newer: Place | None
    older: Place | None
    searched_to: Place | None = None

    @property
    def searched_time(self) -> datetime | None:
        """The time of `searched_to` in a list by date."""
        return self.searched_to[0] if self.searched_to and len(self.searched_to) == _OF_DATE else None

    @property
    def searched_amount(self) -> tuple[Decimal, str] | None:
        """The amount of `searched_to` and its currency in a list by amount."""
        if not self.searched_to or len(self.searched_to) == _OF_DATE:
            return None
        currency, amount = self.searched_to[:2]
        return from_comparable(amount, currency), currency


class Search(NamedTuple):
    """What names orders: a number, id or contact, or the hashes of an address (keys.hash_address)."""

    text: str = ""
    hashes: tuple[str, ...] = ()


class Step(NamedTuple):
    """Where a page begins: behind a place of the list, or, if `newer`, where it ends: before a place."""

    place: Place
    newer: bool


class _Way(NamedTuple):
    """The sequence in which a page is read, and where it begins."""

    step: Step | None
    sort: Sort

    @property
    def ascending(self) -> bool:
        """Whether the database reads the smallest keys first."""
        return self.sort.descending is (self.step is not None and self.step.newer)


@dataclass(frozen=True, slots=True)
class _Source:
    """The orders of an index: the columns of a place, the last three `placed_at`, `shop_id` and `order_id`.

    `left`: the conditions that its index does not know. `read`: how many orders to read for a page. `once`:
    each order is in it once.
    """

    keys: sa.Select[Any]
    left: list[sa.ColumnElement[bool]]
    read: int
    once: bool = True


def list_orders(
    connection: sa.Connection,
    emp_id: int,
    wanted: OrderFilter,
    step: Step | None,
    limit: int,
    among: Collection[OrderKey] | None = None,
    sort: Sort = NEWEST_FIRST,
) -> OrderPage:
    """A page of an account's orders. `among`: only these, which a search found."""
    way = _Way(step, sort)
    found = among if among is not None else _few_of_amount(connection, emp_id, wanted)
    if found is None and sort.by is By.AMOUNT and wanted != OrderFilter():
        found = _few(connection, emp_id, wanted)
    given = {} if found is None else {"these": as_keys(found)}
    source = _choose(connection, emp_id, wanted, way, limit, found)
    if source is None:
        return OrderPage([], None, None)
    keys = _sorted(source.keys, ascending=way.ascending).limit(source.read)
    places = len(keys.selected_columns)
    query = _joined(keys.subquery("seen"), once=source.once).where(orders.c.emp_id == emp_id, *source.left)
    query = _in_sequence(query, places, ascending=way.ascending)
    rows = connection.execute(query.limit(limit + 1), given).all()
    shown, ends = [_listed(row) for row in rows[:limit]], [tuple(row[:places]) for row in rows[:limit]]
    more, searched_to = None, None
    if len(rows) > limit:
        more = ends[-1]
    elif source.read == SCANNED:
        last = connection.execute(keys.offset(SCANNED - 1).limit(1), given).first()
        more = searched_to = None if last is None else tuple(last)
    back = ends[0] if ends else step.place if step else None
    if step and step.newer:
        return OrderPage(shown[::-1], more, back, searched_to)
    return OrderPage(shown, back if step else None, more, searched_to)


def _choose(
    connection: sa.Connection,
    emp_id: int,
    wanted: OrderFilter,
    way: _Way,
    limit: int,
    found: Collection[OrderKey] | None,
) -> _Source | None:
    """The source for a filter; None if nothing can match."""
    left = [*_of_shop(wanted), *_of_amount(wanted), *_of_link(wanted)]
    left += _of_worth(connection.dialect.name, wanted)
    decided = _of_decision(wanted)
    if found is not None:
        # Not by account here, or SQLite without statistics reads all orders of the account.
        its = is_of_orders(connection.dialect.name, orders.c.shop_id, orders.c.id)
        return _Source(_placed((its,), wanted, way), [*left, *decided, *_of_campaign(wanted)], SCANNED)
    if way.sort.by is By.AMOUNT:
        left += [*decided, *_of_campaign(wanted), *wanted.period.holds(orders.c.placed_at)]
        its = orders.c.currency == wanted.currency if wanted.currency else sa.true()
        keys = _step(_keys_by_amount().where(orders.c.emp_id == emp_id, its), way)
        return _Source(keys, left, SCANNED if left else limit + 1)
    if wanted.campaign_id:
        keys = _keys(sales, sales.c.purchased_at, sales.c.order_id)
        keys = _step(keys.where(*wanted.period.holds(sales.c.purchased_at)), way)
        keys = keys.where(sales.c.campaign_id == wanted.campaign_id)
        return _Source(keys, [*left, *decided], SCANNED, once=False)
    read = SCANNED if left else limit + 1
    if not decided:
        return _Source(_placed((orders.c.emp_id == emp_id,), wanted, way), left, read)
    pairs = [pair for pair in count_outcomes(connection, emp_id) if _has(wanted, *pair)]
    return _Source(_of_pairs(emp_id, pairs, wanted, way, read), left, read) if pairs else None


def _few(connection: sa.Connection, emp_id: int, wanted: OrderFilter) -> Collection[OrderKey] | None:
    """All orders that the index for a filter has, if a page can sort them; None if they are too many."""
    source = _choose(connection, emp_id, wanted, _Way(None, NEWEST_FIRST), SCANNED, None)
    if source is None:
        return []
    rows = connection.execute(_sorted(source.keys, ascending=False).limit(SCANNED)).all()
    return None if len(rows) == SCANNED else {(row.shop_id, row.order_id) for row in rows}


def _placed(its: Iterable[sa.ColumnElement[bool]], wanted: OrderFilter, way: _Way) -> sa.Select[Any]:
    is_by_amount = way.sort.by is By.AMOUNT
    keys = _keys_by_amount() if is_by_amount else _keys(orders, orders.c.placed_at, orders.c.id)
    return _step(keys.where(*its, *wanted.period.holds(orders.c.placed_at)), way)


def _keys(
    table: sa.Table, at: sa.Column[datetime], order_id: sa.Column[str]
) -> sa.Select[tuple[datetime, str, str]]:
    return sa.select(at.label("placed_at"), table.c.shop_id, order_id.label("order_id"))


def _keys_by_amount() -> sa.Select[Any]:
    o = orders.c
    of_amount = o.currency.label("in_currency"), o.amount.label("by_amount")
    its = o.amount.is_not(None), o.currency != sa.literal_column("''")  # columns.HAS_CURRENCY
    return sa.select(*of_amount, o.placed_at, o.shop_id, o.id.label("order_id")).where(*its)


def currencies_of(connection: sa.Connection, emp_id: int) -> list[str]:
    """The currencies of an account's orders, sorted: one search of the index by amount for each."""
    found: list[str] = []
    its = orders.c.emp_id == emp_id, orders.c.currency != sa.literal_column("''")
    query = sa.select(orders.c.currency).where(*its).order_by(orders.c.currency).limit(1)
    while len(found) < _MOST_CURRENCIES:
        following = query.where(orders.c.currency > found[-1]) if found else query
        currency = connection.scalar(following)
        if currency is None:
            break
        found.append(currency)
    return found


def _step(keys: sa.Select[Any], way: _Way) -> sa.Select[Any]:
    if way.step is None:
        return keys
    key = sa.tuple_(
        *(column.element if isinstance(column, sa.Label) else column for column in keys.selected_columns)
    )
    return keys.where(key > way.step.place if way.ascending else key < way.step.place)


def _sorted(keys: sa.Select[Any], *, ascending: bool) -> sa.Select[Any]:
    columns = keys.selected_columns
    return keys.order_by(*(column if ascending else column.desc() for column in columns))


def _of_pairs(
    emp_id: int, pairs: Iterable[tuple[str, str]], wanted: OrderFilter, way: _Way, read: int
) -> sa.Select[Any]:
    """The orders with one of these outcomes and reasons: the first of each, merged."""
    d, parts = decisions.c, []
    for outcome, reason in pairs:
        its = d.emp_id == emp_id, d.outcome == outcome, d.reason == reason
        keys = _keys(decisions, d.placed_at, d.order_id).where(*its, *wanted.period.holds(d.placed_at))
        first = _sorted(_step(keys, way), ascending=way.ascending).limit(read)
        parts.append(sa.select(first.subquery()))
    return sa.select(sa.union_all(*parts).subquery("of_pairs"))


def _has(wanted: OrderFilter, outcome: str, reason: str) -> bool:
    return (
        (not wanted.outcomes or outcome in wanted.outcomes)
        and wanted.reason in ("", reason)
        and (wanted.evidence is None or REASON_OF_RUNG[wanted.evidence] == reason)
        and (not wanted.purchases or is_purchase(outcome, reason))
    )


def _of_decision(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.outcomes:
        found.append(decisions.c.outcome.in_(wanted.outcomes))
    found += [decisions.c.reason == wanted.reason] if wanted.reason else []
    if wanted.purchases:
        found += [decisions.c.outcome.in_(BOUGHT), decisions.c.reason.not_in(NO_PURCHASE)]
    return [*found, decisions.c.evidence == wanted.evidence] if wanted.evidence else found


def _of_worth(dialect: str, wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    d = decisions.c
    found: list[sa.ColumnElement[bool]] = [d.currency == wanted.currency] if wanted.currency else []
    found += [d.buyer_is == wanted.buyer_is] if wanted.buyer_is else []
    found += [d.refunded > 0] if wanted.refunded else []
    return found if wanted.delay is None else [*found, *has_delay(dialect, wanted.delay)]


def _of_shop(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    return [orders.c.shop_id == wanted.shop_id] if wanted.shop_id else []


def _of_amount(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    found = [] if wanted.least is None else [orders.c.amount >= to_comparable(wanted.least)]
    return found if wanted.most is None else [*found, orders.c.amount <= to_comparable(wanted.most)]


def _of_campaign(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    # Concatenated, or SQLite with statistics reads all sales of the campaign for each order.
    its = sales.c.campaign_id.concat("") == wanted.campaign_id
    return [_has_sale(its)] if wanted.campaign_id else []


def _of_link(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    return [_has_sale(sales.c.link_id == wanted.link_id)] if wanted.link_id else []


def _has_sale(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    its = sales.c.shop_id == orders.c.shop_id, sales.c.order_id == orders.c.id
    return sa.exists().where(*its, condition)


def _few_of_amount(
    connection: sa.Connection, emp_id: int, wanted: OrderFilter
) -> Collection[OrderKey] | None:
    """All orders of the amount, if they are so few that nothing else needs to be read; otherwise None."""
    if not wanted.has_amount:
        return None
    columns = orders.c.emp_id, orders.c.shop_id, orders.c.id
    # Sorted, or SQLite with statistics reads the whole table: it expects many orders above an amount.
    query = sa.select(*columns).where(*_of_amount(wanted)).order_by(orders.c.amount)
    rows = connection.execute(query.limit(SCANNED)).all()
    if len(rows) == SCANNED:  # of all accounts together
        return None
    return [(row.shop_id, row.id) for row in rows if row.emp_id == emp_id]


_OF_ORDER = [orders.c[name] for name in ("number", "amount", "currency", "healed_at")]
_OF_DECISION = [
    decisions.c[name] for name in ("outcome", "reason", "evidence", "confidence", "campaign_id", "contact")
]
_OF_WORTH = [
    decisions.c.currency.label("counted_in"),
    decisions.c.gross,
    decisions.c.refunded.label("refunded"),
]


def _joined(seen: sa.Subquery, *, once: bool) -> sa.Select[Any]:
    if not once:
        seen = sa.select(seen).distinct().subquery("seen_once")
    s = seen.c
    order = sa.and_(orders.c.shop_id == s.shop_id, orders.c.id == s.order_id)
    its = sa.and_(decisions.c.shop_id == s.shop_id, decisions.c.order_id == s.order_id)
    query = sa.select(*s, *_OF_ORDER, *_OF_DECISION, *_OF_WORTH)
    return query.select_from(seen.join(orders, order).outerjoin(decisions, its))


def _in_sequence(query: sa.Select[Any], places: int, *, ascending: bool) -> sa.Select[Any]:
    columns = list(query.selected_columns)[:places]
    return query.order_by(*(column if ascending else column.desc() for column in columns))


def _listed(row: sa.Row[Any]) -> ListedOrder:
    total = None if row.amount is None else from_comparable(row.amount, row.currency)
    return ListedOrder(
        row.shop_id,
        row.order_id,
        row.number,
        row.placed_at,
        total,
        row.currency or "",
        Outcome(row.outcome or Outcome.PENDING),
        row.reason or NOT_PROCESSED_YET,
        Rung(row.evidence) if row.evidence else None,
        row.confidence or 0.0,
        row.campaign_id or "",
        row.contact or "",
        row.healed_at is not None,
        *_worth(row),
    )


def _worth(row: sa.Row[Any]) -> tuple[Decimal | None, Decimal | None]:
    if not row.counted_in or not is_purchase(row.outcome, row.reason):
        return None, None
    net = from_minor(row.gross - row.refunded, row.counted_in)
    return net, from_minor(row.refunded, row.counted_in)


def find_by_name(
    connection: sa.Connection, emp_id: int, text: str, hashes: Sequence[str], *, contacts: bool
) -> set[OrderKey]:
    """The orders of an account that a text names: by number or id, or by contact if `contacts`.

    `hashes`: of the text, if it is an e-mail address: its own and that of its mailbox (keys.hash_address). At
    most SCANNED orders of each kind.
    """
    if hashes:
        return _of_addresses(connection, emp_id, hashes) if contacts else set()
    shop_ids = [shop.id for shop in list_shops(connection, emp_id)]
    its = orders.c.shop_id.in_(shop_ids)
    names = (orders.c.number_key == order_key(text), orders.c.id == text)
    found = {key for name in names for key in _keys_of(connection, _ORDERS.where(its, name))}
    return found | _of_contact(connection, emp_id, text) if contacts else found


def _of_addresses(connection: sa.Connection, emp_id: int, hashes: Sequence[str]) -> set[OrderKey]:
    columns = orders.c.email_hash, orders.c.alias_hash
    return {
        key
        for column, value in zip(columns, hashes, strict=False)
        for key in _keys_of(connection, _ORDERS.where(orders.c.emp_id == emp_id, column == value))
    }


def _of_contact(connection: sa.Connection, emp_id: int, ref: str) -> set[OrderKey]:
    """The orders that a contact bought, as far as known, and those with a credited click of the contact."""
    bought = sa.select(decisions.c.shop_id, decisions.c.order_id)
    bought = bought.where(decisions.c.emp_id == emp_id, decisions.c.buyer == ref)
    c = candidates.c
    credited = sa.select(c.shop_id, c.order_id).where(
        c.emp_id == emp_id, c.contact.in_({ref, token_contact(ref)}), c.contact != "", c.share > 0
    )
    found = {*_keys_of(connection, bought), *_keys_of(connection, credited)} if ref else set()
    contact = find_contacts(connection, emp_id, [ref]).get(ref)
    if contact and contact.email_hash:
        found |= _of_addresses(connection, emp_id, [contact.email_hash])
    return found


_ORDERS = sa.select(orders.c.shop_id, orders.c.id)


def _keys_of(connection: sa.Connection, query: sa.Select[Any]) -> list[OrderKey]:
    return [(shop_id, order_id) for shop_id, order_id in connection.execute(query.limit(SCANNED))]


def names_of_campaigns(
    connection: sa.Connection, emp_id: int, ids: Collection[str], newest: int
) -> dict[str, str]:
    """The names of the newest campaigns of an account and of these ones, newest first."""
    c = campaigns.c
    named = sa.select(c.id, c.name, c.created_at).where(c.emp_id == emp_id)
    first = named.order_by(c.created_at.desc(), c.id).limit(newest)
    these = named.where(c.id.in_(set(ids) - {""}))
    rows = {row.id: row for query in (first, these) for row in connection.execute(query)}
    return {row.id: row.name for row in sorted(rows.values(), key=attrgetter("created_at"), reverse=True)}
