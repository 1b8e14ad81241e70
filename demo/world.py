"""Three months of a small shop: who clicks, who buys and why. Values in, values out: no clock, no store.

Every order carries the truth: the mailing that earned it, or the reason why none did. People of one kind do
not appear in another, so the truth needs no attribution: who never clicks is not credited, and who buys after
a click clicked no other e-mail in the two weeks before.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import exp, log
from zoneinfo import ZoneInfo

from demo.catalogue import ITEMS, Item
from demo.mails import FLOW_BUYS, FLOW_MAILS, JOURNAL, MAILINGS, Mailing
from kit.saleor import Line

DAYS = 91
PEOPLE = 18_000
ORDERS_A_DAY = 3.3
IN_DOLLARS = 0.22
SCANNED = 0.006
"""Recipients whose mails a program checks."""

TYPED = 10
"""Buyers who got the e-mail with a control group, and did not click: only lift counts them."""

BASKETS_A_DAY = 7
FLOW = len(MAILINGS)
"""The number of the flow's first e-mail, after those of the mailings."""

_HOURS = (2, 1, 1, 1, 1, 2, 6, 12, 18, 22, 24, 24, 23, 25, 24, 20, 19, 20, 23, 27, 32, 34, 25, 10)
_WEEKDAYS = (0.97, 0.92, 0.95, 1.0, 0.85, 0.95, 1.22)

_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6"
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
_AGENTS = {
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_WEBKIT} Mobile/15E148 Safari/604.1": 44,
    f"Mozilla/5.0 (Linux; Android 10; K) {_BLINK} Chrome/142.0.0.0 Mobile Safari/537.36": 27,
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_BLINK} Chrome/142.0.0.0 Safari/537.36": 16,
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Safari/605.1.15": 7,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0": 5,
    f"Mozilla/5.0 (Windows NT 6.1) {_BLINK} Chrome/57.0 Safari/537.36": 1,
}
"""Browsers, with their share of the clicks; the last one is so old that it may be a bot."""

OLD_AGENT = list(_AGENTS)[-1]

GATEWAY = "Mozilla/5.0 (compatible; MSIE 9.0; ms-office; MSOffice 16)"


