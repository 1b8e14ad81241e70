"""Plays a world on a running stack: clicks, pixels, signed deliveries; then reads the decisions."""

import http.client
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from kit.play import Player
from kit.saleor import Line, Signed, StandInSaleor
from truth.world import CAMPAIGNS, CODES_IN, LINKS, Click, Home, Order, World

READER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
SCANNER = "Mozilla/5.0 (compatible; MSIE 9.0; ms-office; MSOffice 16)"
BROWSER_HEADERS = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept-Language": "es"}
TWICE, SHUFFLED, LOST = 0.1, 0.2, 0.001


@dataclass(frozen=True, slots=True)
class Scene:
    """The account of a world on the stack."""

    emp_id: int
    shop_id: str
    campaigns: tuple[str, ...]
    links: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The product's decision on an order: `campaign` as an index of the world, `click` as a click id."""

    campaign: int | None = None
    contact: str | None = None
    click: str | None = None
    confidence: float = 0.0
    evidence: str = ""


@dataclass
class Played:
    """A played world: the token of each click (empty: none), and its time."""

    world: World
    scene: Scene
    tokens: dict[Click, tuple[str, datetime]] = field(default_factory=dict)


class Theatre:
    """Plays homes on one account; one per thread, because it keeps its connections open."""

    def __init__(self, player: Player, shop: StandInSaleor, *, with_server: bool = True) -> None:
        """`with_server`: the shop's server stores the token of the landing page, not only the tag does."""
        self._player, self._shop, self._with_server = player, shop, with_server
        self._edge = http.client.HTTPConnection("127.0.0.1", player.stack.edge_port, timeout=30)

    def close(self) -> None:
        """Close the connection."""
        self._edge.close()

    def set_up(self, world: World, emp_id: int) -> Scene:
        """Create the account with its shop, contacts, campaigns and codes."""
        api = self._player.api
        api("POST", "/accounts", {"empId": emp_id, "name": f"Seed {world.seed}", "currency": "EUR"})
        people = [{"ref": one.ref, "email": one.email, "consent": one.consent} for one in world.people]
        api("POST", "/contacts", {"empId": emp_id, "contacts": people})
        made = [api("POST", "/campaigns", _campaign(emp_id, number)) for number in range(CAMPAIGNS)]
        codes = [{"code": one.code, "ref": one.ref} for one in world.people if one.code]
        api("POST", f"/campaigns/{made[CODES_IN]['id']}/coupons", {"coupons": codes})
        url = self._shop.api_url
        shop = api("POST", "/shops", {"empId": emp_id, "platform": "saleor", "api_url": url})
        self._install(shop["manifest_url"])
        links = tuple(tuple(link["tracked_url"] for link in one["links"]) for one in made)
        return Scene(emp_id, shop["id"], tuple(one["id"] for one in made), links)

    def _install(self, manifest_url: str) -> None:
        """Install the shop's app, and obey Retry-After: all worlds come from one IP address."""
        installed = self._shop.install(manifest_url)
        while installed.status_code == 429:
            time.sleep(int(installed.headers["Retry-After"]))
            installed = self._shop.install(manifest_url)
        installed.raise_for_status()

    def scan_home(self, played: Played, home: Home) -> None:
        """Play the scans of the gateways on a home's e-mails."""
        for event in home.happens:
            if isinstance(event, Click) and event.scanner:
                self._scan(played, home, event)

    def play_home(self, played: Played, home: Home) -> None:
        """Play everything else in a home, in sequence."""
        browsers: dict[str, _Browser] = {}
        for event in home.happens:
            if isinstance(event, Order):
                self._buy(played, event, browsers.setdefault(event.device, _Browser()))
            elif not event.scanner:
                self._click(played, home, event, browsers.setdefault(event.device, _Browser()))

    def answer(self, played: Played, order: Order) -> Answer:
        """The product's present decision on an order."""
        decision = self._player.api("GET", f"/orders/{played.scene.shop_id}/{order.number}/decision")
        credited = decision["credited"]
        if credited is None:
            return Answer()
        return Answer(
            played.scene.campaigns.index(credited["campaign"]),
            credited["contact"],
            credited["click"],
            credited["confidence"],
            credited["evidence"],
        )

    def _click(self, played: Played, home: Home, click: Click, browser: "_Browser") -> None:
        person = next(one for one in home.people if one.ref == click.contact)
        headers = {"User-Agent": READER, **BROWSER_HEADERS, **({"Sec-GPC": "1"} if person.privacy else {})}
        location, cookie = self._ask("GET", played.scene.links[click.campaign][click.link], click, headers)
        token = parse_qs(urlsplit(location).query).get("spx", [""])[0]
        if cookie:
            browser.cookie = cookie
        if token:
            browser.token = token
            browser.utm = f"mail-{click.campaign}"
        played.tokens[click] = token, datetime.now(UTC)

    def _scan(self, played: Played, home: Home, click: Click) -> None:
        person = next(one for one in home.people if one.ref == click.contact)
        method = "HEAD" if person.scanner == "head" else "GET"
        headers = {"User-Agent": SCANNER if person.scanner == "agent" else READER}
        headers |= BROWSER_HEADERS if person.scanner == "quiet" else {}
        self._ask(method, played.scene.links[click.campaign][click.link], click, headers)

    def _ask(self, method: str, link: str, click: Click, headers: Mapping[str, str]) -> tuple[str, str]:
        parts = urlsplit(link.replace("{contact}", quote(click.contact)))
        # Two clicks in the same millisecond have no sequence. In the world, hours lie between them.
        time.sleep(0.002)
        self._edge.request(method, f"{parts.path}?{parts.query}", headers=dict(headers))
        answer = self._edge.getresponse()
        answer.read()
        assert answer.status == 302, answer.status  # noqa: S101
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0].partition("=")[2]
        return answer.getheader("Location") or "", cookie

    def _buy(self, played: Played, order: Order, browser: "_Browser") -> None:
        clicked = played.tokens.get(order.last) if order.last else None
        at = (
            clicked[1] + timedelta(hours=order.at - order.last.at)
            if clicked and order.last
            else datetime.now(UTC)
        )
        kept = order.cookies and order.browser.keeps_parameter
        by_tag_or_server = kept and (order.browser.runs_tag or self._with_server)
        passed = by_tag_or_server and order.passes_token
        token = browser.token if passed else ""
        metadata = {"utm_campaign": browser.utm} if browser.utm and passed else {}
        for delivery in self._deliveries(order, at, token, metadata):
            answer = self._shop.send(self._player.stack.plugin_url, delivery)
            assert answer.status_code == 200, answer.text  # noqa: S101
        runs = order.cookies and order.browser.runs_tag and order.thanks_seen
        if runs and not order.privacy and browser.token:
            self._pixel(played, order, browser.cookie if order.browser.same_site_cookie else "")

    def _deliveries(
        self, order: Order, at: datetime, token: str, metadata: Mapping[str, str]
    ) -> list[Signed]:
        def signed(event: str, seconds: int, *, paid: bool, refunded: Decimal = Decimal(0)) -> Signed:
            content = self._shop.order(
                order.number,
                [Line("Shoes", 1, order.amount, "S-1")],
                email=order.email,
                token=token or None,
                created=at,
                updated=at + timedelta(seconds=seconds),
                paid=paid,
                refunded=refunded,
                metadata=metadata,
                customer=order.customer,
                voucher=order.code,
            )
            return self._shop.sign(event, {"order": content})

        deliveries = [signed("order_created", 0, paid=False)]
        if order.paid:
            deliveries.append(signed("order_fully_paid", 1, paid=True))
        if order.refunded:
            deliveries.append(signed("order_refunded", 2, paid=True, refunded=order.amount))
        chance = random.Random(f"{order.number} {order.who}")  # noqa: S311  # a world, no secret
        if chance.random() < TWICE:
            deliveries.append(chance.choice(deliveries))
        if chance.random() < SHUFFLED:
            chance.shuffle(deliveries)
        return [delivery for delivery in deliveries if chance.random() >= LOST]

    def _pixel(self, played: Played, order: Order, cookie: str) -> None:
        emp_id = played.scene.emp_id
        query = urlencode({"empId": emp_id, "order": order.number, "IMPORTE": str(order.amount)})
        headers = {"User-Agent": READER, **({"Cookie": f"spx{emp_id}={cookie}"} if cookie else {})}
        self._edge.request("GET", f"/track/sale?{query}", headers=headers)
        self._edge.getresponse().read()


@dataclass
class _Browser:
    """The newest click, as stored in a browser and in the shop's session in it."""

    token: str = ""
    cookie: str = ""
    utm: str = ""


def _campaign(emp_id: int, number: int) -> dict[str, Any]:
    links = [
        {"url": f"https://shop.test/p/{link}?utm_campaign=mail-{number}", "sale_pixel": link < LINKS - 1}
        for link in range(LINKS)
    ]
    name = f"mail-{number}"
    return {"empId": emp_id, "name": name, "mailer": "plain", "utm_campaign": name, "links": links}
