"""Verdicts on labelled clicks, as a confusion table: how many humans and bots the worker detects.

No labelled clicks are published, and the true mix is unknown. So the clicks are made here from a seed: one
campaign with six links, with readers and scanners as public sources describe them (named at each kind). The
shares are our guesses. The results of each kind depend on the code alone; the two totals also depend on the
mix. So read the table by kind first, and change a share to see its effect.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from redis import Redis

from salepixel.campaigns.store import Campaign, add_campaign
from salepixel.clicks.networks import Network, read_networks
from salepixel.clicks.records import ClickRecord, pack_payload
from salepixel.clicks.store import list_clicks
from salepixel.clicks.tokens import Click, ClickSealer, Signal, Verdict, new_click_id
from salepixel.keys import Keys
from salepixel.storage.database import Database, migrate, open_database
from salepixel.wire.streams import FIELD, JOURNALS_KEY, frame, stream_key
from salepixel_worker.fold import fold_all
from salepixel_worker.sweep import settle_verdicts

SEED = 20261123
MAILS = 6000
KEPT_GOAL, CAUGHT_GOAL = 0.99, 0.95

CAMPAIGN = "0000000000c1"
LINKS = [f"{n:012x}" for n in range(1, 7)]
SENT_AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SENDING_SECONDS = 1800.0  # an e-mail platform does not send all e-mails at once

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS {os} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = f"{_WINDOWS} {_WEBKIT} Chrome/{{n}}.0.0.0 Safari/537.36"
DESKTOPS = [
    CHROME,
    f"{_MAC} {_WEBKIT} Chrome/{{n}}.0.0.0 Safari/537.36",
    f"{CHROME} Edg/{{n}}.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0",
    f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
]
PHONES = [
    f"{_IPHONE.format(os='18_5')} Version/18.5 Mobile/15E148 Safari/604.1",
    f"{_IPHONE.format(os='17_6')} Version/17.6 Mobile/15E148 Safari/604.1",
    f"{_ANDROID} {_WEBKIT} Chrome/{{n}}.0.0.0 Mobile Safari/537.36",
    f"{_ANDROID} {_WEBKIT} SamsungBrowser/30.0 Chrome/{{n}}.0.0.0 Mobile Safari/537.36",
    f"{_IPHONE.format(os='18_5')} CriOS/{{n}}.0.0.0 Mobile/15E148 Safari/604.1",
]
INSIDE = [
    f"{_IPHONE.format(os='18_5')} Mobile/15E148",
    f"{_IPHONE.format(os='18_5')} Mobile/15E148 [FBAN/FBIOS;FBAV/520.0.0.38.101]",
    f"{_ANDROID[:-1]}; wv) {_WEBKIT} Version/4.0 Chrome/{{n}}.0.0.0 Mobile Safari/537.36",
]
OLD_IPHONE = f"{_IPHONE.format(os='15_8')} Version/15.6 Mobile/15E148 Safari/604.1"
OLD_DESKTOPS = [
    "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:78.0) Gecko/20100101 Firefox/78.0",
    f"Mozilla/5.0 (X11; Linux armv7l) {_WEBKIT} Chrome/72.0.3626.121 Safari/537.36",
]
SAFE_LINKS_AGENT = f"Mozilla/5.0 (Windows NT 6.1) {_WEBKIT} Chrome/57.0.2987.133 Safari/537.36"
OLD_CHROME = f"{_WINDOWS} {_WEBKIT} Chrome/79.0.3945.136 Safari/537.36"
PROGRAMS = [
    "curl/8.5.0",
    "python-requests/2.32.3",
    "Barracuda Sentinel (EE)",
    "Mozilla/5.0 (compatible; MSIE 9.0; ms-office; MSOffice 16)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
]


NOTHING, NO_FETCH = Signal(0), Signal.NO_FETCH
ONE = (1, 1)


@dataclass(frozen=True, slots=True)
class Request:
    """A request on a link: seconds after the e-mail was delivered, the link, and what the edge sees."""

    second: float
    link: int
    agent: str
    address: str
    signals: Signal = NOTHING


Behaviour = Callable[[random.Random], list[Request]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of reader or scanner. `share`: its weight among the kinds of readers, or of scanners."""

    name: str
    is_person: bool
    share: float
    why: str
    behave: Behaviour = field(repr=False)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A click as the edge ships it, with the kind of reader or scanner that made it."""

    record: ClickRecord
    kind: Kind


def reads(
    agents: list[str], *, signals: Signal = NOTHING, address: Callable[[random.Random], str]
) -> Behaviour:
    """Opens the e-mail after seconds to days and follows one link, or several with time on each page."""

    def behave(chance: random.Random) -> list[Request]:
        agent, where = chance.choice(agents).format(n=chance.randint(140, 156)), address(chance)
        second, requests = max(4.0, chance.lognormvariate(8.5, 2.2)), []
        asks_for_privacy = Signal.PRIVACY if chance.random() < 0.03 else NOTHING
        for link in chance.sample(range(len(LINKS)), chance.choices((1, 2, 3), (80, 15, 5))[0]):
            requests.append(Request(second, link, agent, where, signals | asks_for_privacy))
            second += max(3.0, chance.lognormvariate(3.5, 0.9))
        return requests

    return behave


def clicks_twice(chance: random.Random) -> list[Request]:
    """Double-clicks links, as some people do."""
    (first, *_) = reads(DESKTOPS, address=at_home)(chance)
    return [first, Request(first.second + chance.uniform(0.1, 0.6), first.link, first.agent, first.address)]


def opens_tabs(chance: random.Random) -> list[Request]:
    """Opens three or four products in tabs, one after the other, and reads them afterwards."""
    (first, *_) = reads(DESKTOPS, address=at_home)(chance)
    second, requests = first.second, []
    for link in chance.sample(range(len(LINKS)), chance.choice((3, 3, 4))):
        requests.append(Request(second, link, first.agent, first.address))
        second += chance.uniform(0.9, 4.0)
    return requests


def scans(
    agents: list[str],
    *,
    links: tuple[int, int] = (len(LINKS), len(LINKS)),
    gap: tuple[float, float] = (0.02, 0.8),
    delay: tuple[float, float] = (1.0, 40.0),
    signals: Signal = NOTHING,
    address: Callable[[random.Random], str],
) -> Behaviour:
    """Follows a number of links, with these gaps, some seconds after delivery."""

    def behave(chance: random.Random) -> list[Request]:
        agent, where = chance.choice(agents).format(n=chance.randint(120, 156)), address(chance)
        second, requests = chance.uniform(*delay), []
        for link in chance.sample(range(len(LINKS)), chance.randint(*links)):
            requests.append(Request(second, link, agent, where, signals))
            second += chance.uniform(*gap)
        return requests

    return behave


def at_home(chance: random.Random) -> str:
    """An IP address of a consumer provider; one in four is IPv6."""
    if chance.random() < 0.25:
        return f"2a02:9000:{chance.getrandbits(16):x}:{chance.getrandbits(16):x}::{chance.getrandbits(16):x}"
    return _within(chance, "80.58", "83.44", "95.122", "188.26")


def in_a_cloud(chance: random.Random) -> str:
    """An IP address of a cloud that runs scanners and much else, so it is not listed."""
    return _within(chance, "20.50", "52.178", "34.90", "3.120")


def _within(chance: random.Random, *beginnings: str) -> str:
    return f"{chance.choice(beginnings)}.{chance.randint(0, 255)}.{chance.randint(1, 254)}"


def at_a_gateway(certainty: str) -> Callable[[random.Random], str]:
    """An IP address of a network in networks.csv with this certainty."""
    listed: list[Network] = [row for row in read_networks() if row.certainty == certainty]

    def address(chance: random.Random) -> str:
        network = chance.choice(listed).network
        return str(network[chance.randrange(min(network.num_addresses, 2**32))])

    return address


KINDS = [
    # People. About 80 % use ordinary browsers; the others could be mistaken for bots.
    Kind("reads at a desk", True, 40.0, "", reads(DESKTOPS, address=at_home)),
    Kind("reads on a telephone", True, 41.0, "", reads(PHONES, address=at_home)),
    Kind("reads inside an app", True, 4.0, "", reads(INSIDE, address=at_home)),
    Kind(
        "reads inside an app that drops headers",
        True,
        4.0,
        "an app may change what its web view sends",
        reads(INSIDE, signals=NO_FETCH, address=at_home),
    ),
    Kind(
        "reads on an old iPhone",
        True,
        3.5,
        "Safari sends Sec-Fetch-* from 16.4 on",
        reads([OLD_IPHONE], signals=NO_FETCH, address=at_home),
    ),
    Kind("double-clicks", True, 4.0, "", clicks_twice),
    Kind("opens tabs quickly", True, 1.5, "", opens_tabs),
    Kind(
        "behind a proxy that drops Sec-Fetch-*",
        True,
        0.4,
        "no figures found; extensions and appliances can",
        reads(DESKTOPS, signals=NO_FETCH, address=at_home),
    ),
    Kind(
        "behind a gateway's browser isolation",
        True,
        1.0,
        "Proofpoint, Mimecast and Symantec sell it",
        reads(DESKTOPS, address=at_a_gateway("probable")),
    ),
    Kind("on a browser six years old", True, 0.6, "", reads(OLD_DESKTOPS, signals=NO_FETCH, address=at_home)),
    # Scanners.
    Kind(
        "sends HEAD first",
        False,
        9.0,
        "link checkers",
        scans([*PROGRAMS, CHROME], signals=Signal.HEAD | NO_FETCH, address=in_a_cloud),
    ),
    Kind(
        "names itself",
        False,
        8.0,
        "crawler-user-agents; vendors' own names",
        scans(PROGRAMS, links=(1, 6), signals=NO_FETCH, address=in_a_cloud),
    ),
    Kind(
        "sends no user agent",
        False,
        4.0,
        "blank, from Microsoft's relays: laravel-passwordless-login#79",
        scans([""], links=(1, 6), signals=NO_FETCH | Signal.NO_AGENT, address=at_a_gateway("certain")),
    ),
    Kind(
        "prefetches",
        False,
        3.0,
        "Sec-Purpose: prefetch",
        scans(DESKTOPS, links=(1, 2), signals=Signal.PREFETCH, address=at_home),
    ),
    Kind(
        "HTTP client with a new Chrome's agent",
        False,
        22.0,
        "a browser's user agent without its other headers; from Azure: laravel-passwordless-login#79",
        scans(DESKTOPS, links=(1, 3), gap=(0.1, 9.0), delay=(1, 600), signals=NO_FETCH, address=in_a_cloud),
    ),
    Kind(
        "old Chrome in a gateway's network",
        False,
        6.0,
        "Chrome 57 from 40.107.218.12: gophish#973",
        scans([SAFE_LINKS_AGENT], links=(1, 6), signals=NO_FETCH, address=at_a_gateway("certain")),
    ),
    Kind(
        "old Chrome in a cloud, some links",
        False,
        2.0,
        "Chrome 79 before the mail was in the box: gophish#2446",
        scans([OLD_CHROME], links=(2, 6), signals=NO_FETCH, address=in_a_cloud),
    ),
    Kind(
        "old Chrome in a cloud, one link",
        False,
        2.0,
        "the same, and no other signal",
        scans([OLD_CHROME], links=ONE, signals=NO_FETCH, address=in_a_cloud),
    ),
    Kind(
        "whole browser in a gateway's network",
        False,
        14.0,
        "networks.csv, certain",
        scans([CHROME], links=(1, 6), gap=(1, 20), address=at_a_gateway("certain")),
    ),
    Kind(
        "whole browser in a likely network, all links",
        False,
        11.0,
        "networks.csv, probable",
        scans([CHROME], address=at_a_gateway("probable")),
    ),
    Kind(
        "whole browser in a likely network, one link",
        False,
        2.0,
        "looks like a person behind browser isolation",
        scans([CHROME], links=ONE, address=at_a_gateway("probable")),
    ),
    Kind(
        "whole browser in a cloud, all links",
        False,
        12.0,
        "runs scripts too: fleet#26976; every link: craft-campaign#546",
        scans([CHROME], links=(4, 6), address=in_a_cloud),
    ),
    Kind(
        "whole browser in a cloud, all links slowly",
        False,
        1.5,
        "cannot be distinguished from a human by what we keep",
        scans([CHROME], links=(3, 6), gap=(12, 90), delay=(60, 3600), address=in_a_cloud),
    ),
    Kind(
        "whole browser in a cloud, one link",
        False,
        2.5,
        "cannot be distinguished from a human by what we keep",
        scans([CHROME], links=ONE, delay=(5, 3600), address=in_a_cloud),
    ),
    Kind(
        "whole browser in a cloud, after the reader",
        False,
        1.0,
        "opens the page after its reader: resend-node#901",
        scans([CHROME], links=ONE, delay=(60, 36000), address=in_a_cloud),
    ),
]


def labelled_clicks(seed: int = SEED, mails: int = MAILS) -> list[Labelled]:
    """Clicks on a campaign by people and scanners, sorted by time; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  # not a secret
    people = [kind for kind in KINDS if kind.is_person]
    scanners = [kind for kind in KINDS if not kind.is_person]
    made: list[Labelled] = []
    for number in range(mails):
        # Half of the e-mails are scanned. A third of these are also read, by the same contact.
        made.extend(_clicks(chance, _one_of(people, chance), f"c{number:06}"))
        if number % 2:
            whose = f"c{number:06}" if number % 3 == 0 else f"s{number:06}"
            made.extend(_clicks(chance, _one_of(scanners, chance), whose))
    return sorted(made, key=lambda click: click.record.click.id)


