"""The registry of connectors, by platform. A new platform is one line here."""

from collections.abc import Mapping

from salepixel.shops.contract import Connector
from salepixel.shops.saleor import connector as saleor

CONNECTORS: Mapping[str, Connector] = {"saleor": saleor}
