"""The doors of a running stack, opened at past times.

Use cases take the time as a parameter, and the plugin takes a clock. Clicks and pixel hits carry their time
in the journal. So what happened weeks ago goes through the same code as what happens now.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from werkzeug.test import Client

from kit.play import WentWrong
from kit.stack import Stack
from salepixel.campaigns.links import LinkSealer
from salepixel.clicks.records import Record, pack_payload
from salepixel.clicks.store import read_mark
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import load_keys
from salepixel.mails.view import Tracking
from salepixel.orders.queue import count_due
from salepixel.settings import EdgeSettings, PluginSettings
from salepixel.shops.contract import open_access
from salepixel.shops.platforms import CONNECTORS
from salepixel.shops.polls import store_counts
from salepixel.shops.store import get_shop
from salepixel.storage.database import open_database
from salepixel.wire import outgoing
from salepixel.wire.jobs import DRAIN, FOLD, JobQueue
from salepixel.wire.redis import open_redis
from salepixel_edge.journal import take_slot
from salepixel_edge.shipment import Shipment, highest_known
from salepixel_edge.shipper import journal_folder
from salepixel_plugin.app import create_app
from salepixel_plugin.directory import publish_if_possible

WAIT_SECONDS = 120
AT_ONCE = 2000
"""Records of one write to the journal."""


class Past:
    """The stores of a running stack, and a plugin in this process before them. `now`: what its clock says."""

    def __init__(self, stack: Stack, now: datetime) -> None:
        settings = PluginSettings.load(stack.environ)
        self.settings, self.now = settings, now
        self.keys = load_keys(settings.keys_file)
        self.database = open_database(settings.database_url, settings.data)
        self.redis = open_redis(settings.redis_address)
        self.sealer = ClickSealer(self.keys)
        self.tracking = Tracking(LinkSealer(self.keys), settings.edge_url, settings.click_parameter)
        self.queue = JobQueue(self.redis)
        app = create_app(
            settings, database=self.database, redis=self.redis, keys=self.keys, clock=lambda: self.now
        )
        outgoing.allow_private(settings.private_networks)  # as the plugin's own process does
        self.shops = requests.Session()
        """What a shop calls the plugin with."""
        self.shops.mount(settings.plugin_url, _InThisProcess(Client(app)))
        self._edge = EdgeSettings.load({**stack.environ, "SALEPIXEL_EDGE_NAME": "past"})

    def publish(self) -> None:
        """Let the edges know the new account and its campaigns."""
        publish_if_possible(self.database, self.redis)

    def record(self, records: Sequence[Record]) -> None:
        """Write clicks and pixel hits to a journal, ship it, and wait until the worker has folded it."""
        slots, size = journal_folder(self._edge), self._edge.edge_segment_bytes
        journal = take_slot(slots, self._edge.edge_name, size, partial(highest_known, self.redis))
        try:
            for start in range(0, len(records), AT_ONCE):
                journal.write([pack_payload(record) for record in records[start : start + AT_ONCE]])
            shipment = Shipment(journal)
            shipment.begin(self.redis)
            while shipment.ship(self.redis):
                pass
            name, last = journal.name, journal.durable.number
        finally:
            journal.close()
        self.queue.enqueue(FOLD)
        for _ in _patiently("the clicks were not folded"):
            with self.database.read() as connection:
                if read_mark(connection, name) >= last:
                    return

    def decide(self, emp_id: int) -> None:
        """Wait until the worker has decided all orders of the account."""
        for _ in _patiently("the orders were not decided"):
            with self.database.read() as connection:
                if not count_due(connection, emp_id, datetime.max.replace(tzinfo=UTC)):
                    return
            self.queue.enqueue_once(DRAIN)

    def count_in_shops(self, shop_ids: Iterable[str], first: date) -> None:
        """Store what the shops count for each day (UTC) until now, for tracking health.

        The worker asks for the last three days only, every five minutes: as long, the demo would show days
        without a count, and today's from before its orders.
        """
        days = [first + timedelta(days=n) for n in range((self.now.date() - first).days + 1)]
        for shop_id in shop_ids:
            with self.database.read() as connection:
                shop = get_shop(connection, shop_id)
            assert shop is not None  # noqa: S101  # the demo connected it
            counts = CONNECTORS[shop.platform].count_orders(open_access(self.keys, shop), days)
            with self.database.write() as connection:
                store_counts(connection, shop, counts, self.now)

    def close(self) -> None:
        """Close the connections."""
        self.shops.close()
        self.redis.close()
        self.database.close()


@contextmanager
def opened(stack: Stack, now: datetime) -> Iterator[Past]:
    """The doors of a stack at a time (aware)."""
    past = Past(stack, now)
    try:
        yield past
    finally:
        past.close()


class _InThisProcess(BaseAdapter):
    """Answers the calls of a session by a WSGI application in this process."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def send(  # type: ignore[override]  # the options of a connection, which there is none of
        self, request: requests.PreparedRequest, **_: object
    ) -> requests.Response:
        """Answer a request."""
        found = self._client.open(
            request.url or "",
            method=request.method or "GET",
            headers=list(request.headers.items()),
            data=request.body,
        )
        answer = requests.Response()
        answer.status_code, answer._content = found.status_code, found.get_data()
        answer.headers = CaseInsensitiveDict(found.headers.items())
        answer.request, answer.url = request, request.url or ""
        return answer

    def close(self) -> None:
        """Nothing is open."""


def _patiently(problem: str) -> Iterator[None]:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)
    raise WentWrong(problem)
