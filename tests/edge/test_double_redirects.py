"""An e-mail platform's redirect before ours: the contact arrives, the click counts once, parameters go on."""

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.clicks.records import ClickRecord
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.keys import Keys
from salepixel.mailers.known import PLATFORMS
from tests.edge.known import edge_that_knows_accounts, journaled
from tests.edge.running import AGENT, Answer, RunningEdge
from tests.make import CAMPAIGN, LINK

SHOP = "https://shop.test/p/1?a=b#top"
APPENDS = {key: one.appends for key, one in PLATFORMS.items() if one.appends}


class Redirect(BaseHTTPRequestHandler):
    """A platform's own tracked link: `/?to=<address>`, which sets the platform's cookie."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", unquote(self.path.partition("to=")[2]))
        self.send_header("Set-Cookie", "transition=1; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def platform() -> Iterator[int]:
    """The port of an e-mail platform."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def edge(redis_address: str, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    folder: Path = tmp_path_factory.mktemp("edge")
    with edge_that_knows_accounts(redis_address, keys, folder) as running:
        yield running


@pytest.fixture(scope="module")
def link(links: LinkSealer) -> str:
    return f"/c/{links.seal(Link(7, CAMPAIGN, LINK, SHOP))}"


def visit(platform: int, edge: RunningEdge, ours: str) -> Answer:
    """Click the platform's link to our link, as a browser does; gives our answer."""
    connection = http.client.HTTPConnection("127.0.0.1", platform)
    connection.request(
        "GET", f"/?to={ours.replace('%', '%25').replace('#', '%23')}", headers={"User-Agent": AGENT}
    )
    answer = connection.getresponse()
    answer.read()
    connection.close()
    sent_on, _, _ = str(answer.getheader("Location")).partition("#")  # a browser keeps the fragment
    return edge.get(sent_on)


@pytest.mark.parametrize("key", APPENDS)
def test_the_click_keeps_its_contact_and_what_the_platform_appends_arrives(
    platform: int, edge: RunningEdge, link: str, sealer: ClickSealer, key: str
) -> None:
    appended = [(name, f"{number}-{name}.x") for number, name in enumerate(APPENDS[key])]
    written = "&".join(f"{name}={value}" for name, value in appended)
    before = len(journaled(edge))
    answer = visit(platform, edge, f"{link}?k=c1&{written}")
    assert answer.status == 302
    there = urlsplit(answer.header("location"))
    assert (there.hostname, there.path, there.fragment) == ("shop.test", "/p/1", "top")
    *arrived, (parameter, token) = parse_qsl(there.query)
    assert arrived == [("a", "b"), *appended]
    assert (parameter, sealer.open(token).contact) == ("spx", "c1")
    (record,) = journaled(edge)[before:]
    assert isinstance(record, ClickRecord)
    assert (record.click.contact, record.signals) == ("c1", Signal(0))


@pytest.mark.parametrize(
    ("query", "arrives"),
    [
        ("?k=c1", "a=b"),
        ("?k=c1#top", "a=b"),
        ("?k=c1#/?x=1", "a=b"),
        ("?envId=12&camId=34&k=c1", "a=b&envId=12&camId=34"),
        ("?k=c1&envId=12&camId=34", "a=b&envId=12&camId=34"),
        ("?k=c1?utm_source=nl&utm_medium=email", "a=b&utm_source=nl&utm_medium=email"),
        ("?k=c1&amp;utm_source=nl", "a=b&utm_source=nl"),
        ("?utm_source=nl&k=c1&mc_eid=9#x", "a=b&utm_source=nl&mc_eid=9"),
        ("?k=c1&_kx=ABC%3D%3D.UHF", "a=b&_kx=ABC%3D%3D.UHF"),
        ("?k=c%31", "a=b"),
        ("?k=c1%20", "a=b"),
        ("/?k=c1", "a=b"),
        ("?k=c1&k=another", "a=b"),
        ("?k=c1&a=theirs", "a=theirs"),
    ],
)
def test_a_link_that_the_platform_altered_still_names_its_contact(
    platform: int, edge: RunningEdge, link: str, query: str, arrives: str
) -> None:
    before = len(journaled(edge))
    answer = visit(platform, edge, link + query)
    there = urlsplit(answer.header("location"))
    own = [] if "a=" in arrives.split("&")[0][:2] else ["a=b"]
    assert there.query.partition("spx=")[0].rstrip("&").split("&") == own + [
        x for x in arrives.split("&") if x
    ]
    (record,) = journaled(edge)[before:]
    assert isinstance(record, ClickRecord)
    assert record.click.contact == "c1"


@pytest.mark.parametrize(
    "value",
    [
        *(value for one in PLATFORMS.values() for value in one.unfilled),
        *(one.contact_tag.replace(" ", "") for one in PLATFORMS.values() if one.contact_tag),
        "%7B%7Bcontact.id%7D%7D",
        "%257B%257Bcontact.id%257D%257D",
        "*%7CUNIQID%7C*",
        "%255B%255Bcontact.id%255D%255D",
    ],
)
def test_a_tag_that_was_not_filled_is_no_contact(
    platform: int, edge: RunningEdge, link: str, value: str
) -> None:
    before = len(journaled(edge))
    answer = visit(platform, edge, f"{link}?k={value}&utm_source=nl")
    assert answer.header("location") == "https://shop.test/p/1?a=b&utm_source=nl#top"
    assert answer.header("set-cookie") == ""
    (record,) = journaled(edge)[before:]
    assert isinstance(record, ClickRecord)
    assert (record.click.contact, record.signals) == ("", Signal.UNRENDERED)