def _one_of(kinds: list[Kind], chance: random.Random) -> Kind:
    return chance.choices(kinds, cum_weights=list(accumulate(kind.share for kind in kinds)))[0]


def _clicks(chance: random.Random, kind: Kind, contact: str) -> Iterator[Labelled]:
    delivered = SENT_AT + timedelta(seconds=chance.uniform(0, SENDING_SECONDS))
    for request in kind.behave(chance):
        at = delivered + timedelta(seconds=request.second)
        click_id = new_click_id(int(at.timestamp() * 1000), chance.randbytes)
        click = Click(click_id, 1, CAMPAIGN, LINKS[request.link], contact)
        yield Labelled(ClickRecord(click, request.signals, request.agent, request.address), kind)


@dataclass(frozen=True, slots=True)
class Confusion:
    """The number of clicks of each kind with each verdict."""

    counts: Counter[tuple[str, Verdict]]

    def kept(self) -> float:
        """The share of people's clicks without the verdict bot."""
        return 1 - self._share(self._of(is_person=True), Verdict.BOT)

    def caught(self) -> float:
        """The share of scanners' clicks with the verdict bot."""
        return self._share(self._of(is_person=False), Verdict.BOT)

    def kind(self, name: str) -> dict[Verdict, float]:
        """The shares of the verdicts on the clicks of a kind."""
        return {verdict: self._share([name], verdict) for verdict in Verdict}

    def line(self) -> str:
        """The confusion table, and each kind's verdicts, as text."""
        lines = [f"{'':48}{'clicks':>8}{'human':>8}{'unknown':>9}{'bot':>9}"]
        people, scanners = self._of(is_person=True), self._of(is_person=False)
        for title, names in (("PEOPLE", people), ("SCANNERS", scanners)):
            lines.append(self._row(title, names))
            lines += [self._row(f"  {name}", [name]) for name in names]
        lines.append(
            f"people's clicks kept {self.kept():.4f} (goal {KEPT_GOAL}), "
            f"scanners' clicks caught {self.caught():.4f} (goal {CAUGHT_GOAL})"
        )
        return "\n".join(lines)

    def _row(self, title: str, names: list[str]) -> str:
        counts = [sum(self.counts[name, verdict] for name in names) for verdict in _COLUMNS]
        return f"{title:48}{sum(counts):8}{counts[0]:8}{counts[1]:9}{counts[2]:9}"

    def _share(self, names: list[str], verdict: Verdict) -> float:
        total = sum(self.counts[name, any_] for name in names for any_ in Verdict)
        return sum(self.counts[name, verdict] for name in names) / total

    @staticmethod
    def _of(*, is_person: bool) -> list[str]:
        return [kind.name for kind in KINDS if kind.is_person is is_person]


