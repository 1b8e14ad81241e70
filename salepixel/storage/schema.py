"""The tables. Money is stored in minor units with its currency, time in microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.money.quantities import from_thousandths, to_thousandths

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime as an integer, the same in every database and quick to compare."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """Refuses a naive time with a ValueError: which zone would it be?"""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value!r}")
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Aware, in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Quantity(sa.types.TypeDecorator[Decimal]):
    """A quantity of at most three decimals as an integer of thousandths: sums are exact in every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> int | None:
        """Half up."""
        return None if value is None else to_thousandths(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        """Without trailing zeros."""
        return None if value is None else from_thousandths(int(value))


installation = sa.Table(
    "installation",  # one row: whose keys the links, tokens and hashes of this database were made with
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # 1
    sa.Column("fingerprint", sa.Text, nullable=False),  # Keys.fingerprint
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("tracking_host", sa.Text, nullable=False, server_default=""),  # empty: any host
    sa.Column("site", sa.Text, nullable=False, server_default=""),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("window_days", sa.Integer, nullable=False, server_default="7"),
    sa.Column("pixel_amount", sa.Text, nullable=False, server_default="line"),  # line | order
    sa.Column("pixel_secret", sa.Text, nullable=False, server_default=""),  # hex
    sa.Column("pixel_signed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("hosted_pixel", sa.Text, nullable=False, server_default=""),  # url of a hosted pixel
    sa.Column("hosted_emp_id", sa.Text, nullable=False, server_default=""),
    sa.Column("forward_url", sa.Text, nullable=False, server_default=""),  # template
    sa.Column("forward_per", sa.Text, nullable=False, server_default="line"),  # line | order
    sa.Column("created_at", UtcTime, nullable=False),
    # With window_days the policy in force; its history is in `policies`.
    sa.Column("policy_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("model", sa.Text, nullable=False, server_default="last"),
    sa.Column("alias_match", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("campaign_windows", sa.Text, nullable=False, server_default="{}"),  # JSON: campaign id -> days
    # Chosen once: no more changed when there are sales.
    sa.Column("sale_when", sa.Text, nullable=False, server_default="paid"),  # paid | placed
    sa.Column("tax", sa.Text, nullable=False, server_default="gross"),  # gross | net
    sa.Column("shipping", sa.Text, nullable=False, server_default="excluded"),  # excluded | included
    sa.Column("closed_before", UtcTime),  # no report of the time before it changes any more
    sa.CheckConstraint("pixel_amount IN ('line', 'order')", "ck_accounts_pixel_amount"),
    sa.CheckConstraint("forward_per IN ('line', 'order')", "ck_accounts_forward_per"),
    sa.CheckConstraint("model IN ('last', 'first', 'linear', 'position', 'decay')", "ck_accounts_model"),
    sa.CheckConstraint("sale_when IN ('paid', 'placed')", "ck_accounts_sale_when"),
    sa.CheckConstraint("tax IN ('gross', 'net')", "ck_accounts_tax"),
    sa.CheckConstraint("shipping IN ('excluded', 'included')", "ck_accounts_shipping"),
)

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("window_days", sa.Integer, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("alias_match", sa.Boolean, nullable=False),
    sa.Column("campaign_windows", sa.Text, nullable=False),  # JSON: campaign id -> days
    sa.Column("applied_at", UtcTime, nullable=False),
    sa.ForeignKeyConstraint(["emp_id"], ["accounts.emp_id"], "fk_policies_emp_id"),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # SHA-256 of the key, hex
    sa.Column("id", sa.Text, nullable=False),  # by which it is taken back; says nothing of the key
    sa.Column("emp_id", sa.BigInteger),  # null: all accounts
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.UniqueConstraint("id"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # SHA-256 of the id in the cookie, hex
    sa.Column("key_digest", sa.Text, nullable=False),  # of the key that signed in
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Index(None, "key_digest"),
    sa.Index(None, "expires_at"),
)

campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mailer", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("contact_tag", sa.Text, nullable=False, server_default="{contact}"),
    sa.Column("sent_at", UtcTime),  # when its mails began to go out; null: not given
    sa.Column("utm_campaign", sa.Text, nullable=False, server_default=""),
    sa.Column("holdout_percent", sa.Integer, nullable=False, server_default="0"),  # left out by lot
    sa.Index(None, "emp_id", "created_at"),
    sa.Column("utm_key", sa.Text, nullable=False, server_default=""),  # by which orders find it
    sa.Index("ix_campaigns_utm_key", "emp_id", "utm_key"),
    sa.CheckConstraint("holdout_percent BETWEEN 0 AND 100", "ck_campaigns_holdout_percent"),
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("url", sa.Text, nullable=False),  # as the link's token holds it
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("sale_pixel", sa.Boolean, nullable=False),
    sa.Column("new_url", sa.Text, nullable=False, server_default=""),  # where it leads; empty: to url
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("changed_at", UtcTime),  # when new_url or active were; null: never
    sa.Index(None, "campaign_id", "position"),
    sa.Index(
        "ix_links_changed_at",
        "changed_at",
        sqlite_where=sa.text("changed_at IS NOT NULL"),
        postgresql_where=sa.text("changed_at IS NOT NULL"),
    ),
    sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], "fk_links_campaign_id"),
)

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("email_hash", sa.Text),
    sa.Column("consent", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("alias_hash", sa.Text),  # of the address without what leads to the same mailbox
    sa.Index(None, "emp_id", "email_hash"),
    sa.Index("ix_contacts_alias_hash", "emp_id", "alias_hash"),
    sa.Index(
        "ix_contacts_refused",
        "emp_id",
        "ref",
        sqlite_where=sa.text("consent = 0"),
        postgresql_where=sa.text("NOT consent"),
    ),
)

coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("emp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, primary_key=True),  # in upper case
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),  # who alone got it; empty: everybody
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Index(None, "campaign_id"),
    sa.Index("ix_coupons_contact", "emp_id", "contact"),
    sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], "fk_coupons_campaign_id"),
)

