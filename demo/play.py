"""Plays the three months on a running stack: sets the account up, then clicks, orders and a closed month."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from demo import world
from demo.catalogue import BY_SLUG, SITE
from demo.mails import FLOW, FLOW_MAILS, JOURNAL, MAILINGS, Mailing
from demo.past import Past, opened
from demo.world import Audience, Click, Person, Purchase, Season
from kit.play import EMP_ID, WentWrong
from kit.saleor import Signed, StandInSaleor
from kit.stack import Stack
from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.use_cases import create_account
from salepixel.attribution.use_cases import close_month
from salepixel.campaigns.dynamic import item_of, page_of, with_item
from salepixel.campaigns.use_cases import (
    NewCampaign,
    add_contacts,
    add_recipients,
    create_campaign,
    see_links,
    set_sent_count,
)
from salepixel.clicks import tokens
from salepixel.clicks.records import ClickRecord, HitRecord, Record
from salepixel.clicks.tokens import Signal, new_click_id
from salepixel.flows.use_cases import create_flow, put_part
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.proposals import Use
from salepixel.mails.store import Choice
from salepixel.mails.use_cases import Change, add_mail, change_mail, make_campaign
from salepixel.shops.use_cases import create_shop, edit_shop
from salepixel_plugin.saleor.codes import manifest_url

NAME = "Clay & Linen"
ZONE = ZoneInfo("Europe/Madrid")
SHOPS = {"EUR": ("Europe", "europe"), "USD": ("United States", "us")}
"""By currency: the name of the shop, and the channel in it."""

AT_ONCE = 1000
CLOSED_ON = 5
"""The day on which the owner closes the month before."""

TWICE, LATE = 0.06, 0.05
"""The shares of deliveries that come twice, and of those that are overtaken by the next one."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A campaign of the demo. `links`: the id of each destination; empty for one with dynamic links."""

    id: str
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A signed delivery, and the order in it."""

    order: Mapping[str, Any]
    signed: Signed


@dataclass(frozen=True, slots=True)
class ThreeMonths:
    """The filled account. `campaigns`: in the sequence of `mails.MAILINGS`, then the e-mails of the flow.

    `people`: its list. `shops`: the running shops by currency, with their ids in `shop_ids`. `closed_before`:
    the end of the closed months.
    """

    emp_id: int
    campaigns: list[Sent]
    flow: str
    people: Sequence[Person]
    shops: Mapping[str, StandInSaleor]
    shop_ids: Mapping[str, str]
    season: Season
    closed_before: datetime


@contextmanager
def playing_three_months(
    stack: Stack, emp_id: int = EMP_ID, *, now: datetime | None = None, scale: float = 1.0
) -> Iterator[ThreeMonths]:
    """Fill a running stack with an account of three months until `now` (aware; default: the present).

    `scale`: of the list, clicks and orders. The shops of the account run until the context ends, because the
    stack asks them for orders. Raises WentWrong.
    """
    now = now or datetime.now(UTC)
    with ExitStack() as open_:
        shops = {
            currency: open_.enter_context(StandInSaleor(channel=channel, currency=currency))
            for currency, (_, channel) in SHOPS.items()
        }
        with opened(stack, now) as past:
            played = _Playing(past, shops, emp_id, now, scale).play()
        yield played


class _Playing:
    def __init__(
        self, past: Past, shops: Mapping[str, StandInSaleor], emp_id: int, now: datetime, scale: float
    ) -> None:
        self.past, self.shops, self.emp_id, self.now = past, shops, emp_id, now
        self.scale = scale
        self.chance = random.Random(emp_id)  # noqa: S311  # a story, no secret
        self.begin = now - timedelta(days=world.DAYS)
        self.people = world.people(scale)
        self.clicks: dict[Click, tokens.Click] = {}

    def play(self) -> ThreeMonths:
        self.make_account()
        shop_ids = {currency: self.connect(currency) for currency in SHOPS}
        sent_at = world.sent_times(self.now, ZONE)
        campaigns = [self.make_mailing(one, at) for one, at in zip(MAILINGS, sent_at, strict=True)]
        audience = self.draw_lots(campaigns, sent_at)
        season = world.make_season(audience, self.now, ZONE, self.scale)
        flow, mails = self.make_flow(season)
        campaigns += mails
        self.past.publish()
        closing = self.closing()
        records = sorted(self.records(season, campaigns), key=lambda one: one[0])
        deliveries = sorted(self.deliveries(season), key=lambda one: one[0])
        for begin, end in ((self.begin, closing), (closing, self.now)):
            self.past.record([record for at, record in records if begin <= at < end])
            for at, currency, parcel in deliveries:
                if begin <= at < end:
                    self.deliver(at, currency, parcel)
            self.past.decide(self.emp_id)
            if end == closing:
                month = f"{closing.replace(day=1) - timedelta(days=1):%Y-%m}"
                with self.past.database.write() as connection:
                    closed_before = close_month(connection, INSTALLATION, self.emp_id, month, closing)
        assert closed_before is not None  # noqa: S101  # just closed
        return ThreeMonths(
            self.emp_id, campaigns, flow, self.people, self.shops, shop_ids, season, closed_before
        )

    def make_account(self) -> None:
        values = {
            "emp_id": self.emp_id,
            "name": NAME,
            "currency": "EUR",
            "time_zone": str(ZONE),
            "site": SITE,
        }
        before = self.begin - timedelta(days=20)
        with self.past.database.write() as connection:
            create_account(
                connection,
                INSTALLATION,
                self.past.keys,
                values,
                before,
            )
        reported: dict[str, dict[str, Any]] = {one.ref: {"email": one.email} for one in self.people}
        reported[self.opted_out.ref]["consent"] = False
        refs = list(reported)
        for start in range(0, len(refs), AT_ONCE):
            some = {ref: reported[ref] for ref in refs[start : start + AT_ONCE]}
            with self.past.database.write() as connection:
                add_contacts(connection, INSTALLATION, self.past.keys, self.emp_id, some, before)

    @property
    def opted_out(self) -> Person:
        return self.people[0]

    def connect(self, currency: str) -> str:
        """Add a shop and install the app in it; returns its id."""
        shop, at = self.shops[currency], self.begin - timedelta(days=10)
        with self.past.database.write() as connection:
            made = create_shop(connection, INSTALLATION, self.emp_id, "saleor", shop.api_url, at)
            edit_shop(connection, INSTALLATION, made.id, at, name=SHOPS[currency][0])
        self.past.now = at
        address = manifest_url(self.past.settings.plugin_url, self.past.keys, made.id)
        if not (installed := shop.install(address, self.past.shops)).ok:
            raise WentWrong(f"The shop's app was not installed: {installed.text}")
        return made.id

    def make_mailing(self, mailing: Mailing, sent_at: datetime) -> Sent:
        """Paste a newsletter, choose its sales links, and make its campaign."""
        mail, at = read_mail(mailing.html().encode(), Kind.HTML), sent_at - timedelta(days=1)
        who, how = INSTALLATION, self.past.tracking
        with self.past.database.write() as connection:
            draft = add_mail(connection, who, how, self.emp_id, mailing.name, "mailchimp", None, mail, at)
            read = {
                one.id: Choice(Use.TRACKED, one.choice.label)
                for one in draft.links
                if one.proposal.destination.startswith(JOURNAL)
            }
            draft = change_mail(connection, who, draft, Change(read, merged=True), at)
            view = make_campaign(
                connection, who, how, draft, at, sent_at=sent_at, holdout_percent=mailing.holdout
            )
            assert view.campaign is not None  # noqa: S101  # just made
            if not mailing.holdout:
                count = len(world.recipients_of(mailing, self.people))
                set_sent_count(connection, who, view.campaign.id, count)
            found = see_links(connection, who, view.campaign.id)
        return Sent(view.campaign.id, {link.url: link.id for link in found.links})

    def draw_lots(self, campaigns: list[Sent], sent_at: list[datetime]) -> Audience:
        """Upload the recipients of the mailing with a control group; returns who gets it and who does not."""
        number = next(n for n, one in enumerate(MAILINGS) if one.holdout)
        refs = [one.ref for one in world.recipients_of(MAILINGS[number], self.people)]
        mailed, held_out = set[str](), set[str]()
        for start in range(0, len(refs), AT_ONCE):
            with self.past.database.write() as connection:
                split = add_recipients(
                    connection,
                    INSTALLATION,
                    campaigns[number].id,
                    refs[start : start + AT_ONCE],
                    self.past.keys,
                    sent_at[number] - timedelta(hours=6),
                )
            mailed.update(split.mail)
            held_out.update(split.hold_out)
        return Audience(self.people, frozenset(mailed), frozenset(held_out), self.opted_out)

    def make_flow(self, season: Season) -> tuple[str, list[Sent]]:
        """The flow and its e-mails, whose links the e-mail platform fills in."""
        made, at = list[Sent](), self.begin + timedelta(days=2)
        with self.past.database.write() as connection:
            flow = create_flow(connection, INSTALLATION, self.emp_id, FLOW, at).flow.id
            for name, hours, _ in FLOW_MAILS:
                wanted = NewCampaign(self.emp_id, name, "klaviyo", [])
                campaign = create_campaign(connection, INSTALLATION, wanted, "spx", at)[0].campaign
                put_part(connection, INSTALLATION, flow, campaign.id)
                sent = {
                    person.ref: left + timedelta(hours=hours)
                    for person, left in season.baskets
                    if left + timedelta(hours=hours) < self.now
                }
                add_recipients(
                    connection, INSTALLATION, campaign.id, list(sent), self.past.keys, self.now, sent
                )
                made.append(Sent(campaign.id, {}))
        return flow, made

    def closing(self) -> datetime:
        """When the last month but one is closed: in the morning of a day of the month after it."""
        first = self.now.astimezone(ZONE).replace(day=1)
        month = (first - timedelta(days=1)).replace(day=CLOSED_ON, hour=9, minute=10)
        return month.astimezone(UTC)

    def records(self, season: Season, campaigns: list[Sent]) -> Iterator[tuple[datetime, Record]]:
        """The clicks and pixel hits, as an edge writes them to its journal."""
        for click in season.clicks:
            campaign = campaigns[click.mailing]
            link, page = campaign.links.get(click.url, campaign.id), ""
            if not campaign.links:
                name = BY_SLUG[click.url.rpartition("/")[2]].name
                page = with_item(page_of(click.url).encode(), item_of(name).encode()).decode()
            ref = "" if click.private else click.ref
            stored = tokens.Click(self.id_at(click.at), self.emp_id, campaign.id, link, ref)
            self.clicks[click] = stored
            signals = Signal.HEAD if click.head else Signal.PRIVACY if click.private else Signal(0)
            yield click.at, ClickRecord(stored, signals, click.agent, click.address, page)
        for one in season.purchases:
            if one.seen and one.paid:
                at = one.at + timedelta(seconds=self.chance.uniform(4, 30))
                query = {"empId": self.emp_id, "order": one.number, "IMPORTE": one.total}
                cookie = self.token(one) if one.how in ("token", "cookie") else ""
                yield at, HitRecord(self.id_at(at), self.emp_id, urlencode(query), cookie, "", signed=False)

    def id_at(self, at: datetime) -> bytes:
        return new_click_id(int(at.timestamp() * 1000), self.chance.randbytes)

    def token(self, one: Purchase) -> str:
        """The click token of the click before an order."""
        if one.how == "forged":
            return "AQE" + "x" * 90
        return self.past.sealer.seal(self.clicks[one.click]) if one.click else ""

    def deliveries(self, season: Season) -> Iterator[tuple[datetime, str, Parcel]]:
        """What the shops send, with the time of its arrival: some twice, some late."""
        for one in season.purchases:
            sent = [self.happens(one, "order_created", one.at)]
            if one.paid:
                sent.append(self.happens(one, "order_fully_paid", one.at + timedelta(seconds=40)))
            if one.cancelled:
                sent.append(self.happens(one, "order_cancelled", one.cancelled, status="CANCELED"))
            if one.refund:
                sent.append(self.happens(one, "order_refunded", one.refund.at, refunded=one.refunded))
            if self.chance.random() < TWICE:
                arrives, parcel = self.chance.choice(sent)
                sent.append((arrives + timedelta(seconds=30), parcel))
            if self.chance.random() < LATE:
                arrives, parcel = sent[0]
                sent[0] = arrives + timedelta(minutes=4), parcel
            for arrives, parcel in sent:
                yield arrives, one.currency, parcel

    def happens(
        self,
        one: Purchase,
        event: str,
        at: datetime,
        *,
        status: str = "UNFULFILLED",
        refunded: Decimal = Decimal(0),
    ) -> tuple[datetime, Parcel]:
        """An event of an order, and when its delivery arrives."""
        shop = self.shops[one.currency]
        order = shop.order(
            one.number,
            one.lines,
            email=one.buyer.email,
            token=self.token(one) if one.how in ("token", "forged") else None,
            created=one.at,
            updated=at,
            status=status,
            paid=one.paid and event != "order_created",
            refunded=refunded,
            customer=one.buyer.customer if one.buyer.ref else None,
            voucher=one.voucher,
            payment=one.payment,
        )
        arrives = at + timedelta(seconds=self.chance.uniform(0.4, 2.5))
        return arrives, Parcel(order, shop.sign(event, {"order": order}, issued=at))

    def deliver(self, at: datetime, currency: str, parcel: Parcel) -> None:
        """A shop sends a delivery at a time."""
        shop, self.past.now = self.shops[currency], at
        shop.keep(parcel.order)
        answer = shop.send("", parcel.signed, self.past.shops)
        if answer.status_code != 200:
            raise WentWrong(f"A delivery was answered {answer.status_code}: {answer.text[:300]}")
