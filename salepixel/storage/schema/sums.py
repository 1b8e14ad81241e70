"""Tables of kept sums (salepixel/sums/): the key ends with the writer's slot; a reader adds up the measures.

A measure with `ended` in its name counts rows that retention has deleted. The other measures do not count
them.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from salepixel.storage.schema.columns import metadata


def _large(*names: str) -> Iterator[sa.Column[int]]:
    """Columns of measures that may exceed 64 bits, in halves: salepixel/sums/large.py."""
    for name in names:
        for half in ("high", "low"):
            yield sa.Column(f"{name}_{half}", sa.BigInteger, nullable=False)


click_sums = sa.Table(
    "click_sums",
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("link_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  # UTC, since 1970-01-01
    sa.Column("verdict", sa.Text, primary_key=True),
    sa.Column("reasons", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("clicks", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

reason_sums = sa.Table(
    "reason_sums",  # clicks of all days with reasons, deleted ones included
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("reasons", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("clicks", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

click_hours = sa.Table(
    "click_hours",  # the same clicks, by hour
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),  # UTC, since 1970-01-01
    sa.Column("verdict", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("clicks", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

click_days = sa.Table(
    "click_days",  # the same clicks, of all campaigns of an account
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("verdict", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("clicks", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

clickers = sa.Table(
    "clickers",  # known contacts who clicked in a campaign; `human` includes unknown verdicts
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("contact", sa.Text, primary_key=True),
    sa.Column("human", sa.BigInteger, nullable=False),
    sa.Column("bot", sa.BigInteger, nullable=False),
    sa.Column("first_click", sa.BigInteger, nullable=False),  # milliseconds since 1970, as in click ids
    sa.Column("last_click", sa.BigInteger, nullable=False),
    sa.Column("links", sa.Text, nullable=False),  # JSON: human clicks by link, deleted ones included
    sa.Column("human_ended", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("bot_ended", sa.BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

link_sums = sa.Table(
    "link_sums",  # of all clicks, deleted ones included
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("link_id", sa.Text, primary_key=True),  # empty: all links of the campaign
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("human", sa.BigInteger, nullable=False),  # clicks by verdict
    sa.Column("unknown", sa.BigInteger, nullable=False),
    sa.Column("bot", sa.BigInteger, nullable=False),
    sa.Column("clickers", sa.BigInteger, nullable=False),  # known contacts with a human click
    sa.Column("buyers", sa.BigInteger, nullable=False, server_default="0"),  # 0 in rows of one link
    sqlite_with_rowid=False,
)

campaign_sums = sa.Table(
    "campaign_sums",  # sales per day (UTC) of the sale
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("converted_currency", sa.Text, primary_key=True),  # empty: no rate
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    # `refunded`: refunds of that day's sales. `refunded_on`: refunds made on that day, of sales of any day.
    *_large("quantity", "gross", "refunded", "refunded_on", "converted", "converted_refunded"),
    sqlite_with_rowid=False,
)

sale_sums = sa.Table(
    "sale_sums",  # campaign_sums, divided by the filters of a report
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("link_id", sa.Text, primary_key=True),
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("evidence", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("converted_currency", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),  # each order once in its campaign
    sa.Column("link_orders", sa.BigInteger, nullable=False),  # each order once for each of its links
    *_large("quantity", "gross", "refunded", "refunded_on", "converted", "converted_refunded"),
    sqlite_with_rowid=False,
)

part_sums = sa.Table(
    "part_sums",  # sales of all days by link, and by evidence
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # evidence, link
    sa.Column("name", sa.Text, primary_key=True),  # of the evidence, or the link's id
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),  # each order once for its evidence, and for each link
    *_large("gross", "refunded"),
    sqlite_with_rowid=False,
)

item_sums = sa.Table(
    "item_sums",
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("item", sa.Text, primary_key=True),  # the first 255 characters
    sa.Column("sku", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    *_large("quantity", "gross", "refunded"),
    sqlite_with_rowid=False,
)

account_items = sa.Table(
    "account_items",  # item_sums of all campaigns of an account together
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("item", "sku", "currency")),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    *_large("quantity", "gross", "refunded"),
    sqlite_with_rowid=False,
)

item_days = sa.Table(
    "item_days",  # account_items by the day of the order; each sale is in one span of each length
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("span", sa.Integer, primary_key=True, autoincrement=False),  # days (sums.item_days.SPANS)
    sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),  # its first day
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("item", "sku", "currency")),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    *_large("quantity", "gross", "refunded"),
    sqlite_with_rowid=False,
)

buyers = sa.Table(
    "buyers",  # known contacts with orders; no slot, so that exactly one writer adds a new buyer
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("contact", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),  # empty: the orders of all currencies, without amounts
    sa.Column("orders", sa.BigInteger, nullable=False),
    *_large("gross", "refunded"),
    sqlite_with_rowid=False,
)

decision_sums = sa.Table(
    "decision_sums",  # decided orders per day (UTC) on which they were placed
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.Column("seen", sa.BigInteger, nullable=False),  # by the pixel
    sa.Column("healed", sa.BigInteger, nullable=False),  # first found by a poll of the shop
    sqlite_with_rowid=False,
)

revenue_sums = sa.Table(
    "revenue_sums",  # purchases per day (UTC) on which they were placed, each once
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("earned", sa.Boolean, primary_key=True),  # by an e-mail
    sa.Column("buyer_is", sa.Text, primary_key=True),  # attribution.worth.BuyerIs
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    *_large("gross", "refunded"),
    sqlite_with_rowid=False,
)

returning_sums = sa.Table(
    "returning_sums",  # orders of a campaign by whether their buyers bought before
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  # on which the order was placed
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("buyer_is", sa.Text, primary_key=True),  # of the order's decision
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

outcome_sums = sa.Table(
    "outcome_sums",  # decided orders of all days
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

seen_sums = sa.Table(
    "seen_sums",  # the same orders, by payment method and by browser of the click
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),  # payment, browser
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.Column("seen", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

delay_sums = sa.Table(
    "delay_sums",  # attributed orders by the time from the credited click to the order
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("campaign_id", sa.Text, primary_key=True),  # empty: all campaigns of the account
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  # on which the order was placed
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),  # sums.delays.STEPS
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
