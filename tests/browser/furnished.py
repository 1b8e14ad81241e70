"""A running stack with the three months of `make demo`, and one of everything else that pages show."""

import base64
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from demo import live
from demo.mails import MAILINGS
from demo.play import ThreeMonths, playing_three_months
from kit.stack import Stack
from salepixel.destinations.outbox import announce_order
from salepixel.keys import load_keys
from salepixel.live.trial import NAME as TRIALS
from salepixel.orders.queue import MAX_ATTEMPTS, record_failure
from salepixel.people import totp
from salepixel.people.totp import STEP_SECONDS
from salepixel.settings import PluginSettings
from salepixel.storage.database import open_database
from salepixel.storage.schema import orders, outbox, report_mails
from salepixel.subscriptions.tokens import unsubscribe_token
from tests.waiting import until

PASSWORD = "correct horse battery"  # of people in this test alone
EMPTY = 1
"""The account of a new installation, without anything."""

HTML = MAILINGS[0].html()


@dataclass
class Furnished:
    """The stack, and the ids for the addresses of its pages."""

    stack: Stack
    names: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the plugin."""
        return self.stack.plugin_url

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a call of the API that must succeed; `body`: bytes, or what becomes JSON."""
        sent: Any = {"data": body} if isinstance(body, bytes) else {"json": body}
        headers = {"Authorization": f"Bearer {self.stack.api_key}"}
        answer = requests.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=60, **sent)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def invite(self, email: str, role: str, where: str) -> str:
        """The address of an invitation."""
        sent = {"step": "invite", "email": email, "role": role}
        headers = {"Authorization": f"Bearer {self.stack.api_key}"}
        answer = requests.post(f"{self.url}{where}", data=sent, headers=headers, timeout=60)
        found = re.search(r'<code class="url"[^>]*>[^<]*(/join/[^<]+)</code>', answer.text)
        assert found, answer.text
        return self.url + unescape(found.group(1))

    def join(self, invitation: str, email: str, name: str) -> requests.Session:
        """A new person of this invitation, signed in."""
        session = requests.Session()
        session.headers["Origin"] = self.url
        sent = {"email": email, "name": name, "password": PASSWORD}
        assert session.post(invitation, data=sent, timeout=60).ok
        return session


@contextmanager
def furnished_stack(folder: Path, scale: float) -> Iterator[Furnished]:
    """The stack, while it runs. `scale`: of the list, clicks and orders."""
    with (
        Stack(folder, api_key="sp_test_of_every_view") as stack,
        playing_three_months(stack, scale=scale) as played,
    ):
        live.play(stack, played)
        house = Furnished(stack)
        _furnish(house, played)
        yield house


def _furnish(house: Furnished, played: ThreeMonths) -> None:
    """Add people, a list, a draft, a test, addresses."""
    emp = played.emp_id
    campaign, order = next(
        (one, row)
        for one in played.campaigns
        for row in house.call("GET", f"/orders?empId={emp}&campaign={one.id}&outcome=attributed&limit=1")[
            "rows"
        ]
    )
    # Of the same shop, and settled: the newest orders may still be attributed while the pictures are made.
    lost, stuck, *_ = (
        row
        for row in house.call("GET", f"/orders?empId={emp}&reason=no_click&limit=200")["rows"]
        if row["shop"] == order["shop"]
        and row["placed_at"] < f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
    )
    # Before the lists: an erasure deletes their files, since they may name the person.
    house.call("POST", "/contacts/erase", {"empId": emp, "contact": "nobody-known"})
    draft = {"empId": emp, "name": "Winter sale", "mailer": "mailchimp", "text": HTML}
    trial = house.call("POST", f"/accounts/{emp}/trials", {"url": played.season.clicks[0].url})
    members = f"/accounts/{emp}/members"
    house.join(house.invite("ana@shop.test", "owner", "/members"), "ana@shop.test", "Ana").close()
    bo = house.join(house.invite("bo@shop.test", "viewer", members), "bo@shop.test", "Bo")
    _second_factor(house, bo)
    invitation = house.invite("carla@shop.test", "editor", members)
    keys = load_keys(PluginSettings.load(house.stack.environ).keys_file)
    links = house.call("GET", f"/campaigns/{campaign.id}/links")["links"]
    trials = next(one for one in house.call("GET", "/campaigns")["campaigns"] if one["name"] == TRIALS)
    (tried,) = house.call("GET", f"/campaigns/{trials['id']}/links")["links"]
    house.names |= {
        "emp": str(emp),
        "campaign": campaign.id,
        "lift": next(sent.id for sent, one in zip(played.campaigns, MAILINGS, strict=False) if one.holdout),
        "link": max(links, key=lambda one: int(one["orders"]))["id"],
        "shop": order["shop"],
        "order": order["order"],
        "lost": lost["order"],
        "contact": order["contact"],
        "flow": played.flow,
        "mail": house.call("POST", "/mails", draft)["id"],
        "list": _list(house, played),
        "trial": trial["trial"],
        "trials": trials["id"],
        "tried": tried["id"],
        "invitation": invitation.partition("/join/")[2],
        "token": unsubscribe_token(keys, "0a1b"),
        "empty": str(EMPTY),
        "day": f"{datetime.now(UTC) - timedelta(days=60):%Y-%m-%d}",
        "draft_list": _draft_list(house, emp, campaign.id),
        "tracked": _tracked_mail(house, draft),
    }
    _troubles(house, emp, stuck, campaign.id, _settings(house, emp))