_COLUMNS = (Verdict.HUMAN, Verdict.UNKNOWN, Verdict.BOT)


def judge_all(database: Database, redis: Redis, clicks: list[Labelled]) -> Confusion:
    """Ship the clicks like two edges, fold them, make their verdicts final, compare them with the labels."""
    with database.write() as connection:
        add_campaign(connection, Campaign(CAMPAIGN, 1, "Autumn", "plain", SENT_AT, sent_at=SENT_AT), [])
    for number in (0, 1):
        journal = f"edge{number}-00000001"
        redis.sadd(JOURNALS_KEY, journal)
        its_clicks = clicks[number::2]
        for start in range(0, len(its_clicks), 500):
            some = its_clicks[start : start + 500]
            data = b"".join(frame(start + i, pack_payload(click.record)) for i, click in enumerate(some, 1))
            redis.xadd(stream_key(journal), {FIELD: data}, id=f"{start + len(some)}-0")
    fold_all(database, redis, ClickSealer(Keys(1, {1: bytes(32)})), 600)
    settle_verdicts(database, datetime.now(UTC) + timedelta(days=30), 600)
    with database.read() as connection:
        found = {row.click.id: row.verdict for row in list_clicks(connection, CAMPAIGN, len(clicks), None)}
    return Confusion(Counter((click.kind.name, found[click.record.click.id]) for click in clicks))


def run(redis: Redis) -> Confusion:
    """Judge the labelled clicks of SEED on an empty SQLite."""
    redis.flushall()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database("", Path(folder))
        migrate(database)
        confusion = judge_all(database, redis, labelled_clicks())
        database.close()
    return confusion