recipients = sa.Table(
    "recipients",
    metadata,
    sa.Column("campaign_id", sa.Text, primary_key=True),
    sa.Column("contact", sa.Text, primary_key=True),
    sa.Column("held_out", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], "fk_recipients_campaign_id"),
)

journals = sa.Table(
    "journals",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("mark", sa.BigInteger, nullable=False),  # number of the last record that is folded
    sa.Column("folded_at", UtcTime, nullable=False),
)

losses = sa.Table(
    "losses",
    metadata,
    sa.Column("journal", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("from_at", UtcTime, nullable=False),
    sa.Column("to_at", UtcTime, nullable=False),
)

clicks = sa.Table(
    "clicks",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("link_id", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),  # empty: unknown
    sa.Column("signals", sa.Integer, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),  # names separated by spaces
    sa.Column("score", sa.Float, nullable=False),
    sa.Index(None, "emp_id", "contact", "id"),
    sa.Index(None, "campaign_id", "id"),
)

watermarks = sa.Table(
    "watermarks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("click_id", sa.LargeBinary(16), nullable=False),  # done up to and with this click
)

unsettled_clicks = sa.Table(
    "unsettled_clicks",  # to be judged once more although the watermark of verdicts has passed them
    metadata,
    sa.Column("click_id", sa.LargeBinary(16), primary_key=True),
)

bought = sa.Table(
    "bought",  # clicks whose token a paid order of a shop carries: human, whatever the other signals
    metadata,
    sa.Column("click_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("shop_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
)

hits = sa.Table(
    "hits",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("order_ref", sa.Text, nullable=False),  # as the shop names the order; empty: not given
    sa.Column("order_id", sa.Text, nullable=False),  # of the order it makes in a pixel-only account, or empty
    sa.Column("click_token", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("quantity", Quantity, nullable=False),
    sa.Column("amount", sa.Text, nullable=False),  # decimal, empty: not given
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("signed", sa.Boolean, nullable=False),
    sa.Column("ignored", sa.Text, nullable=False),  # reason, or empty
    sa.Column(
        "order_key", sa.Text, nullable=False, server_default=""
    ),  # reading.orders.order_key of order_ref
    sa.Column("problem", sa.Text, nullable=False, server_default=""),  # `ignored`, or what is unread of it
    sa.Index(None, "emp_id", "order_ref"),
    sa.Index("ix_hits_emp_id_order_key", "emp_id", "order_key"),
    sa.Index(None, "emp_id", "order_id"),
    sa.Index(
        "ix_hits_problems",
        "emp_id",
        "id",
        sqlite_where=sa.text("problem != ''"),
        postgresql_where=sa.text("problem != ''"),
    ),
)

shops = sa.Table(
    "shops",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("platform", sa.Text, nullable=False),  # saleor | api | pixel
    sa.Column("api_url", sa.Text, nullable=False),  # of saleor; otherwise the platform and empId
    sa.Column("app_id", sa.Text),
    sa.Column("token", sa.Text),
    sa.Column("jwks", sa.Text),
    sa.Column("jwks_at", UtcTime),
    sa.Column("connected_at", UtcTime),  # first time; never taken back
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("disconnected_at", UtcTime),  # when its app was deleted in the shop
    sa.Column("app_active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("app_status_at", UtcTime),  # when the shop said whether it is active; null: not yet
    sa.Column("paused_at", UtcTime),
    sa.Column("removed_at", UtcTime),
    sa.UniqueConstraint("api_url", "emp_id"),  # one Saleor may serve several accounts
    sa.Index(None, "emp_id"),
    sa.CheckConstraint("platform IN ('saleor', 'api', 'pixel')", "ck_shops_platform"),
)

polls = sa.Table(
    "polls",  # how far the orders of a shop were asked for
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("mark", UtcTime, nullable=False),  # all that changed until then is known
    sa.Column("next_at", UtcTime, nullable=False),  # when to ask again; while somebody asks: when he is late
    sa.Column("problem", sa.Text, nullable=False, server_default=""),  # why the last poll failed, or empty
    sa.Column("problem_since", UtcTime),
    sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], "fk_polls_shop_id"),
)

shop_days = sa.Table(
    "shop_days",  # how many orders a shop says that it has of a day
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),  # UTC, 2026-11-23
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.Column("counted_at", UtcTime, nullable=False),
    sa.Column("known", sa.BigInteger),  # of these, at the same time; null: not counted then
    sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], "fk_shop_days_shop_id"),
)

