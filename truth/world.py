"""The world: contacts and browsers, their clicks, forwards and orders, and the true attribution.

Everything follows from a seed. The shares are our guesses; they were not tuned for the result. The truth is
the last click of the buyer on a sales link within seven days before the order. For contacts who opted out
there is no truth: any credit is wrong. If a buyer uses a code that was in one e-mail only, this e-mail is as
right as the last click.

All e-mails are sent and clicked within a day. The orders follow after minutes to weeks. So clicks can be
played without waiting: only orders carry their own date.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from truth.browsers import BROWSERS, Browser

CAMPAIGNS = 3
LINKS = 4  # the last one is not a sales link
WINDOW_HOURS = 7 * 24.0
HOURS_BETWEEN_MAILS = 5.0

GATEWAY_SHARE = 0.2  # scanning mail hosts are common for companies, rare for shoppers
QUIET_SCANNER = (
    0.04  # of these: nothing distinguishes their one click from a person's, as with 4 % in bench/verdicts.py
)
COOKIES_REFUSED = 0.15
MAIL_REFUSED = 0.05
PRIVACY_CONTROL = 0.04  # Sec-GPC: 1
HOUSEHOLDS = 0.15  # people who share a browser with another contact
SHARED_ADDRESS = 0.05  # of these; rare, because e-mail platforms identify a contact by its address
LOGGED_IN = 0.5
CLICK_RATE = 0.3
FORWARDS = 0.03  # of the clicks: by another person who got the e-mail forwarded
BUYS_AFTER_CLICK = 0.45
OTHER_DEVICE = 0.25  # of the orders after a click
BUYS_AGAIN = 0.25  # of the buyers, within three days
BUYS_ANYWAY = 0.08  # of the contacts: without a click, or not because of it
ON_PHONE = 0.15
CODES_IN = 0  # the campaign with codes in its e-mails
TOKEN_LOST = 0.02  # the shop's checkout failed to pass it on
EXPRESS_CHECKOUT = 0.06  # wallets that skip the shop's checkout
THANKS_SEEN = 0.96  # the others close the tab before
OWN_ADDRESS = 0.85
ALIAS_ADDRESS = 0.03
GIVEN_A_CODE = 0.3
USES_CODE = 0.4
UNPAID = 0.03
REFUNDED = 0.06


@dataclass(frozen=True, slots=True)
class Person:
    """A contact; `device` is the browser at home, shared by the household."""

    ref: str
    email: str
    device: str
    browser: Browser
    cookies: bool
    consent: bool
    privacy: bool
    scanner: str
    customer: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Click:
    """A click on the e-mail to `contact`, by `who`: another person if it was forwarded."""

    at: float
    contact: str
    who: str
    campaign: int
    link: int
    device: str
    scanner: bool = False

    @property
    def sells(self) -> bool:
        """Whether its link is a sales link."""
        return self.link < LINKS - 1


@dataclass(frozen=True, slots=True)
class Truth:
    """The true click, contact and campaign of an order; all None if it belongs to no e-mail.

    `contact` is None if the e-mail was forwarded, `click` if only a code was used. `code_click`: the last
    click in time on the e-mail with the used code, if any.
    """

    click: Click | None = None
    campaign: int | None = None
    contact: str | None = None
    code_used: bool = False
    code_click: Click | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order with its data in the shop; `last` is the buyer's last click before it, on any link."""

    at: float
    number: str
    who: str
    email: str
    customer: str | None
    device: str
    browser: Browser
    cookies: bool
    privacy: bool
    passes_token: bool
    thanks_seen: bool
    code: str | None
    paid: bool
    refunded: bool
    amount: Decimal
    truth: Truth
    last: Click | None

    @property
    def on_same_device(self) -> bool:
        """Whether click and order were made on the same device."""
        return self.truth.click is not None and self.truth.click.device == self.device


@dataclass(frozen=True, slots=True)
class Home:
    """People who share a browser, and what they do, sorted by time (hours since the first e-mail)."""

    people: tuple[Person, ...]
    happens: tuple[Click | Order, ...]