def _draft_list(house: Furnished, emp: int, campaign: str) -> str:
    """A list that is uploaded but not imported."""
    rows = "\n".join(f"c{number},c{number}@shop.test,{number} EUR" for number in range(30))
    body = f"reference,email,spent\n{rows}\n".encode()
    its: str = house.call("PUT", f"/lists?empId={emp}&campaign={campaign}", body)["id"]
    return its


def _tracked_mail(house: Furnished, draft: dict[str, Any]) -> str:
    """A mail whose campaign is made and archived."""
    its = house.call("POST", "/mails", draft | {"name": "Spring sale"})["id"]
    made = house.call("PUT", f"/mails/{its}/campaign")["campaign_id"]
    house.call("PATCH", f"/campaigns/{made}", {"archived": True})
    return str(its)


def _settings(house: Furnished, emp: int) -> str:
    """A mail server that accepts nothing, addresses for alerts, keys, and a subscription: its id."""
    at = f"/accounts/{emp}"
    server = {"host": "127.0.0.1", "port": 9, "user": "ana", "password": PASSWORD, "sender": "shop@shop.test"}
    house.call("PUT", f"{at}/smtp", server)
    for address in ("ana@shop.test", "json://127.0.0.1:9/alerts"):
        house.call("POST", f"{at}/alerts/addresses", {"name": "On call", "address": address})
    for scope in ("read", "write"):
        house.call("POST", f"{at}/keys", {"name": f"Warehouse ({scope})", "scope": scope})
    wanted = {"address": "ana@shop.test", "what": "campaigns"}
    return str(house.call("POST", f"{at}/subscriptions", wanted)["id"])


def _troubles(house: Furnished, emp: int, stuck: dict[str, Any], campaign: str, subscription: str) -> None:
    """A wrong pixel hit, an order that could not be decided, a forward and a report that were given up."""
    wrong = f"{house.stack.edge_url}/track/sale?empId={emp}&order=undefined"
    assert requests.get(wrong, headers={"Host": f"track{emp}.shop.test"}, timeout=60).ok
    now = datetime.now(UTC)
    urls = {"": "https://partner.test/sale?order=1"}
    settings = PluginSettings.load(house.stack.environ)
    report = {"id": "one", "emp_id": emp, "subscription_id": subscription, "kind": "day_1", "about": campaign}
    report |= {"attempts": 8, "answer": "connection_refused"}
    database = open_database(settings.database_url, settings.data)
    with database.write() as connection:
        its = orders.c.shop_id == stuck["shop"], orders.c.number == stuck["order"]
        key = connection.execute(sa.select(orders.c.shop_id, orders.c.id).where(*its)).one()
        for _ in range(MAX_ATTEMPTS):
            record_failure(connection, *key, "ValueError", now)
        announce_order(connection, emp, *key, urls, now)
        given_up = {"state": "dead", "answer": "500", "attempts": 8}
        connection.execute(sa.update(outbox).where(outbox.c.order_id == key.id).values(given_up))
        connection.execute(sa.insert(report_mails).values(report | {"written_at": now}))
    database.close()


def _second_factor(house: Furnished, person: requests.Session) -> None:
    page = person.get(f"{house.url}/you/second-factor", timeout=60).text
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    typed = re.search(r"<code[^>]*>([A-Z2-7 ]{16,})</code>", page)
    assert sealed
    assert typed
    text = typed.group(1).replace(" ", "")
    secret = base64.b32decode(text + "=" * (-len(text) % 8)).hex()
    code = totp.code_at(secret, int(time.time()) // STEP_SECONDS)
    sent = {"sealed": unescape(sealed.group(1)), "password": PASSWORD, "code": code}
    answer = person.post(f"{house.url}/you/second-factor", data=sent, timeout=60)
    assert answer.ok, answer.text


def _list(house: Furnished, played: ThreeMonths) -> str:
    """An imported list of recipients of a campaign that is not sent yet; one of its rows is wrong."""
    emp = played.emp_id
    links = [{"url": "https://shop.test/", "label": "Hero", "sale_pixel": True}]
    made = house.call("POST", "/campaigns", {"empId": emp, "name": "January news", "links": links})
    rows = [f"{one.ref},{one.email}" for one in played.people[:40]]
    body = "\n".join(["reference,email", *rows, "broken,no address", ""]).encode()
    its: str = house.call("PUT", f"/lists?empId={emp}&campaign={made['id']}", body)["id"]
    house.call("POST", f"/lists/{its}/import", {})
    assert until(lambda: house.call("GET", f"/lists/{its}")["started"]["state"] == "done")
    return its