unread_orders = sa.Table(
    "unread_orders",  # what a shop has, and could not be read when it was asked
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Text, nullable=False),  # empty: not given
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),  # what the shop said, or empty
    sa.Column("since", UtcTime, nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),  # when to ask for it again
    sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], "fk_unread_orders_shop_id"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column(
        "digest", sa.Text, primary_key=True
    ),  # of api url, event and body: the key without a time window
    sa.Column("shop_id", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("headers", sa.Text, nullable=False),  # JSON
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("unread", sa.Text, nullable=False),  # why no order was read from it, or empty
    sa.Index(None, "shop_id", "received_at"),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("placed_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("issued_at", UtcTime, nullable=False),
    sa.Column("email_hash", sa.Text),
    sa.Column("snapshot", sa.Text, nullable=False),  # JSON of orders.Order
    sa.Column("delivery", sa.Text, nullable=False),  # digest of the delivery it came with, or empty
    sa.Column("due", sa.Boolean, nullable=False),  # to be reconciled; this and the next are of queue.py
    sa.Column("next_attempt_at", UtcTime),  # when its turn is; null: parked, or not due
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),  # that failed
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),  # names no person
    sa.Column("failed_at", UtcTime),
    sa.Column("due_because", sa.Text, nullable=False, server_default=""),  # requeue.Why; empty: not noted
    sa.Column("alias_hash", sa.Text),
    sa.Column("customer", sa.Text),  # the shop's own id of the buyer
    sa.Column("voucher", sa.Text),  # as reading.names.name_key has it
    sa.Column("utm_campaign", sa.Text),  # likewise
    sa.Column("payment", sa.Text),  # how it was paid, as the shop calls it; null: not given
    sa.Column("open", sa.Boolean, nullable=False, server_default=sa.false()),  # neither paid nor cancelled
    sa.Column("healed_at", UtcTime),  # when a poll first found what no webhook had reported
    sa.Column("number_key", sa.Text, nullable=False, server_default=""),  # reading.orders.order_key of number
    sa.Index(None, "shop_id", "number"),
    sa.Index("ix_orders_shop_id_number_key", "shop_id", "number_key"),
    sa.Index("ix_orders_alias_hash", "emp_id", "alias_hash"),
    sa.Index("ix_orders_customer", "shop_id", "customer"),
    sa.Index("ix_orders_voucher", "emp_id", "voucher"),
    sa.Index("ix_orders_utm_campaign", "emp_id", "utm_campaign"),
    sa.Index(None, "emp_id", "email_hash"),
    sa.Index(None, "emp_id", "placed_at"),
    # As the question is put: SQLite compares the texts.
    sa.Index(
        "ix_orders_due",
        "next_attempt_at",
        sqlite_where=sa.text("due = 1"),
        postgresql_where=sa.text("due"),
    ),
    sa.Index(
        "ix_orders_failed",
        "failed_at",
        sqlite_where=sa.text("attempts > 0"),
        postgresql_where=sa.text("attempts > 0"),
    ),
    sa.Index(
        "ix_orders_open",
        "shop_id",
        "placed_at",
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    ),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("placed_at", UtcTime, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("policy", sa.Integer, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    # Of what is credited; an empty `evidence`: nothing is.
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),  # 0: nothing is credited
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("click_id", sa.LargeBinary(16)),  # null: only the campaign, or the contact, is known
    sa.Column("forwarded", sa.Boolean, nullable=False),
    sa.Column("agreeing", sa.Text, nullable=False),  # names of evidence separated by spaces
    sa.Column("conflicting", sa.Text, nullable=False),  # likewise
    sa.Column("buyer", sa.Text, nullable=False),  # the contact whom the order itself names, or empty
    sa.ForeignKeyConstraint(["shop_id", "order_id"], ["orders.shop_id", "orders.id"], "fk_decisions_order"),
    sa.CheckConstraint(
        "outcome IN ('attributed', 'likely', 'unattributed', 'pending')", "ck_decisions_outcome"
    ),
    sa.CheckConstraint("confidence BETWEEN 0 AND 1", "ck_decisions_confidence"),
    sa.CheckConstraint(
        "evidence <> '' OR (campaign_id = '' AND contact = '' AND click_id IS NULL AND NOT forwarded)",
        "ck_decisions_credited",
    ),
    sa.Index(None, "emp_id", "placed_at"),
    sa.Index("ix_decisions_buyer", "emp_id", "buyer"),
)