@dataclass(frozen=True, slots=True)
class World:
    """All homes of one seed."""

    seed: int
    homes: tuple[Home, ...]

    @property
    def people(self) -> list[Person]:
        """All contacts."""
        return [person for home in self.homes for person in home.people]

    @property
    def orders(self) -> list[Order]:
        """All orders."""
        return [event for home in self.homes for event in home.happens if isinstance(event, Order)]


def make_world(seed: int, contacts: int) -> World:
    """The world of a seed with about this number of contacts; the same for the same arguments."""
    chance = random.Random(f"salepixel {seed}")  # noqa: S311  # a world, no secret
    maker = _Maker(chance, f"s{seed}-c")
    homes = []
    while maker.made < contacts:
        homes.append(maker.home())
    return World(seed, tuple(homes))


@dataclass
class _Maker:
    chance: random.Random
    prefix: str
    made: int = 0
    orders: int = field(default=1000)

    def home(self) -> Home:
        people = [self.person(f"home {self.made}")]
        if self.is_so(HOUSEHOLDS / (2 - HOUSEHOLDS)):  # as a share of homes, because a pair is one home
            email = people[0].email if self.is_so(SHARED_ADDRESS) else None
            people.append(self.person(people[0].device, people[0], email))
        clicks = {person.ref: self.clicks_of(person) for person in people}
        scans = [scan for person in people for scan in self.scans_of(person)]
        after = max((click.at for theirs in clicks.values() for click in theirs), default=0.0)
        orders = [order for person in people for order in self.orders_of(person, clicks[person.ref], after)]
        happens: list[Click | Order] = [
            *scans,
            *(click for theirs in clicks.values() for click in theirs),
            *orders,
        ]
        return Home(tuple(people), tuple(sorted(happens, key=lambda event: event.at)))

    def person(self, device: str, shares: Person | None = None, email: str | None = None) -> Person:
        self.made += 1
        ref = f"{self.prefix}{self.made:04}"
        privacy = shares.privacy if shares else self.is_so(PRIVACY_CONTROL)
        return Person(
            ref=ref,
            email=email or f"{ref}@example.com",
            device=device,
            browser=shares.browser if shares else self.browser(),
            cookies=shares.cookies if shares else not self.is_so(COOKIES_REFUSED),
            consent=not self.is_so(MAIL_REFUSED),
            privacy=privacy,
            # A gateway's request has no browser signal: it would name a contact that must not be found.
            scanner="" if privacy else self.scanner(),
            customer=f"user-{ref}" if self.is_so(LOGGED_IN) else None,
            code=f"CODE-{ref}" if self.is_so(GIVEN_A_CODE) else None,
        )

    def browser(self) -> Browser:
        return self.chance.choices(BROWSERS, [browser.share for browser in BROWSERS])[0]

    def scanner(self) -> str:
        if not self.is_so(GATEWAY_SHARE):
            return ""
        return "quiet" if self.is_so(QUIET_SCANNER) else self.chance.choice(("head", "agent", "burst"))

    def is_so(self, share: float) -> bool:
        return self.chance.random() < share

    def clicks_of(self, person: Person) -> list[Click]:
        """The clicks of people on the e-mails to this contact."""
        clicks = []
        for campaign in range(CAMPAIGNS):
            if not self.is_so(CLICK_RATE):
                continue
            # Half of the readers click within the hour.
            wait = 0.1 + min(self.chance.lognormvariate(-0.5, 1.0), HOURS_BETWEEN_MAILS - 0.2)
            who = f"friend of {person.ref}" if self.is_so(FORWARDS) else person.ref
            on_phone = f"phone of {who}" if who != person.ref or self.is_so(ON_PHONE) else person.device
            at, link = campaign * HOURS_BETWEEN_MAILS + wait, self.chance.randrange(LINKS)
            clicks.append(Click(at, person.ref, who, campaign, link, on_phone))
        return clicks

    def scans_of(self, person: Person) -> list[Click]:
        """The clicks of the gateway on this contact's e-mails, before anybody reads them."""
        if not person.scanner:
            return []
        scans = []
        for campaign in range(CAMPAIGNS):
            links = [self.chance.randrange(LINKS - 1)] if person.scanner == "quiet" else range(LINKS)
            at = campaign * HOURS_BETWEEN_MAILS
            scans += [Click(at, person.ref, "", campaign, link, "gateway", True) for link in links]
        return scans

    def orders_of(self, person: Person, clicks: Sequence[Click], after: float) -> list[Order]:
        theirs = [click for click in clicks if click.who == person.ref]
        friends = [click for click in clicks if click.who != person.ref]
        bought = [self.by_friend(person, friends, after)] if friends and self.is_so(BUYS_AFTER_CLICK) else []
        if theirs and self.is_so(BUYS_AFTER_CLICK):
            first = after + self.lag()
            bought.append(self.by_contact(person, theirs, first))
            if self.is_so(BUYS_AGAIN):
                bought.append(self.by_contact(person, theirs, first + self.chance.uniform(1, 72)))
        elif self.is_so(BUYS_ANYWAY):
            bought.append(self.by_contact(person, theirs, after + self.lag()))
        return bought

    def lag(self) -> float:
        """Hours until they buy: a median of two, and a tail of weeks, some beyond the attribution window."""
        return 0.1 + min(self.chance.lognormvariate(math.log(2), 2.0), 24.0 * 20)

    def by_contact(self, person: Person, theirs: Sequence[Click], at: float) -> Order:
        last = max(theirs, key=lambda click: click.at, default=None)
        in_window = [click for click in theirs if click.sells and at - click.at <= WINDOW_HOURS]
        earned = max(in_window, key=lambda click: click.at, default=None)
        code = person.code if person.code and self.is_so(USES_CODE) else None
        truth = self.truth(person, earned, code, in_window)
        phone = f"phone of {person.ref}"
        device = last.device if last else person.device
        if last and self.is_so(OTHER_DEVICE):
            device = person.device if last.device == phone else phone
        return self.order(
            person, at, truth, last, device, person.browser, person.ref, self.address(person), code
        )

    def truth(
        self, person: Person, earned: Click | None, code: str | None, in_window: Sequence[Click]
    ) -> Truth:
        if not person.consent:
            return Truth()
        held = [click for click in in_window if click.campaign == CODES_IN]
        code_click = max(held, key=lambda click: click.at, default=None)
        if person.privacy:
            earned, code_click = None, None  # their clicks have no contact; they entered the code
        if earned:
            return Truth(earned, earned.campaign, person.ref, bool(code), code_click if code else None)
        return Truth(None, CODES_IN, person.ref, True) if code else Truth()

    def by_friend(self, person: Person, friends: Sequence[Click], after: float) -> Order:
        """The order of a person who got the e-mail forwarded; the shop has another address."""
        last = friends[-1]
        is_credited = last.sells and person.consent and not person.privacy
        truth = Truth(last, last.campaign, None) if is_credited else Truth()
        at, email = after + self.chance.lognormvariate(0.5, 0.5), f"{last.who.replace(' ', '-')}@example.org"
        return self.order(person, at, truth, last, last.device, self.browser(), last.who, email, None)

    def address(self, person: Person) -> str:
        name, _, domain = person.email.partition("@")
        draw = self.chance.random()
        if draw < OWN_ADDRESS:
            return person.email
        alias = draw < OWN_ADDRESS + ALIAS_ADDRESS
        return f"{name}+shop@{domain}" if alias else f"other-{person.ref}@example.net"

    def order(
        self,
        person: Person,
        at: float,
        truth: Truth,
        last: Click | None,
        device: str,
        browser: Browser,
        who: str,
        email: str,
        code: str | None,
    ) -> Order:
        self.orders += 1
        paid = not self.is_so(UNPAID)
        return Order(
            at=at,
            number=f"{self.orders}",
            who=who,
            email=email,
            customer=person.customer if who == person.ref else None,
            device=device,
            browser=browser,
            cookies=person.cookies,
            privacy=person.privacy,
            passes_token=not (self.is_so(TOKEN_LOST) or self.is_so(EXPRESS_CHECKOUT)),
            thanks_seen=self.is_so(THANKS_SEEN),
            code=code,
            paid=paid,
            refunded=paid and self.is_so(REFUNDED),
            amount=Decimal(self.chance.randrange(990, 24990, 10)) / 100,
            truth=truth if paid else Truth(),
            last=last,
        )
