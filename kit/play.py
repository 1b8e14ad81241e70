"""Plays a story through the real interfaces: HTTP clicks, signed deliveries, the API."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from kit.saleor import Signed, StandInSaleor
from kit.stack import Stack
from kit.story import LINKS, Contact, Purchase, Story

EMP_ID = 7
TRACKING_HOST = "track.shop.test"
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
SCANNER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/125.0 Safari/537.36"
TIMEOUT_SECONDS = 20


class WentWrong(RuntimeError):
    """An unexpected answer; the message says from where and what."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The prepared account: the ids of its campaign and shop, and the links of the e-mail."""

    campaign: str
    shop: str
    links: list[str]


class Player:
    """Plays contacts and shop of one account on a stack."""

    def __init__(self, stack: Stack, shop: StandInSaleor, emp_id: int = EMP_ID) -> None:
        self.stack, self.shop, self.emp_id = stack, shop, emp_id
        self.tracking_host = TRACKING_HOST if emp_id == EMP_ID else f"track{emp_id}.shop.test"
        self._session = requests.Session()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def api(self, method: str, path: str, content: Any = None) -> Any:
        """Call the API; returns the JSON. Raises WentWrong unless it succeeds."""
        answer = self._session.request(
            method,
            f"{self.stack.plugin_url}/api/v1{path}",
            json=content,
            headers={"Authorization": f"Bearer {self.stack.api_key}"},
            timeout=TIMEOUT_SECONDS,
        )
        if not answer.ok:
            raise WentWrong(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def set_up(self, story: Story) -> Scene:
        """Create an account, its contacts and a campaign with links, and install the shop's app."""
        account = {"empId": self.emp_id, "name": "Shoes", "tracking_host": self.tracking_host}
        self.api("POST", "/accounts", {**account, "site": "shop.test", "currency": "EUR"})
        people = [{"ref": contact.ref, "email": contact.email} for contact in story.contacts]
        self.api("POST", "/contacts", {"empId": self.emp_id, "contacts": people})
        links = [{"url": url, "label": label, "sale_pixel": sells} for url, label, sells in LINKS]
        mail = {"empId": self.emp_id, "name": "Autumn sale", "mailer": "plain", "links": links}
        campaign = self.api("POST", "/campaigns", mail)
        url = self.shop.api_url
        connected = self.api("POST", "/shops", {"empId": self.emp_id, "platform": "saleor", "api_url": url})
        installed = self.shop.install(connected["manifest_url"])
        if not installed.ok:
            raise WentWrong(f"The shop's app was not installed: {installed.text}")
        return Scene(campaign["id"], connected["id"], [link["tracked_url"] for link in campaign["links"]])

    def click(self, link: str, contact: Contact, agent: str = PERSON, method: str = "GET") -> tuple[str, str]:
        """Click a link of the e-mail; returns the click tokens of the destination and of the cookie."""
        parts = urlsplit(link.replace("{contact}", contact.ref))
        answer = self._session.request(
            method,
            f"{self.stack.edge_url}{parts.path}?{parts.query}",
            headers={"Host": parts.netloc, "User-Agent": agent},
            allow_redirects=False,
            timeout=TIMEOUT_SECONDS,
        )
        if answer.status_code != 302:
            raise WentWrong(f"A click was answered {answer.status_code}: {link}")
        token = parse_qs(urlsplit(answer.headers["Location"]).query).get("spx", [""])[0]
        cookie = answer.cookies.get(f"spx{self.emp_id}") or ""
        self._session.cookies.clear()
        return token, cookie

    def scan(self, scene: Scene, contact: Contact) -> None:
        """Click all links of one e-mail, like a mail gateway."""
        self.click(scene.links[0], contact, SCANNER, "HEAD")
        for link in scene.links:
            self.click(link, contact, SCANNER)

    def buy(self, scene: Scene, purchase: Purchase) -> None:
        """Play a visit, an order, and its deliveries: some twice, some late."""
        token = cookie = ""
        if purchase.how in ("token", "pixel", "email"):
            token, cookie = self.click(scene.links[purchase.link], purchase.buyer)
        on_order = {"token": token, "forged": "AQE" + "x" * 90}.get(purchase.how)
        now = datetime.now(UTC)

        def happens(event: str, after: int, *, paid: bool, refunded: Decimal = Decimal(0)) -> Signed:
            order = self.shop.order(
                purchase.number,
                purchase.lines,
                email=purchase.buyer.email,
                token=on_order,
                created=now,
                updated=now + timedelta(microseconds=after),  # before it is sent, as in a shop
                paid=paid,
                refunded=refunded,
            )
            self.shop.keep(order)
            return self.shop.sign(event, {"order": order})

        deliveries = [happens("order_created", 0, paid=False)]
        if purchase.paid:
            deliveries.append(happens("order_fully_paid", 1, paid=True))
        if purchase.refunded:
            deliveries.append(happens("order_refunded", 2, paid=True, refunded=purchase.refunded))
        chance = random.Random(purchase.number)  # noqa: S311  # a story, no secret
        if chance.random() < 0.3:
            deliveries.append(chance.choice(deliveries))
        if chance.random() < 0.3:
            deliveries.reverse()
        for delivery in deliveries:
            answer = self.shop.send(self.stack.plugin_url, delivery)
            if answer.status_code != 200:
                raise WentWrong(f"A delivery was answered {answer.status_code}: {answer.text[:300]}")
        if purchase.how == "pixel":
            self.pixel(purchase, cookie)
            self.pixel(purchase, cookie)  # the thank-you page is loaded again

    def pixel(self, purchase: Purchase, cookie: str) -> str:
        """Load the pixel of the thank-you page; returns its X-Salepixel header."""
        total = sum((line.amount for line in purchase.lines), Decimal(0))
        query = urlencode(
            {"empId": self.emp_id, "order": purchase.number, "IMPORTE": f"{total:.2f}".replace(".", ",")}
        )
        answer = self._session.get(
            f"{self.stack.edge_url}/track/sale?{query}",
            headers={
                "Host": self.tracking_host,
                "User-Agent": PERSON,
                "Cookie": f"spx{self.emp_id}={cookie}",
            },
            timeout=TIMEOUT_SECONDS,
        )
        return answer.headers["X-Salepixel"]

    def sales(self, campaign: str) -> dict[str, Any]:
        """All rows and the totals of a campaign's report."""
        report: dict[str, Any] = self.api("GET", f"/campaigns/{campaign}/sales?limit=1000")
        return report

    def decision(self, scene: Scene, purchase: Purchase) -> dict[str, Any]:
        """The decision of an order."""
        found: dict[str, Any] = self.api("GET", f"/orders/{scene.shop}/{purchase.number}/decision")
        return found


def rows_of(report: dict[str, Any]) -> list[tuple[str, ...]]:
    """The rows of a report, in the form of Story.expected_rows."""
    names = ("order", "contact", "item", "quantity", "amount", "refunded", "evidence")
    return sorted(tuple(str(row[name]) for name in names) for row in report["rows"])


def differences(player: Player, scene: Scene, story: Story) -> list[str]:
    """The differences between the report of a story and its truth; empty if there are none."""
    report = player.sales(scene.campaign)
    found, expected = Counter(rows_of(report)), Counter(story.expected_rows())
    problems = [f"missing: {row}" for row in (expected - found).elements()]
    problems += [f"unexpected: {row}" for row in (found - expected).elements()]
    gross = sum((Decimal(row[4]) for row in expected.elements()), Decimal(0))
    refunded = sum((Decimal(row[5]) for row in expected.elements()), Decimal(0))
    total = (report["totals"] or [{"gross": None, "net": None}])[0]
    if (total["gross"], total["net"]) != (f"{gross:.2f}", f"{gross - refunded:.2f}"):
        problems.append(f"totals {total} instead of gross {gross:.2f}, net {gross - refunded:.2f}")
    for purchase in story.purchases:
        decision = player.decision(scene, purchase)
        reason = {"token": "click_token_on_order", "cookie": "cookie_at_pixel", "email": "email_match"}.get(
            purchase.truth, purchase.truth
        )
        if decision["reason"] != reason:
            problems.append(f"order {purchase.number}: {decision['reason']} instead of {reason}")
    return problems