NAMED_BY_ORDER = sa.text("evidence IN ('token', 'cookie')")
"""True of candidates whose click the order names itself; literally, or SQLite does not use the index."""

candidates = sa.Table(
    "candidates",  # what was looked at for a decision, that which is credited first
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("click_id", sa.LargeBinary(16)),  # known or not; null: only a campaign, or a contact, is named
    sa.Column("campaign_id", sa.Text, nullable=False),  # empty: unknown
    sa.Column("link_id", sa.Text),  # null: there is no click
    sa.Column("contact", sa.Text, nullable=False),  # empty: unknown, or opted out
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("passed_over", sa.Text),  # why; null: nothing speaks against it
    sa.Column("opted_out", sa.Boolean, nullable=False),  # passed over because its contact opted out
    sa.Column("share", sa.Float, nullable=False),  # of the order, that the model gives to this click
    sa.ForeignKeyConstraint(
        ["shop_id", "order_id"],
        ["decisions.shop_id", "decisions.order_id"],
        "fk_candidates_decision",
        ondelete="CASCADE",
    ),
    sa.CheckConstraint("confidence BETWEEN 0 AND 1", "ck_candidates_confidence"),
    sa.CheckConstraint("share BETWEEN 0 AND 1", "ck_candidates_share"),
    sa.CheckConstraint("NOT opted_out OR contact = ''", "ck_candidates_opted_out"),
    sa.Index(
        "ix_candidates_click_id", "click_id", sqlite_where=NAMED_BY_ORDER, postgresql_where=NAMED_BY_ORDER
    ),
    sa.Index(
        "ix_candidates_contact",
        "emp_id",
        "contact",
        sqlite_where=sa.text("contact <> ''"),
        postgresql_where=sa.text("contact <> ''"),
    ),
    sa.Index(
        "ix_candidates_opted_out",
        "emp_id",
        sqlite_where=sa.text("opted_out = 1"),
        postgresql_where=sa.text("opted_out"),
    ),
    sqlite_with_rowid=False,  # the candidates of an order lie together, and its key is not kept twice
)