@dataclass(frozen=True, slots=True)
class Person:
    """A buyer; `ref`: as a contact of the list, empty for a stranger. `abroad`: buys in dollars."""

    ref: str
    email: str
    abroad: bool

    @property
    def customer(self) -> str:
        """The customer's key in the shop."""
        return self.email.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Click:
    """A click: on which mailing, and where it leads. `private`: the browser asked not to be followed."""

    at: datetime
    ref: str
    mailing: int
    url: str
    agent: str
    address: str = ""
    head: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back: the whole order, or half of it."""

    at: datetime
    half: bool


@dataclass(slots=True)
class Purchase:
    """An order, and the truth about it.

    `how` the shop knows the click: token (on the order), cookie (at the pixel), email, none. `mailing`: what
    earned it, None for the `reason`. `seen`: the thank-you page was loaded.
    """

    at: datetime
    buyer: Person
    lines: list[Line]
    how: str
    reason: str
    mailing: int | None = None
    click: Click | None = None
    paid: bool = True
    cancelled: datetime | None = None
    refund: Refund | None = None
    seen: bool = True
    payment: str = "card"
    voucher: str | None = None
    number: str = ""

    @property
    def total(self) -> Decimal:
        """What the goods cost."""
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def refunded(self) -> Decimal:
        """What went back in the end."""
        if self.refund is None:
            return Decimal(0)
        return self.total / 2 if self.refund.half else self.total

    @property
    def currency(self) -> str:
        """Of the shop that it was bought in."""
        return "USD" if self.buyer.abroad else "EUR"


@dataclass(frozen=True, slots=True)
class Audience:
    """The people of the list. `mailed`, `held_out`: of the mailing with a control group, by reference."""

    people: Sequence[Person]
    mailed: frozenset[str]
    held_out: frozenset[str]
    opted_out: Person


@dataclass(slots=True)
class Season:
    """What happened: clicks and orders by time, the baskets of the flow, and when each mailing was sent."""

    sent: list[datetime]
    clicks: list[Click] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    baskets: list[tuple[Person, datetime]] = field(default_factory=list)


def people(scale: float = 1.0, seed: int = 7) -> list[Person]:
    """The list of the shop, the same for the same arguments. `scale`: of its size."""
    chance = random.Random(seed)  # noqa: S311  # a world, no secret
    firsts, lasts = _FIRST_NAMES.split(), _LAST_NAMES.split()
    found = []
    for number in range(round(PEOPLE * scale)):
        name = f"{chance.choice(firsts)}.{chance.choice(lasts)}{number}"
        found.append(Person(f"{20_000 + number}", f"{name}@example.com", chance.random() < IN_DOLLARS))
    return found


def sent_times(now: datetime, zone: ZoneInfo) -> list[datetime]:
    """When each mailing was sent (UTC): on the last of its weekdays so many days ago."""
    found = []
    for mailing in MAILINGS:
        day = now.astimezone(zone).date() - timedelta(days=mailing.days_ago)
        day -= timedelta(days=(day.weekday() - mailing.weekday) % 7)
        local = datetime(day.year, day.month, day.day, mailing.hour, mailing.minute, tzinfo=zone)
        found.append(local.astimezone(UTC))
    return found


def recipients_of(mailing: Mailing, everybody: Sequence[Person]) -> Sequence[Person]:
    """Who is on the list of a mailing."""
    return everybody[: round(len(everybody) * mailing.share)]


def make_season(
    audience: Audience, now: datetime, zone: ZoneInfo, scale: float = 1.0, seed: int = 7
) -> Season:
    """Three months until `now` (aware); the same for the same arguments.

    `scale`: of orders and baskets; that of the clicks comes from the list.
    """
    return _Maker(audience, now, zone, scale, seed).make()


class _Maker:
    def __init__(self, audience: Audience, now: datetime, zone: ZoneInfo, scale: float, seed: int) -> None:
        self.scale = scale
        self.chance = random.Random(seed)  # noqa: S311  # a world, no secret
        self.audience, self.now, self.zone = audience, now, zone
        self.season = Season(sent_times(now, zone))
        self.begin = now - timedelta(days=DAYS)
        self.latest = now - timedelta(minutes=15)
        # Nobody of the control group clicks, and the last people of the list got few mailings.
        able = [one for one in audience.people if one.ref not in audience.held_out]
        able = [one for one in able[: len(able) // 3] if one != audience.opted_out]
        self.chance.shuffle(able)
        often = len(audience.people) // 20
        self.often, self.rest = able[:often], iter(able[often:])
        self.strangers = 0

    def make(self) -> Season:
        for number, mailing in enumerate(MAILINGS):
            self.play_mailing(number, mailing)
        self.play_flow()
        self.play_without_click()
        self.season.clicks.sort(key=lambda click: click.at)
        bought = [one for one in self.season.purchases if self.begin < one.at < self.latest]
        bought.sort(key=lambda one: one.at)
        numbers = {"EUR": 4100, "USD": 810}
        for one in bought:
            if one.refund and one.refund.at > self.latest:
                one.refund = None
            if one.cancelled and one.cancelled > self.latest:
                one.cancelled, one.reason = None, "unpaid"
            numbers[one.currency] += 1
            one.number = str(numbers[one.currency])
        self.season.purchases = bought
        return self.season

    def play_mailing(self, number: int, mailing: Mailing) -> None:
        sent, got = self.season.sent[number], recipients_of(mailing, self.audience.people)
        delivered = len(got) * (100 - mailing.holdout) / 100
        clickers = round(delivered * mailing.clicks)
        buyers = max(round(clickers * mailing.buys), 1)
        for person in self.chance.sample(self.often, round(clickers * 0.45)):
            self.browse(number, person, sent, mailing.links)
        goods = {url: weight for url, weight in mailing.links.items() if not url.startswith(JOURNAL)}
        for place in range(round(clickers * 0.55)):
            person = next(self.rest)
            links = goods if place < buyers + 1 else mailing.links
            clicks = self.browse(number, person, sent, links)
            if clicks and place < buyers:
                self.buy_after(clicks[-1], person, number)
            elif clicks and place == buyers:
                at = clicks[-1].at + timedelta(days=self.chance.uniform(7.5, 12.5))
                self.buy(self.at_home(at), person, "email", "outside_window", seen=False)
        for place in range(round(delivered * SCANNED)):
            person = next(self.rest)
            self.scan(number, person, sent, mailing.links)
            if not place:
                at = self.at_home(sent + timedelta(days=self.chance.uniform(1, 5)))
                self.buy(at, person, "email", "bot_click")
        if number < 2:
            person = next(self.rest)
            clicks = self.browse(number, person, sent, {mailing.story[1]: 1})
            if clicks:
                at = self.at_home(clicks[-1].at + timedelta(hours=3))
                self.buy(at, person, "token", "not_a_sales_link", click=clicks[-1])

    def browse(self, number: int, person: Person, sent: datetime, links: dict[str, int]) -> list[Click]:
        """The clicks of a person on a mailing, soon after one another; none if they come after now."""
        at = self.opened(sent)
        left, clicks = dict(links), list[Click]()
        agent = self.agent()
        private = self.chance.random() < 0.015
        while left and at < self.latest:
            url = self.chance.choices(list(left), list(left.values()))[0]
            del left[url]
            clicks.append(Click(at, person.ref, number, url, agent, private=private))
            if self.chance.random() > 0.28:
                break
            at += timedelta(seconds=self.chance.uniform(25, 420))
        self.season.clicks += clicks
        return [] if private else clicks

    def opened(self, sent: datetime) -> datetime:
        """When a person opens an e-mail: half within four hours, few at night, the last after a week."""
        while True:
            hours = self.chance.lognormvariate(log(3.2), 1.55)
            at = sent + timedelta(hours=hours, seconds=45)
            if hours < 160 and self.is_awake(at):
                return at

    def is_awake(self, at: datetime) -> bool:
        return self.chance.random() * max(_HOURS) < _HOURS[at.astimezone(self.zone).hour]

    def at_home(self, at: datetime) -> datetime:
        """This time, or a later one at which people buy."""
        while not self.is_awake(at):
            at += timedelta(minutes=self.chance.uniform(20, 90))
        return at

    def agent(self) -> str:
        return self.chance.choices(list(_AGENTS), list(_AGENTS.values()))[0]

    def scan(self, number: int, person: Person, sent: datetime, links: dict[str, int]) -> None:
        """The clicks of a program that checks a mail: most follow every link within two seconds."""
        at = sent + timedelta(seconds=self.chance.lognormvariate(log(240), 1.0))
        kind = self.chance.choices(("gateway", "sandbox", "preview"), (50, 30, 20))[0]
        agent, address, head = GATEWAY, "", False
        if kind == "gateway":
            address = f"40.92.{self.chance.randrange(256)}.{self.chance.randrange(1, 255)}"
            head = self.chance.random() < 0.4
        elif kind == "sandbox":
            agent = list(_AGENTS)[2]  # a whole browser, in which nobody sits
        else:
            head = True
        for url in list(links)[: 1 if kind == "preview" else None]:
            self.season.clicks.append(Click(at, person.ref, number, url, agent, address, head=head))
            at += timedelta(milliseconds=self.chance.randrange(60, 240))

    def buy_after(self, click: Click, person: Person, number: int) -> Purchase:
        """An order that a click earned: at once, or on one of the next days, at most six days later."""
        median, spread = (0.6, 1.3) if self.chance.random() < 0.65 else (34.0, 0.8)
        hours = min(0.08 + self.chance.lognormvariate(log(median), spread), 140.0)
        at = self.at_home(click.at + timedelta(hours=hours)) if hours > 1 else click.at
        at = at if hours > 1 else click.at + timedelta(hours=hours)
        how = self.chance.choices(("token", "cookie", "email"), (62, 13, 25))[0]
        # The e-mail address alone is weak evidence of a click that may be a bot's.
        how = "token" if click.agent == OLD_AGENT else how
        reason = {"token": "click_token_on_order", "cookie": "cookie_at_pixel", "email": "email_match"}[how]
        first = next((item for item in ITEMS if item.url == click.url.partition("?")[0]), None)
        made = self.buy(at, person, how, reason, mailing=number, click=click, first=first)
        made.seen = how == "cookie" or (how == "token" and self.chance.random() < 0.85)
        draw = self.chance.random()
        if draw < 0.09:
            made.refund = Refund(at + timedelta(days=self.chance.uniform(4, 13)), half=draw < 0.05)
        if self.chance.random() < 0.4:
            earlier = self.begin + (click.at - timedelta(days=2) - self.begin) * self.chance.random()
            self.buy(self.at_home(earlier), person, "none", "no_click")
        return made

    def play_flow(self) -> None:
        """Baskets that were left, and the two e-mails that follow each."""
        for day in range(3, DAYS):
            for _ in range(self.poisson(BASKETS_A_DAY * self.scale)):
                person = next(self.rest)
                at = self.moment(self.begin.date() + timedelta(days=day))
                if at < self.latest:
                    self.leave_basket(person, at)

    def leave_basket(self, person: Person, at: datetime) -> None:
        self.season.baskets.append((person, at))
        item, last, mailing = self.item(), None, FLOW
        for place, (_, hours, rate) in enumerate(FLOW_MAILS):
            sent = at + timedelta(hours=hours)
            if self.chance.random() < rate and (
                clicks := self.browse(FLOW + place, person, sent, {item.url: 1})
            ):
                last, mailing = clicks[-1], FLOW + place
        if last and self.chance.random() < FLOW_BUYS:
            self.buy_after(last, person, mailing)

    def play_without_click(self) -> None:
        """Orders that no e-mail earned: typed addresses, searches, friends, codes on leaflets."""
        customers = list[tuple[datetime, Person]]()
        for n in range(DAYS):
            day = self.begin.date() + timedelta(days=n + 1)
            busy = self.scale * ORDERS_A_DAY * _WEEKDAYS[day.weekday()] * (0.85 + 0.4 * n / DAYS)
            for _ in range(self.poisson(busy)):
                at = self.moment(day)
                draw = self.chance.random()
                known = [one for when, one in customers if at - when > timedelta(days=5)]
                if known and draw < 0.3:
                    person = self.chance.choice(known)
                else:
                    person = next(self.rest) if draw < 0.6 else self.stranger()
                    customers.append((at, person))
                made = self.buy(at, person, "none", "no_click")
                if self.chance.random() < 0.08:
                    made.voucher = "HELLO10"
                self.spoil(made)
        self.play_control_group()
        self.play_oddities()

    def spoil(self, made: Purchase) -> None:
        draw = self.chance.random()
        if draw < 0.02:
            made.paid, made.reason, made.seen = False, "cancelled", False
            made.cancelled = made.at + timedelta(hours=20)
        elif draw < 0.07:
            made.refund = Refund(made.at + timedelta(days=self.chance.uniform(3, 14)), half=draw < 0.045)

    def play_control_group(self) -> None:
        """Two people of the control group buy anyway; some read the e-mail, and type the shop's address."""
        held_out = [one for one in self.audience.people if one.ref in self.audience.held_out]
        sent = self.season.sent[next(n for n, one in enumerate(MAILINGS) if one.holdout)]
        for _ in range(round(TYPED * self.scale)):
            at = sent + timedelta(days=self.chance.uniform(0.1, 6))
            self.buy(self.at_home(at), next(self.rest), "none", "no_click")
        for person, days in zip(held_out, (1.4, 4.2), strict=False):
            self.buy(self.at_home(sent + timedelta(days=days)), person, "none", "no_click")

    def play_oddities(self) -> None:
        person, sent = self.audience.opted_out, self.season.sent[0]
        clicks = self.browse(0, person, sent, {ITEMS[0].url: 1})
        at = self.at_home(max([sent, *(one.at for one in clicks)]) + timedelta(hours=5))
        self.buy(at, person, "email", "opted_out")
        forged = self.buy(
            self.at_home(self.begin + timedelta(days=30)), self.stranger(), "none", "invalid_token"
        )
        forged.how = "forged"
        late = self.sale_at_home()
        late.refund = Refund(self.now - timedelta(days=20), half=True)  # its month is closed by then
        for hours in (3.0, 9.0, 26.0):
            waits = self.buy(self.now - timedelta(hours=hours), next(self.rest), "none", "unpaid", seen=False)
            waits.paid, waits.payment = False, "bank transfer"

    def sale_at_home(self) -> Purchase:
        """A sale of the first mailing in euros. In a small world chance may have made none."""
        sales = (one for one in self.season.purchases if one.mailing == 0 and not one.buyer.abroad)
        found = next(sales, None)
        while not found:
            person = next(one for one in self.rest if not one.abroad)
            clicks = self.browse(0, person, self.season.sent[0], {ITEMS[0].url: 1})
            found = self.buy_after(clicks[-1], person, 0) if clicks else None
        return found

    def buy(
        self,
        at: datetime,
        buyer: Person,
        how: str,
        reason: str,
        *,
        mailing: int | None = None,
        click: Click | None = None,
        first: Item | None = None,
        seen: bool = True,
    ) -> Purchase:
        """An order of one to three kinds of goods."""
        currency = "USD" if buyer.abroad else "EUR"
        goods = {first or self.item(): 1}
        while len(goods) < 4 and self.chance.random() < 0.38:
            goods.setdefault(self.item(), 1)
        lines = []
        for item in goods:
            quantity = self.chance.choices((1, 2, 3), (80, 17, 3))[0]
            lines.append(Line(item.name, quantity, item.price(currency) * quantity, item.sku))
        payment = self.chance.choices(("card", "PayPal", "Klarna"), (68, 24, 8))[0]
        made = Purchase(at, buyer, lines, how, reason, mailing, click, seen=seen, payment=payment)
        if made.seen and how in ("none", "email"):
            made.seen = self.chance.random() < (0.6 if payment == "PayPal" else 0.9)
        self.season.purchases.append(made)
        return made

    def item(self) -> Item:
        return self.chance.choices(ITEMS, [item.weight for item in ITEMS])[0]

    def stranger(self) -> Person:
        self.strangers += 1
        return Person("", f"guest{self.strangers}@example.org", self.chance.random() < IN_DOLLARS)

    def moment(self, day: date) -> datetime:
        """A time of a day at which people buy, in UTC."""
        hour = self.chance.choices(range(24), _HOURS)[0]
        local = datetime(day.year, day.month, day.day, hour, tzinfo=self.zone)
        return local.astimezone(UTC) + timedelta(seconds=self.chance.randrange(3600))

    def poisson(self, mean: float) -> int:
        """A count with this mean."""
        least, product, count = exp(-mean), self.chance.random(), 0
        while product > least:
            product *= self.chance.random()
            count += 1
        return count


_FIRST_NAMES = (
    "ana marta lucia elena sofia clara ines paula julia laura emma anna lena mia nora greta chloe camille "
    "manon giulia chiara amelia olivia grace ruby hannah maya zoe david pablo hugo lucas jonas felix leo "
    "max paul louis arthur marco luca jack harry oscar noah liam ethan owen"
)
_LAST_NAMES = (
    "garcia lopez martin sanchez romero navarro torres ruiz vidal serra mueller schmidt weber fischer wagner "
    "becker dubois moreau laurent girard rossi russo ferrari bianchi smith jones taylor brown wilson evans "
    "walker wright baker hall clark lewis young king hill"
)
