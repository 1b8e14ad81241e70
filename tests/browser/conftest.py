"""A whole stack, Chromium that finds a shop and the edge by their hosts, a stand-in Saleor, a post office."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, expect

from kit.play import TRACKING_HOST
from kit.saleor import StandInSaleor
from kit.stack import Stack
from tests.browser.engines import open_chromium
from tests.smtp.post_office import PostOffice, post_office
from tests.waiting import PATIENCE_SECONDS

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack") / "data", api_key="sp_test_in_a_browser") as running:
        yield running


@pytest.fixture(scope="module")
def saleor() -> Iterator[StandInSaleor]:
    with StandInSaleor() as running:
        yield running


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    with post_office() as running:
        yield running


@pytest.fixture(scope="module")
def plain_browser() -> Iterator[Browser]:
    """Chromium that finds no other host."""
    with open_chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(stack: Stack, shop_pages: type[BaseHTTPRequestHandler]) -> Iterator[Browser]:
    """Chromium; shop.test has the pages of the module's fixture `shop_pages`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), shop_pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hosts = f"MAP {TRACKING_HOST} 127.0.0.1:{stack.edge_port},MAP shop.test 127.0.0.1:{server.server_port}"
    with open_chromium(hosts) as opened:
        yield opened
    server.shutdown()
    thread.join()
    server.server_close()
