"""Connectors: how each kind of shop signs a delivery and writes down an order. A new one is one line here."""

from collections.abc import Mapping

from salepixel.shops.contract import Connector
from salepixel.shops.saleor import connector as saleor

CONNECTORS: Mapping[str, Connector] = {"saleor": saleor}
