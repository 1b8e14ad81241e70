"""The services of the plugin's views, set once by create_app."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import sqlalchemy as sa
from flask import current_app
from redis import Redis

from salepixel.campaigns.links import LinkSealer
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.mails.view import Tracking
from salepixel.settings import PluginSettings
from salepixel.smtp.server import Server
from salepixel.storage.database import Database
from salepixel.wire import jobs
from salepixel.wire.jobs import JobQueue
from salepixel_plugin.directory import publish_if_possible
from salepixel_plugin.rate_limits import RateLimits
from salepixel_plugin.tally import Tally
from salepixel_plugin.wrong_keys import WrongKeys
from salepixel_plugin.wrong_passwords import WrongPasswords


def utc_now() -> datetime:
    """The time, aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """The stores and keys of this process."""

    settings: PluginSettings
    database: Database
    redis: Redis
    job_queue: JobQueue
    keys: Keys
    links: LinkSealer
    clicks: ClickSealer
    wrong_keys: WrongKeys
    wrong_passwords: WrongPasswords
    rate_limits: RateLimits
    tally: Tally
    smtp: Server | None
    """The server of the settings, for accounts without SMTP settings of their own."""
    clock: Callable[[], datetime] = utc_now
    """When a shop's call arrives. The demo replays months that have passed, with their own times."""


def services() -> Services:
    """The services of the app that answers this request."""
    return cast(Services, current_app.extensions["salepixel"])


def tracking() -> Tracking:
    """What makes tracked links."""
    here = services()
    return Tracking(here.links, here.settings.edge_url, here.settings.click_parameter)


@contextmanager
def writing(*, publishes: bool = False, wakes: bool = False) -> Iterator[sa.Connection]:
    """A transaction. After its commit, the directory is published, and the worker decides the due orders.

    If one of these fails, the worker's sweep does it within a minute.
    """
    here = services()
    with here.database.write() as connection:
        yield connection
    if publishes:
        publish_if_possible(here.database, here.redis)
    if wakes:
        here.job_queue.enqueue_once(jobs.DRAIN)
