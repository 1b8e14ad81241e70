"""A plugin with a furnished account: a year of campaigns and orders, and one of everything that is shown."""

import base64
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from bench.pages import KEY, open_plugin
from bench.world import BIG, EMP, World, contact_ref, link_id
from salepixel.accounts.principal import INSTALLATION
from salepixel.campaigns.store import get_campaign, set_sent_at, set_sent_count
from salepixel.clicks.tokens import ClickSealer
from salepixel.computations import store as computations
from salepixel.computations.doing import do_step
from salepixel.computations.work import Tools
from salepixel.keys import Keys
from salepixel.lists import importing
from salepixel.lists import use_cases as lists
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.proposals import Use
from salepixel.mails.store import Choice, StoredMail, add_mail, change_links
from salepixel.money.rates import SHIPPED
from salepixel.people import totp
from salepixel.people.totp import STEP_SECONDS
from salepixel.privacy.access import KIND
from salepixel.storage.database import Database, migrate, open_database
from salepixel.subscriptions.tokens import unsubscribe_token

PASSWORD = "correct horse battery"  # of people in this test alone
EMPTY = 2
"""An account without anything."""

HTML = """<!doctype html><html><body style="margin:0;background:#f0eee9;font-family:Georgia,serif">
<table width="100%"><tr><td align="center"><table width="480" style="background:#fff;padding:24px"><tr><td>
<a href="https://shop.test/p/0"><img src="https://pictures.test/a.png" alt="Autumn is here" width="400"></a>
<h1>New season</h1><p>Our <a href="https://shop.test/p/1">red running shoes</a> are back, and go well with
<a href="https://shop.test/p/2">wool socks</a>.</p>
<p><a href="https://shop.test/p/3" style="background:#14653a;color:#fff;padding:12px 24px">Shop now</a></p>
<p><a href="https://platform.test/unsubscribe">Unsubscribe</a></p></td></tr></table></td></tr></table></body></html>"""