sales = sa.Table(
    "sales",
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("line_id", sa.Text, primary_key=True),
    sa.Column("click_id", sa.LargeBinary(16), primary_key=True),  # empty: only the campaign is known
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("link_id", sa.Text, nullable=False),  # empty: only the campaign is known
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("sku", sa.Text),
    sa.Column("quantity", Quantity, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("refunded", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("purchased_at", UtcTime, nullable=False),
    sa.Column("order_number", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column(
        "share", sa.Float, nullable=False, server_default="1"
    ),  # of the line, that the model gives to this click
    # In the account's currency, at the rate of the day of the sale; null: there is none.
    sa.Column("converted", sa.BigInteger),
    sa.Column("converted_refunded", sa.BigInteger),
    sa.Column("converted_currency", sa.Text),
    sa.Column("rate", sa.Text),  # decimal
    sa.Column("rate_date", sa.Text),  # 2026-11-23
    sa.Column("refunded_at", UtcTime),  # of the last that is in `refunded`
    sa.Index(None, "campaign_id", "purchased_at"),
    sa.Index(None, "click_id"),
)

refunds = sa.Table(
    "refunds",  # the refunds in each snapshot of an order, kept for their dates
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("updated_at", UtcTime, primary_key=True),
    sa.Column("refunded", sa.BigInteger, primary_key=True, autoincrement=False),  # so far, of the total
    sa.Column("cancelled", sa.Boolean, primary_key=True),
    sa.Column("issued_at", UtcTime, nullable=False),  # of the first snapshot that had this
    sa.Column("currency", sa.Text, primary_key=True, server_default=""),  # empty: the order's own
    sa.Column("charged", sa.BigInteger),  # ever; null: the shop said itself whether it was paid, or nothing
    sa.Column("covers", sa.BigInteger),  # the total that was paid for; null: not given, or kept before it was
)

drafts = sa.Table(
    "drafts",  # orders that staff wrote as drafts first: they were placed when they were completed
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
)

sale_refunds = sa.Table(
    "sale_refunds",  # what was refunded of each sale at a time, also after its month was closed
    metadata,
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("line_id", sa.Text, primary_key=True),
    sa.Column("click_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("refunded_at", UtcTime, primary_key=True),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("converted", sa.BigInteger),
    sa.Index(None, "campaign_id", "refunded_at"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # also the idempotency key: digest of sale and destination
    sa.Column("emp_id", sa.BigInteger, nullable=False),
    sa.Column("shop_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # waiting | sent | dead
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),  # when to try; of those that ended: when they did
    sa.Column("answer", sa.Text, nullable=False),  # of the last attempt
    sa.Index(None, "state", "next_at"),
    sa.Index("ix_outbox_order", "shop_id", "order_id"),
    sa.CheckConstraint("state IN ('waiting', 'sent', 'dead')", "ck_outbox_state"),
)

rejections = sa.Table(
    "rejections",
    metadata,
    sa.Column("day", sa.Text, primary_key=True),  # UTC, 2026-11-23
    sa.Column("door", sa.Text, primary_key=True),  # saleor_webhook, saleor_register ...
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)
