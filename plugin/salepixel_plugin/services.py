"""What the plugin's views work with, given once by create_app."""

from dataclasses import dataclass
from typing import cast

from flask import current_app
from redis import Redis

from salepixel.campaigns.links import LinkSealer
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.settings import PluginSettings
from salepixel.storage.database import Database
from salepixel.wire.jobs import Bell
from salepixel_plugin.strangers import Strangers
from salepixel_plugin.tally import Tally
from salepixel_plugin.wrong_keys import WrongKeys


@dataclass(frozen=True)
class Services:
    """The stores and keys of this process."""

    settings: PluginSettings
    database: Database
    redis: Redis
    bell: Bell
    keys: Keys
    links: LinkSealer
    clicks: ClickSealer
    wrong_keys: WrongKeys
    strangers: Strangers
    tally: Tally


def services() -> Services:
    """The services of the app that answers this request."""
    return cast(Services, current_app.extensions["salepixel"])