@dataclass
class Furnished:
    """The plugin's address, and the ids for the addresses of its pages."""

    url: str
    names: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a call of the API that must succeed; `body`: bytes, or what becomes JSON."""
        sent: Any = {"data": body} if isinstance(body, bytes) else {"json": body}
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = requests.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=60, **sent)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def invite(self, email: str, role: str = "owner", where: str = f"/accounts/{EMP}/members") -> str:
        """The address of an invitation."""
        sent = {"step": "invite", "email": email, "role": role}
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = requests.post(f"{self.url}{where}", data=sent, headers=headers, timeout=60)
        found = re.search(r'<code class="url">[^<]*(/join/[^<]+)</code>', answer.text)
        assert found, answer.text
        return self.url + unescape(found.group(1))

    def join(self, invitation: str, email: str, name: str) -> requests.Session:
        """A new person of this invitation, signed in."""
        session = requests.Session()
        session.headers["Origin"] = self.url
        sent = {"email": email, "name": name, "password": PASSWORD}
        assert session.post(invitation, data=sent, timeout=60).ok
        return session


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


@contextmanager
def serve_furnished(folder: Path) -> Iterator[Furnished]:
    """The plugin on a free port, in this process."""
    database = open_database("", folder)
    migrate(database)
    keys = Keys(1, {1: bytes(32)})
    _fill(database, keys)
    app = open_plugin(database, folder, keys).app
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        house = Furnished(f"http://127.0.0.1:{server.server_port}")
        _furnish(house, database, keys)
        yield house
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        database.close()


def _fill(database: Database, keys: Keys) -> None:
    world = World(database, keys, campaigns=12, clicks_per_order=12)
    world.add(1200)
    now = datetime.now(UTC)
    with database.write() as connection:
        for campaign_id in world.ids:
            campaign = get_campaign(connection, campaign_id)
            assert campaign is not None
            campaign = set_sent_at(connection, campaign, campaign.created_at)
            set_sent_count(connection, campaign, 2400)
        mail = read_mail(HTML.encode(), Kind.HTML)
        stored = StoredMail(
            "0000000000af",
            EMP,
            "Autumn",
            "plain",
            "{contact}",
            Kind.HTML,
            mail.raw,
            now,
            now,
            campaign_id=BIG,
        )
        places = [(part, link.start) for part, link in mail.links()]
        add_mail(connection, stored, {place: Choice(Use.SALES, "") for place in places})
        ids = [(place, {"link_id": link_id(BIG, n)}) for n, place in enumerate(places[:4])]
        change_links(connection, stored.id, ids)


def _furnish(house: Furnished, database: Database, keys: Keys) -> None:
    """Add what a year of clicks and orders has not: people, a list, a flow, a draft, addresses."""
    house.call("POST", "/accounts", {"empId": EMPTY, "name": "Hats", "currency": "EUR"})
    orders = house.call("GET", f"/orders?empId={EMP}&outcome=attributed&campaign={BIG}&limit=1")["rows"]
    lost = house.call("GET", f"/orders?empId={EMP}&outcome=unattributed&limit=1")["rows"]
    draft = {"empId": EMP, "name": "Winter sale", "mailer": "mailchimp", "text": HTML}
    flow = house.call("POST", "/flows", {"empId": EMP, "name": "Welcome"})["id"]
    newest = house.call("GET", f"/campaigns?empId={EMP}&limit=3")["campaigns"]
    for campaign in newest:
        house.call("PUT", f"/flows/{flow}/parts/{campaign['id']}", {})
    trial = house.call("POST", f"/accounts/{EMP}/trials", {"url": "https://shop.test/p/1"})
    ana = house.join(house.invite("ana@shop.test", where="/members"), "ana@shop.test", "Ana")
    bo = house.join(house.invite("bo@shop.test", "viewer"), "bo@shop.test", "Bo")
    _second_factor(house, bo)
    invitation = house.invite("carla@shop.test", "editor")
    now = datetime.now(UTC)
    with database.write() as connection:
        wanted = computations.Wanted(EMP, KIND, {"contact": contact_ref(1)})
        computation = computations.request(connection, wanted, now)
    house.names |= {
        "emp": str(EMP),
        "campaign": BIG,
        "link": link_id(BIG, 1),
        "shop": orders[0]["shop"],
        "order": orders[0]["order"],
        "lost": lost[0]["order"],
        "contact": contact_ref(1),
        "flow": flow,
        "mail": house.call("POST", "/mails", draft)["id"],
        "list": _list(house, database, keys, newest[0]["id"]),
        "trial": trial["trial"],
        "computation": computation.id,
        "invitation": invitation.partition("/join/")[2],
        "token": unsubscribe_token(keys, "0a1b"),
        "empty": str(EMPTY),
        "day": f"{now - timedelta(days=60):%Y-%m-%d}",
    }
    ana.close()


def _second_factor(house: Furnished, person: requests.Session) -> None:
    page = person.get(f"{house.url}/you/second-factor", timeout=60).text
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    typed = re.search(r"<code[^>]*>([A-Z2-7 ]{16,})</code>", page)
    assert sealed
    assert typed, page
    secret = typed.group(1).replace(" ", "")
    code = totp.code_at(
        base64.b32decode(secret + "=" * (-len(secret) % 8)).hex(), int(time.time()) // STEP_SECONDS
    )
    sent = {"sealed": unescape(sealed.group(1)), "password": PASSWORD, "code": code}
    answer = person.post(f"{house.url}/you/second-factor", data=sent, timeout=60)
    assert answer.ok, answer.text


def _list(house: Furnished, database: Database, keys: Keys, campaign: str) -> str:
    """An imported list of contacts, one of whose rows is wrong."""
    rows = [f"{contact_ref(n)},{contact_ref(n)}@shop.test" for n in range(20)]
    body = "\n".join(["reference,email", *rows, "broken", ""]).encode()
    its: str = house.call("PUT", f"/lists?empId={EMP}&campaign={campaign}", body)["id"]
    house.call("POST", f"/lists/{its}/import", {})
    with database.read() as connection:
        state = lists.see_list(connection, INSTALLATION, its)

    while do_step(
        database, Tools(ClickSealer(keys), SHIPPED), {importing.KIND: importing.step}, state.found.import_id
    ):
        pass
    return its
