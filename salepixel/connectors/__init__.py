"""Connectors: how each kind of shop signs a delivery and writes down an order. A new one is one line here."""

from collections.abc import Mapping

from salepixel.connectors import saleor
from salepixel.connectors.contract import Connector

CONNECTORS: Mapping[str, Connector] = {"saleor": saleor}
