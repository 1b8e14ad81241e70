"""Waits until everything played is decided, and finds what is stored of contacts who opted out."""

import json
import time
from collections.abc import Sequence

import requests
import sqlalchemy as sa

from kit.stack import Stack
from salepixel.clicks.tokens import BadClickToken, ClickSealer
from salepixel.keys import load_keys
from salepixel.storage import schema
from salepixel.storage.database import open_database
from truth.world import World


class NotSettled(RuntimeError):
    """The worker did not finish in time."""


def wait_settled(stack: Stack, seconds: float) -> None:
    """Wait until every click is in the database and every order is decided. Raises NotSettled."""
    database = open_database("", stack.data)
    deadline = time.monotonic() + seconds
    waiting = -1
    while time.monotonic() < deadline:
        health = requests.get(f"{stack.edge_url}/healthz", timeout=10).json()
        with database.read() as connection:
            due = sa.select(sa.func.count()).select_from(schema.due)
            waiting = connection.scalar(due) or 0
        if not waiting and not health["lag"]:
            database.close()
            return
        time.sleep(0.5)
    raise NotSettled(f"{waiting} orders are not decided after {seconds:.0f} s")


def what_is_kept(stack: Stack, worlds: Sequence[World]) -> list[str]:
    """The places in data from clicks, hits and orders that name a contact who opted out; empty: none.

    The list of contacts with their opt-outs must stay, and a shop's deliveries are the shop's own text.
    """
    # A contact who opted out and enters a personal code is named by this code.
    by_code = {order.who for world in worlds for order in world.orders if order.code}
    people = [one for world in worlds for one in world.people]
    refused = {one.ref for one in people if not one.consent or (one.privacy and one.ref not in by_code)}
    sealer = ClickSealer(load_keys(stack.data / "keys.json"))
    database = open_database("", stack.data)
    kept = []
    with database.read() as connection:
        decided = schema.decisions.c.buyer, schema.decisions.c.contact, schema.candidates.c.contact
        for column in (schema.clicks.c.contact, schema.sales.c.contact, *decided):
            found = refused.intersection(connection.scalars(sa.select(column).distinct()))
            kept += [f"{column}: {ref}" for ref in sorted(found)]
        tokens = connection.scalars(sa.select(schema.hits.c.click_token)).all()
        snapshots = connection.scalars(sa.select(schema.orders.c.snapshot)).all()
    database.close()
    tokens = [*tokens, *(json.loads(text).get("click_token") or "" for text in snapshots)]
    for token in tokens:
        try:
            contact = sealer.open(token).contact if token else ""
        except BadClickToken:
            continue
        if contact in refused:
            kept.append(f"a click token of {contact}")
    return kept
